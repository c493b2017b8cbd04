//! A store behind the breaker: everyone's but the committer's, which asks while the breaker is open.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Breaker, Sort};
use crate::domain::event::Position;
use crate::domain::ids::ActorKey;
use crate::ports::{
    ArchiveStore, Batch, Collection, DirectoryStore, Entry, JournalBounds, JournalStore, Kept, Page,
    RestoredEnds, Snapshot, StateStore, Store, StoreError,
};

/// A store whose calls are refused while the breaker is open, and whose failures open it.
pub struct Guarded {
    store: Arc<dyn Store>,
    breaker: Arc<Breaker>,
}

impl Guarded {
    /// `store` behind `breaker`.
    pub const fn new(store: Arc<dyn Store>, breaker: Arc<Breaker>) -> Self {
        Self { store, breaker }
    }

    async fn reading<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.call(Sort::Read, call).await
    }

    async fn writing<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.call(Sort::Write, call).await
    }

    async fn call<T>(
        &self,
        sort: Sort,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let admitted = self.breaker.admit(sort)?;
        let outcome = call.await;
        self.breaker.note(admitted, &outcome);
        outcome
    }
}

#[async_trait]
impl JournalStore for Guarded {
    async fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        self.writing(self.store.append(batch)).await
    }

    async fn read(&self, first: Position) -> Result<Option<Batch>, StoreError> {
        self.reading(self.store.read(first)).await
    }

    async fn scan(&self, from: Position, below: Position, limit: usize) -> Result<Vec<Batch>, StoreError> {
        self.reading(self.store.scan(from, below, limit)).await
    }

    async fn bounds(&self) -> Result<JournalBounds, StoreError> {
        self.reading(self.store.bounds()).await
    }

    async fn set_checkpoint(&self, replay_from: Position) -> Result<(), StoreError> {
        self.writing(self.store.set_checkpoint(replay_from)).await
    }

    async fn trim(&self, below: Position) -> Result<u64, StoreError> {
        self.writing(self.store.trim(below)).await
    }

    async fn acquire(&self) -> Result<u64, StoreError> {
        self.writing(self.store.acquire()).await
    }
}

#[async_trait]
impl StateStore for Guarded {
    async fn load_both(&self, key: &ActorKey) -> Result<Kept, StoreError> {
        self.reading(self.store.load_both(key)).await
    }

    async fn page(
        &self,
        key: &ActorKey,
        collection: Collection,
        number: u64,
    ) -> Result<Option<Page>, StoreError> {
        self.reading(self.store.page(key, collection, number)).await
    }

    async fn named_pages(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        count: u64,
    ) -> Result<Vec<Page>, StoreError> {
        self.reading(self.store.named_pages(snapshot, collection, count)).await
    }

    async fn pages(
        &self,
        key: &ActorKey,
        collection: Collection,
        from: u64,
        to: u64,
    ) -> Result<Vec<Page>, StoreError> {
        self.reading(self.store.pages(key, collection, from, to)).await
    }

    async fn put_pages(&self, key: &ActorKey, pages: &[Page]) -> Result<(), StoreError> {
        self.writing(self.store.put_pages(key, pages)).await
    }

    async fn save_and_remove(
        &self,
        snapshot: &Snapshot,
        pages: &[Page],
        removed: Range<u64>,
    ) -> Result<(), StoreError> {
        self.writing(self.store.save_and_remove(snapshot, pages, removed)).await
    }

    async fn keys(&self, kind: &'static str) -> Result<Vec<ActorKey>, StoreError> {
        self.reading(self.store.keys(kind)).await
    }
}

#[async_trait]
impl DirectoryStore for Guarded {
    async fn get(
        &self,
        entry: Entry,
        ids: &[String],
    ) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
        self.reading(self.store.get(entry, ids)).await
    }

    async fn put(&self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), StoreError> {
        self.writing(self.store.put(entry, id, row)).await
    }

    async fn insert(&self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), StoreError> {
        self.writing(self.store.insert(entry, id, row)).await
    }

    async fn delete(&self, entry: Entry, id: &str) -> Result<bool, StoreError> {
        self.writing(self.store.delete(entry, id)).await
    }
}

#[async_trait]
impl ArchiveStore for Guarded {
    async fn snapshots_after(
        &self,
        kind: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Snapshot>, StoreError> {
        self.reading(self.store.snapshots_after(kind, after, limit)).await
    }

    async fn rows_after(
        &self,
        entry: Entry,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
        self.reading(self.store.rows_after(entry, after, limit)).await
    }

    async fn whole(&self) -> Result<(), StoreError> {
        self.reading(self.store.whole()).await
    }

    async fn begin_restore(&self, ends: RestoredEnds) -> Result<(), StoreError> {
        self.writing(self.store.begin_restore(ends)).await
    }

    async fn end_restore(&self) -> Result<(), StoreError> {
        self.writing(self.store.end_restore()).await
    }
}
