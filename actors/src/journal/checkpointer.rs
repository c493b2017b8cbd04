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
use crate::ports::StoreError;

/// An actor that was asked is not asked again for so long: its snapshot may be under way, and one that cannot
/// write any must not keep others from being asked.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Runs until the journal closes.
pub(super) async fn run(journal: Arc<Journal>, deliver: Arc<dyn Deliver>) {
    let mut closing = journal.closing.subscribe();
    let mut asked: HashMap<ActorKey, Instant> = HashMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(journal.settings.checkpoint_interval) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        if journal.healthy().is_err() {
            continue;
        }
        asked.retain(|_, when| when.elapsed() < ASK_AGAIN_AFTER);
        for key in journal.lagging(&asked) {
            guarded("checkpoint", || deliver.checkpoint(&key));
            asked.insert(key, Instant::now());
        }
        if let Err(error) = journal.checkpoint_now().await {
            tracing::warn!(%error, "the checkpoint could not be advanced");
        }
    }
}

impl Journal {
    /// The actors whose oldest unsaved fact lies too far behind, oldest first, without those just asked; at
    /// most as many as one interval may ask.
    fn lagging(&self, asked: &HashMap<ActorKey, Instant>) -> Vec<ActorKey> {
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
        let behind = index.by_age().take_while(|(oldest, _)| *oldest < below).map(|(_, key)| key);
        behind.filter(|key| !asked.contains_key(*key)).take(settings.checkpoint_actors).cloned().collect()
    }

    /// The keys of all actors with facts above their snapshot, the oldest first: whom to ask at shutdown.
    pub fn dirty_keys(&self) -> Vec<ActorKey> {
        self.index.lock().by_age().map(|(_, key)| key.clone()).collect()
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
        let batches = self.store.trim(below).await?;
        self.trimmed.store(below, Ordering::Relaxed);
        self.metrics.trimmed_batches.inc_by(batches);
        self.milestones.lock().forget_below(below);
        Ok(())
    }
}
