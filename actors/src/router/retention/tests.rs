//! Conversations that nobody touches are found, and whatever shows them stays exact.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::io::Cursor;
use std::sync::Arc;

use crate::api::{
    Caller, ConversationRef, Filter, Hat, HistoryRequest, ListRequest, ReadRequest, SendTo, ServiceRef,
    Unread,
};
use crate::backup::{make, restore};
use crate::check::tests::{direct, faults, live, say, start, start_by};
use crate::clock::ManualClock;
use crate::domain::conversation::retaining::{Retention, Retentions};
use crate::domain::ids::{ActorKey, Address, ConversationKey, Kind};
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::ports::{Collection, StateStore};
use crate::router::Router;
use crate::router::lifecycle::Running;
use crate::world::Rules;

const DAY: i64 = 86_400_000;

fn keep(router: &Router, change: impl FnOnce(&mut Retentions)) {
    let mut rules = Rules::clone(&router.world.rules.load());
    change(&mut rules.retention);
    router.world.rules.store(Arc::new(rules));
}

async fn walk(router: &Router) {
    let mut after = String::new();
    while let Some(next) = router.retain_some(&after).await.unwrap() {
        after = next;
    }
}

fn user(id: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, aliases: Vec::new(), ent: 0 }
}

fn agent(id: u32, ent: i64) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), ent, ..user(1) }
}

fn pair() -> ConversationKey {
    ConversationKey::one_to_one(Address::user(1), Address::user(2))
}

async fn pages(store: &MemoryStore, key: &ConversationKey) -> Vec<u64> {
    let actor = ActorKey::Conversation(key.id());
    let pages = store.pages(&actor, Collection::History, 0, 1_000).await.unwrap();
    pages.iter().map(|page| page.number).collect()
}

async fn seqs(router: &Router, key: &ConversationKey, caller: Caller) -> (u64, Vec<u64>) {
    let request = HistoryRequest {
        conversation: ConversationRef::Key(key.clone()),
        kind: key.kind(),
        caller,
        cursor: None,
        descending: false,
        limit: 1_000,
    };
    let history = router.history(request).await.unwrap();
    (history.total, history.rows.iter().map(|row| row.message.seq).collect())
}

async fn restarted(running: Running, store: &MemoryStore, clock: &Arc<ManualClock>) -> Running {
    let retention = running.router.world.rules.load().retention;
    running.stop().await;
    let running = start_by(store, JournalSettings::default(), Arc::clone(clock)).await;
    keep(&running.router, |all| *all = retention);
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_finds_conversations_that_nobody_touches() {
    let (store, clock) = (MemoryStore::new(), Arc::new(ManualClock::at(1_767_225_600_000)));
    let running = start_by(&store, JournalSettings::default(), Arc::clone(&clock)).await;
    for to in 2..=90 {
        say(&running.router, 1, direct(to)).await;
    }
    for _ in 0..99 {
        say(&running.router, 1, direct(2)).await;
        say(&running.router, 1, SendTo::Group("9".to_owned())).await;
    }
    let running = restarted(running, &store, &clock).await;
    let group = ConversationKey::Group("9".into());
    walk(&running.router).await;
    assert_eq!((pages(&store, &pair()).await, pages(&store, &group).await), (vec![0, 1], vec![0, 1]));
    clock.advance(3 * DAY);
    keep(&running.router, |all| all.one_to_one.age = 2 * DAY);
    walk(&running.router).await;
    assert_eq!(seqs(&running.router, &pair(), user(2)).await, (36, (65..=100).collect()));
    assert_eq!(seqs(&running.router, &group, user(1)).await.0, 99, "of its kind only");
    let running = restarted(running, &store, &clock).await;
    assert_eq!(pages(&store, &pair()).await, [1]);
    keep(&running.router, |all| all.group.messages = 20);
    walk(&running.router).await;
    assert_eq!(seqs(&running.router, &group, user(1)).await, (35, (65..=99).collect()));
    running.stop().await;
    assert_eq!(pages(&store, &group).await, [1]);
    assert_eq!(faults(&store).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_and_lists_are_exact_after_a_removal_live_restarted_and_restored() {
    let (store, clock) = (MemoryStore::new(), Arc::new(ManualClock::at(1_767_225_600_000)));
    let running = start_by(&store, JournalSettings::default(), Arc::clone(&clock)).await;
    let router = &running.router;
    live(router).await; // 71 between 1 and 2, of which 2 read 30; one customer is served
    for _ in 0..130 {
        say(router, 1, direct(2)).await;
        say(router, 1, SendTo::Group("9".to_owned())).await;
        let bot = SendTo::Notice(Address::user(3));
        say(router, 8, bot).await;
    }
    let before = router.unread(&user(2)).await.unwrap();
    // Of 201, user 2 read 30 and wrote number 71.
    assert_eq!((before.one_to_one, before.notice), (201 - 30 - 1, 0));
    let every = Retention { age: DAY, messages: 0 };
    keep(router, |all| *all = Retentions { one_to_one: every, service: every, group: every, notice: every });
    clock.advance(2 * DAY);
    let group = ConversationKey::Group("9".into());
    let notices = ConversationKey::Notice(Address::user(3));
    for (key, removed) in [(pair(), 192), (group.clone(), 128), (notices.clone(), 128)] {
        assert_eq!(router.retain(key.id()).await.unwrap().removed, removed, "{key:?}");
    }
    assert_unread(router).await;
    let running = restarted(running, &store, &clock).await;
    assert_unread(&running.router).await;
    let mut file = Vec::new();
    make(&store, 1, &mut file).await.unwrap();
    running.stop().await;
    assert_eq!(faults(&store).await.1, Vec::new());
    let copy = MemoryStore::new();
    restore(&copy, Cursor::new(&file)).await.unwrap();
    assert_eq!(faults(&copy).await.1, Vec::new());
    let again = start(&copy).await;
    assert_unread(&again.router).await;
    again.stop().await;
}

/// What is left: 9 of the pair, 9 of the group, 3 notices.
async fn assert_unread(router: &Router) {
    let group = ConversationKey::Group("9".into());
    let notices = ConversationKey::Notice(Address::user(3));
    assert_eq!(seqs(router, &pair(), user(2)).await, (9, (193..=201).collect()));
    let (of_group, rows) = seqs(router, &group, user(2)).await;
    assert_eq!((of_group, rows.first()), (rows.len() as u64, Some(&129)));
    let (of_notices, rows) = seqs(router, &notices, user(3)).await;
    assert_eq!((of_notices, rows.first()), (rows.len() as u64, Some(&129)));
    let found = router.unread(&user(2)).await.unwrap();
    assert_eq!(found, Unread { one_to_one: 9, service: found.service, group: of_group, notice: 0 });
    assert_eq!(router.unread(&user(3)).await.unwrap().notice, of_notices);
    let list = ListRequest { caller: user(2), filter: Filter::default(), page: 1, size: 100 };
    let list = router.conversations(list).await.unwrap();
    let row = |key: &ConversationKey| list.rows.iter().find(|row| row.conversation == key.id()).unwrap();
    assert_eq!((row(&pair()).unread, row(&group).unread), (9, of_group));
    assert_eq!(row(&pair()).last.as_ref().unwrap().message.seq, 201);
    assert_eq!(list.rows.iter().map(|row| row.unread).sum::<u64>(), 9 + of_group + found.service);
    let mark = ReadRequest { conversation: ConversationRef::Key(pair()), caller: user(2), up_to: Some(0) };
    assert_eq!(router.read(mark).await.unwrap().unread, 9);
    assert!(router.world.retention.total(Kind::Service) == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_removed_messages_count_for_no_agent() {
    let (store, clock) = (MemoryStore::new(), Arc::new(ManualClock::at(1_767_225_600_000)));
    let running = start_by(&store, JournalSettings::default(), Arc::clone(&clock)).await;
    let router = &running.router;
    live(router).await;
    let (ent, served) = (4, 7);
    let key = ConversationKey::Service(ent, Address::user(served));
    for _ in 0..150 {
        say(router, served, SendTo::Service(Some(ServiceRef::Conversation(key.id())))).await;
    }
    let before = router.unread(&agent(5, ent)).await.unwrap().service;
    assert_eq!(before, 151);
    keep(router, |all| all.service.messages = 10);
    assert_eq!(router.retain(key.id()).await.unwrap().removed, 128);
    let kept = seqs(router, &key, agent(5, ent)).await.0;
    assert_eq!((router.unread(&agent(5, ent)).await.unwrap().service, kept), (23, 23));
    running.stop().await;
    assert_eq!(faults(&store).await.1, Vec::new());
}
