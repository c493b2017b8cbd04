//! Snapshots on their way to storage, once what they hold is committed.
//!
//! Guarantees: a snapshot never shows a fact that is not committed, nor lands on a newer one; a write is bounded
//! in size, however much changed since the last snapshot.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::backpressure::Backpressure;
use super::{Journal, Mode, Progress};
use crate::domain::history::PAGE_MESSAGES;
use crate::domain::ids::ActorKey;
use crate::fail_point;
use crate::ports::{Page, Snapshot, Store, StoreError};

/// Most snapshots written at once: they share the disk's syncs, and those of inactive actors are small.
const SAVES_AT_MOST: usize = 12;

/// Snapshots written at once while commits go first: they keep both the disk and a thread busy, and a commit finds a
/// thread. (With four on two cores, under sustained load, commits took three times as long; with one, latency was no
/// better and actors left memory more slowly.)
const SAVES_AT_ONCE: usize = 2;

/// The turns of those who write snapshots.
pub(super) struct Turns {
    free: Semaphore,
    /// How many there are, and how many there should be: those that are too many end with the writes that hold them.
    places: Mutex<Places>,
}

struct Places {
    are: usize,
    wanted: usize,
}

/// A turn; ends when dropped.
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// As many as there are while commits go first.
    pub fn new() -> Self {
        let places = Places { are: SAVES_AT_ONCE, wanted: SAVES_AT_ONCE };
        Self { free: Semaphore::new(SAVES_AT_ONCE), places: Mutex::new(places) }
    }

    /// Waits for a turn; in order. Cancel safe.
    pub async fn take(self: &Arc<Self>) -> Turn {
        // It is never closed.
        if let Ok(permit) = self.free.acquire().await {
            permit.forget();
        }
        Turn(Arc::clone(self))
    }

    /// More once commits wait for snapshots, fewer again only when these are not urgent any more: otherwise the turns
    /// would go with the first snapshot that lets commits go on, and commits would soon wait again.
    fn share(&self, backpressure: &Backpressure) {
        let mut places = self.places.lock();
        if backpressure.snapshots_go_first() {
            places.wanted = SAVES_AT_MOST;
        } else if backpressure.rests() {
            places.wanted = SAVES_AT_ONCE;
        }
        let surplus = places.are.saturating_sub(places.wanted);
        places.are -= self.free.forget_permits(surplus);
        let lacking = places.wanted.saturating_sub(places.are);
        self.free.add_permits(lacking);
        places.are += lacking;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut places = self.0.places.lock();
        if places.are > places.wanted {
            places.are -= 1;
        } else {
            self.0.free.add_permits(1);
        }
    }
}

/// So many times as long as a piece of a large snapshot took to write, nothing of it is written: otherwise a few
/// busy conversations, whose pages of messages take half a second, take both threads from commits for so long.
const REST: u32 = 2;

/// Pages that are encoded when their turn comes.
pub type LazyPages = Box<dyn Iterator<Item = Result<Page, StoreError>> + Send>;

/// What changed since the snapshot before.
pub struct Changes {
    /// Pages of messages. Replay does nothing to what a page holds already, so most of them may be on disk before
    /// the snapshot is: they are written ahead of it, a bounded number at a time.
    pub messages: LazyPages,
    /// Pages that are written together with the snapshot or not at all.
    pub together: LazyPages,
    /// Numbers of pages of messages that the snapshot does without: deleted in its transaction.
    pub removed: Range<u64>,
}

impl From<Vec<Page>> for Changes {
    /// All of them together with the snapshot.
    fn from(together: Vec<Page>) -> Self {
        let (messages, together) = (std::iter::empty(), together.into_iter().map(Ok));
        Self { messages: Box::new(messages), together: Box::new(together), removed: 0..0 }
    }
}

impl Journal {
    /// Nobody waits for answers any more: from now on as many snapshots are written at once as the disk takes.
    pub fn hurry(&self) {
        self.backpressure.draining.store(true, Ordering::Relaxed);
        self.share_saves();
    }

    /// Call it when what goes first may have changed: whoever waits for a turn gets it at once if there are more now.
    pub(super) fn share_saves(&self) {
        self.saves.share(&self.backpressure);
    }

    /// Saves a snapshot once everything it holds is committed, and forgets the replay positions it covers.
    ///
    /// # Errors
    /// `Unavailable` if a failed commit took what it holds, or while an outcome is unknown; else the store's.
    pub async fn save(
        &self,
        generation: u64,
        mut snapshot: Snapshot,
        changes: impl Into<Changes>,
    ) -> Result<(), StoreError> {
        let changes = changes.into();
        let mut progress = self.progress.subscribe();
        let decided = snapshot.decided;
        let over = |progress: &Progress| {
            progress.committed >= decided || progress.generation > generation || progress.mode != Mode::Open
        };
        let _ = progress.wait_for(over).await; // the sender lives as long as the journal
        let refused =
            |why: &str| Err(StoreError::Unavailable(format!("snapshot of {}: {why}", snapshot.key)));
        // In this order: if nothing was lost by the second look, the position seen before is not one that was
        // given out again.
        if decided > self.committed() {
            return refused("it holds facts without an outcome");
        }
        if self.lost(generation, decided) {
            return refused("it holds facts that were lost");
        }
        // In this order: who has the lock is being written, so these are few.
        let turn = self.saves.take().await;
        // From here on it runs to its end even if the actor that asked is gone: a later incarnation waits for
        // the lock, so an older snapshot never lands on a newer one.
        let writing = self.writing.lock(&snapshot.key).await;
        snapshot.since = self.index.lock().oldest_of(&snapshot.key);
        let (key, told) = (snapshot.key.clone(), snapshot.told);
        let (store, limit) = (Arc::clone(&self.store), self.settings().save_pages.max(1));
        let backpressure = Arc::clone(&self.backpressure);
        let write = async move {
            let outcome = write(&*store, &snapshot, changes, limit, &backpressure).await;
            fail_point!(SnapshotAfterWrite);
            drop(turn);
            (outcome, writing)
        };
        let (outcome, _writing) = match self.handle.spawn(write).await {
            Ok(ended) => ended,
            Err(panicked) => return Err(StoreError::Unknown(panicked.to_string())),
        };
        let counted = outcome?;
        self.metrics.snapshots.inc();
        let mut index = self.index.lock();
        let drained = index.clear(&key, decided, told);
        self.backpressure.drained.fetch_add(drained.saturating_sub(counted), Ordering::Relaxed);
        self.metrics.dirty_actors.set(index.len() as i64);
        Ok(())
    }
}

/// Returns how many facts were counted as drained.
async fn write(
    store: &dyn Store,
    snapshot: &Snapshot,
    changes: Changes,
    limit: usize,
    backpressure: &Backpressure,
) -> Result<u64, StoreError> {
    let (mut rest, counted) =
        write_ahead(store, &snapshot.key, changes.messages, limit, backpressure).await?;
    for page in changes.together {
        rest.push(page?);
        tokio::task::yield_now().await;
    }
    fail_point!(SnapshotBeforeWrite);
    store.save_and_remove(snapshot, &rest, changes.removed).await?;
    Ok(counted)
}

/// Writes pages, `limit` in a transaction, and rests in between unless it presses; returns the last ones, which go with
/// the snapshot, and how many facts the others were counted for.
async fn write_ahead(
    store: &dyn Store,
    key: &ActorKey,
    pages: LazyPages,
    limit: usize,
    backpressure: &Backpressure,
) -> Result<(Vec<Page>, u64), StoreError> {
    let (mut piece, mut counted) = (Vec::new(), 0);
    let mut began = Instant::now();
    for page in pages {
        if piece.len() == limit {
            store.put_pages(key, &piece).await?;
            let facts = piece.len() as u64 * PAGE_MESSAGES;
            backpressure.drained.fetch_add(facts, Ordering::Relaxed);
            counted += facts;
            piece.clear();
            if backpressure.rests() {
                tokio::time::sleep(began.elapsed() * REST).await;
            }
            began = Instant::now();
        }
        piece.push(page?);
        // Encoding must not hold up the commits that share these threads.
        tokio::task::yield_now().await;
    }
    Ok((piece, counted))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn turns_become_fewer_with_the_writes_that_end_although_others_wait() {
        let turns = Arc::new(Turns::new());
        let take =
            |wanted: usize| -> Vec<Turn> { (0..wanted).map_while(|_| turns.take().now_or_never()).collect() };
        let backpressure = Backpressure::default();
        let share = |urgent: bool, throttles: usize| {
            backpressure.urgent.store(urgent, Ordering::Relaxed);
            backpressure.throttles.store(throttles, Ordering::Relaxed);
            turns.share(&backpressure);
        };
        share(true, 0);
        assert_eq!(take(20).len(), SAVES_AT_ONCE, "commits do not wait yet");
        share(true, 1);
        let mut under_way = take(20);
        assert_eq!(under_way.len(), SAVES_AT_MOST);
        share(true, 0);
        under_way.pop();
        under_way.extend(take(20));
        assert_eq!(under_way.len(), SAVES_AT_MOST, "as long as they are urgent");
        share(false, 0);
        while under_way.len() > SAVES_AT_ONCE {
            under_way.pop();
            assert!(take(1).is_empty(), "{} are still being written", under_way.len());
        }
        under_way.pop();
        under_way.extend(take(20));
        assert_eq!(under_way.len(), SAVES_AT_ONCE);
        share(true, 1);
        under_way.extend(take(20));
        assert_eq!(under_way.len(), SAVES_AT_MOST);
        drop(under_way);
        share(false, 0);
        assert_eq!(take(20).len(), SAVES_AT_ONCE, "also of those that nobody has");
    }
}
