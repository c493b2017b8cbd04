//! What the journal measures. Labels are bounded: reasons are the variants of `StoreError`.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use crate::ports::StoreError;

/// Why an attempt to commit failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FailureLabel {
    reason: &'static str,
}

/// The journal's figures. Cheap to clone: clones count together.
#[derive(Debug, Clone)]
pub struct JournalMetrics {
    pub(super) commit_events: Histogram,
    pub(super) commit_bytes: Histogram,
    pub(super) commit_seconds: Histogram,
    commit_failures: Family<FailureLabel, Counter>,
    pub(super) committed_position: Gauge,
    pub(super) queue_events: Gauge,
    pub(super) snapshots: Counter,
    pub(super) recovery_seconds: Histogram,
    pub(super) recovery_events: Histogram,
    pub(crate) snapshot_fallbacks: Counter,
    pub(super) replayed_events: Gauge,
    pub(super) rollbacks: Counter,
    pub(super) dirty_actors: Gauge,
    pub(super) checkpoint_position: Gauge,
    pub(super) trimmed_batches: Counter,
    pub(super) throttled_seconds: Counter<f64, AtomicU64>,
}

impl Default for JournalMetrics {
    fn default() -> Self {
        Self {
            commit_events: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            commit_bytes: Histogram::new(exponential_buckets(256.0, 4.0, 9)),
            commit_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            commit_failures: Family::default(),
            committed_position: Gauge::default(),
            queue_events: Gauge::default(),
            snapshots: Counter::default(),
            recovery_seconds: Histogram::new(exponential_buckets(0.000_1, 4.0, 9)),
            recovery_events: Histogram::new(exponential_buckets(1.0, 4.0, 9)),
            snapshot_fallbacks: Counter::default(),
            replayed_events: Gauge::default(),
            rollbacks: Counter::default(),
            dirty_actors: Gauge::default(),
            checkpoint_position: Gauge::default(),
            trimmed_batches: Counter::default(),
            throttled_seconds: Counter::default(),
        }
    }
}

fn list(registry: &mut Registry, name: &str, help: &str, metric: &(impl Metric + Clone)) {
    registry.register(format!("messagecenter_{name}"), help, metric.clone());
}

impl JournalMetrics {
    /// Lists every figure in `registry`. Counters get their `_total` when written.
    pub fn register(&self, registry: &mut Registry) {
        list(registry, "commit_events", "Facts in one commit", &self.commit_events);
        list(registry, "commit_bytes", "Encoded bytes of one commit", &self.commit_bytes);
        list(registry, "commit_seconds", "Time of one durable commit", &self.commit_seconds);
        list(registry, "commit_failures", "Attempts to commit that failed", &self.commit_failures);
        list(registry, "committed_position", "Newest committed fact", &self.committed_position);
        list(
            registry,
            "journal_queue_events",
            "Facts decided and not taken for a commit",
            &self.queue_events,
        );
        list(registry, "snapshots", "Snapshots written", &self.snapshots);
        list(
            registry,
            "recovery_seconds",
            "Time to read what one actor recovers from",
            &self.recovery_seconds,
        );
        list(registry, "recovery_events", "Facts one actor replayed", &self.recovery_events);
        list(
            registry,
            "snapshot_fallbacks",
            "Recoveries without the newest snapshot, which could not be understood",
            &self.snapshot_fallbacks,
        );
        list(registry, "replayed_events", "Facts indexed at the last start", &self.replayed_events);
        list(registry, "journal_rollbacks", "Commits that failed for good", &self.rollbacks);
        list(
            registry,
            "dirty_actors",
            "Actors with facts above their snapshot, active or not",
            &self.dirty_actors,
        );
        list(
            registry,
            "checkpoint_position",
            "Where recovery would start reading",
            &self.checkpoint_position,
        );
        list(registry, "journal_trimmed_batches", "Batches deleted", &self.trimmed_batches);
        list(
            registry,
            "commit_throttled_seconds",
            "Time that commits waited for snapshots that lag too far",
            &self.throttled_seconds,
        );
    }

    pub(super) fn commit_failed(&self, error: &StoreError) {
        let reason = match error {
            StoreError::Conflict(_) => "conflict",
            StoreError::Exists => "exists",
            StoreError::Fenced(_) => "fenced",
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Corrupt(_) => "corrupt",
            StoreError::Unknown(_) => "unknown",
        };
        self.commit_failures.get_or_create(&FailureLabel { reason }).inc();
    }
}
