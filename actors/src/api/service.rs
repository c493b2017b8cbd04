//! Customer service: sessions, reservations, agents, queues.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::event::{AgentRecord, CloseReason, GroupDefinition, Presence, Reasons};
use crate::domain::ids::{Address, EntId, Millis};
use crate::domain::shunt::figures::Figures;

/// States of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum SessionState {
    /// Waits for an agent.
    Queued,
    /// Offered to an agent, not yet accepted.
    Offered,
    /// Being served.
    Serving,
    /// Over.
    Ended,
}

impl SessionState {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Offered => "offered",
            Self::Serving => "serving",
            Self::Ended => "ended",
        }
    }
}

/// Opens (or finds) a session.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSession {
    /// The serving tenant.
    pub ent: EntId,
    /// The customer.
    pub customer: Address,
    /// Who asks: the customer, or an agent for itself (its bare id).
    pub opener: Opener,
    /// Reception group; empty = the default (or the lease's).
    pub group: String,
    /// Name to show.
    pub shown_name: String,
    /// The client application.
    pub app_id: String,
    /// The receiving side's channel.
    pub receive_app_id: String,
}

/// Who opens a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Opener {
    /// The customer, with a wish.
    Customer(Wish),
    /// This agent (bare id), against its own capacity.
    Agent(String),
}

/// What a customer wishes.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Whoever routing chooses.
    Anyone,
    /// This agent (bare id), else whoever.
    Agent(String),
    /// The place of this reservation; an expired one is no wish.
    Lease(Uuid),
}

/// A session as its parties see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its id.
    pub session: Uuid,
    /// The service conversation.
    pub conversation: Uuid,
    /// The serving tenant.
    pub ent: EntId,
    /// The customer.
    pub customer: Address,
    /// Its state.
    pub state: SessionState,
    /// Who serves (bare id).
    pub agent: Option<String>,
    /// The name shown.
    pub shown_name: String,
    /// Whether a human serves.
    pub human: bool,
    /// Customers ahead in the queue; 0 unless queued.
    pub ahead: u64,
    /// Estimated wait; `None` when there is too little data or nobody waits.
    pub estimated_wait_seconds: Option<u64>,
    /// Whether this call opened it.
    pub created: bool,
    /// When it was opened.
    pub opened_at: Millis,
    /// When an agent began to serve it.
    pub served_at: Option<Millis>,
    /// When it ended, and why.
    pub ended: Option<(Millis, CloseReason)>,
    /// Its reception group.
    pub group: String,
    /// When an offer that is open lapses.
    pub offer_until: Option<Millis>,
    /// When it was last warned of silence.
    pub warned_at: Option<Millis>,
    /// What its customer reads because the group is closed; empty otherwise.
    pub offline_message: String,
}

/// A closed session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Which.
    pub session: Uuid,
    /// Why it ended.
    pub reason: CloseReason,
    /// Whether it had ended before this call.
    pub already: bool,
    /// From opening to the end, in seconds.
    pub duration_seconds: u64,
}

/// Asks for a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Obtain {
    /// The tenant.
    pub ent: EntId,
    /// The reception group's code.
    pub group: String,
    /// The customer, if known.
    pub customer: Option<Address>,
    /// The client address, which bounds the reservations of callers whom the directory does not vouch for; `None` for
    /// who is vouched for.
    pub client: Option<Arc<str>>,
}

/// The answer to [`Obtain`].
#[derive(Debug, Clone, PartialEq)]
pub struct Shunt {
    /// `assigned`, `busy` or `offline`.
    pub state: ShuntState,
    /// The group that answered.
    pub group: String,
    /// Whether the asked group was unknown and the default answered.
    pub fallback: bool,
    /// The chosen agent (bare id) and its name.
    pub agent: Option<(String, String)>,
    /// The reservation and when it lapses; `None` with `assigned` when the customer has an open session.
    pub lease: Option<(Uuid, Millis)>,
    /// Customers waiting in the group.
    pub ahead: u64,
    /// Estimated wait; `None` when there is too little data.
    pub estimated_wait_seconds: Option<u64>,
    /// Agents of the group that are online.
    pub online: u64,
    /// Free places of the group.
    pub free_slots: u64,
    /// Customers waiting in the group.
    pub waiting: u64,
    /// What customers read because the group is closed; empty otherwise.
    pub offline_message: String,
    /// Why.
    pub reasons: Reasons,
}

/// `state` of obtainShunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShuntState {
    /// A place is reserved, or the customer is served already.
    Assigned,
    /// Agents are online, none has a free place.
    Busy,
    /// No agent is online.
    Offline,
}

/// An agent as the routing sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentView {
    /// Bare id.
    pub agent: String,
    /// Its enterprise.
    pub ent: EntId,
    /// Its record.
    pub record: AgentRecord,
    /// What it said of itself; away once its `online` lapsed.
    pub presence: Presence,
    /// Whether its heartbeat is fresh and it said online.
    pub accepting: bool,
    /// Sessions it serves.
    pub sessions: u64,
    /// Reservations it holds.
    pub leases: u64,
}

/// The queue of one reception group, or part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueView {
    /// The group.
    pub group: String,
    /// Who waits, the head first: as many as were asked for.
    pub waiting: Vec<Waiting>,
    /// How many wait.
    pub total: usize,
}

/// A waiting customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The queued session.
    pub session: Uuid,
    /// Its customer.
    pub customer: Address,
    /// Since when.
    pub since: Millis,
}

/// A reception group as it goes now.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRulesView {
    /// Its code.
    pub group: String,
    /// Whether it was defined; otherwise the definition is the default one.
    pub defined: bool,
    /// What it goes by.
    pub definition: GroupDefinition,
    /// Whether it takes customers now.
    pub open: bool,
    /// Its agents.
    pub agents: u64,
    /// Those of them who are online.
    pub online: u64,
    /// Customers waiting.
    pub waiting: u64,
}

/// Figures of a group and its agents.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsView {
    /// The group.
    pub group: String,
    /// Customers waiting now.
    pub waiting: u64,
    /// Agents online now.
    pub online: u64,
    /// Free places now.
    pub free_slots: u64,
    /// The group's figures of today (UTC) and yesterday.
    pub days: (Figures, Figures),
    /// Each agent's of the group.
    pub agents: Vec<(String, (Figures, Figures))>,
}
