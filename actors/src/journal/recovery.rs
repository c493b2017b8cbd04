//! Reading back: the index at the start of the service, and one actor's facts when it activates.
//!
//! Guarantees: an actor gets every committed fact that its snapshot lacks, each once and in order, whatever
//! is saved, checkpointed or trimmed meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cache::Facts;
use super::index::{Entry, Index};
use super::milestones::Milestones;
use super::{Journal, Loaded, encoding};
use crate::domain::event::{Position, Recorded};
use crate::domain::ids::ActorKey;
use crate::fail_point;
use crate::ports::{Batch, JournalBounds, JournalStore, StoreError};

/// Positions asked for in one scan. Exact bounds keep what a scan reads small; the journal is dense, so a
/// window that begins at a batch holds at least that batch.
const WINDOW: u64 = 512;

/// How often what an actor reads may change under it (saved, then trimmed) before that is an error.
const LOAD_ATTEMPTS: u32 = 4;

/// How many places of what earlier starts wrote are looked at to estimate its age and size.
const SAMPLES: u64 = 32;

/// Reads every batch from `from` (the first position of a batch) to `newest`, in order.
///
/// # Errors
/// `Corrupt` if a position is missing; whatever reading fails with.
pub async fn each_batch(
    store: &dyn JournalStore,
    from: Position,
    newest: Position,
    mut visit: impl FnMut(&Batch) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut expected = from;
    while expected <= newest {
        let batches = store.scan(expected, expected + WINDOW, WINDOW as usize).await?;
        if batches.is_empty() {
            return Err(StoreError::Corrupt(format!("the journal has no batch at {expected} (of {newest})")));
        }
        for batch in &batches {
            if batch.first != expected || batch.count == 0 {
                return Err(StoreError::Corrupt(format!(
                    "the journal goes on at {} after {}",
                    batch.first,
                    expected - 1
                )));
            }
            visit(batch)?;
            expected = batch.first + u64::from(batch.count);
        }
    }
    Ok(())
}

/// The facts from `from` on that are on disk, rising: at most about `limit` of them, but never part of a batch
/// except its beginning. Empty above the newest. What was trimmed is left out.
///
/// # Errors
/// Whatever reading or decoding fails with.
pub async fn facts_from(
    store: &dyn JournalStore,
    from: Position,
    limit: usize,
) -> Result<Vec<Arc<Recorded>>, StoreError> {
    let bounds = store.bounds().await?;
    let mut facts = Vec::new();
    if bounds.oldest == 0 || from > bounds.newest {
        return Ok(facts);
    }
    let mut cursor = batch_of(store, bounds, from).await?;
    while facts.len() < limit && cursor <= bounds.newest {
        let batches = store.scan(cursor, cursor + WINDOW, WINDOW as usize).await?;
        let Some(last) = batches.last() else { break };
        cursor = last.first + u64::from(last.count);
        for batch in &batches {
            if facts.len() < limit {
                facts.extend(encoding::decode(batch)?.into_iter().filter(|fact| fact.position >= from));
            }
        }
    }
    Ok(facts)
}

/// The first position of the batch that holds `from`; if there is none, of the one behind it.
pub(super) async fn batch_of(
    store: &dyn JournalStore,
    bounds: JournalBounds,
    from: Position,
) -> Result<Position, StoreError> {
    // `from` may lie inside a batch, whose first position nobody knows: look back further and further.
    let mut back = WINDOW;
    loop {
        let start = from.saturating_sub(back).max(bounds.oldest);
        let before = store.scan(start, from + 1, WINDOW as usize).await?;
        match before.last() {
            Some(batch) if batch.first + u64::from(batch.count) > from => return Ok(batch.first),
            Some(batch) => return Ok(batch.first + u64::from(batch.count)),
            None if start == bounds.oldest => return Ok(bounds.oldest.max(from)),
            None => back *= 4,
        }
    }
}

/// What snapshots lack, read without taking the store: for whoever looks at a store that is not being written to.
pub struct Unsaved {
    index: Index,
    /// The batch read last: an actor's facts often lie in few.
    last: Option<(Position, Facts)>,
}

impl Unsaved {
    /// Reads the journal from the checkpoint on.
    ///
    /// # Errors
    /// `Corrupt` if the journal has a gap or cannot be decoded; the store's.
    pub async fn read(store: &dyn JournalStore, bounds: JournalBounds) -> Result<Self, StoreError> {
        let index = replay(store, bounds, 1, |_, _, _| {}).await?.index;
        Ok(Self { index, last: None })
    }

    /// The actors that have facts above their snapshots, or none.
    pub fn keys(&self) -> impl Iterator<Item = &ActorKey> {
        self.index.by_age().map(|(_, key)| key)
    }

    /// The facts that a snapshot with these marks lacks, in position order.
    ///
    /// # Errors
    /// `Corrupt` if one is missing or cannot be decoded; the store's.
    pub async fn of(
        &mut self,
        store: &dyn JournalStore,
        key: &ActorKey,
        decided: Position,
        told: Position,
    ) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let missing = |first| StoreError::Corrupt(format!("{key}: its fact in batch {first} is missing"));
        let mut facts = Vec::new();
        for entry in self.index.of(key) {
            if entry.held(decided, told) {
                continue;
            }
            let batch = match &self.last {
                Some((first, batch)) if *first == entry.first => Arc::clone(batch),
                _ => {
                    let batch = store.read(entry.first).await?.ok_or_else(|| missing(entry.first))?;
                    let batch = Arc::new(encoding::decode(&batch)?);
                    self.last = Some((entry.first, Arc::clone(&batch)));
                    batch
                }
            };
            facts.push(Arc::clone(batch.get(entry.offset as usize).ok_or_else(|| missing(entry.first))?));
        }
        Ok(facts)
    }
}

/// What the start of the service reads: the index of what snapshots may lack.
pub(super) struct Replayed {
    pub index: Index,
    pub milestones: Milestones,
    pub events: u64,
}

/// Builds the index from the checkpoint on.
pub(super) async fn replay(
    store: &dyn JournalStore,
    bounds: JournalBounds,
    largest_batch: usize,
    mut cache: impl FnMut(Position, Facts, usize),
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed { index: Index::default(), milestones: Milestones::default(), events: 0 };
    sample(store, bounds, largest_batch as u64, &mut replayed.milestones).await?;
    each_batch(store, bounds.replay_from.max(1), bounds.newest, |batch| {
        fail_point!(RecoveryMiddle);
        let facts = encoding::decode(batch)?;
        for event in &facts {
            replayed.index.note(batch.first, event, &event.fact.audience());
        }
        replayed.events += u64::from(batch.count);
        replayed.milestones.note(batch.first, batch.at, batch.events.len() as u64);
        cache(batch.first, Arc::new(facts), batch.events.len());
        Ok(())
    })
    .await?;
    Ok(replayed)
}

/// Estimates age and size of what lies below the checkpoint, without reading all of it.
async fn sample(
    store: &dyn JournalStore,
    bounds: JournalBounds,
    largest_batch: u64,
    milestones: &mut Milestones,
) -> Result<(), StoreError> {
    let mut from = bounds.oldest.max(1);
    let step = (bounds.replay_from.saturating_sub(from) / SAMPLES).max(largest_batch);
    while from < bounds.replay_from {
        let below = (from + largest_batch).min(bounds.replay_from);
        let found = store.scan(from, below, WINDOW as usize).await?;
        let next = from + step;
        if let Some(batch) = found.first() {
            let mean = batch.events.len() as u64 / u64::from(batch.count.max(1));
            let stretch = next.min(bounds.replay_from).saturating_sub(batch.first);
            milestones.note(batch.first, batch.at, mean * stretch);
        }
        from = next;
    }
    Ok(())
}

impl Journal {
    /// What an actor needs to recover; waits until everything it appended earlier is committed or failed
    /// (everything anybody appended, with `restart`).
    ///
    /// # Errors
    /// `Unavailable` while an outcome is unknown or storage is away; `Corrupt` if what is stored cannot be
    /// understood.
    pub async fn load(&self, key: &ActorKey, restart: bool) -> Result<Loaded, StoreError> {
        if self.breaker.refuses_reads() {
            return Err(StoreError::Unavailable("the storage breaker is open".to_owned()));
        }
        let patience = self.settings().resolve_timeout * 2;
        let quiet = tokio::time::timeout(patience, self.quiet(key, restart)).await;
        quiet.map_err(|_| StoreError::Unavailable("an earlier commit has no outcome yet".to_owned()))?;
        let started = Instant::now();
        for attempt in 1..=LOAD_ATTEMPTS {
            if let Some(loaded) = self.try_load(key).await? {
                self.metrics.recovery_seconds.observe(started.elapsed().as_secs_f64());
                self.metrics.recovery_events.observe(loaded.events.len() as f64);
                return Ok(loaded);
            }
            tokio::time::sleep(Duration::from_millis(10) * attempt).await;
        }
        Err(StoreError::Corrupt(format!("facts of {key} are missing from the journal")))
    }

    /// Waits until nothing that `key` (or, with `all`, anybody) appended is without an outcome.
    async fn quiet(&self, key: &ActorKey, all: bool) {
        if all {
            self.settled().await;
        }
        let mut progress = self.progress.subscribe();
        loop {
            progress.mark_unchanged();
            let pending = self.queue.lock().pending(key).is_some();
            if !pending || progress.changed().await.is_err() {
                return;
            }
        }
    }

    /// `None`: a fact's batch was saved and trimmed since the index was read; try again.
    async fn try_load(&self, key: &ActorKey) -> Result<Option<Loaded>, StoreError> {
        // A save of an earlier incarnation that is still running ends first.
        let writing = self.writing.lock(key).await;
        let generation = self.queue.lock().generation();
        // The index is read before the snapshot: read after it, a save in between would have cleared facts
        // that the older snapshot lacks.
        let entries = self.index.lock().of(key);
        let snapshot = self.store.load(key).await?;
        drop(writing);
        fail_point!(ActorLoading);
        let (decided, told) = snapshot.as_ref().map_or((0, 0), |snapshot| (snapshot.decided, snapshot.told));
        let lacking = entries.into_iter().filter(|entry| !entry.held(decided, told));
        let Some(events) = self.facts_at(lacking).await? else { return Ok(None) };
        // What the snapshot holds may still be noted from before a restart of the service.
        self.index.lock().clear(key, decided, told);
        Ok(Some(Loaded { snapshot, events, generation }))
    }

    /// The facts at these places; `None` if one is not in the journal any more.
    pub(super) async fn facts_at(
        &self,
        entries: impl Iterator<Item = Entry>,
    ) -> Result<Option<Vec<Arc<Recorded>>>, StoreError> {
        let mut events = Vec::new();
        let mut batch: Option<(Position, Facts)> = None;
        for entry in entries {
            let facts = match &batch {
                Some((first, facts)) if *first == entry.first => facts,
                _ => {
                    let Some(facts) = self.facts(entry.first).await? else { return Ok(None) };
                    &batch.insert((entry.first, facts)).1
                }
            };
            let Some(event) = facts.get(entry.offset as usize) else {
                return Err(StoreError::Corrupt(format!(
                    "journal batch {} ends before {}",
                    entry.first, entry.offset
                )));
            };
            events.push(Arc::clone(event));
        }
        Ok(Some(events))
    }

    /// The facts of the batch at `first`, from the cache or storage.
    async fn facts(&self, first: Position) -> Result<Option<Facts>, StoreError> {
        if let Some(facts) = self.cache.get(first) {
            return Ok(Some(facts));
        }
        let Some(batch) = self.store.read(first).await? else { return Ok(None) };
        let facts = Arc::new(encoding::decode(&batch)?);
        self.cache.insert(first, Arc::clone(&facts), batch.events.len());
        Ok(Some(facts))
    }
}
