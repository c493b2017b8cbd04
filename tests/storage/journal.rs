//! The journal on SurrealDB: dense batches, exact windows, fencing, trimming.

use std::time::Duration;

use messagecenter::storage::SurrealStore;
use messagecenter_actors::ports::{JournalBounds, JournalStore, StoreError};

use super::stores::{batch, in_memory, on_disk, options};

#[tokio::test]
async fn a_batch_comes_back_as_it_was_written_and_is_written_once() {
    let store = in_memory().await;
    let epoch = store.acquire().await.unwrap();
    assert_eq!(epoch, 1);
    let written = batch(1, 3, epoch);
    store.append(&written).await.unwrap();
    assert_eq!(store.read(1).await.unwrap(), Some(written.clone()));
    assert_eq!(store.read(2).await.unwrap(), None);
    let mut other = written.clone();
    other.id = uuid::Uuid::from_u128(9);
    assert_eq!(store.append(&other).await, Err(StoreError::Exists));
    assert_eq!(store.read(1).await.unwrap(), Some(written));
    store.close().await;
}

#[tokio::test]
async fn scanning_reads_what_lies_between_the_bounds_and_no_more_than_the_limit() {
    let store = in_memory().await;
    let epoch = store.acquire().await.unwrap();
    let mut first = 1;
    let mut firsts = Vec::new();
    for count in [1, 700, 2, 1000, 1, 1, 900] {
        store.append(&batch(first, count, epoch)).await.unwrap();
        firsts.push(first);
        first += u64::from(count);
    }
    let positions = |batches: Vec<messagecenter_actors::ports::Batch>| -> Vec<u64> {
        batches.into_iter().map(|batch| batch.first).collect()
    };
    assert_eq!(positions(store.scan(1, u64::MAX, 512).await.unwrap()), firsts);
    assert_eq!(positions(store.scan(0, u64::MAX, 2).await.unwrap()), firsts[..2]);
    assert_eq!(positions(store.scan(3, u64::MAX, 512).await.unwrap()), firsts[2..], "from inside a batch");
    assert_eq!(positions(store.scan(1, firsts[3], 512).await.unwrap()), firsts[..3], "below is excluded");
    assert_eq!(positions(store.scan(first, u64::MAX, 512).await.unwrap()), Vec::<u64>::new());
    assert_eq!(positions(store.scan(5, 5, 512).await.unwrap()), Vec::<u64>::new());
    store.close().await;
}

#[tokio::test]
async fn trimming_deletes_whole_batches_and_never_lowers_the_end() {
    let store = in_memory().await;
    let epoch = store.acquire().await.unwrap();
    assert_eq!(store.bounds().await.unwrap(), JournalBounds { oldest: 0, newest: 0, replay_from: 1, at: 0 });
    for first in (1..=1_200).step_by(2) {
        store.append(&batch(first, 2, epoch)).await.unwrap();
    }
    store.set_checkpoint(1_150).await.unwrap();
    let before = JournalBounds { oldest: 1, newest: 1_200, replay_from: 1_150, at: 2_199 };
    assert_eq!(store.bounds().await.unwrap(), before);
    assert_eq!(store.trim(1_100).await.unwrap(), 549, "the batch of 1099 and 1100 stays");
    assert_eq!(store.bounds().await.unwrap(), JournalBounds { oldest: 1_099, ..before });
    assert_eq!(store.trim(1_100).await.unwrap(), 0);
    let kept = store.scan(1, u64::MAX, 1).await.unwrap();
    assert_eq!(kept.first().map(|batch| batch.first), Some(1_099), "reading starts at the oldest kept");
    assert_eq!(store.trim(u64::MAX).await.unwrap(), 51);
    let emptied = JournalBounds { oldest: 0, replay_from: 1_201, ..before };
    assert_eq!(store.bounds().await.unwrap(), emptied, "replay never begins where nothing is kept");
    store.append(&batch(1_201, 1, epoch)).await.unwrap();
    let after = store.bounds().await.unwrap();
    assert_eq!((after.oldest, after.newest), (1_201, 1_201));
    store.close().await;
}

#[tokio::test]
async fn whoever_held_the_store_before_is_fenced() {
    let store = in_memory().await;
    let old = store.acquire().await.unwrap();
    store.append(&batch(1, 1, old)).await.unwrap();
    let new = store.acquire().await.unwrap();
    assert_eq!(new, old + 1);
    assert!(matches!(store.append(&batch(2, 1, old)).await, Err(StoreError::Fenced(_))));
    assert_eq!(store.read(2).await.unwrap(), None);
    store.append(&batch(2, 1, new)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_lease_checked_in_the_commit_fences_as_well() {
    let mut settings = options("mem://");
    settings.lease_in_commits = true;
    let store = SurrealStore::open(&settings).await.unwrap();
    let old = store.acquire().await.unwrap();
    store.append(&batch(1, 1, old)).await.unwrap();
    assert_eq!(store.append(&batch(1, 2, old)).await, Err(StoreError::Exists));
    let new = store.acquire().await.unwrap();
    assert!(matches!(store.append(&batch(2, 1, old)).await, Err(StoreError::Fenced(_))));
    assert_eq!(store.read(2).await.unwrap(), None);
    store.append(&batch(2, 1, new)).await.unwrap();
    assert_eq!(store.read(2).await.unwrap(), Some(batch(2, 1, new)));
    store.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_abort_its_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = on_disk(directory.path()).await;
    let epoch = store.acquire().await.unwrap();
    for first in 1..=20 {
        let written = batch(first, 1, epoch);
        // Polled once, then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, store.append(&written)).await;
    }
    store.close().await; // waits for what is under way
    assert!(matches!(store.bounds().await, Err(StoreError::Unavailable(_))), "closed is closed");
    let store = on_disk(directory.path()).await;
    assert_eq!(store.bounds().await.unwrap().newest, 20);
    store.close().await;
}

#[tokio::test]
async fn a_reopened_store_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let store = on_disk(directory.path()).await;
    let epoch = store.acquire().await.unwrap();
    for first in 1..=30 {
        store.append(&batch(first, 1, epoch)).await.unwrap();
    }
    store.set_checkpoint(10).await.unwrap();
    store.trim(5).await.unwrap();
    store.close().await;

    let store = on_disk(directory.path()).await;
    let bounds = store.bounds().await.unwrap();
    assert_eq!(bounds, JournalBounds { oldest: 5, newest: 30, replay_from: 10, at: 1_030 });
    assert_eq!(store.acquire().await.unwrap(), epoch + 1);
    assert_eq!(store.read(30).await.unwrap(), Some(batch(30, 1, epoch)));
    store.append(&batch(31, 1, epoch + 1)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_checkpoint_right_after_opening_keeps_the_end_of_a_journal_trimmed_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = on_disk(directory.path()).await;
    let epoch = store.acquire().await.unwrap();
    for first in 1..=5 {
        store.append(&batch(first, 1, epoch)).await.unwrap();
    }
    assert_eq!(store.trim(u64::MAX).await.unwrap(), 5);
    store.close().await;

    let store = on_disk(directory.path()).await;
    store.acquire().await.unwrap();
    store.set_checkpoint(6).await.unwrap();
    let bounds = store.bounds().await.unwrap();
    assert_eq!(bounds, JournalBounds { oldest: 0, newest: 5, replay_from: 6, at: 1_005 });
    store.close().await;
}
