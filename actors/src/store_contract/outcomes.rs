//! The rules that decide an outcome which nobody told: reading back, and one winner of each place.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde_json::json;
use uuid::Uuid;

use super::done;
use super::journal::{batch, bounds};
use crate::ports::{Batch, Entry, Store, StoreError};

/// Writers at one place at once.
const WRITERS: u128 = 4;

pub(super) async fn reading_back_tells_whose_batch_it_is(store: &dyn Store) {
    let epoch = done("acquiring", store.acquire().await);
    let mine = Batch { id: Uuid::from_u128(1), ..batch(epoch, 1, 2) };
    let other = Batch { id: Uuid::from_u128(2), ..batch(epoch, 3, 2) };
    for written in [&mine, &other] {
        assert_eq!(done("reading", store.read(written.first).await), None, "no batch: it was not written");
        done("then it is written", store.append(written).await);
        assert_eq!(store.append(written).await, Err(StoreError::Exists), "and not twice");
    }
    let id = |found: Option<Batch>| found.map(|batch| batch.id);
    assert_eq!(id(done("reading", store.read(1).await)), Some(mine.id), "my id: it was written");
    assert_eq!(id(done("reading", store.read(3).await)), Some(other.id), "another id: another wrote there");
    assert_eq!(bounds(store).await.newest, 4, "trying twice counts once");
}

pub(super) async fn of_writers_at_one_place_one_wins(store: Arc<dyn Store>) {
    let epoch = done("acquiring", store.acquire().await);
    let writers = (1..=WRITERS).map(|writer| {
        let batch = Batch { id: Uuid::from_u128(writer), ..batch(epoch, 1, 1) };
        let store = Arc::clone(&store);
        tokio::spawn(async move { (batch.id, store.append(&batch).await) })
    });
    let outcomes: Vec<_> = futures::future::join_all(writers).await.into_iter().flatten().collect();
    let found = done("reading", store.read(1).await).map(|batch| batch.id);
    let won: Vec<Option<Uuid>> =
        outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(id, _)| Some(*id)).collect();
    assert_eq!(won, vec![found], "one wins, and its batch is there: {outcomes:?}");
    for (_, outcome) in &outcomes {
        let told = matches!(outcome, Ok(()) | Err(StoreError::Exists | StoreError::Conflict(_)));
        assert!(told, "whoever lost is told that nothing was written, not {outcome:?}");
    }
}

pub(super) async fn of_inserts_of_one_row_one_wins(store: Arc<dyn Store>) {
    let writers = (1..=WRITERS as u64).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(
            async move { (writer, store.insert(Entry::Agent, "5", &json!({ "ent": writer })).await) },
        )
    });
    let outcomes: Vec<_> = futures::future::join_all(writers).await.into_iter().flatten().collect();
    let won: Vec<u64> =
        outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(writer, _)| *writer).collect();
    let found = done("getting", store.get(Entry::Agent, &["5".to_owned()]).await);
    let expected: Vec<_> = won.iter().map(|writer| ("5".to_owned(), json!({ "ent": writer }))).collect();
    assert_eq!(found, expected, "one wins, and its row is there: {outcomes:?}");
}

pub(super) async fn a_caller_that_goes_away_leaves_all_or_nothing(store: Arc<dyn Store>) {
    let epoch = done("acquiring", store.acquire().await);
    for first in 1..=20 {
        let written = batch(epoch, first, 1);
        // Polled once and dropped: what has begun may go on, but only to its end.
        let _ = store.append(&written).now_or_never();
        let outcome = store.append(&written).await;
        let told = matches!(outcome, Ok(()) | Err(StoreError::Exists | StoreError::Conflict(_)));
        assert!(told, "the next to write there is told, not {outcome:?}");
        // A conflict is told while the other write is still on its way.
        let mut found = done("reading", store.read(first).await);
        while found.is_none() && matches!(outcome, Err(StoreError::Conflict(_))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            found = done("reading", store.read(first).await);
        }
        assert_eq!(found, Some(written), "a batch is there whole");
    }
    assert_eq!(bounds(&*store).await.newest, 20, "and once");
}
