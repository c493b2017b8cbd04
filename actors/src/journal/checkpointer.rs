//! Keeps recovery short and the journal bounded: asks lagging actors for snapshots, records from where
//! recovery must read, and deletes what neither recovery nor retention needs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::committer::guarded;
use super::{Deliver, Journal};
use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, Millis};
use crate::fail_point;
use crate::ports::StoreError;

/// An actor that was asked is not asked again for so long: its snapshot may be under way, and one that cannot
/// write any must not keep others from being asked.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How soon the next actors are asked while some lag: soon after those asked before have written theirs. They are
/// few at a time, because each takes storage and threads from whoever waits for an answer.
const WHILE_LAGGING: Duration = Duration::from_millis(5);

/// An actor that was asked for a snapshot, because of the fact at `oldest`.
struct Asked {
    oldest: Position,
    when: Instant,
}

/// Runs until the journal closes.
pub(super) async fn run(journal: Arc<Journal>, deliver: Arc<dyn Deliver>) {
    let mut closing = journal.closing.subscribe();
    let mut asked: HashMap<ActorKey, Asked> = HashMap::new();
    let interval = journal.settings.checkpoint_interval;
    let mut recorded = Instant::now();
    loop {
        let pause = if asked.is_empty() { interval } else { interval.min(WHILE_LAGGING) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        if journal.healthy().is_err() {
            continue;
        }
        journal.forget_answered(&mut asked);
        for (key, oldest) in journal.lagging(&asked) {
            guarded("checkpoint", || deliver.checkpoint(&key));
            asked.insert(key, Asked { oldest, when: Instant::now() });
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
    /// Leaves those whose snapshot is still missing and who are not to be asked again yet.
    fn forget_answered(&self, asked: &mut HashMap<ActorKey, Asked>) {
        let index = self.index.lock();
        asked.retain(|key, asked| {
            asked.when.elapsed() < ASK_AGAIN_AFTER
                && index.oldest_of(key).is_some_and(|is| is <= asked.oldest)
        });
    }

    /// The actors whose oldest unsaved fact lies too far behind, oldest first, without those just asked; at
    /// most as many as may be asked at once, with those asked within one interval who have not written yet.
    fn lagging(&self, asked: &HashMap<ActorKey, Asked>) -> Vec<(ActorKey, Position)> {
        let settings = &self.settings;
        let committed = self.committed();
        let too_many_below = committed.saturating_sub(settings.checkpoint_lag_events);
        let (too_large_below, too_old_below) = {
            let milestones = self.milestones.lock();
            let lag = Millis::try_from(settings.checkpoint_lag.as_millis()).unwrap_or(Millis::MAX);
            let since = self.clock.now().saturating_sub(lag);
            (
                milestones.expired_below(Millis::MIN, settings.checkpoint_lag_bytes),
                milestones.expired_below(since, u64::MAX),
            )
        };
        let below = too_many_below.max(too_large_below).max(too_old_below);
        let index = self.index.lock();
        let busy = asked.values().filter(|asked| asked.when.elapsed() < settings.checkpoint_interval).count();
        let room = settings.checkpoint_actors.saturating_sub(busy);
        let behind = index.by_age().take_while(|(oldest, _)| *oldest < below);
        let next = behind.filter(|(_, key)| !asked.contains_key(*key)).take(room);
        next.map(|(oldest, key)| (key.clone(), oldest)).collect()
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
        match timeout(self.settings.resolve_timeout, self.checkpoint_now()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last checkpoint could not be recorded"),
            Err(_) => tracing::warn!("the last checkpoint could not be recorded in time"),
        }
    }

    async fn trim(&self, replay_from: Position) -> Result<(), StoreError> {
        let retention = Millis::try_from(self.settings.retention.as_millis()).unwrap_or(Millis::MAX);
        let since = self.clock.now().saturating_sub(retention);
        let expired = self.milestones.lock().expired_below(since, self.settings.retention_bytes);
        let below = expired.min(replay_from);
        if below <= self.trimmed.load(Ordering::Relaxed) {
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
