//! What actors are told without being asked: committed facts and housekeeping.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::event::Recorded;
use crate::domain::ids::Millis;

/// A notice to any of the four actors.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A committed fact that concerns the actor and that another actor decided.
    Committed(Arc<Recorded>),
    /// Write a snapshot if anything changed since the last one.
    Snapshot,
    /// A commit failed for good: recover if ahead of the disk.
    RolledBack,
    /// An agent was heard from. Only shunts listen.
    Heartbeat {
        /// The agent's bare id.
        agent: Arc<str>,
        /// When it asked, however late this is told.
        at: Millis,
    },
    /// Somebody wrote in a session. Only shunts listen.
    Spoke {
        /// The session.
        session: Uuid,
        /// When: the message's own time, however late it is told.
        at: Millis,
    },
}
