//! What happens while snapshots do not keep up with commits: they stop to rest, and later commits wait for them.
//!
//! Both need the same threads and disk. Without a bound commits would take them all, and what a recovery replays, the
//! memory that unsaved facts take and the reading for snapshots would grow for as long as the load lasts: beyond the
//! cache of recent facts, an inactive actor's snapshot reads hundreds of batches from storage.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// At so many times the lag allowed, as many actors are asked for snapshots at once as may be, and large snapshots are
/// written without rests. Until then the work is spread: over half a lag, snapshots took the cores from callers for
/// seconds and then rested.
pub(super) const URGENT: f64 = 2.0;

/// From so many times the lag allowed on, no more is committed than snapshots take away; from each further one on, a
/// quarter less. At the last, with the default lag, a recovery takes about two seconds (docs/benchmarks).
pub(super) const THROTTLES: [f64; 3] = [2.5, 3.0, 3.5];

/// What is taken away is averaged over so long: a large snapshot takes seconds.
const WINDOW: Duration = Duration::from_secs(5);

/// How far apart the samples of it are.
const SAMPLE: Duration = Duration::from_millis(100);

/// So many a second are committed at least, counted as those that are drained (a send counts three times): snapshots
/// that cannot be written must not stop the service.
const LEAST: f64 = 1_500.0;

/// No commit waits for longer: a caller waits for two at most, and its patience is some seconds
/// (`http.request_timeout_ms`).
const LONGEST: Duration = Duration::from_millis(250);

/// Shared by those who write snapshots, the checkpointer and the committer.
#[derive(Default)]
pub(super) struct Backpressure {
    /// Nobody waits for answers any more. Set at the end.
    pub draining: AtomicBool,
    /// Facts lag so far behind that a recovery would take too long. Written by the checkpointer.
    pub urgent: AtomicBool,
    /// How many of [`THROTTLES`] are passed. Written by the checkpointer.
    pub throttles: AtomicUsize,
    /// What snapshots took away: facts, each counted for every actor concerned (an inbox is activated for its snapshot and
    /// replays them, which costs as much as anything else). Written by those who write them.
    pub drained: AtomicU64,
}

impl Backpressure {
    /// Whether large snapshots rest between their pieces.
    pub fn rests(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && !self.urgent.load(Ordering::Relaxed)
    }

    /// Whether commits wait for snapshots, or nobody waits for commits.
    pub fn snapshots_go_first(&self) -> bool {
        self.draining.load(Ordering::Relaxed) || self.throttles.load(Ordering::Relaxed) > 0
    }
}

/// The committer's throttle.
pub(super) struct Throttle {
    /// When, and how much had been drained by then; rising.
    samples: VecDeque<(Instant, u64)>,
    /// How much had been noted when it was asked last.
    noted: u64,
}

impl Throttle {
    /// One that was asked never; `noted`: what was noted by then.
    pub const fn new(noted: u64) -> Self {
        Self { samples: VecDeque::new(), noted }
    }

    /// How long to wait before the next commit, after one that took from `began` to `now`. `noted`: facts ever noted,
    /// counted as those that are drained.
    pub fn pause(
        &mut self,
        backpressure: &Backpressure,
        noted: u64,
        began: Instant,
        now: Instant,
    ) -> Duration {
        let facts = noted - std::mem::replace(&mut self.noted, noted);
        let drained = backpressure.drained.load(Ordering::Relaxed);
        self.note(drained, now);
        let passed = backpressure.throttles.load(Ordering::Relaxed);
        if passed == 0 || backpressure.draining.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let share = 1.0 - (passed - 1) as f64 / 4.0;
        let rate = (self.rate(drained, now) * share).max(LEAST);
        let due = Duration::from_secs_f64(facts as f64 / rate);
        due.saturating_sub(now.duration_since(began)).min(LONGEST)
    }

    fn note(&mut self, drained: u64, now: Instant) {
        if self.samples.back().is_none_or(|(last, _)| now.duration_since(*last) >= SAMPLE) {
            self.samples.push_back((now, drained));
        }
        // The oldest one kept lies a whole window back, or nearly.
        while self.samples.get(1).is_some_and(|(second, _)| now.duration_since(*second) >= WINDOW) {
            self.samples.pop_front();
        }
    }

    /// Facts drained a second.
    fn rate(&self, drained: u64, now: Instant) -> f64 {
        let Some((since, before)) = self.samples.front() else { return 0.0 };
        let seconds = now.duration_since(*since).max(SAMPLE).as_secs_f64();
        drained.saturating_sub(*before) as f64 / seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits of 100 facts that take 1 ms while `drained` facts a second are taken away: facts committed a second.
    fn committed(throttles: usize, drained: f64) -> f64 {
        let (backpressure, mut throttle) = (Backpressure::default(), Throttle::new(0));
        backpressure.throttles.store(throttles, Ordering::Relaxed);
        let start = Instant::now();
        let (mut now, mut facts) = (start, 0_u64);
        while now < start + Duration::from_secs(20) {
            let began = now;
            now += Duration::from_millis(1);
            let seconds = now.duration_since(start).as_secs_f64();
            backpressure.drained.store((seconds * drained) as u64, Ordering::Relaxed);
            facts += 100;
            now += throttle.pause(&backpressure, facts, began, now);
        }
        facts as f64 / now.duration_since(start).as_secs_f64()
    }

    #[test]
    fn no_more_is_committed_than_is_taken_away_and_less_the_further_it_lags() {
        assert!(committed(0, 8_000.0) > 90_000.0, "without a throttle nothing waits");
        for (throttles, share) in [(1, 1.0), (2, 0.75), (3, 0.5)] {
            let rate = committed(throttles, 8_000.0);
            assert!((rate / (8_000.0 * share) - 1.0).abs() < 0.1, "{throttles}: {rate}");
        }
    }

    #[test]
    fn what_is_not_taken_away_at_all_slows_commits_but_does_not_stop_them() {
        let rate = committed(3, 0.0);
        assert!((1_300.0..=1_700.0).contains(&rate), "{rate}");
    }

    #[test]
    fn nobody_is_slowed_at_the_end() {
        let (backpressure, mut throttle) = (Backpressure::default(), Throttle::new(0));
        backpressure.throttles.store(3, Ordering::Relaxed);
        let now = Instant::now();
        assert_eq!(throttle.pause(&backpressure, 10_000, now, now), LONGEST);
        backpressure.draining.store(true, Ordering::Relaxed);
        assert_eq!(throttle.pause(&backpressure, 20_000, now, now), Duration::ZERO);
    }
}
