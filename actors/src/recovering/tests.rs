//! Damaged snapshots and pages: who recovers without them, and who says no.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::check::tests::{direct, faults, live, say, start};
use crate::domain::ids::{ActorKey, Address, ConversationKey, InboxKey};
use crate::domain::shadow::Side;
use crate::memory::MemoryStore;
use crate::ports::{Collection, JournalStore, Page, Snapshot, StateStore};
use crate::router::lifecycle::Running;

const PATIENCE: Duration = Duration::from_secs(30);

/// Lived in so many times, each until everything was saved.
async fn lived(times: usize) -> MemoryStore {
    let store = MemoryStore::new();
    for _ in 0..times {
        let running = start(&store).await;
        live(&running.router).await;
        running.stop().await;
    }
    store
}

async fn everybody(store: &MemoryStore) -> Vec<ActorKey> {
    let mut keys = Vec::new();
    for kind in ActorKey::KINDS {
        keys.extend(store.keys(kind).await.unwrap());
    }
    keys
}

fn snapshot_fallbacks(running: &Running) -> u64 {
    running.router.world().journal.metrics().snapshot_fallbacks.get()
}

fn phase(running: &Running, key: &ActorKey) -> Option<&'static str> {
    running.router.actor_status(key).map(|status| status.phase)
}

/// Wakes each and waits until it is in this phase.
async fn woken(running: &Running, keys: &[ActorKey], until: &str) {
    for key in keys {
        running.router.snapshot_actor(key);
        let waited = tokio::time::timeout(PATIENCE, async {
            while phase(running, key) != Some(until) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{key} is {:?}, not {until}", phase(running, key)));
    }
}

fn pair() -> ActorKey {
    ActorKey::Conversation(ConversationKey::one_to_one(Address::user(1), Address::user(2)).id())
}

fn group() -> ActorKey {
    ActorKey::Conversation(ConversationKey::Group("9".into()).id())
}

fn inbox() -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(Address::user(2)))
}

/// The named copy of a page is not what was written any more.
async fn tear(store: &MemoryStore, key: &ActorKey, collection: Collection) {
    let newest = store.load(key).await.unwrap().unwrap();
    let page = store.named_pages(&newest, collection, 1).await.unwrap().remove(0);
    let torn = Page { content: serde_json::json!(["torn"]), ..page };
    store.put_pages(key, &[torn]).await.unwrap();
}

/// By whoever damages it.
async fn taken(store: &MemoryStore) -> MemoryStore {
    let store = store.copy();
    store.acquire().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn every_actor_recovers_without_its_newest_snapshot_and_is_whole_again() {
    for times in [1, 2, 3] {
        let store = lived(times).await;
        let (expected, found) = faults(&store).await;
        assert_eq!(found, Vec::new());
        let keys = everybody(&store).await;
        let kinds: BTreeSet<&str> = keys.iter().map(ActorKey::kind).collect();
        assert_eq!(kinds.len(), 4, "somebody of each kind");
        for key in &keys {
            store.damage(key).unwrap();
        }
        assert!(faults(&store).await.0.faults >= keys.len() as u64, "each of them is damaged");
        let running = start(&store).await;
        woken(&running, &keys, "ready").await;
        assert_eq!(snapshot_fallbacks(&running), keys.len() as u64, "after {times} lives");
        running.stop().await;
        let (checked, found) = faults(&store).await;
        assert_eq!(found, Vec::new(), "after {times} lives");
        assert_eq!(
            (checked.conversations, checked.messages, checked.inboxes, checked.rows, checked.sessions),
            (expected.conversations, expected.messages, expected.inboxes, expected.rows, expected.sessions),
        );
        let running = start(&store).await;
        woken(&running, &keys, "ready").await;
        assert_eq!(snapshot_fallbacks(&running), 0, "what was damaged was written again");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_behind_a_damaged_snapshot_are_not_lost_either() {
    for times in [1, 2] {
        let store = lived(times).await;
        let keys = everybody(&store).await;
        let running = start(&store).await;
        live(&running.router).await;
        // As a kill leaves it: everybody has facts that no snapshot holds.
        let killed = store.copy();
        running.stop().await;
        let (expected, found) = faults(&store).await;
        assert_eq!(found, Vec::new());
        for key in &keys {
            killed.damage(key).unwrap();
        }
        let running = start(&killed).await;
        say(&running.router, 1, direct(2)).await;
        woken(&running, &keys, "ready").await;
        assert_eq!(snapshot_fallbacks(&running), keys.len() as u64, "after {times} lives");
        running.stop().await;
        let (checked, found) = faults(&killed).await;
        assert_eq!(found, Vec::new(), "after {times} lives");
        assert_eq!((checked.messages, checked.rows), (expected.messages + 1, expected.rows));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_that_only_the_newest_snapshot_names_is_done_without() {
    let store = taken(&lived(2).await).await;
    tear(&store, &group(), Collection::Members).await;
    tear(&store, &inbox(), Collection::Rows).await;
    let running = start(&store).await;
    woken(&running, &[group(), inbox()], "ready").await;
    assert_eq!(snapshot_fallbacks(&running), 2);
    say(&running.router, 1, direct(2)).await;
    running.stop().await;
    assert_eq!(faults(&store).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_way_back_an_actor_is_quarantined_and_its_store_is_left_alone() {
    let store = taken(&lived(2).await).await;
    let end = store.bounds().await.unwrap().newest;
    store.trim(end).await.unwrap();
    let whole = store.damage(&pair()).unwrap();
    let damaged = store.load_both(&pair()).await.unwrap();
    let running = start(&store).await;
    woken(&running, &[pair()], "quarantined").await;
    woken(&running, &[group(), inbox()], "ready").await;
    assert_eq!(snapshot_fallbacks(&running), 0);
    running.stop().await;
    assert_eq!(store.load_both(&pair()).await.unwrap(), damaged);
    store.repair(whole);
    assert_eq!(faults(&store).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_damaged_snapshots_are_one_too_many() {
    let store = lived(2).await;
    let newest = store.damage(&pair()).unwrap();
    let before = store.load_both(&pair()).await.unwrap().previous.unwrap();
    store.repair(Snapshot { state: vec![0xc1].into(), ..before });
    let running = start(&store).await;
    woken(&running, &[pair()], "quarantined").await;
    let refused = running.router.actor_status(&pair()).unwrap().reason;
    assert!(refused.contains(&pair().to_string()), "{refused}");
    store.repair(newest);
    assert!(running.router.resume_actor(&pair()));
    woken(&running, &[pair()], "ready").await;
    running.stop().await;
    assert_eq!(faults(&store).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_never_overwrites_the_newest_one_nor_a_page_that_it_names() {
    let store = lived(1).await;
    for _ in 0..3 {
        let mut kept = Vec::new();
        for key in [pair(), group(), inbox()] {
            let newest = store.load(&key).await.unwrap().unwrap();
            let members = store.named_pages(&newest, Collection::Members, 9).await.unwrap();
            let rows = store.named_pages(&newest, Collection::Rows, 9).await.unwrap();
            kept.push((newest, members, rows));
        }
        let running = start(&store).await;
        live(&running.router).await;
        running.stop().await;
        for (was, members, rows) in kept {
            let now = store.load_both(&was.key).await.unwrap();
            assert_eq!(now.newest.unwrap().side, was.side.other());
            assert_eq!(now.previous.as_ref(), Some(&was), "what was the newest is the one before");
            assert_eq!(store.named_pages(&was, Collection::Members, 9).await.unwrap(), members);
            assert_eq!(store.named_pages(&was, Collection::Rows, 9).await.unwrap(), rows);
        }
    }
    let history = store.pages(&pair(), Collection::History, 0, 9).await.unwrap();
    assert!(history.iter().all(|page| page.side == Side::First), "messages have one place");
}
