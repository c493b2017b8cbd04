//! What every actor may use, and the rules' numbers.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::aliases::Aliases;
use crate::clock::Clock;
use crate::domain::conversation::retaining::Retentions;
use crate::domain::ids::Millis;
use crate::domain::shunt::Numbers;
use crate::journal::Journal;
use crate::ports::Store;
pub use crate::router::retention::RetentionMetrics;
pub use crate::shunt::watch::RoutingMetrics;

/// What every actor may use. One per service.
pub struct World {
    /// The journal and its gate.
    pub journal: Arc<Journal>,
    /// Snapshots, pages and directory rows.
    pub store: Arc<dyn Store>,
    /// The one clock.
    pub clock: Clock,
    /// The rules' numbers. Replaced when an operator changes them; actors take them at each turn.
    pub rules: ArcSwap<Rules>,
    /// Merged visitors.
    pub aliases: Arc<Aliases>,
    /// Figures of routing.
    pub routing: RoutingMetrics,
    /// Figures of retention.
    pub retention: RetentionMetrics,
}

/// The rules' numbers; all are settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How long a user may withdraw a message, in milliseconds.
    pub withdraw_window: Millis,
    /// The same for an agent.
    pub withdraw_window_agent: Millis,
    /// Whether a group that was never defined is open to all.
    pub groups_open: bool,
    /// How long an idempotency key is remembered, in milliseconds.
    pub idempotency_age: Millis,
    /// How many keyed sends of a conversation are remembered.
    pub idempotency_count: usize,
    /// How long messages are kept, by kind of conversation.
    pub retention: Retentions,
    /// How often conversations that nobody touches are looked at for retention, in milliseconds; 0 = never.
    pub retention_interval: Millis,
    /// What routing goes by.
    pub routing: Numbers,
    /// How often each enterprise's routing is audited, in milliseconds; 0 = never.
    pub audit_interval: Millis,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            withdraw_window: 120_000,
            withdraw_window_agent: 120_000,
            groups_open: true,
            idempotency_age: 86_400_000,
            idempotency_count: 1_000,
            retention: Retentions::default(),
            retention_interval: 3_600_000,
            routing: Numbers::DEFAULT,
            audit_interval: 60_000,
        }
    }
}
