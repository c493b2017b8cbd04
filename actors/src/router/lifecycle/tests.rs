//! No more actors stay in memory than may, however slowly snapshots are written, and nothing is lost by it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry as Metrics;

use super::{Running, SNAPSHOTS_AT_ONCE, Startup};
use crate::api::{Caller, ConversationRef, Hat, HistoryRequest};
use crate::check::tests::{direct, faults, say};
use crate::clock::ManualClock;
use crate::domain::ids::{ActorKey, Address, ConversationKey};
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::ports::StateStore;
use crate::router::Router;
use crate::runtime::policy::Policy;
use crate::world::Rules;

const LIMIT: usize = 8;

/// User 1 writes to as many others.
const OTHERS: u32 = 100;

/// Asked for snapshots at once, where they are.
const ASKED: usize = 4;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody is asked for a snapshot while facts are behind no more than this allows.
fn patient() -> JournalSettings {
    JournalSettings::default()
}

/// Everybody with more than a fact behind is asked, few at a time.
fn eager(actors: usize) -> JournalSettings {
    JournalSettings {
        checkpoint_interval: Duration::from_millis(50),
        checkpoint_lag_events: 1,
        checkpoint_actors: actors,
        ..patient()
    }
}

async fn start(store: &MemoryStore, active_limit: usize, metrics: &mut Metrics) -> Running {
    let startup = Startup {
        store: Arc::new(store.clone()),
        wall: Arc::new(ManualClock::at(1_767_225_600_000)),
        policy: Policy { active_limit, ..Policy::default() },
        rules: Rules::default(),
        journal: patient(),
        handle: tokio::runtime::Handle::current(),
    };
    Running::start(startup, metrics).await.unwrap()
}

fn pair(other: u32) -> ConversationKey {
    ConversationKey::one_to_one(Address::user(1), Address::user(other))
}

fn actor(other: u32) -> ActorKey {
    ActorKey::Conversation(pair(other).id())
}

fn caller(other: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(other)), seat: None, ent: 0, aliases: Vec::new() }
}

/// The numbers of the messages between user 1 and another.
async fn seqs(router: &Router, other: u32) -> Vec<u64> {
    let request = HistoryRequest {
        conversation: ConversationRef::Key(pair(other)),
        kind: pair(other).kind(),
        caller: caller(other),
        cursor: None,
        descending: false,
        limit: 100,
    };
    router.history(request).await.unwrap().rows.iter().map(|row| row.message.seq).collect()
}

async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn within(router: &Router, limit: usize) {
    let within = async || router.conversations.active() <= limit && router.inboxes.active() <= limit;
    eventually("no more are active than may be", within).await;
}

async fn saved(store: &MemoryStore, other: u32) -> bool {
    store.load(&actor(other)).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_snapshots_are_stuck_no_more_actors_stay_than_may_and_nothing_is_lost() {
    let store = MemoryStore::new();
    let running = start(&store, LIMIT, &mut Metrics::default()).await;
    let router = &running.router;
    store.faults().hold_saves(true);
    for other in 2..2 + OTHERS {
        assert_eq!(say(router, 1, direct(other)).await, 1);
    }
    within(router, LIMIT).await;
    for other in 2..2 + OTHERS {
        assert_eq!(seqs(router, other).await, [1]);
    }
    within(router, LIMIT).await;
    for other in 2..2 + OTHERS {
        assert_eq!(say(router, 1, direct(other)).await, 2);
        assert_eq!(router.unread(&caller(other)).await.unwrap().one_to_one, 2);
    }
    within(router, LIMIT).await;
    assert_eq!(store.keys("conversation").await.unwrap(), [], "not one was written");
    // They are asked for later, and stuck as well.
    router.world.journal.set_settings(eager(ASKED));
    eventually("the oldest is asked", async || router.world.journal.awaits_snapshot_of(&actor(2))).await;
    let journal = &router.world.journal;
    let owed = || journal.dirty_keys().iter().filter(|key| journal.awaits_snapshot_of(key)).count();
    eventually("as many are asked as may be", async || owed() == 8 * ASKED).await;
    for _ in 0..5 {
        router.sweep_and_save();
        assert!(router.conversations.active() + router.inboxes.active() <= 2 * LIMIT + 8 * ASKED);
    }
    store.faults().hold_saves(false);
    // But for the newest two messages: two conversations, their inboxes and that of user 1.
    let nearly_all = async || router.world.journal.dirty_keys().len() <= 5;
    eventually("snapshots are written once they can be", nearly_all).await;
    within(router, LIMIT).await;
    for other in 2..2 + OTHERS {
        assert_eq!(seqs(router, other).await, [1, 2]);
    }
    running.stop().await;
    assert_eq!(store.keys("conversation").await.unwrap().len(), OTHERS as usize);
    assert_eq!(faults(&store).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_asked_for_its_snapshot_writes_it_before_it_leaves() {
    let store = MemoryStore::new();
    let running = start(&store, 1, &mut Metrics::default()).await;
    let router = &running.router;
    for other in 2..20 {
        say(router, 1, direct(other)).await;
    }
    let (oldest, id) = (actor(2), pair(2).id());
    let stays = || router.conversations.status(&id).is_some();
    eventually("it leaves as long as nobody asks", async || !stays()).await;
    assert!(!saved(&store, 2).await);
    store.faults().hold_saves(true);
    router.world.journal.set_settings(eager(1));
    eventually("it is asked", async || router.world.journal.awaits_snapshot_of(&oldest)).await;
    eventually("it is activated for that", async || stays()).await;
    for round in 0..5 {
        for other in 3..20 {
            assert_eq!(seqs(router, other).await, [1]);
        }
        router.sweep_and_save();
        assert!(stays(), "it left in round {round}");
    }
    store.faults().hold_saves(false);
    eventually("its snapshot is written", async || saved(&store, 2).await).await;
    let leaves = async || {
        assert_eq!(seqs(router, 19).await, [1]);
        !stays()
    };
    eventually("it leaves then", leaves).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_whose_snapshots_are_being_written_stay_and_those_whose_snapshots_have_to_wait_leave() {
    const WRITTEN_AT_ONCE: usize = 2;
    let store = MemoryStore::new();
    let running = start(&store, usize::MAX, &mut Metrics::default()).await;
    let router = &running.router;
    store.faults().hold_saves(true);
    for other in 2..20 {
        say(router, 1, direct(other)).await;
    }
    let limits = |active_limit, idle_after| {
        let policy = Policy { active_limit, idle_after, ..Policy::default() };
        router.conversations.set_policy(policy.clone());
        router.inboxes.set_policy(policy);
    };
    limits(usize::MAX, Duration::ZERO);
    let active = || router.conversations.active() + router.inboxes.active();
    let journal = &router.world.journal;
    let written = || journal.dirty_keys().iter().filter(|key| journal.awaits_snapshot_of(key)).count();
    eventually("idle ones are told to write", async || written() == WRITTEN_AT_ONCE).await;
    assert!(active() >= 18, "{}", active());
    let dirty = journal.dirty_keys().len();
    limits(0, Duration::ZERO);
    eventually("only those stay", async || active() == WRITTEN_AT_ONCE).await;
    for _ in 0..5 {
        router.sweep_and_save();
        assert_eq!((active(), written()), (WRITTEN_AT_ONCE, WRITTEN_AT_ONCE));
    }
    store.faults().hold_saves(false);
    eventually("they leave when they are written", async || active() == 0).await;
    assert_eq!(journal.dirty_keys().len(), dirty - WRITTEN_AT_ONCE);
    for other in 2..20 {
        assert_eq!(seqs(router, other).await, [1]);
    }
    running.stop().await;
    assert_eq!(faults(&store).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_those_that_have_written_leave_before_all_others_are_activated() {
    let conversations = 2 * SNAPSHOTS_AT_ONCE as u32;
    let store = MemoryStore::new();
    let running = start(&store, usize::MAX, &mut Metrics::default()).await;
    for other in 2..2 + conversations {
        say(&running.router, 1, direct(other)).await;
    }
    let killed = store.copy();
    running.stop().await;
    let mut metrics = Metrics::default();
    let running = start(&killed, LIMIT, &mut metrics).await;
    assert_eq!(running.router.conversations.active() + running.router.inboxes.active(), 0);
    running.stop().await;
    let mut text = String::new();
    encode(&mut text, &metrics).unwrap();
    let left = |line: &&str| line.starts_with("messagecenter_passivations_total");
    let numbers = text.lines().filter(left).filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    // As many conversations as inboxes, and one inbox of user 1.
    let (left, all) = (numbers.sum::<usize>(), 2 * conversations as usize + 1);
    assert!(left + 2 * SNAPSHOTS_AT_ONCE + 2 * LIMIT >= all, "{} of {all} stayed", all - left);
    assert_eq!(killed.keys("conversation").await.unwrap().len(), conversations as usize);
    assert_eq!(faults(&killed).await.1, Vec::new());
}
