//! Refusals: the expected "no" of the domain, as values. `src/http/errors.rs` maps each to its code and text.

use super::ids::EntId;

/// Why a command is refused. Nothing has changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A field's value cannot be used; the message names the field, what came and what is allowed.
    BadField {
        /// The field, as the contract spells it.
        field: &'static str,
        /// What is wrong and what is allowed; never content, phone or token.
        problem: String,
    },
    /// No target and no open session (40003).
    NoTarget,
    /// The other party is the caller itself (40004).
    Oneself,
    /// No usable address for the hat: the missing header (40101).
    NoIdentity {
        /// The header, as the contract spells it.
        header: &'static str,
    },
    /// `sendId` is not the caller (40301).
    NotTheSender,
    /// Only the author may withdraw (40302).
    NotTheAuthor,
    /// One's own message cannot be appraised (40303).
    OwnMessage,
    /// A notice cannot be appraised (40304).
    NoticeNotAppraised,
    /// The enterprise that the request names disagrees with the agent's record (40305).
    OtherEnterprise {
        /// What the record says.
        record: EntId,
        /// What names the other one: `header "entId"` or `field "receiveEntId"`.
        named_by: &'static str,
        /// What that says.
        asked: EntId,
    },
    /// The conversation does not exist or is not the caller's (40401).
    UnknownConversation,
    /// The message does not exist or is not the caller's (40402).
    UnknownMessage,
    /// The session does not exist or is not the caller's (40403).
    UnknownSession,
    /// The seat is unknown (40404).
    UnknownSeat,
    /// The user is unknown to the directory (40405).
    UnknownUser,
    /// The agent has no record (40406).
    UnknownAgent,
    /// The group is not defined (40407).
    UnknownGroup,
    /// The idempotency key was used with a different request (40901).
    KeyReused,
    /// A field disagrees with the message (40902): which one.
    Disagrees {
        /// The field.
        field: &'static str,
    },
    /// An agent's enterprise is fixed at its first PUT (40903).
    EnterpriseFixed {
        /// What it is fixed to.
        record: EntId,
    },
    /// Several sessions are open: name one (40904).
    SeveralSessions,
    /// The reservation serves another customer or tenant (40905).
    LeaseOfAnother,
    /// The agent has no free place (40906).
    AtCapacity {
        /// Its places.
        capacity: u32,
    },
    /// The agent takes no customers now (40907).
    AgentAway,
    /// The session is not offered to this agent (40908).
    NotOffered,
    /// Nobody of the group can take the session now (40909).
    NobodyFree,
    /// The visitor is merged into another user already (40910).
    MergedIntoAnother,
    /// Who is to be merged is no visitor (40911).
    NotAVisitor,
    /// A visitor is to be merged into what is itself a visitor (40912).
    NotRegistered,
    /// The group takes no customers at this time (40913).
    GroupClosed,
    /// As many customers wait in the group as it allows (40914).
    QueueFull {
        /// How many those are.
        limit: usize,
    },
    /// The user has as many merged visitors as one may have (40915).
    TooManyVisitors {
        /// How many those are.
        most: usize,
    },
    /// No session is open in this service conversation (41001).
    SessionClosed,
    /// The withdrawal window has passed (41002).
    TooLate {
        /// The window, in milliseconds.
        window: i64,
    },
    /// The message is withdrawn and cannot be appraised (41003).
    Withdrawn,
    /// The group was deleted (41004).
    GroupGone,
}
