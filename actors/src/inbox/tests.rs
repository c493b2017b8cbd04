//! What an inbox actor knows after a crash, and after a snapshot that could not be written.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::*;
use crate::api::{SendRequest, SendTo, Unread};
use crate::clock::ManualClock;
use crate::domain::ids::Address;
use crate::domain::message::{Author, Body};
use crate::journal::{Deliver, JournalSettings};
use crate::memory::MemoryStore;
use crate::router::Router;
use crate::router::dispatch::Dispatch;
use crate::router::lifecycle::{Running, Startup};
use crate::runtime::policy::Policy;
use crate::world::Rules;

async fn start(store: &MemoryStore) -> Running {
    let startup = Startup {
        store: Arc::new(store.clone()),
        wall: Arc::new(ManualClock::at(1_000)),
        policy: Policy::default(),
        rules: Rules::default(),
        journal: JournalSettings::default(),
        handle: tokio::runtime::Handle::current(),
    };
    Running::start(startup, &mut prometheus_client::registry::Registry::default()).await.unwrap()
}

async fn send(router: &Router, from: u64) {
    let author = Author { address: Address::user(from), own_type: 2 };
    let (to, body) = (SendTo::Direct(Address::user(1)), Body::default());
    let request = SendRequest { author, ent: 0, to, body: body.into(), idempotency: None };
    router.send(request).await.unwrap();
}

async fn unread(router: &Router) -> u64 {
    let own = Some(Address::user(1));
    let caller =
        crate::api::Caller { hat: crate::api::Hat::User, own, seat: None, ent: 0, aliases: Vec::new() };
    let Unread { one_to_one, .. } = router.unread(&caller).await.unwrap();
    one_to_one
}

fn dispatch(router: &Router) -> Dispatch {
    Dispatch {
        conversations: Arc::clone(&router.conversations),
        sessions: Arc::clone(&router.sessions),
        shunts: Arc::clone(&router.shunts),
        inboxes: Arc::clone(&router.inboxes),
        heads: Arc::clone(&router.heads),
        aliases: Arc::clone(&router.world.aliases),
    }
}

fn mine() -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(Address::user(1)))
}

async fn becomes_clean(router: &Router) -> bool {
    for _ in 0..100 {
        if !router.world.journal.is_dirty(&mine()) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_and_repeats_nothing() {
    let store = MemoryStore::new();
    let mut crashed = Vec::new();
    let mut expected = 0;
    for life in 0..4 {
        let running = start(&store).await;
        assert_eq!(unread(&running.router).await, expected, "life {life}");
        for peer in 2..80 {
            send(&running.router, peer).await;
            expected += 1;
        }
        assert_eq!(unread(&running.router).await, expected);
        if life % 2 == 1 {
            // Half of the facts are in a snapshot, the rest in the journal only.
            dispatch(&running.router).checkpoint(&mine());
            assert!(becomes_clean(&running.router).await);
            send(&running.router, 2).await;
            expected += 1;
        }
        // Never stopped: the next life takes the store away from it.
        crashed.push(running);
    }
    assert_eq!(unread(&start(&store).await.router).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_failed_is_written_whole_later() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    let router = &running.router;
    for peer in 2..100 {
        send(router, peer).await;
    }
    assert_eq!(unread(router).await, 98);
    store.faults().set_away(true);
    dispatch(router).checkpoint(&mine());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(router.world.journal.is_dirty(&mine()));
    store.faults().set_away(false);
    dispatch(router).checkpoint(&mine());
    assert!(becomes_clean(router).await);
    router.inboxes.crash_or_restart(&InboxKey::Party(Address::user(1)));
    assert_eq!(unread(router).await, 98);
    running.stop().await;
}
