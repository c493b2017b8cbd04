//! Facts: what the journal records. Each says who decided it, and with [`Fact::audience`] whose state it
//! concerns, without needing any state to know it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{ActorKey, Address, ConversationKey, EntId, InboxKey, Millis, PartyType};
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

/// All effects of one turn of an enterprise's routing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShuntFact {
    /// The serving enterprise.
    pub ent: EntId,
    /// In order.
    pub changes: Vec<ShuntChange>,
}

/// What can happen in routing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ShuntChange {
    /// An agent's record was put (created or replaced).
    AgentPut {
        /// The agent (employee record id, bare).
        agent: Arc<str>,
        /// What was put.
        record: AgentRecord,
    },
    /// An agent's record was deleted; it keeps the sessions it serves until they close.
    AgentDeleted {
        /// The agent.
        agent: Arc<str>,
    },
    /// An agent set its presence.
    PresenceSet {
        /// The agent.
        agent: Arc<str>,
        /// What it set.
        presence: Presence,
    },
    /// A place was reserved.
    Leased {
        /// The reservation.
        lease: Uuid,
        /// Whose place.
        agent: Arc<str>,
        /// The customer it serves, if it is bound to one.
        customer: Option<Address>,
        /// The reception group it was asked from.
        group: String,
        /// When it lapses.
        expires_at: Millis,
    },
    /// A reservation lapsed, or was consumed by a session (`consumed`), and gave its place back.
    LeaseEnded {
        /// The reservation.
        lease: Uuid,
        /// Whether a session took the place over.
        consumed: bool,
    },
    /// A session was opened; it waits in its group's queue until assigned.
    SessionOpened(SessionOpened),
    /// A session was given to an agent, taking one of the agent's places.
    Assigned {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
        /// The agent.
        agent: Arc<str>,
        /// The agent's name as shown to the customer.
        agent_name: String,
    },
    /// A session ended, giving its place back or leaving the queue.
    SessionEnded {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
        /// Why.
        reason: CloseReason,
    },
}

/// The facts of a newly opened session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionOpened {
    /// UUIDv7.
    pub session: Uuid,
    /// The customer.
    pub customer: Address,
    /// The service conversation it happens in.
    pub conversation: Uuid,
    /// Its reception group.
    pub group: String,
    /// `customerserviceName`: the name to show; empty = the agent's own.
    pub shown_name: String,
    /// The customer's client application.
    pub app_id: String,
    /// The receiving side's channel (`receiveAppId`).
    pub receive_app_id: String,
}

/// An agent's record, as put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Name shown to customers.
    pub name: String,
    /// Reception groups; empty = the default group.
    pub groups: Vec<String>,
    /// How many places (sessions and reservations together), at least 0.
    pub capacity: u32,
    /// Relative weight, from 1.
    pub weight: u32,
    /// Skills.
    pub skills: Vec<String>,
}

/// What an agent says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// Takes customers while its heartbeat is fresh.
    Online,
    /// Keeps its sessions, takes nobody new.
    Away,
    /// Gone.
    Offline,
}

/// Why a session ended: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CloseReason {
    /// The customer closed it while being served.
    ClosedByCustomer,
    /// The agent closed it.
    ClosedByAgent,
    /// Closed without saying by whom.
    Closed,
    /// It was closed while still queued.
    LeftQueue,
}

impl CloseReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClosedByCustomer => "closed_by_customer",
            Self::ClosedByAgent => "closed_by_agent",
            Self::Closed => "closed",
            Self::LeftQueue => "left_queue",
        }
    }
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
            (_, E::Voted { .. }) => Vec::new(),
            (ConversationKey::Service(ent, _), E::Read { reader: Reader::Desk, .. }) => {
                vec![ActorKey::Inbox(InboxKey::Desk(*ent))]
            }
            (_, E::Read { reader: Reader::Party(reader), .. }) => vec![party(reader)],
            (ConversationKey::OneToOne(one, other), _) => inboxes([one, other]),
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

impl ShuntFact {
    /// The key of the service conversation with this id, if the fact concerns it.
    pub fn service_of(&self, conversation: Uuid) -> Option<ConversationKey> {
        let customers = self.changes.iter().filter_map(|change| match change {
            ShuntChange::SessionOpened(opened) => Some(&opened.customer),
            ShuntChange::Assigned { customer, .. } | ShuntChange::SessionEnded { customer, .. } => {
                Some(customer)
            }
            _ => None,
        });
        let mut keys = customers.map(|customer| ConversationKey::Service(self.ent, customer.clone()));
        keys.find(|key| key.id() == conversation)
    }

    fn audience(&self) -> Vec<ActorKey> {
        let mut keys = Vec::new();
        for change in &self.changes {
            let (session, customer) = match change {
                ShuntChange::SessionOpened(opened) => (opened.session, &opened.customer),
                ShuntChange::Assigned { session, customer, .. }
                | ShuntChange::SessionEnded { session, customer, .. } => (*session, customer),
                _ => continue,
            };
            let conversation = ConversationKey::Service(self.ent, customer.clone()).id();
            keys.push(ActorKey::Session(session));
            keys.push(ActorKey::Conversation(conversation));
            keys.push(party(customer));
            keys.push(ActorKey::Inbox(InboxKey::Desk(self.ent)));
        }
        keys.sort();
        keys.dedup();
        keys
    }
}
