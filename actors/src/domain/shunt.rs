//! Routing of one serving enterprise, pure: agents and their places, reservations, open sessions, queues.
//!
//! Guarantees, after every decision applied (checked by [`audit`]):
//! - an agent's places are exactly the sessions it serves and the reservations on it;
//! - a customer has at most one open session here;
//! - no customer waits in a group beside an agent of that group who is eligible and has a free place;
//! - waiting customers are served in the order of their original arrival; reservations never overtake them;
//! - nobody is given more than an agent's capacity (lowering it takes nothing away).
//!
//! A command becomes one [`Decision`]: every effect of the turn, what lapsed before it and what the places it
//! freed were given to included. Nothing changes until those effects are applied with [`State::apply`].
//!
//! - [`state`]: what is known, and the indexes derived from it;
//! - [`choose`]: who is eligible and who of them is taken;
//! - [`decide`], [`open`], [`obtain`]: commands to changes;
//! - [`apply`]: changes to state;
//! - [`lease_id`]: ids of reservations;
//! - [`views`]: what callers see;
//! - [`audit`]: the guarantees above, checked from scratch.

pub mod apply;
pub mod audit;
pub mod choose;
pub mod decide;
pub mod lease_id;
#[cfg(test)]
mod model_tests;
pub mod obtain;
pub mod open;
pub mod pace;
pub mod state;
#[cfg(test)]
mod tests;
pub mod views;

use std::sync::Arc;

use uuid::Uuid;

use super::event::{AgentRecord, Presence, ShuntChange};
use super::ids::Millis;
use super::refusal::Refusal;
use crate::api::{AgentView, Closed, Obtain, OpenSession, QueueView, SessionView, Shunt};
pub use state::State;

/// The reception group that exists without being named by anyone.
pub const DEFAULT_GROUP: &str = "default";

/// The numbers these rules go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// How long a reservation holds a place, in milliseconds.
    pub lease: Millis,
    /// How long after its last heartbeat an online agent counts as away, in milliseconds.
    pub heartbeat_lapse: Millis,
    /// Places of an agent without a record who opens sessions itself.
    pub default_capacity: u32,
}

/// What can be asked of a routing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Creates or replaces an agent's record. A new agent is offline until it says otherwise.
    PutAgent {
        /// The agent's bare id.
        agent: Arc<str>,
        /// Its record.
        record: AgentRecord,
    },
    /// Deletes an agent's record; the agent keeps the sessions it serves, reservations on it end.
    DeleteAgent {
        /// The agent's bare id.
        agent: Arc<str>,
    },
    /// Sets what an agent says of itself; a heartbeat as well.
    SetPresence {
        /// The agent's bare id.
        agent: Arc<str>,
        /// What it says.
        presence: Presence,
    },
    /// Reads an agent.
    Agent {
        /// The agent's bare id.
        agent: Arc<str>,
    },
    /// Which of these agents take customers now, full or not.
    Accepting {
        /// Bare ids.
        agents: Vec<Arc<str>>,
    },
    /// Reserves a place.
    Obtain(Obtain),
    /// Whether a reservation made here still holds its place.
    HasLease {
        /// The reservation.
        lease: Uuid,
    },
    /// Opens a session, or finds the customer's open one.
    Open(Box<OpenSession>),
    /// Ends a session, or takes it out of the queue.
    Close {
        /// The session.
        session: Uuid,
        /// Who ends it.
        by: Closer,
    },
    /// Reads an open session, with its place in the queue.
    Session {
        /// The session.
        session: Uuid,
    },
    /// Reads a group's queue.
    Queue {
        /// The group; empty = the default.
        group: String,
    },
    /// Lets time take effect: reservations lapse, waiting customers meet agents heard from again.
    Settle,
    /// Checks the guarantees.
    Audit,
}

impl Command {
    /// A word for metrics and dead letters; never content.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PutAgent { .. } => "put_agent",
            Self::DeleteAgent { .. } => "delete_agent",
            Self::SetPresence { .. } => "set_presence",
            Self::Agent { .. } => "agent",
            Self::Accepting { .. } => "accepting",
            Self::Obtain(_) => "obtain",
            Self::HasLease { .. } => "has_lease",
            Self::Open(_) => "open_session",
            Self::Close { .. } => "close_session",
            Self::Session { .. } => "session",
            Self::Queue { .. } => "queue",
            Self::Settle => "settle",
            Self::Audit => "audit",
        }
    }
}

/// Who ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closer {
    /// Its customer.
    Customer,
    /// An agent of the enterprise.
    Agent,
    /// Somebody who did not say.
    Nobody,
}

/// One decided turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Every effect of the turn, in order. May be non-empty beside a refusal: time took effect first.
    pub changes: Vec<ShuntChange>,
    /// The answer, as it is true once the changes are applied.
    pub outcome: Result<Answer, Refusal>,
}

/// What a routing answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Command::Open`] and [`Command::Session`].
    Session(Box<SessionView>),
    /// To [`Command::Close`].
    Closed(Closed),
    /// To [`Command::Close`] and [`Command::Session`]: no such session is open here (it ended before, or never was).
    NotOpen,
    /// To [`Command::Obtain`].
    Shunt(Box<Shunt>),
    /// To [`Command::HasLease`].
    HasLease(bool),
    /// To [`Command::Accepting`]: those of the agents asked for that take customers now, full or not.
    Accepting(Vec<Arc<str>>),
    /// To [`Command::PutAgent`], [`Command::SetPresence`] and [`Command::Agent`].
    Agent(Box<AgentView>),
    /// To [`Command::DeleteAgent`]: whether there was a record.
    Deleted(bool),
    /// To [`Command::Queue`].
    Queue(QueueView),
    /// To [`Command::Settle`].
    Settled,
    /// To [`Command::Audit`]: empty when everything holds.
    Audit(Vec<audit::Violation>),
}
