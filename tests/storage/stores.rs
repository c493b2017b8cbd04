//! Stores for the tests of this directory.

use std::path::Path;
use std::time::Duration;

use messagecenter::storage::{StorageOptions, SurrealStore};
use messagecenter_actors::ports::Batch;
use uuid::Uuid;

/// A store in memory.
pub async fn in_memory() -> SurrealStore {
    open("mem://").await
}

/// A RocksDB store in `directory`.
pub async fn on_disk(directory: &Path) -> SurrealStore {
    open(&format!("rocksdb://{}", directory.display())).await
}

/// What `on_disk` opens with, for tests that expect a refusal.
pub fn options(url: &str) -> StorageOptions {
    StorageOptions::new(url.parse().unwrap())
}

/// How long a statement takes beside all the other tests, unoptimised, is no part of any contract.
const PATIENCE: Duration = Duration::from_secs(120);

async fn open(url: &str) -> SurrealStore {
    SurrealStore::open(&patient(url)).await.unwrap()
}

/// A batch of `count` events from `first`, written in `epoch`.
pub fn batch(first: u64, count: u32, epoch: u64) -> Batch {
    Batch {
        first,
        count,
        id: Uuid::from_u128(u128::from(first) << 64 | u128::from(epoch)),
        epoch,
        at: 1_000 + i64::try_from(first).unwrap(),
        events: vec![u8::try_from(first % 251).unwrap(); 300].into(),
    }
}

/// Options whose timeout a slow machine does not reach.
pub fn patient(url: &str) -> StorageOptions {
    StorageOptions { timeout: PATIENCE, ..options(url) }
}
