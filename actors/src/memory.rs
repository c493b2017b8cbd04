//! Storage in memory: the ports without a disk, for tests and experiments.
//!
//! Behaves as the real one does, fencing included. A clone is another process on the same data: acquiring the
//! store through it fences this one, as a restart of the service would. [`Faults`] makes writes fail on
//! purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;

use crate::domain::event::Position;
use crate::domain::ids::ActorKey;
use crate::domain::shadow::Side;
use crate::ports::{
    ArchiveStore, Batch, Collection, DirectoryStore, Entry, JournalBounds, JournalStore, Kept, Page,
    Snapshot, StateStore, StoreError,
};

mod archive;
mod faults;

pub use faults::Faults;

/// Most batches one scan gives.
const SCAN_LIMIT: usize = 512;

#[derive(Default)]
struct Data {
    epoch: u64,
    batches: BTreeMap<Position, Batch>,
    bounds: JournalBounds,
    snapshots: BTreeMap<(ActorKey, Side), Snapshot>,
    pages: BTreeMap<(ActorKey, Collection, u64, Side), Page>,
    rows: BTreeMap<(Entry, String), Value>,
    /// It is being filled from a backup.
    restoring: bool,
}

impl Data {
    fn put(&mut self, key: &ActorKey, pages: &[Page]) {
        for page in pages {
            let at = (key.clone(), page.collection, page.number, page.side);
            self.pages.insert(at, page.clone());
        }
    }

    fn kept(&self, key: &ActorKey) -> Kept {
        Kept::of(Side::ALL.into_iter().filter_map(|side| self.snapshots.get(&(key.clone(), side)).cloned()))
    }

    /// Every actor with a snapshot.
    fn keys(&self) -> BTreeSet<&ActorKey> {
        self.snapshots.keys().map(|(key, _)| key).collect()
    }
}

/// The store.
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
    faults: Faults,
    /// The epoch that this handle acquired; writes of any other but the newest are fenced.
    held: AtomicU64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        let data =
            Data { bounds: JournalBounds { replay_from: 1, ..JournalBounds::default() }, ..Data::default() };
        Self { data: Arc::new(Mutex::new(data)), faults: Faults::default(), held: AtomicU64::new(0) }
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self {
            data: Arc::clone(&self.data),
            faults: self.faults.clone(),
            held: AtomicU64::new(self.held.load(Ordering::SeqCst)),
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The ways to make it fail; shared by clones.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// All batches that it holds, rising.
    pub fn batches(&self) -> Vec<Batch> {
        self.data.lock().batches.values().cloned().collect()
    }

    /// Damages the newest snapshot of an actor as a bad disk would; the whole one, for [`MemoryStore::repair`].
    pub fn damage(&self, key: &ActorKey) -> Option<Snapshot> {
        let mut data = self.data.lock();
        let whole = data.kept(key).newest?;
        let damaged = Snapshot { state: whole.state.slice(..whole.state.len() / 2), ..whole.clone() };
        data.snapshots.insert((key.clone(), whole.side), damaged);
        Some(whole)
    }

    /// The same, and nothing is left to fall back to.
    pub fn ruin(&self, key: &ActorKey) -> Option<Snapshot> {
        let whole = self.damage(key)?;
        let mut data = self.data.lock();
        data.snapshots.remove(&(key.clone(), whole.side.other()));
        if let Some(damaged) = data.snapshots.get_mut(&(key.clone(), whole.side)) {
            damaged.since = None;
        }
        Some(whole)
    }

    /// Puts a snapshot back as it was.
    pub fn repair(&self, whole: Snapshot) {
        self.data.lock().snapshots.insert((whole.key.clone(), whole.side), whole);
    }

    /// The same data as it is now, in a store of its own: what a crash at this moment would leave.
    pub fn copy(&self) -> Self {
        let data = self.data.lock();
        let copied = Data {
            epoch: data.epoch,
            batches: data.batches.clone(),
            bounds: data.bounds,
            snapshots: data.snapshots.clone(),
            pages: data.pages.clone(),
            rows: data.rows.clone(),
            restoring: data.restoring,
        };
        Self { data: Arc::new(Mutex::new(copied)), ..Self::default() }
    }

    fn check_held(&self, data: &Data) -> Result<(), StoreError> {
        let held = self.held.load(Ordering::SeqCst);
        if held == data.epoch {
            return Ok(());
        }
        Err(StoreError::Fenced(format!("epoch {} has begun; this process holds {held}", data.epoch)))
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut data = self.data.lock();
        self.check_held(&data)?;
        if batch.epoch < data.epoch {
            return Err(StoreError::Fenced(format!("epoch {} was followed by {}", batch.epoch, data.epoch)));
        }
        if data.batches.contains_key(&batch.first) {
            return Err(StoreError::Exists);
        }
        if data.bounds.oldest == 0 {
            data.bounds.oldest = batch.first;
        }
        // A restore writes batches in any order.
        data.bounds.newest = data.bounds.newest.max(batch.first + u64::from(batch.count) - 1);
        data.bounds.at = data.bounds.at.max(batch.at);
        data.batches.insert(batch.first, batch.clone());
        Ok(())
    }
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        match self.faults.before_append().await {
            None => self.write(batch),
            Some(faults::Fault { error, write }) => {
                if write {
                    self.write(batch)?;
                }
                Err(error)
            }
        }
    }

    async fn read(&self, first: Position) -> Result<Option<Batch>, StoreError> {
        self.faults.before_read()?;
        Ok(self.data.lock().batches.get(&first).cloned())
    }

    async fn scan(&self, from: Position, below: Position, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.faults.before_read()?;
        if from >= below {
            return Ok(Vec::new());
        }
        let data = self.data.lock();
        Ok(data
            .batches
            .range(from..below)
            .take(limit.min(SCAN_LIMIT))
            .map(|(_, batch)| batch.clone())
            .collect())
    }

    async fn bounds(&self) -> Result<JournalBounds, StoreError> {
        self.faults.before_read()?;
        Ok(self.data.lock().bounds)
    }

    async fn set_checkpoint(&self, replay_from: Position) -> Result<(), StoreError> {
        self.faults.before_write()?;
        let mut data = self.data.lock();
        self.check_held(&data)?;
        data.bounds.replay_from = replay_from;
        Ok(())
    }

    async fn trim(&self, below: Position) -> Result<u64, StoreError> {
        self.faults.before_write()?;
        let mut data = self.data.lock();
        self.check_held(&data)?;
        let before = data.batches.len();
        data.batches.retain(|first, batch| first + u64::from(batch.count) > below);
        data.bounds.oldest = data.batches.keys().next().copied().unwrap_or(0);
        Ok((before - data.batches.len()) as u64)
    }

    async fn acquire(&self) -> Result<u64, StoreError> {
        self.faults.before_write()?;
        self.whole().await?;
        let mut data = self.data.lock();
        data.epoch += 1;
        self.held.store(data.epoch, Ordering::SeqCst);
        Ok(data.epoch)
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn load_both(&self, key: &ActorKey) -> Result<Kept, StoreError> {
        self.faults.before_read()?;
        self.faults.before_load().await;
        Ok(self.data.lock().kept(key))
    }

    async fn page(
        &self,
        key: &ActorKey,
        collection: Collection,
        number: u64,
    ) -> Result<Option<Page>, StoreError> {
        self.faults.before_read()?;
        Ok(self.data.lock().pages.get(&(key.clone(), collection, number, Side::First)).cloned())
    }

    async fn named_pages(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        count: u64,
    ) -> Result<Vec<Page>, StoreError> {
        self.faults.before_read()?;
        let data = self.data.lock();
        let page = |number| {
            data.pages.get(&(snapshot.key.clone(), collection, number, snapshot.sides.of(number))).cloned()
        };
        Ok((0..count).filter_map(page).collect())
    }

    async fn pages(
        &self,
        key: &ActorKey,
        collection: Collection,
        from: u64,
        to: u64,
    ) -> Result<Vec<Page>, StoreError> {
        self.faults.before_read()?;
        if from >= to {
            return Ok(Vec::new());
        }
        let data = self.data.lock();
        let start = |number| (key.clone(), collection, number, Side::First);
        let range = start(from)..start(to);
        Ok(data.pages.range(range).map(|(_, page)| page.clone()).collect())
    }

    async fn put_pages(&self, key: &ActorKey, pages: &[Page]) -> Result<(), StoreError> {
        self.faults.before_write()?;
        let mut data = self.data.lock();
        self.check_held(&data)?;
        data.put(key, pages);
        Ok(())
    }

    async fn save_and_remove(
        &self,
        snapshot: &Snapshot,
        pages: &[Page],
        removed: Range<u64>,
    ) -> Result<(), StoreError> {
        self.faults.before_save().await;
        self.faults.before_write()?;
        let mut data = self.data.lock();
        self.check_held(&data)?;
        data.put(&snapshot.key, pages);
        for number in removed {
            data.pages.remove(&(snapshot.key.clone(), Collection::History, number, Side::First));
        }
        data.snapshots.insert((snapshot.key.clone(), snapshot.side), snapshot.clone());
        Ok(())
    }

    async fn keys(&self, kind: &'static str) -> Result<Vec<ActorKey>, StoreError> {
        self.faults.before_read()?;
        Ok(self.data.lock().keys().into_iter().filter(|key| key.kind() == kind).cloned().collect())
    }
}

#[async_trait]
impl DirectoryStore for MemoryStore {
    async fn get(&self, entry: Entry, ids: &[String]) -> Result<Vec<(String, Value)>, StoreError> {
        self.faults.before_read()?;
        let data = self.data.lock();
        let row = |id: &String| Some((id.clone(), data.rows.get(&(entry, id.clone()))?.clone()));
        Ok(ids.iter().filter_map(row).collect())
    }

    async fn put(&self, entry: Entry, id: &str, row: &Value) -> Result<(), StoreError> {
        self.faults.before_write()?;
        self.data.lock().rows.insert((entry, id.to_owned()), row.clone());
        Ok(())
    }

    async fn insert(&self, entry: Entry, id: &str, row: &Value) -> Result<(), StoreError> {
        self.faults.before_write()?;
        let mut data = self.data.lock();
        if data.rows.contains_key(&(entry, id.to_owned())) {
            return Err(StoreError::Exists);
        }
        data.rows.insert((entry, id.to_owned()), row.clone());
        Ok(())
    }

    async fn delete(&self, entry: Entry, id: &str) -> Result<bool, StoreError> {
        self.faults.before_write()?;
        Ok(self.data.lock().rows.remove(&(entry, id.to_owned())).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Store;
    use crate::store_contract::{Stores, check};

    /// Keeps the newest store so that it can be opened again.
    struct InMemory(Mutex<MemoryStore>);

    #[async_trait]
    impl Stores for InMemory {
        async fn fresh(&self) -> Arc<dyn Store> {
            let store = MemoryStore::new();
            *self.0.lock() = store.clone();
            // The kept handle must not be the one that acquires.
            Arc::new(store)
        }

        async fn reopened(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
            drop(store);
            Some(Arc::new(self.0.lock().clone()))
        }

        async fn beside(&self, _store: &Arc<dyn Store>) -> Option<Arc<dyn Store>> {
            Some(Arc::new(self.0.lock().clone()))
        }
    }

    #[tokio::test]
    async fn memory_keeps_the_contract_of_the_ports() {
        check(&InMemory(Mutex::new(MemoryStore::new()))).await;
    }
}
