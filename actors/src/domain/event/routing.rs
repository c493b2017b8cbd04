//! What routing decides: the changes of one turn.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{AgentRecord, GroupDefinition, Presence};
use super::party;
use super::reasons::{CloseReason, Reasons, RequeueCause};
use crate::api::SessionState;
use crate::domain::ids::{ActorKey, Address, ConversationKey, EntId, InboxKey, Millis};

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
        /// The client address of a caller whom the directory does not vouch for: such reservations are bounded by
        /// it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<Arc<str>>,
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
    /// A reception group was defined or changed; its version is one more than before.
    GroupPut {
        /// Its code.
        group: Arc<str>,
        /// Its definition.
        definition: Arc<GroupDefinition>,
    },
    /// A reception group's definition was deleted: it goes by the defaults.
    GroupDeleted {
        /// Its code.
        group: Arc<str>,
    },
    /// A waiting session was offered to an agent, which takes one of the agent's places.
    Offered {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
        /// The agent.
        agent: Arc<str>,
        /// The agent's name as shown to the customer.
        agent_name: String,
        /// When the offer lapses.
        until: Millis,
    },
    /// A session left its agent for the queue, at the place its arrival gives it.
    Requeued {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
        /// Whom it left.
        agent: Arc<str>,
        /// Why.
        cause: RequeueCause,
        /// Until when it is not given to that agent again.
        not_before: Millis,
    },
    /// A session was moved to another reception group, where it waits until assigned; its arrival stays.
    Moved {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
        /// The group.
        group: String,
        /// Until when it is not given to the agent it leaves.
        not_before: Millis,
    },
    /// The group's bot began to serve a session; it fills no place.
    BotTook {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
    },
    /// The first message of an agent in a session was acknowledged. Older journals hold it: by now routing counts the
    /// message itself, as its conversation committed it.
    Replied {
        /// The session.
        session: Uuid,
    },
    /// Nobody wrote in a session for the time its group allows before a warning.
    IdleWarned {
        /// The session.
        session: Uuid,
        /// Its customer (for the audience).
        customer: Address,
    },
    /// Votes for messages of an agent changed by so much. Older journals hold it: by now routing counts the vote itself,
    /// as its conversation committed it.
    Rated {
        /// The agent.
        agent: Arc<str>,
        /// Change of votes for.
        up: i32,
        /// Change of votes against.
        down: i32,
    },
    /// A visitor became a registered user: what the visitor has open is that user's. In the routing of the
    /// platform (enterprise 0) it is also what makes the visitor's address an alias, everywhere.
    Promoted {
        /// The visitor's address.
        visitor: Address,
        /// The user's address.
        user: Address,
        /// The session that the user has open from now on, whoever of the two opened it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<Box<Carried>>,
    },
    /// Why routing gave a session what it gave; changes nothing.
    Decided {
        /// The session.
        session: Uuid,
        /// The reasons.
        why: Arc<Reasons>,
    },
    /// Why routing reserved a place of this agent; the session that uses the reservation is told.
    LeaseDecided {
        /// The reservation.
        lease: Uuid,
        /// The reasons.
        why: Arc<Reasons>,
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

/// An open session as it stood when its customer's conversation changed with a promotion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The session.
    pub session: Uuid,
    /// Where it stands.
    pub state: SessionState,
    /// Who serves it, or is offered it (bare id).
    pub agent: Option<Arc<str>>,
    /// That agent's name; empty while nobody serves it.
    pub agent_name: String,
    /// `customerserviceName`: the name to show; empty = the agent's own.
    pub shown_name: String,
    /// When it was opened.
    pub opened_at: Millis,
    /// Whether that agent has answered.
    pub replied: bool,
}

impl ShuntChange {
    /// A word for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AgentPut { .. } => "agent_put",
            Self::AgentDeleted { .. } => "agent_deleted",
            Self::PresenceSet { .. } => "presence_set",
            Self::Leased { .. } => "leased",
            Self::LeaseEnded { consumed: true, .. } => "lease_used",
            Self::LeaseEnded { consumed: false, .. } => "lease_lapsed",
            Self::SessionOpened(_) => "opened",
            Self::Assigned { .. } => "assigned",
            Self::SessionEnded { reason, .. } => reason.as_str(),
            Self::GroupPut { .. } => "group_put",
            Self::GroupDeleted { .. } => "group_deleted",
            Self::Offered { .. } => "offered",
            Self::Requeued { cause, .. } => cause.as_str(),
            Self::Moved { .. } => "moved",
            Self::BotTook { .. } => "bot_took",
            Self::Replied { .. } => "replied",
            Self::IdleWarned { .. } => "idle_warned",
            Self::Rated { .. } => "rated",
            Self::Promoted { .. } => "promoted",
            Self::Decided { .. } | Self::LeaseDecided { .. } => "decided",
        }
    }

    /// The session and customer whose conversation and lists it concerns, if any.
    pub const fn concerns(&self) -> Option<(Uuid, &Address)> {
        match self {
            Self::SessionOpened(opened) => Some((opened.session, &opened.customer)),
            Self::Assigned { session, customer, .. }
            | Self::SessionEnded { session, customer, .. }
            | Self::Offered { session, customer, .. }
            | Self::Requeued { session, customer, .. }
            | Self::Moved { session, customer, .. }
            | Self::BotTook { session, customer }
            | Self::IdleWarned { session, customer } => Some((*session, customer)),
            Self::AgentPut { .. }
            | Self::AgentDeleted { .. }
            | Self::PresenceSet { .. }
            | Self::Leased { .. }
            | Self::LeaseEnded { .. }
            | Self::GroupPut { .. }
            | Self::GroupDeleted { .. }
            | Self::Rated { .. }
            | Self::Promoted { .. }
            | Self::Replied { .. }
            | Self::Decided { .. }
            | Self::LeaseDecided { .. } => None,
        }
    }
}

impl ShuntChange {
    /// The customers whose service conversations it concerns: none, one, or both of a promotion.
    fn customers(&self) -> impl Iterator<Item = &Address> {
        let both = match self {
            Self::Promoted { visitor, user, session: Some(_) } => [Some(visitor), Some(user)],
            other => [other.concerns().map(|(_, customer)| customer), None],
        };
        both.into_iter().flatten()
    }
}

impl ShuntFact {
    /// The key of the service conversation with this id, if the fact concerns it.
    pub fn service_of(&self, conversation: Uuid) -> Option<ConversationKey> {
        let customers = self.changes.iter().flat_map(ShuntChange::customers);
        let mut keys = customers.map(|customer| ConversationKey::Service(self.ent, customer.clone()));
        keys.find(|key| key.id() == conversation)
    }

    pub(super) fn audience(&self) -> Vec<ActorKey> {
        let mut keys = Vec::new();
        for change in &self.changes {
            if let ShuntChange::Decided { session, .. } | ShuntChange::Replied { session } = change {
                keys.push(ActorKey::Session(*session));
            }
            keys.extend(change.concerns().map(|(session, _)| ActorKey::Session(session)));
            if let ShuntChange::Promoted { session: Some(open), .. } = change {
                keys.push(ActorKey::Session(open.session));
            }
            for customer in change.customers() {
                let conversation = ConversationKey::Service(self.ent, customer.clone()).id();
                keys.push(ActorKey::Conversation(conversation));
                keys.push(party(customer));
                keys.push(ActorKey::Inbox(InboxKey::Desk(self.ent)));
            }
        }
        keys.sort();
        keys.dedup();
        keys
    }
}
