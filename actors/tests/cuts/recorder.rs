//! A store that remembers every write, in the order in which it happened, so that any moment can be made again.
//!
//! Guarantees: what [`replay`] builds from the first `n` writes is what a crash right after the `n`th leaves.

use std::ops::Range;

use async_trait::async_trait;
use messagecenter_actors::domain::event::Position;
use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::{
    ArchiveStore, Batch, Collection, DirectoryStore, Entry, JournalBounds, JournalStore, Kept, Page,
    RestoredEnds, Snapshot, StateStore, StoreError,
};
use serde_json::Value;
use tokio::sync::Mutex;

/// One write that happened.
#[derive(Debug, Clone)]
pub enum Write {
    Acquire,
    Append(Batch),
    Checkpoint(Position),
    Trim(Position),
    Pages(ActorKey, Vec<Page>),
    Save(Snapshot, Vec<Page>, Range<u64>),
    Put(Entry, String, Value),
}

/// See the module's head.
#[derive(Default)]
pub struct Recorder {
    store: MemoryStore,
    writes: Mutex<Vec<Write>>,
}

impl Recorder {
    pub async fn writes(&self) -> Vec<Write> {
        self.writes.lock().await.clone()
    }

    /// Writes and remembers as one step, so that the order is the true one.
    async fn write<T>(
        &self,
        write: Write,
        happens: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut writes = self.writes.lock().await;
        let outcome = happens.await?;
        writes.push(write);
        Ok(outcome)
    }
}

/// Does one recorded write again.
pub async fn again(store: &MemoryStore, write: &Write) {
    match write {
        Write::Acquire => store.acquire().await.map(drop),
        Write::Append(batch) => store.append(batch).await,
        Write::Checkpoint(position) => store.set_checkpoint(*position).await,
        Write::Trim(below) => store.trim(*below).await.map(drop),
        Write::Pages(key, pages) => store.put_pages(key, pages).await,
        Write::Save(snapshot, pages, removed) => {
            store.save_and_remove(snapshot, pages, removed.clone()).await
        }
        Write::Put(entry, id, row) => store.put(*entry, id, row).await,
    }
    .unwrap();
}

/// A store of its own, in which these writes happened.
pub async fn replay<'a>(writes: impl IntoIterator<Item = &'a Write>) -> MemoryStore {
    let store = MemoryStore::new();
    for write in writes {
        again(&store, write).await;
    }
    store
}

#[async_trait]
impl JournalStore for Recorder {
    async fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        self.write(Write::Append(batch.clone()), self.store.append(batch)).await
    }

    async fn read(&self, first: Position) -> Result<Option<Batch>, StoreError> {
        self.store.read(first).await
    }

    async fn scan(&self, from: Position, below: Position, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.store.scan(from, below, limit).await
    }

    async fn bounds(&self) -> Result<JournalBounds, StoreError> {
        self.store.bounds().await
    }

    async fn set_checkpoint(&self, replay_from: Position) -> Result<(), StoreError> {
        self.write(Write::Checkpoint(replay_from), self.store.set_checkpoint(replay_from)).await
    }

    async fn trim(&self, below: Position) -> Result<u64, StoreError> {
        self.write(Write::Trim(below), self.store.trim(below)).await
    }

    async fn acquire(&self) -> Result<u64, StoreError> {
        self.write(Write::Acquire, self.store.acquire()).await
    }
}

#[async_trait]
impl StateStore for Recorder {
    async fn load_both(&self, key: &ActorKey) -> Result<Kept, StoreError> {
        self.store.load_both(key).await
    }

    async fn named_pages(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        count: u64,
    ) -> Result<Vec<Page>, StoreError> {
        self.store.named_pages(snapshot, collection, count).await
    }

    async fn page(
        &self,
        key: &ActorKey,
        collection: Collection,
        number: u64,
    ) -> Result<Option<Page>, StoreError> {
        self.store.page(key, collection, number).await
    }

    async fn pages(
        &self,
        key: &ActorKey,
        collection: Collection,
        from: u64,
        to: u64,
    ) -> Result<Vec<Page>, StoreError> {
        self.store.pages(key, collection, from, to).await
    }

    async fn put_pages(&self, key: &ActorKey, pages: &[Page]) -> Result<(), StoreError> {
        let write = Write::Pages(key.clone(), pages.to_vec());
        self.write(write, self.store.put_pages(key, pages)).await
    }

    async fn save_and_remove(
        &self,
        snapshot: &Snapshot,
        pages: &[Page],
        removed: Range<u64>,
    ) -> Result<(), StoreError> {
        let write = Write::Save(snapshot.clone(), pages.to_vec(), removed.clone());
        self.write(write, self.store.save_and_remove(snapshot, pages, removed)).await
    }

    async fn keys(&self, kind: &'static str) -> Result<Vec<ActorKey>, StoreError> {
        self.store.keys(kind).await
    }
}

#[async_trait]
impl DirectoryStore for Recorder {
    async fn get(&self, entry: Entry, ids: &[String]) -> Result<Vec<(String, Value)>, StoreError> {
        self.store.get(entry, ids).await
    }

    async fn put(&self, entry: Entry, id: &str, row: &Value) -> Result<(), StoreError> {
        self.write(Write::Put(entry, id.to_owned(), row.clone()), self.store.put(entry, id, row)).await
    }

    async fn insert(&self, entry: Entry, id: &str, row: &Value) -> Result<(), StoreError> {
        self.write(Write::Put(entry, id.to_owned(), row.clone()), self.store.insert(entry, id, row)).await
    }

    async fn delete(&self, entry: Entry, id: &str) -> Result<bool, StoreError> {
        // Nothing here deletes rows.
        self.store.delete(entry, id).await
    }
}

#[async_trait]
impl ArchiveStore for Recorder {
    async fn snapshots_after(
        &self,
        kind: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Snapshot>, StoreError> {
        self.store.snapshots_after(kind, after, limit).await
    }

    async fn rows_after(
        &self,
        entry: Entry,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StoreError> {
        self.store.rows_after(entry, after, limit).await
    }

    async fn whole(&self) -> Result<(), StoreError> {
        self.store.whole().await
    }

    async fn begin_restore(&self, ends: RestoredEnds) -> Result<(), StoreError> {
        // Nothing here restores.
        self.store.begin_restore(ends).await
    }

    async fn end_restore(&self) -> Result<(), StoreError> {
        self.store.end_restore().await
    }
}
