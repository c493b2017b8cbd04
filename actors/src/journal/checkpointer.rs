//! Keeps recovery short and the journal bounded: asks lagging actors for snapshots, records from where
//! recovery must read, and deletes what neither recovery nor retention needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::backpressure::{THROTTLES, URGENT};
use super::committer::guarded;
use super::{Deliver, Journal};
use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, Millis};
use crate::fail_point;
use crate::ports::StoreError;

/// An actor that was asked is not asked again for so long: its snapshot may be under way. Each time for twice as long:
/// one that cannot write any must not keep others from being asked.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// An actor that was asked so often (the last time after half a minute) and is not being written is waited for by nobody:
/// it is quarantined, or cannot be saved.
const STUCK_AFTER: u32 = 3;

/// The longest of these times is so many times the shortest, ten minutes: an actor that was resumed is saved by then.
const ASK_AGAIN_MOST: u32 = 64;

/// So many times as many as may be asked at once may owe their snapshots at the same time: they stay in memory for it.
const MOST_OWED: usize = 8;

/// How soon the next actors are asked while some lag: soon after those asked before have written theirs. They are
/// few at a time, because each takes storage and threads from whoever waits for an answer.
const WHILE_LAGGING: Duration = Duration::from_millis(5);

/// The same when it is urgent: with the pause above those asked were done long before the next were.
const WHILE_URGENT: Duration = Duration::from_millis(1);

/// What a snapshot costs beside the facts that its actor decided, in such facts: 0.4 ms without a page, 10 to 16 µs for
/// each message (docs/performance.md). What an actor was told changes rows that are few.
const SNAPSHOT_COST: usize = 32;

/// An actor that was asked for a snapshot, because of the fact at `oldest`.
pub(super) struct Asked {
    oldest: Position,
    /// The last time.
    when: Instant,
    /// How often.
    times: u32,
}

impl Asked {
    /// Whether its snapshot may still come.
    fn lately(&self) -> bool {
        self.when.elapsed() < ASK_AGAIN_AFTER
    }

    /// Whether it is to be asked once more.
    fn is_due(&self) -> bool {
        let longer = 1 << self.times.saturating_sub(1).min(ASK_AGAIN_MOST.ilog2());
        self.when.elapsed() >= ASK_AGAIN_AFTER * longer
    }
}

/// How much may be asked for by now, so that all that lag are asked by the time they would be urgent: asking them
/// at once would take the threads and the disk from those who wait for answers. Counted in facts, not in
/// actors: a few busy conversations hold most of what there is, and they are the oldest.
struct Pace {
    /// As of the last look.
    committed: Position,
    written: u64,
    when: Instant,
    /// Grows with what is committed, at most to what as many as may be asked at once hold on average. Below zero
    /// after one that holds more, but not so far that others wait for longer than a lag.
    allowance: f64,
}

impl Pace {
    fn new(journal: &Journal) -> Self {
        let written = journal.milestones.lock().written();
        Self { committed: journal.committed(), written, when: Instant::now(), allowance: 0.0 }
    }

    /// Adds what has come since the last look.
    fn advance(&mut self, journal: &Journal) {
        let settings = journal.settings();
        let now = Self { allowance: self.allowance, ..Self::new(journal) };
        let share = |grown: u64, lag: u64| grown as f64 / lag.max(1) as f64;
        let lags = share(now.committed.saturating_sub(self.committed), settings.checkpoint_lag_events)
            .max(share(now.written.saturating_sub(self.written), settings.checkpoint_lag_bytes))
            .max(now.when.duration_since(self.when).as_secs_f64() / settings.checkpoint_lag.as_secs_f64());
        let (actors, facts) = {
            let index = journal.index.lock();
            (index.len() as f64, index.decided() as f64)
        };
        *self = now;
        let cost = actors * SNAPSHOT_COST as f64 + facts;
        let most = cost / actors.max(1.0) * settings.checkpoint_actors as f64;
        self.allowance = (self.allowance.max(-cost) + cost * lags / (URGENT - 1.0)).min(most);
    }
}

/// Runs until the journal closes.
pub(super) async fn run(journal: Arc<Journal>, deliver: Arc<dyn Deliver>) {
    let mut closing = journal.closing.subscribe();
    let (mut pace, mut recorded, mut lagging) = (Pace::new(&journal), Instant::now(), false);
    loop {
        let interval = journal.settings().checkpoint_interval;
        let pause = match (lagging, journal.backpressure.urgent.load(Ordering::Relaxed)) {
            (false, _) => interval,
            (true, false) => interval.min(WHILE_LAGGING),
            (true, true) => interval.min(WHILE_URGENT),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = journal.retuned.notified() => continue, // the interval may be another one now
            _ = closing.wait_for(|closing| *closing) => return,
        }
        if journal.healthy().is_err() {
            continue;
        }
        journal.forget_answered();
        pace.advance(&journal);
        let next = journal.lagging(&mut pace.allowance);
        journal.share_saves();
        lagging = next.is_some() || journal.asked.lock().values().any(Asked::lately);
        // Noted as asked before they are, so that they stay in memory from then on.
        for key in next.unwrap_or_default() {
            guarded("checkpoint", || deliver.checkpoint(&key));
        }
        if recorded.elapsed() < interval {
            continue;
        }
        recorded = Instant::now();
        if let Err(error) = journal.checkpoint_now().await {
            tracing::warn!(%error, "the checkpoint could not be advanced");
        }
    }
}

impl Journal {
    /// Leaves those whose snapshot is still missing.
    fn forget_answered(&self) {
        let mut asked = self.asked.lock();
        let index = self.index.lock();
        asked.retain(|key, asked| index.oldest_of(key).is_some_and(|is| is <= asked.oldest));
    }

    /// Whether an actor should stay in memory for its snapshot: it was asked lately and has not written it (it would be
    /// activated for it again and again), or it is being written (whoever activates it then would wait for that). Few
    /// are: a small multiple of [`JournalSettings::checkpoint_actors`], however storage does.
    ///
    /// [`JournalSettings::checkpoint_actors`]: super::JournalSettings::checkpoint_actors
    pub fn awaits_snapshot_of(&self, key: &ActorKey) -> bool {
        self.asked.lock().get(key).is_some_and(Asked::lately) || self.writing.in_use(key)
    }

    /// The actors whose oldest unsaved fact lies too far behind, oldest first, without those just asked: until they
    /// have used up `allowance`, or (when it is urgent, and then it is not touched) as many as may be asked at once, with
    /// those asked within one interval who have not written yet. They count as asked from now on. `None`: nobody lies
    /// too far behind but who was asked in vain.
    fn lagging(&self, allowance: &mut f64) -> Option<Vec<ActorKey>> {
        let (below, urgent_below) = (self.unsaved_below(1.0), self.unsaved_below(URGENT));
        let throttled_below = THROTTLES.map(|lags| self.too_much_below(lags));
        let settings = self.settings();
        let interval = settings.checkpoint_interval;
        let mut asked = self.asked.lock();
        let busy = asked.values().filter(|asked| asked.when.elapsed() < interval).count();
        let owed = asked.values().filter(|asked| asked.lately()).count();
        let most = settings.checkpoint_actors;
        let room = most.saturating_sub(busy).min((most * MOST_OWED).saturating_sub(owed));
        let index = self.index.lock();
        let is_stuck = |key: &ActorKey| {
            asked.get(key).is_some_and(|asked| asked.times >= STUCK_AFTER) && !self.writing.in_use(key)
        };
        let awaited =
            index.by_age().find(|(_, key)| !is_stuck(key)).map_or(Position::MAX, |(oldest, _)| oldest);
        let urgent = awaited < urgent_below;
        self.backpressure.urgent.store(urgent, Ordering::Relaxed);
        let throttles = throttled_below.iter().filter(|below| awaited < **below).count();
        self.backpressure.throttles.store(throttles, Ordering::Relaxed);
        let behind = index.by_age().take_while(|(oldest, _)| *oldest < below);
        let next = behind.filter(|(_, key)| asked.get(*key).is_none_or(Asked::is_due)).take(room);
        let allowed = next.take_while(|(_, key)| {
            let allowed = urgent || *allowance > 0.0;
            if allowed && !urgent {
                *allowance -= (SNAPSHOT_COST + index.decided_of(key)) as f64;
            }
            allowed
        });
        let next: Vec<_> = allowed.map(|(oldest, key)| (key.clone(), oldest)).collect();
        for (key, oldest) in &next {
            let times = asked.get(key).map_or(0, |asked| asked.times) + 1;
            asked.insert(key.clone(), Asked { oldest: *oldest, when: Instant::now(), times });
        }
        let behind = awaited < below || !next.is_empty();
        behind.then(|| next.into_iter().map(|(key, _)| key).collect())
    }

    /// The position below which facts are further behind than so many times the lag allowed: in number, in bytes or
    /// in time.
    fn unsaved_below(&self, lags: f64) -> Position {
        let lag = self.settings().checkpoint_lag.mul_f64(lags).as_millis();
        let since = self.clock.now().saturating_sub(Millis::try_from(lag).unwrap_or(Millis::MAX));
        let too_old_below = self.milestones.lock().expired_below(since, u64::MAX);
        self.too_much_below(lags).max(too_old_below)
    }

    /// The same, in number and in bytes only.
    fn too_much_below(&self, lags: f64) -> Position {
        let settings = self.settings();
        let times = |lag: u64| (lag as f64 * lags) as u64;
        let too_many_below = self.committed().saturating_sub(times(settings.checkpoint_lag_events));
        let too_large_below =
            self.milestones.lock().expired_below(Millis::MIN, times(settings.checkpoint_lag_bytes));
        too_many_below.max(too_large_below)
    }

    /// The keys of all actors with facts above their snapshot, the oldest first.
    pub fn dirty_keys(&self) -> Vec<ActorKey> {
        self.index.lock().by_age().map(|(_, key)| key.clone()).collect()
    }

    /// The oldest `limit` of them: whom to ask next at shutdown.
    pub fn oldest_dirty(&self, limit: usize) -> Vec<ActorKey> {
        self.index.lock().by_age().take(limit).map(|(_, key)| key.clone()).collect()
    }

    /// Records the present checkpoint and deletes what nothing needs any more.
    ///
    /// # Errors
    /// Those of the store; a later call makes up for it.
    pub async fn checkpoint_now(&self) -> Result<(), StoreError> {
        let replay_from = {
            // In this order: a fact is noted in the index before the committed position rises to it.
            let above = self.committed() + 1;
            self.index.lock().oldest().map_or(above, |oldest| oldest.first)
        };
        let mut recorded = self.checkpoint.lock().await;
        if replay_from > *recorded {
            fail_point!(CheckpointBeforeRecord);
            self.store.set_checkpoint(replay_from).await?;
            *recorded = replay_from;
            self.metrics.checkpoint_position.set(replay_from as i64);
        }
        self.trim(*recorded).await
    }

    /// The last one before the end: an absent store must not hold it up.
    pub(super) async fn last_checkpoint(&self) {
        match timeout(self.settings().resolve_timeout, self.checkpoint_now()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last checkpoint could not be recorded"),
            Err(_) => tracing::warn!("the last checkpoint could not be recorded in time"),
        }
    }

    async fn trim(&self, replay_from: Position) -> Result<(), StoreError> {
        let settings = self.settings();
        let retention = Millis::try_from(settings.retention.as_millis()).unwrap_or(Millis::MAX);
        let since = self.clock.now().saturating_sub(retention);
        let expired = self.milestones.lock().expired_below(since, settings.retention_bytes);
        let below = expired.min(replay_from);
        let held = Arc::strong_count(&self.holds) > 1;
        if held || below <= self.trimmed.load(Ordering::Relaxed) {
            return Ok(());
        }
        fail_point!(CheckpointBeforeTrim);
        let batches = self.store.trim(below).await?;
        fail_point!(CheckpointAfterTrim);
        self.trimmed.store(below, Ordering::Relaxed);
        self.metrics.trimmed_batches.inc_by(batches);
        self.milestones.lock().forget_below(below);
        Ok(())
    }
}
