//! Why: reasons of decisions, of ends and of returns to the queue. Closed lists, each with its words.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::desk::Policy;

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
    /// It waited as long as its group allows.
    QueueTimeout,
    /// As many customers waited as its group allows.
    QueueFull,
    /// Its group was closed when the customer came.
    Offline,
    /// Nobody wrote for as long as its group allows.
    Idle,
    /// It was open as long as its group allows.
    Lifetime,
    /// The customer, once a visitor, had an older one open.
    Merged,
}

impl CloseReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClosedByCustomer => "closed_by_customer",
            Self::ClosedByAgent => "closed_by_agent",
            Self::Closed => "closed",
            Self::LeftQueue => "left_queue",
            Self::QueueTimeout => "queue_timeout",
            Self::QueueFull => "queue_full",
            Self::Offline => "offline",
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Merged => "merged",
        }
    }
}

/// Why a session left its agent for the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RequeueCause {
    /// The agent rejected the offer.
    Rejected,
    /// The agent did not answer the offer in time.
    Lapsed,
    /// The agent was not heard from for longer than the grace.
    Disconnected,
    /// The agent said it takes nobody while the offer was open.
    Withdrawn,
}

impl RequeueCause {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Lapsed => "lapsed",
            Self::Disconnected => "disconnected",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Which rule settled what a session was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    /// The customer had an open session.
    Existing,
    /// A reservation was brought or held.
    Reserved,
    /// An agent opened it for itself, or took it over.
    ByAgent,
    /// The agent wished for.
    Wanted,
    /// The agent of the customer's last session.
    LastAgent,
    /// The group's policy.
    Policy,
    /// An agent of an overflow group.
    Overflow,
    /// The group's bot.
    Bot,
    /// It waits: nobody can take it now, or others wait already.
    Queue,
    /// The group is closed now.
    Offline,
    /// The queue is full.
    QueueFull,
    /// It was transferred.
    Transfer,
    /// It went back to the queue.
    Requeue,
}

impl Step {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Existing => "existing",
            Self::Reserved => "reserved",
            Self::ByAgent => "by_agent",
            Self::Wanted => "wanted_agent",
            Self::LastAgent => "last_agent",
            Self::Policy => "policy",
            Self::Overflow => "overflow",
            Self::Bot => "bot",
            Self::Queue => "queue",
            Self::Offline => "offline",
            Self::QueueFull => "queue_full",
            Self::Transfer => "transfer",
            Self::Requeue => "requeue",
        }
    }
}

/// Why an agent is passed over: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Skipped {
    /// It said away.
    Away,
    /// It let this session lapse, rejected it or lost it.
    Excluded,
    /// It has no free place.
    Full,
    /// It said online but was not heard from lately.
    Lapsed,
    /// It said offline, or never said anything.
    Offline,
    /// It came online lately and may not take more yet.
    Ramping,
    /// It lacks a skill that the group needs.
    Unskilled,
    /// The client holds as many reservations as it may.
    ClientLimit,
}

impl Skipped {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Excluded => "excluded",
            Self::Full => "full",
            Self::Lapsed => "lapsed",
            Self::Offline => "offline",
            Self::Ramping => "ramping",
            Self::Unskilled => "unskilled",
            Self::ClientLimit => "client_limit",
        }
    }
}

/// What settled a choice between agents who could all have been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TieBreak {
    /// There was one only.
    Only,
    /// The smaller priority number.
    Priority,
    /// Whose turn it was.
    Turn,
    /// The smaller share of filled places.
    Load,
    /// The longer idle.
    Idle,
    /// The smaller id.
    Id,
}

impl TieBreak {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Only => "only",
            Self::Priority => "priority",
            Self::Turn => "turn",
            Self::Load => "load",
            Self::Idle => "idle",
            Self::Id => "id",
        }
    }
}

/// Why routing gave a session, or a caller, what it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reasons {
    /// The rule that settled it.
    pub step: Step,
    /// The agent it was given to.
    pub agent: Option<Arc<str>>,
    /// The group whose rules were used.
    pub group: Arc<str>,
    /// Its policy.
    pub policy: Policy,
    /// The version of the group's definition; 0 = it has none.
    pub policy_version: u32,
    /// Agents of the group.
    pub considered: u32,
    /// How many of them were passed over, by cause, causes sorted.
    pub skipped: Vec<(Skipped, u32)>,
    /// What settled between those left.
    pub tie_break: Option<TieBreak>,
    /// Customers waiting in the group then.
    pub waiting: u32,
}
