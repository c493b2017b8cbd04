//! The contract of the ports, kept by SurrealDB on both embedded engines.

use std::sync::Arc;

use async_trait::async_trait;
use messagecenter::storage::SurrealStore;
use messagecenter_actors::ports::Store;
use messagecenter_actors::store_contract::{Stores, check};
use parking_lot::Mutex;
use tempfile::TempDir;

use super::stores::{in_memory, on_disk, patient};

/// The newest store, so that it can be closed before it is opened again.
#[derive(Default)]
struct Newest(Mutex<Option<Arc<SurrealStore>>>);

impl Newest {
    fn keep(&self, store: SurrealStore) -> Arc<dyn Store> {
        let store = Arc::new(store);
        *self.0.lock() = Some(Arc::clone(&store));
        store
    }

    async fn close(&self) {
        let newest = self.0.lock().take();
        if let Some(store) = newest {
            store.close().await;
        }
    }
}

#[derive(Default)]
struct InMemory {
    newest: Newest,
    lease_in_commits: bool,
}

#[async_trait]
impl Stores for InMemory {
    async fn fresh(&self) -> Arc<dyn Store> {
        self.newest.close().await;
        if !self.lease_in_commits {
            return self.newest.keep(in_memory().await);
        }
        let mut settings = patient("mem://");
        settings.lease_in_commits = true;
        self.newest.keep(SurrealStore::open(&settings).await.unwrap())
    }

    async fn reopened(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        self.newest.close().await;
        None
    }
}

#[derive(Default)]
struct OnDisk {
    newest: Newest,
    directory: Mutex<Option<TempDir>>,
}

#[async_trait]
impl Stores for OnDisk {
    async fn fresh(&self) -> Arc<dyn Store> {
        self.newest.close().await;
        let directory = tempfile::tempdir().unwrap();
        let store = on_disk(directory.path()).await;
        *self.directory.lock() = Some(directory);
        self.newest.keep(store)
    }

    async fn reopened(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        self.newest.close().await;
        let path = self.directory.lock().as_ref().unwrap().path().to_path_buf();
        Some(self.newest.keep(on_disk(&path).await))
    }
}

#[tokio::test]
async fn the_engine_in_memory_keeps_the_contract_of_the_ports() {
    check(&InMemory::default()).await;
}

#[tokio::test]
async fn writes_that_check_the_lease_keep_the_contract_of_the_ports() {
    check(&InMemory { lease_in_commits: true, ..InMemory::default() }).await;
}

#[tokio::test]
async fn rocksdb_keeps_the_contract_of_the_ports() {
    check(&OnDisk::default()).await;
}
