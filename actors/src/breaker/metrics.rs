//! The breaker's figures.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What the breaker measures. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct BreakerMetrics {
    pub(super) open: Gauge,
    pub(super) reads_refused: Gauge,
    pub(super) opened: Counter,
    pub(super) refused: Counter,
    probes: Family<Outcome, Counter>,
}

impl BreakerMetrics {
    /// Lists every figure in `registry`. Counters get their `_total` when written.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("messagecenter_storage_breaker_open", "1 while it is open", self.open.clone());
        registry.register(
            "messagecenter_storage_breaker_reads_refused",
            "1 while it is open for reads as well",
            self.reads_refused.clone(),
        );
        registry.register("messagecenter_storage_breaker_openings", "Times it opened", self.opened.clone());
        registry.register(
            "messagecenter_storage_breaker_refused",
            "Calls of storage refused while it was open",
            self.refused.clone(),
        );
        registry.register(
            "messagecenter_storage_breaker_probes",
            "Times that storage was asked while it was open",
            self.probes.clone(),
        );
    }

    pub(super) fn probed(&self, answered: bool) {
        let outcome = if answered { "answered" } else { "failed" };
        self.probes.get_or_create(&Outcome { outcome }).inc();
    }
}
