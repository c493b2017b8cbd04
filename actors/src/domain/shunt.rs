//! Routing of one serving enterprise, pure: agents and their places, reservations, open sessions, queues.
//!
//! Guarantees, after every decision applied (checked by [`audit`]):
//! - an agent's places are exactly the sessions it serves and the reservations on it;
//! - a customer has at most one open session here;
//! - no customer waits beside an agent who is eligible for it and has a free place;
//! - waiting customers of a class are served in the order of their original arrival, and nobody is overtaken by
//!   who came more than nine minutes later; reservations never overtake them;
//! - nobody is given more than an agent's capacity (lowering it, or the number that those without a record go by,
//!   takes nothing away).
//!
//! A command becomes one [`Decision`]: every effect of the turn, what lapsed before it and what the places it
//! freed were given to included. Nothing changes until those effects are applied with [`State::apply`].
//!
//! - [`state`], [`records`], [`stored`]: what is known, and how snapshots hold it;
//! - [`places`]: agents and what fills their places;
//! - [`index`], [`desk`], [`queue`], [`turns`]: who can be taken, who waits, whose turn it is;
//! - [`group`], [`hours`]: what a reception group goes by;
//! - [`choose`]: who is eligible and who of them is taken;
//! - [`decide`], [`settle`], [`open`], [`obtain`], [`staff`], [`serving`]: commands to changes;
//! - [`apply`]: changes to state; [`counting`], [`figures`], [`tally`]: what is counted on the way;
//! - [`lease_id`]: ids of reservations;
//! - [`views`]: what callers see;
//! - [`replay`]: what would have happened under other rules;
//! - [`audit`]: the guarantees above, checked from scratch; [`patrol`]: a little at a time, beside the work.

pub mod apply;
pub mod audit;
pub mod choose;
pub mod counting;
pub mod decide;
pub mod desk;
pub mod figures;
pub mod group;
pub mod hours;
pub mod index;
pub mod lease_id;
#[cfg(test)]
mod model_tests;
pub mod obtain;
pub mod open;
pub mod pace;
pub mod patrol;
pub mod places;
pub mod queue;
pub mod records;
pub mod replay;
pub mod serving;
pub mod settle;
pub mod staff;
pub mod state;
pub mod stored;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod turns;
pub mod views;

use std::sync::Arc;

use uuid::Uuid;

use super::event::{AgentRecord, GroupDefinition, Presence, ShuntChange};
use super::ids::{Address, Millis};
use super::refusal::Refusal;
use crate::api::{
    AgentView, Closed, GroupRulesView, Obtain, OpenSession, QueueView, SessionView, Shunt, StatsView,
};
pub use state::State;

/// The reception group that exists without being named by anyone.
pub const DEFAULT_GROUP: &str = "default";

/// Visitors merged into one user at most. Whatever the user reads covers the inbox of each, so this bounds what one
/// request costs; nobody comes near it who is merged once per device or browser.
pub const MAX_VISITORS: usize = 200;

/// The numbers these rules go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// How long a reservation holds a place, in milliseconds.
    pub lease: Millis,
    /// How long after its last heartbeat an online agent counts as away, in milliseconds.
    pub heartbeat_lapse: Millis,
    /// Places of an agent without a record who opens sessions itself.
    pub default_capacity: u32,
    /// How long after its last heartbeat an agent keeps the sessions it serves, in milliseconds; at least
    /// `heartbeat_lapse`.
    pub disconnect_grace: Millis,
    /// How long a session is not given again to an agent that let it go, in milliseconds.
    pub exclusion: Millis,
    /// Reservations at once from one client address for callers who do not say who they are; counted apart, twenty
    /// times as many for ids that the directory does not know as a registered user's.
    pub client_leases: u32,
}

impl Numbers {
    /// The numbers of the specification, which the settings have by default.
    pub const DEFAULT: Self = Self {
        lease: 30_000,
        heartbeat_lapse: 60_000,
        default_capacity: 5,
        disconnect_grace: 120_000,
        exclusion: 120_000,
        client_leases: 5,
    };
}

impl Default for Numbers {
    fn default() -> Self {
        Self::DEFAULT
    }
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
    /// Accepts the offer of a session.
    Accept {
        /// The session.
        session: Uuid,
        /// The agent it is offered to.
        agent: Arc<str>,
    },
    /// Rejects the offer of a session, which goes to the next agent.
    Reject {
        /// The session.
        session: Uuid,
        /// The agent it is offered to.
        agent: Arc<str>,
    },
    /// Gives an open session to another agent or group.
    Transfer {
        /// The session.
        session: Uuid,
        /// To whom.
        to: Target,
    },
    /// Makes what a visitor has open a registered user's.
    Promote {
        /// The visitor.
        visitor: Address,
        /// The user.
        user: Address,
        /// Merged visitors of one user at most. Who decides merges bounds them; who follows one bounds nothing, as it
        /// was let in already.
        most: usize,
    },
    /// Reads every promotion.
    Promotions,
    /// Defines a reception group or changes it.
    PutGroup {
        /// Its code; empty = the default group.
        group: String,
        /// Its definition; the version is counted here.
        definition: Box<GroupDefinition>,
    },
    /// Deletes a group's definition.
    DeleteGroup {
        /// Its code.
        group: String,
    },
    /// Reads a group's definition.
    Group {
        /// Its code.
        group: String,
    },
    /// Reads a group's figures and those of its agents.
    Stats {
        /// Its code.
        group: String,
    },
    /// Reads an open session, with its place in the queue.
    Session {
        /// The session.
        session: Uuid,
    },
    /// Reads part of a group's queue.
    Queue {
        /// The group; empty = the default.
        group: String,
        /// How many are left out, from the head on.
        skip: usize,
        /// How many are shown at most.
        take: usize,
    },
    /// Lets time take effect: reservations lapse, waiting customers meet agents heard from again.
    Settle,
    /// Checks the guarantees.
    Audit,
}

impl Command {
    /// Names the customer by another address, where the command names one.
    pub fn rename_customer(&mut self, person: impl FnOnce(&Address) -> Address) {
        match self {
            Self::Open(open) => open.customer = person(&open.customer),
            Self::Obtain(obtain) => obtain.customer = obtain.customer.as_ref().map(person),
            _ => {}
        }
    }

    /// Whether it only shows what is known. The check of the guarantees does not count: they hold once time has taken
    /// effect.
    pub const fn reads(&self) -> bool {
        match self {
            Self::Agent { .. }
            | Self::Accepting { .. }
            | Self::HasLease { .. }
            | Self::Promotions
            | Self::Group { .. }
            | Self::Stats { .. }
            | Self::Session { .. }
            | Self::Queue { .. } => true,
            Self::PutAgent { .. }
            | Self::DeleteAgent { .. }
            | Self::SetPresence { .. }
            | Self::Obtain(_)
            | Self::Open(_)
            | Self::Close { .. }
            | Self::Accept { .. }
            | Self::Reject { .. }
            | Self::Transfer { .. }
            | Self::Promote { .. }
            | Self::PutGroup { .. }
            | Self::DeleteGroup { .. }
            | Self::Settle
            | Self::Audit => false,
        }
    }

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
            Self::Accept { .. } => "accept",
            Self::Reject { .. } => "reject",
            Self::Transfer { .. } => "transfer",
            Self::Promote { .. } => "promote",
            Self::Promotions => "promotions",
            Self::PutGroup { .. } => "put_group",
            Self::DeleteGroup { .. } => "delete_group",
            Self::Group { .. } => "group",
            Self::Stats { .. } => "stats",
            Self::Session { .. } => "session",
            Self::Queue { .. } => "queue",
            Self::Settle => "settle",
            Self::Audit => "audit",
        }
    }
}

/// To whom a session is transferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An agent. `itself`: it takes the session over, whether it is online or not.
    Agent {
        /// The agent's bare id.
        agent: Arc<str>,
        /// Whether the agent asks for itself.
        itself: bool,
    },
    /// A group: its agents are chosen from as for a customer who comes.
    Group {
        /// The group's code.
        group: String,
        /// Whether the session may leave its agent to wait there when nobody can take it.
        may_wait: bool,
    },
    /// A group, as its customer asks whom a bot serves.
    FromBot {
        /// The group's code.
        group: String,
    },
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
    /// To [`Command::DeleteAgent`] and [`Command::DeleteGroup`]: whether there was one.
    Deleted(bool),
    /// To [`Command::PutGroup`] and [`Command::Group`].
    Group(Box<GroupRulesView>),
    /// To [`Command::Stats`].
    Stats(Box<StatsView>),
    /// To commands that only note something.
    Noted,
    /// To [`Command::Promote`]: this turn did it; a repeat is only [`Answer::Noted`].
    Promoted,
    /// To [`Command::Promotions`]: visitors, each with its user.
    Promotions(Vec<(Address, Address)>),
    /// To [`Command::Queue`].
    Queue(QueueView),
    /// To [`Command::Settle`].
    Settled,
    /// To [`Command::Audit`]: empty when everything holds.
    Audit(Vec<audit::Violation>),
}
