//! Messages: sending, history, marks, withdrawal and votes.

use std::sync::Arc;

use uuid::Uuid;

use super::Caller;
use crate::domain::event::Idempotency;
use crate::domain::history::InPage;
use crate::domain::ids::{Address, ConversationKey, EntId, Kind, MessageId, Millis};
use crate::domain::message::{Author, Body};

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SendTo {
    /// Kind 1, to this party.
    Direct(Address),
    /// Kind 2; `None` = wherever exactly one session of this customer is open.
    Service(Option<ServiceRef>),
    /// Kind 3, the bare group id.
    Group(String),
    /// Kind 4, to this address.
    Notice(Address),
}

/// How a service conversation is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServiceRef {
    /// By one of its sessions.
    Session(Uuid),
    /// By its id.
    Conversation(Uuid),
    /// By the other side: the customer's address for an agent, the agent's for a customer.
    Party(Address),
}

/// One message to one target.
#[derive(Debug, Clone, PartialEq)]
pub struct SendRequest {
    /// Who sends.
    pub author: Author,
    /// The author's enterprise (agents), or the one a user names (0 = the platform).
    pub ent: EntId,
    /// Where to.
    pub to: SendTo,
    /// What.
    pub body: Arc<Body>,
    /// The idempotency key with the digest of the request.
    pub idempotency: Option<Idempotency>,
}

/// An acknowledged message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub message: MessageId,
    /// When it was admitted.
    pub sent_at: Millis,
}

/// A conversation as a reader names it.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationRef {
    /// By what identifies it.
    Key(ConversationKey),
    /// By its id.
    Id(Uuid),
}

/// A page of history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRequest {
    /// Which conversation.
    pub conversation: ConversationRef,
    /// The expected kind: an id of another kind is unknown.
    pub kind: Kind,
    /// Who reads.
    pub caller: Caller,
    /// Exclusive cursor: a seq of this conversation.
    pub cursor: Option<u64>,
    /// Newest first, going back (`true`), or oldest first, going forward.
    pub descending: bool,
    /// 1 to 100.
    pub limit: usize,
}

/// One row of history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// The message; title, content and link empty when withdrawn.
    pub message: InPage,
    /// Whether the other side has read it (spec §4, findMessage).
    pub read_by_peer: bool,
    /// Votes for it.
    pub up: u64,
    /// Votes against it.
    pub down: u64,
    /// The caller's own vote: 1, -1 or 0.
    pub mine: i8,
}

/// A page of history with the conversation's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The conversation's id, also when it does not exist yet.
    pub conversation: Uuid,
    /// The rows in the asked order.
    pub rows: Vec<HistoryRow>,
    /// Messages in the conversation.
    pub total: u64,
}

/// Moves a read mark.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadRequest {
    /// Which conversation.
    pub conversation: ConversationRef,
    /// Who reads.
    pub caller: Caller,
    /// Up to and including; `None` = everything.
    pub up_to: Option<u64>,
}

/// A read mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// The conversation.
    pub conversation: Uuid,
    /// The mark.
    pub read_seq: u64,
    /// Still unread there.
    pub unread: u64,
}

/// Withdraws a message.
#[derive(Debug, Clone, PartialEq)]
pub struct WithdrawRequest {
    /// Which.
    pub message: MessageId,
    /// The caller's addresses: one of them must be the author's.
    pub by: Vec<Address>,
    /// The enterprise whose desk the caller belongs to, under the agent's hat.
    pub desk: Option<EntId>,
    /// Must be the author's bare id if given (`senderId`).
    pub sender_id: Option<String>,
    /// Must be the other party's bare id if given (`recipientId`).
    pub recipient_id: Option<String>,
    /// Must be the kind if given (`conversationType`).
    pub kind: Option<Kind>,
    /// Must be the group if given (`chatGroupId`).
    pub group_id: Option<String>,
}

/// Votes on a message.
#[derive(Debug, Clone, PartialEq)]
pub struct AppraiseRequest {
    /// Which.
    pub message: MessageId,
    /// The caller.
    pub caller: Caller,
    /// 1 or -1.
    pub vote: i8,
}

/// Votes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appraisal {
    /// For.
    pub up: u64,
    /// Against.
    pub down: u64,
    /// The caller's.
    pub mine: i8,
}
