//! One table of the directory behind a bounded cache.
//!
//! Guarantees: whoever was told that a write is done reads it; a read that began before a write never puts
//! the older row back into the cache; an interrupted caller interrupts no write. Rows that do not exist are
//! remembered as well.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{DirectoryStore, Entry, StoreError};
use crate::runtime::panics::without_quotes;

/// Writes to different stripes run at once; a read notices writes of its own stripe only.
const STRIPES: usize = 64;

/// Ids asked of the store at once: its port's bound.
const READ_AT_ONCE: usize = 512;

/// A row of a table.
pub(super) trait Row: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Row for T {}

#[derive(Default)]
struct Stripe {
    /// Held while a row is written: the cache follows the order of the writes.
    writing: tokio::sync::Mutex<()>,
    /// Writes begun or done; held while the cache is changed.
    writes: Mutex<u64>,
}

struct Shared<R> {
    entry: Entry,
    store: Arc<dyn DirectoryStore>,
    cache: Cache<Arc<str>, Option<Arc<R>>>,
    stripes: Vec<Stripe>,
    hasher: RandomState,
}

/// See the module's head. Cheap to clone.
pub(super) struct Table<R>(Arc<Shared<R>>);

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What a write does.
enum Write<R> {
    Put(R),
    Insert(R),
    Delete,
}

impl<R: Row> Table<R> {
    /// A table with room for `capacity` rows in memory.
    pub(super) fn new(entry: Entry, store: Arc<dyn DirectoryStore>, capacity: usize) -> Self {
        let stripes = (0..STRIPES).map(|_| Stripe::default()).collect();
        let cache = Cache::new(capacity);
        Self(Arc::new(Shared { entry, store, cache, stripes, hasher: RandomState::default() }))
    }

    /// One row.
    pub(super) async fn get(&self, id: &str) -> Result<Option<Arc<R>>, StoreError> {
        if let Some(known) = self.0.cache.get(id) {
            return Ok(known);
        }
        let mut rows = self.get_many(&[Arc::from(id)]).await?;
        Ok(rows.remove(id))
    }

    /// The rows of those ids that exist.
    pub(super) async fn get_many(&self, ids: &[Arc<str>]) -> Result<HashMap<Arc<str>, Arc<R>>, StoreError> {
        let mut rows = HashMap::new();
        let mut missing = Vec::new();
        for id in ids {
            match self.0.cache.get(id) {
                Some(Some(row)) => {
                    rows.insert(Arc::clone(id), row);
                }
                Some(None) => {}
                None => missing.push(Arc::clone(id)),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        for some in missing.chunks(READ_AT_ONCE) {
            rows.extend(self.0.read(some).await?);
        }
        Ok(rows)
    }

    /// Creates or replaces a row durably.
    pub(super) async fn put(&self, id: &str, row: R) -> Result<(), StoreError> {
        self.write(id, Write::Put(row)).await.map(|_| ())
    }

    /// Creates a row durably; `Exists` if it is there.
    pub(super) async fn insert(&self, id: &str, row: R) -> Result<(), StoreError> {
        self.write(id, Write::Insert(row)).await.map(|_| ())
    }

    /// Deletes a row; whether there was one.
    pub(super) async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        self.write(id, Write::Delete).await
    }

    /// Runs to its end even if the caller goes: a write that is done behind the cache's back would be hidden.
    async fn write(&self, id: &str, write: Write<R>) -> Result<bool, StoreError> {
        let (shared, id) = (Arc::clone(&self.0), Arc::<str>::from(id));
        let task = tokio::spawn(async move { shared.write(id, write).await });
        task.await.unwrap_or_else(|failed| Err(StoreError::Unknown(failed.to_string())))
    }
}

impl<R: Row> Shared<R> {
    fn stripe(&self, id: &str) -> &Stripe {
        let number = usize::try_from(self.hasher.hash_one(id) >> 32).unwrap_or_default() % STRIPES;
        // There are exactly that many.
        &self.stripes[number]
    }

    async fn read(&self, ids: &[Arc<str>]) -> Result<Vec<(Arc<str>, Arc<R>)>, StoreError> {
        let before: Vec<u64> = ids.iter().map(|id| *self.stripe(id).writes.lock()).collect();
        let asked: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut found = HashMap::new();
        for (id, row) in self.store.get(self.entry, &asked).await? {
            let row: R = serde_json::from_value(row)
                .map_err(|error: serde_json::Error| without_quotes(&error.to_string()))
                .map_err(|problem| {
                    StoreError::Corrupt(format!("a row of {}: {problem}", self.entry.table()))
                })?;
            found.insert(id, Arc::new(row));
        }
        let mut rows = Vec::with_capacity(found.len());
        for (id, before) in ids.iter().zip(before) {
            let row = found.remove(&**id);
            let writes = self.stripe(id).writes.lock();
            if *writes == before {
                self.cache.insert(Arc::clone(id), row.clone());
            }
            drop(writes);
            rows.extend(row.map(|row| (Arc::clone(id), row)));
        }
        Ok(rows)
    }

    async fn write(&self, id: Arc<str>, write: Write<R>) -> Result<bool, StoreError> {
        let stripe = self.stripe(&id);
        let _writing = stripe.writing.lock().await;
        let (outcome, row) = self.write_durably(&id, write).await;
        let mut writes = stripe.writes.lock();
        // Reads that began before this may have seen the older row.
        *writes = writes.wrapping_add(1);
        match &outcome {
            Ok(_) => self.cache.insert(id, row),
            // Refused, failed or unknown: the next read asks the store.
            Err(_) => {
                self.cache.remove(&id);
            }
        }
        outcome
    }

    async fn write_durably(&self, id: &str, write: Write<R>) -> (Result<bool, StoreError>, Option<Arc<R>>) {
        let (row, only_new) = match write {
            Write::Delete => return (self.store.delete(self.entry, id).await, None),
            Write::Put(row) => (row, false),
            Write::Insert(row) => (row, true),
        };
        let value = match serde_json::to_value(&row) {
            Ok(value) => value,
            Err(error) => return (Err(StoreError::Corrupt(error.to_string())), None),
        };
        let outcome = match only_new {
            true => self.store.insert(self.entry, id, &value).await,
            false => self.store.put(self.entry, id, &value).await,
        };
        (outcome.map(|()| true), Some(Arc::new(row)))
    }
}
