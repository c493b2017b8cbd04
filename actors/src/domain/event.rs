//! Facts: what the journal records. Each says who decided it, and with [`Fact::audience`] whose state it
//! concerns, without needing any state to know it.

mod desk;
mod reasons;
mod routing;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::desk::{AgentRecord, GroupDefinition, Policy, Presence};
pub use self::reasons::{CloseReason, Reasons, RequeueCause, Skipped, Step, TieBreak};
pub use self::routing::{Carried, SessionOpened, ShuntChange, ShuntFact};
use super::ids::{ActorKey, Address, ConversationKey, InboxKey, Millis, PartyType};
use super::message::{Author, Body};

/// A fact's place in the journal: 1, 2, 3 … without a gap. 0 is "before everything".
pub type Position = u64;

/// A fact with its place and time: what actors apply and projections are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its place in the journal.
    pub position: Position,
    /// The admission time of the command that caused it.
    pub at: Millis,
    /// What happened.
    pub fact: Fact,
}

/// One decided change, by the actor that decided it.
#[allow(clippy::large_enum_variant, reason = "nearly every fact is the large one, and each sits in an Arc")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// Decided by a conversation.
    Conversation(ConversationFact),
    /// Decided by a shunt (routing of one enterprise). One fact holds all effects of a turn.
    Shunt(ShuntFact),
}

/// A change of one conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationFact {
    /// The conversation's id: `key.id()`, kept because computing it costs a hash.
    pub conversation: Uuid,
    /// What identifies it.
    pub key: ConversationKey,
    /// What changed.
    pub event: ConversationEvent,
}

/// What can happen to a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ConversationEvent {
    /// It was created without a message (first contact, createChatSession).
    Opened,
    /// A message took place `seq`.
    Sent {
        /// Its place.
        seq: u64,
        /// Who sent it.
        author: Author,
        /// What was sent.
        body: Arc<Body>,
        /// The session it belongs to (kind 2).
        session: Option<Uuid>,
        /// The idempotency key and a digest of the request, if the client gave a key.
        idempotency: Option<Idempotency>,
        /// Whether it is the first of the agent who serves the session since that agent was given it: routing is told.
        #[serde(default, skip_serializing_if = "is_false")]
        answers: bool,
    },
    /// A reader's mark moved forward to `seq`.
    Read {
        /// Who read.
        reader: Reader,
        /// Up to and including.
        seq: u64,
    },
    /// A message was withdrawn by its author.
    Withdrawn {
        /// Which.
        seq: u64,
    },
    /// A vote was cast or replaced.
    Voted {
        /// Which message.
        seq: u64,
        /// Who voted.
        voter: Address,
        /// 1 or -1.
        vote: i8,
        /// Whom it is credited to, if an agent wrote the message in service: routing is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credit: Option<Credit>,
    },
    /// A member joined a group; everything up to `head` counts as read.
    Joined {
        /// Who.
        member: Address,
        /// The newest seq at joining.
        head: u64,
    },
    /// A member left a group.
    Left {
        /// Who.
        member: Address,
    },
    /// A group was defined or redefined: from then on only members send and read.
    GroupDefined {
        /// Its name.
        name: String,
        /// Its picture.
        avatar: String,
    },
    /// A defined group was deleted: its members have left, nobody may send.
    GroupDeleted {
        /// Everyone who was a member, so that each inbox can drop its row.
        members: Vec<Address>,
    },
    /// The oldest messages were removed, as the retention of its kind has it: nobody counts or reads them any more.
    Forgotten {
        /// Up to and including; whole pages of [`super::history::PAGE_MESSAGES`].
        through: u64,
    },
}

/// What a vote changes for the agent who wrote the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The agent's bare id.
    pub agent: Arc<str>,
    /// The session of the message.
    pub session: Option<Uuid>,
    /// Change of votes for: -1, 0 or 1.
    pub up: i8,
    /// Change of votes against: -1, 0 or 1.
    pub down: i8,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// An idempotency key as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Idempotency {
    /// As the client gave it, at most 128 bytes.
    pub key: String,
    /// A digest of the request's body: the same key with another digest is refused.
    pub digest: u64,
}

/// Who reads: a party, or the desk's one read mark of a service conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reader {
    /// A party.
    Party(Address),
    /// The desk's agents, together.
    Desk,
}

impl Fact {
    /// The actor that decided it and has applied it already.
    pub fn decider(&self) -> ActorKey {
        match self {
            Self::Conversation(fact) => ActorKey::Conversation(fact.conversation),
            Self::Shunt(fact) => ActorKey::Shunt(fact.ent),
        }
    }

    /// Every other actor it concerns, each once: those it is told to once committed.
    pub fn audience(&self) -> Vec<ActorKey> {
        match self {
            Self::Conversation(fact) => fact.audience(),
            Self::Shunt(fact) => fact.audience(),
        }
    }

    /// A word for logs and metrics; never content.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Conversation(fact) => fact.event.name(),
            Self::Shunt(_) => "shunt",
        }
    }
}

impl ConversationEvent {
    /// A word for logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Sent { .. } => "sent",
            Self::Read { .. } => "read",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Voted { .. } => "voted",
            Self::Joined { .. } => "joined",
            Self::Left { .. } => "left",
            Self::GroupDefined { .. } => "group_defined",
            Self::GroupDeleted { .. } => "group_deleted",
            Self::Forgotten { .. } => "forgotten",
        }
    }
}

fn party(address: &Address) -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(address.clone()))
}

/// The inboxes of those who have one: systems and bots never read, so nothing is kept for them.
fn inboxes<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<ActorKey> {
    let readers = addresses.into_iter().filter(|a| !matches!(a.party, PartyType::System | PartyType::Bot));
    readers.map(party).collect()
}

impl ConversationFact {
    fn audience(&self) -> Vec<ActorKey> {
        use ConversationEvent as E;
        match (&self.key, &self.event) {
            (ConversationKey::Service(ent, _), E::Voted { credit: Some(_), .. }) => {
                vec![ActorKey::Shunt(*ent)]
            }
            (_, E::Voted { .. }) => Vec::new(),
            (ConversationKey::Service(ent, _), E::Read { reader: Reader::Desk, .. }) => {
                vec![ActorKey::Inbox(InboxKey::Desk(*ent))]
            }
            (_, E::Read { reader: Reader::Party(reader), .. }) => vec![party(reader)],
            (ConversationKey::OneToOne(one, other), _) => inboxes([one, other]),
            (ConversationKey::Service(ent, customer), E::Sent { answers: true, .. }) => {
                vec![party(customer), ActorKey::Inbox(InboxKey::Desk(*ent)), ActorKey::Shunt(*ent)]
            }
            (ConversationKey::Service(ent, customer), _) => {
                vec![party(customer), ActorKey::Inbox(InboxKey::Desk(*ent))]
            }
            // A group's send is one fact: members see the group's head, only the sender is told.
            (ConversationKey::Group(_), E::Sent { author, .. }) => inboxes([&author.address]),
            (ConversationKey::Group(_), E::Joined { member, .. } | E::Left { member }) => {
                vec![party(member)]
            }
            (ConversationKey::Group(_), E::GroupDeleted { members }) => inboxes(members),
            (ConversationKey::Group(_), _) => Vec::new(),
            (ConversationKey::Notice(address), _) => vec![party(address)],
        }
    }
}
