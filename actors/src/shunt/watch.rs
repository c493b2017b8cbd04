//! The auditor beside the work: each routing checks its own guarantees now and then, and the figures say how
//! many do not hold. They must read 0.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::domain::event::ShuntChange;
use crate::domain::ids::{EntId, Millis};
use crate::domain::shunt::State;
use crate::domain::shunt::audit::patrol;
use crate::world::{Rules, World};

/// A routing with this many open sessions is checked ten times less often: a check looks at every one.
const MANY_SESSIONS: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// Figures of routing, over all enterprises. Cheap to clone; clones share their figures.
#[derive(Debug, Clone, Default)]
pub struct RoutingMetrics {
    violations: Gauge,
    audits: Counter,
    waiting: Gauge,
    sessions: Gauge,
    changes: Family<What, Counter>,
}

impl RoutingMetrics {
    /// Registers them under `messagecenter_routing_`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "messagecenter_routing_violations",
            "Guarantees of routing that the latest audits found broken; must be 0",
            self.violations.clone(),
        );
        registry.register(
            "messagecenter_routing_audits",
            "Audits of an enterprise's routing",
            self.audits.clone(),
        );
        registry.register(
            "messagecenter_routing_waiting",
            "Customers waiting, as of the latest audits",
            self.waiting.clone(),
        );
        registry.register(
            "messagecenter_routing_sessions",
            "Open sessions, as of the latest audits",
            self.sessions.clone(),
        );
        registry.register(
            "messagecenter_routing_changes",
            "What routing decided: assigned, offered, requeued, leased and so on",
            self.changes.clone(),
        );
    }

    /// Counts decided changes.
    pub(crate) fn count(&self, changes: &[ShuntChange]) {
        for change in changes {
            self.changes.get_or_create(&What { what: change.name() }).inc();
        }
    }
}

/// When one routing was last checked, and with what result.
pub(super) struct Watch {
    ent: EntId,
    metrics: RoutingMetrics,
    last: Millis,
    seen: [i64; 3],
}

impl Watch {
    pub(super) fn new(ent: EntId, world: &Arc<World>) -> Self {
        Self { ent, metrics: world.routing.clone(), last: world.clock.now(), seen: [0; 3] }
    }

    /// Checks if it is time to. What is broken is logged by its words, which name ids and nothing else.
    pub(super) fn look(&mut self, state: &State, now: Millis, rules: &Rules) {
        let every = rules.audit_interval;
        let many = if state.open_sessions() > MANY_SESSIONS { 10 } else { 1 };
        if every == 0 || now.saturating_sub(self.last) < every.saturating_mul(many) {
            return;
        }
        self.last = now;
        let violations = patrol(state, now, &rules.routing);
        for violation in &violations {
            tracing::error!(ent = self.ent, %violation, "a guarantee of routing does not hold");
        }
        self.metrics.audits.inc();
        self.show([violations.len(), state.waiting(), state.open_sessions()].map(|n| n as i64));
    }

    /// Replaces what this routing adds to the figures.
    fn show(&mut self, now: [i64; 3]) {
        let gauges = [&self.metrics.violations, &self.metrics.waiting, &self.metrics.sessions];
        for ((gauge, before), now) in gauges.into_iter().zip(self.seen).zip(now) {
            gauge.inc_by(now - before);
        }
        self.seen = now;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.show([0; 3]);
    }
}
