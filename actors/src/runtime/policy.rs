//! The supervision policy: every number that operators may tune, with its reason.

use std::time::Duration;

/// How actors are admitted, restarted and passivated.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Commands one actor may hold, waiting, in hand or uncommitted; more get 429.
    pub mailbox_capacity: usize,
    /// Commands the whole service may hold; more get 503.
    pub service_capacity: usize,
    /// Messages handled in one poll before the actor yields its thread to neighbours.
    pub turn_budget: usize,
    /// Activations that may load at once. Taken at the start only.
    pub activation_concurrency: usize,
    /// Crashes within [`Policy::restart_window`] before an actor is quarantined.
    pub restart_budget: u32,
    /// The window of the restart budget.
    pub restart_window: Duration,
    /// First delay before a restart; doubles with each further crash in the window.
    pub backoff_min: Duration,
    /// Longest delay before a restart.
    pub backoff_max: Duration,
    /// Idle time after which an actor is passivated, once it has nothing to write.
    pub idle_after: Duration,
    /// Active actors per kind; above it the least recently used are passivated, whether they have something to write or
    /// not. The next sweep sees to it, so what is activated between two sweeps comes on top, and what holds commands,
    /// has a deadline ahead, is in quarantine or was asked for a snapshot.
    pub active_limit: usize,
    /// A turn that takes longer is counted and named in the log.
    pub slow_turn: Duration,
    /// Arbiter threads. Taken at the start only.
    pub shards: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mailbox_capacity: 1_024,
            service_capacity: 16_384,
            turn_budget: 64,
            activation_concurrency: 256,
            restart_budget: 5,
            restart_window: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            idle_after: Duration::from_secs(120),
            active_limit: 100_000,
            slow_turn: Duration::from_millis(100),
            shards: 2,
        }
    }
}
