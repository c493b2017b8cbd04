//! When it opens, whom it refuses, and how it closes.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use super::*;
use crate::memory::MemoryStore;
use crate::ports::{Entry, Store};

fn settings() -> BreakerSettings {
    BreakerSettings { failures: 3, ..BreakerSettings::default() }
}

fn rig() -> (MemoryStore, Arc<Breaker>, Arc<dyn Store>) {
    let (store, breaker) = (MemoryStore::new(), Breaker::new(settings()));
    let guarded = Guarded::new(Arc::new(store.clone()), Arc::clone(&breaker));
    (store, breaker, Arc::new(guarded))
}

async fn ask(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    store.get(Entry::User, &["1".to_owned()]).await.map(drop)
}

fn refused(outcome: &Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(why)) if why.contains("breaker"))
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_then_nothing_reaches_storage() {
    let (store, breaker, guarded) = rig();
    store.faults().set_away(true);
    for _ in 0..3 {
        assert!(!breaker.is_open());
        assert!(ask(&guarded).await.is_err_and(|error| error.to_string().contains("on purpose")));
    }
    assert!(breaker.is_open());
    store.faults().set_away(false);
    assert!(refused(&ask(&guarded).await), "it does not close by a call");
    let left = breaker.remaining().unwrap();
    assert!(left >= settings().pause_min && left <= settings().pause_min * 3 / 2, "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_between_or_time_makes_it_forget() {
    let (store, breaker, guarded) = rig();
    for _ in 0..5 {
        store.faults().set_away(true);
        assert!(ask(&guarded).await.is_err() && ask(&guarded).await.is_err());
        store.faults().set_away(false);
        ask(&guarded).await.unwrap();
    }
    store.faults().set_away(true);
    for _ in 0..5 {
        assert!(ask(&guarded).await.is_err());
        tokio::time::sleep(settings().window * 3 / 4).await;
    }
    assert!(!breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn storage_that_says_no_has_answered() {
    let (_, breaker, _) = rig();
    for error in [StoreError::Exists, StoreError::Conflict(String::new()), StoreError::Corrupt(String::new())]
    {
        breaker.failed();
        breaker.failed();
        breaker.note(breaker.admit().unwrap(), &Err::<(), _>(error));
        assert_eq!(breaker.state().failures, 0);
    }
    breaker.failed();
    breaker.failed();
    breaker.note(breaker.admit().unwrap(), &Err::<(), _>(StoreError::Unknown(String::new())));
    assert!(breaker.is_open());
}

#[tokio::test(start_paused = true)]
async fn probes_come_after_pauses_that_grow_up_to_a_bound_and_the_first_answer_closes_it() {
    let (_, breaker, guarded) = rig();
    let observer = Observation::new();
    breaker.observed_by(Arc::clone(&observer));
    breaker.trip();
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let began = Instant::now();
        breaker.probe_due().await;
        pauses.push(began.elapsed());
        assert_eq!(breaker.state().word, "half_open");
        assert!(refused(&ask(&guarded).await), "the probe alone asks");
        breaker.probed(false);
        assert_eq!(breaker.state().word, "open");
    }
    assert!(pauses[0] >= settings().pause_min && pauses[1] >= settings().pause_min * 2, "{pauses:?}");
    assert!(
        pauses.iter().all(|pause| *pause <= settings().pause_max + Duration::from_millis(2)),
        "{pauses:?}"
    );
    breaker.probe_due().await;
    breaker.probed(true);
    assert!(!breaker.is_open() && breaker.remaining().is_none());
    ask(&guarded).await.unwrap();
    let (events, _) = observer.events().since(0);
    let words: Vec<_> = events.iter().map(|event| event.what).collect();
    assert_eq!(words, ["breaker_opened", "breaker_closed"]);
    let waits = tokio::time::timeout(Duration::from_secs(3_600), breaker.probe_due()).await;
    assert!(waits.is_err(), "closed, nobody is to ask");
}

#[tokio::test(start_paused = true)]
async fn one_that_opens_again_soon_goes_on_with_its_pauses_and_later_begins_anew() {
    let (_, breaker, _) = rig();
    breaker.trip();
    breaker.close();
    breaker.trip();
    assert!(breaker.remaining().unwrap() >= settings().pause_min * 2);
    breaker.close();
    tokio::time::sleep(settings().window * 2).await;
    breaker.trip();
    assert!(breaker.remaining().unwrap() < settings().pause_min * 2);
}

struct Behind;

#[async_trait::async_trait]
impl crate::store_contract::Stores for Behind {
    async fn fresh(&self) -> Arc<dyn Store> {
        rig().2
    }

    async fn reopened(&self, _: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_behind_it_keeps_the_contract_of_the_ports() {
    crate::store_contract::check(&Behind).await;
}

#[tokio::test(start_paused = true)]
async fn failures_that_were_under_way_when_it_closed_do_not_open_it_again() {
    let (_, breaker, _) = rig();
    let late: Vec<Admitted> = (0..5).map(|_| breaker.admit().unwrap()).collect();
    breaker.trip();
    breaker.close();
    for admitted in late {
        breaker.note(admitted, &Err::<(), _>(StoreError::Unavailable("too late".to_owned())));
    }
    assert!(!breaker.is_open());
}
