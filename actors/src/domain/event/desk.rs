//! Who serves and how: records of agents and definitions of reception groups, as they are journaled.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::ids::Millis;

/// An agent's record, as put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Name shown to customers.
    pub name: String,
    /// Reception groups, `vip` or `vip;priority=1;weight=3`; empty = the default group.
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

/// How agents of a group are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Policy {
    /// The smallest share of filled places, then the longest idle.
    #[default]
    LeastLoaded,
    /// Everybody in turn.
    RoundRobin,
    /// Whoever had nothing to do for longest.
    LongestIdle,
    /// In turn, in proportion to the agents' weights in the group.
    Weighted,
    /// The smallest priority number in the group, then the least loaded.
    Priority,
}

impl Policy {
    /// The words on the wire, in the order of [`Policy::from_word`].
    pub const WORDS: &'static [&'static str] =
        &["least_loaded", "round_robin", "longest_idle", "weighted", "priority"];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeastLoaded => "least_loaded",
            Self::RoundRobin => "round_robin",
            Self::LongestIdle => "longest_idle",
            Self::Weighted => "weighted",
            Self::Priority => "priority",
        }
    }

    /// Reads what [`Policy::as_str`] wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::LeastLoaded, Self::RoundRobin, Self::LongestIdle, Self::Weighted, Self::Priority];
        all.into_iter().find(|policy| policy.as_str() == word)
    }
}

/// What a reception group goes by. Times are milliseconds; 0 = the rule does not apply.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupDefinition {
    /// How often it was put, from 1.
    pub version: u32,
    /// How agents are chosen.
    pub policy: Policy,
    /// How many customers may wait; 0 = no limit.
    pub queue_limit: u32,
    /// How long a customer waits at most.
    pub queue_timeout: Millis,
    /// How long after the end of a session its customer comes back to the same agent.
    pub sticky: Millis,
    /// Groups whose agents help out, in this order.
    pub overflow: Vec<Arc<str>>,
    /// How long a customer waits before they do.
    pub overflow_delay: Millis,
    /// Over which time an agent that came online grows to its whole capacity.
    pub ramp: Millis,
    /// Business hours as they were put (see [`crate::domain::shunt::hours`]); none = always.
    pub hours: Vec<String>,
    /// IANA name of the hours' time zone; empty = UTC.
    pub time_zone: String,
    /// What customers read outside business hours.
    pub offline_message: String,
    /// Whether a bot serves whom no agent can serve at once.
    pub bot: bool,
    /// How long an agent has to accept an offer; 0 = sessions are assigned without asking.
    pub offer: Millis,
    /// Class of its customers, 0 to 9: each class counts as having come a minute earlier.
    pub class: u8,
    /// What an agent must have to serve its customers.
    pub skills: Vec<String>,
    /// After which silence a session is warned.
    pub idle_warning: Millis,
    /// After which silence a session is closed.
    pub idle_close: Millis,
    /// How long a session may be open at most.
    pub lifetime: Millis,
}
