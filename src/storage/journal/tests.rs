//! Where the journal ends, as the process that writes it knows it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use uuid::Uuid;

use super::*;
use crate::options::StorageOptions;

async fn store() -> SurrealStore {
    SurrealStore::open(&StorageOptions::new("mem://".parse().unwrap())).await.unwrap()
}

fn batch(epoch: u64, first: Position, count: u32) -> Batch {
    Batch { first, count, id: Uuid::new_v4(), epoch, at: 1_000 + first as Millis, events: vec![7; 3].into() }
}

async fn remove(store: &SurrealStore, first: Position) {
    const REMOVE: &str = "DELETE $id;";
    let binds = object([("id", record("journal", key(first)))]);
    store.engine.query(Operation::Write, REMOVE, binds).await.unwrap();
}

#[tokio::test]
async fn what_this_process_wrote_is_not_read_again_to_find_the_end() {
    let store = store().await;
    let epoch = store.acquire().await.unwrap();
    assert_eq!(store.bounds().await.unwrap().newest, 0);
    for first in [1, 4, 7] {
        store.append(&batch(epoch, first, 3)).await.unwrap();
    }
    remove(&store, 4).await; // whoever read from batch to batch would find a hole
    let bounds = store.bounds().await.unwrap();
    assert_eq!((bounds.newest, bounds.at), (9, 1_007));
    store.close().await;
}

#[tokio::test]
async fn who_knows_no_end_reads_it_and_knows_what_it_writes_from_there() {
    let store = store().await;
    let epoch = store.acquire().await.unwrap();
    store.append(&batch(epoch, 1, 2)).await.unwrap();
    store.append(&batch(epoch, 3, 2)).await.unwrap();
    *store.tail.lock() = Tail::default(); // as the next process begins
    store.append(&batch(epoch, 5, 5)).await.unwrap();
    assert_eq!(store.tail.lock().next, 1, "what lies between is not known");
    assert_eq!(store.bounds().await.unwrap().newest, 9);
    store.append(&batch(epoch, 10, 1)).await.unwrap();
    remove(&store, 5).await;
    assert_eq!(store.bounds().await.unwrap().newest, 10);
    store.close().await;
}
