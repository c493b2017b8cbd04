//! The journal's numbers, each with its reason.

use std::time::Duration;

use crate::breaker::BreakerSettings;

/// How the journal commits, keeps and checkpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalSettings {
    /// Most facts in one commit. Bounds how long a commit takes and how much one unknown outcome holds up.
    pub max_events: usize,
    /// Most encoded bytes in one commit; one turn's facts are never split, so a single larger turn still goes
    /// alone.
    pub max_bytes: usize,
    /// How long an unsuccessful commit is tried or asked after before its callers are told.
    pub resolve_timeout: Duration,
    /// How long facts are kept after they are in snapshots: resume and webhooks read them.
    pub retention: Duration,
    /// Most bytes kept for [`JournalSettings::retention`]; facts that recovery needs are kept regardless.
    pub retention_bytes: u64,
    /// How often the checkpoint is advanced and lagging actors are asked for snapshots.
    pub checkpoint_interval: Duration,
    /// An actor whose oldest unsaved fact lies this many facts behind is asked for a snapshot.
    pub checkpoint_lag_events: u64,
    /// The same in encoded bytes behind: bounds what recovery reads.
    pub checkpoint_lag_bytes: u64,
    /// The same in time.
    pub checkpoint_lag: Duration,
    /// Most actors asked for a snapshot at once, so that checkpointing never crowds out callers. The next are
    /// asked as soon as those have written theirs, so that it keeps up however many lag.
    pub checkpoint_actors: usize,
    /// Most pages of messages that one transaction of a snapshot writes: some 10 ms of a thread, then commits go first.
    pub save_pages: usize,
    /// Bytes of recent facts kept decoded (256 per fact and its encoded bytes). Large enough for everything within
    /// the checkpoint's lag: what snapshots lack is spread over as many batches as there are facts, and reading
    /// each of them from storage would cost more than what the checkpoint is for.
    pub cache_bytes: u64,
    /// When storage counts as away, and how often it is asked then.
    pub breaker: BreakerSettings,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            max_events: 1_000,
            max_bytes: 4 << 20,
            resolve_timeout: Duration::from_secs(2),
            retention: Duration::from_secs(86_400),
            retention_bytes: 4 << 30,
            checkpoint_interval: Duration::from_secs(2),
            checkpoint_lag_events: 100_000,
            checkpoint_lag_bytes: 48 << 20,
            checkpoint_lag: Duration::from_secs(300),
            checkpoint_actors: 32,
            save_pages: 8,
            cache_bytes: 128 << 20,
            breaker: BreakerSettings::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backpressure::THROTTLES;
    use super::super::cache::FACT_OVERHEAD;
    use super::*;

    #[test]
    fn everything_that_lags_before_commits_wait_for_snapshots_fits_the_cache() {
        let settings = JournalSettings::default();
        let few_and_large = settings.checkpoint_lag_bytes;
        let many_and_small = settings.checkpoint_lag_events * (FACT_OVERHEAD + 200);
        for lag in [few_and_large, many_and_small] {
            assert!(lag as f64 * THROTTLES[0] <= settings.cache_bytes as f64, "{lag}");
        }
    }
}
