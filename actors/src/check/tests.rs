//! A store in use is whole; each kind of damage is named.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::sync::Arc;

use super::{Checked, Fault, check};
use crate::api::{
    Caller, ConversationRef, Hat, OpenSession, Opener, ReadRequest, SendRequest, SendTo, ServiceRef, Wish,
};
use crate::clock::ManualClock;
use crate::domain::event::{AgentRecord, Presence};
use crate::domain::ids::{ActorKey, Address, ConversationKey, EntId, InboxKey, PartyType};
use crate::domain::message::{Author, Body};
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::ports::{Collection, JournalStore, StateStore, Store};
use crate::router::Router;
use crate::router::lifecycle::{Running, Startup};
use crate::runtime::policy::Policy;
use crate::world::Rules;

const ENT: EntId = 4;

/// The service on this store.
pub(crate) async fn start(store: &MemoryStore) -> Running {
    start_by(store, JournalSettings::default(), Arc::new(ManualClock::at(1_767_225_600_000))).await
}

pub(crate) async fn start_by(
    store: &MemoryStore,
    journal: JournalSettings,
    wall: Arc<ManualClock>,
) -> Running {
    let startup = Startup {
        store: Arc::new(store.clone()),
        wall,
        policy: Policy::default(),
        rules: Rules::default(),
        journal,
        handle: tokio::runtime::Handle::current(),
    };
    Running::start(startup, &mut prometheus_client::registry::Registry::default()).await.unwrap()
}

pub(crate) async fn say(router: &Router, from: u32, to: SendTo) -> u64 {
    let author = Author { address: Address::user(from), own_type: 2 };
    let body = Body { content: "a secret".to_owned(), ..Body::default() };
    let request = SendRequest { author, ent: ENT, to, body: body.into(), idempotency: None };
    router.send(request).await.unwrap().message.seq
}

pub(crate) fn direct(to: u32) -> SendTo {
    SendTo::Direct(Address::user(to))
}

/// Everything that is stored: people, groups, notices, a served customer and one who waits.
pub(crate) async fn live(router: &Router) {
    for _ in 0..70 {
        say(router, 1, direct(2)).await;
    }
    say(router, 2, direct(1)).await;
    for member in 1..=5 {
        say(router, member, SendTo::Group("9".to_owned())).await;
    }
    let bot = Author { address: Address::new(PartyType::Bot, "b"), own_type: 4 };
    for to in [SendTo::Group("9".to_owned()), SendTo::Notice(Address::user(3)), direct(4)] {
        let author = bot.clone();
        let body = Arc::new(Body::default());
        router.send(SendRequest { author, ent: ENT, to, body, idempotency: None }).await.unwrap();
    }
    let caller =
        Caller { hat: Hat::User, own: Some(Address::user(2)), seat: None, aliases: Vec::new(), ent: 0 };
    let pair = ConversationKey::one_to_one(Address::user(1), Address::user(2));
    let conversation = ConversationRef::Key(pair);
    router.read(ReadRequest { conversation, caller, up_to: Some(30) }).await.unwrap();
    let record = AgentRecord {
        name: "Mia".to_owned(),
        groups: Vec::new(),
        capacity: 1,
        weight: 1,
        skills: Vec::new(),
    };
    router.put_agent(ENT, "5", record).await.unwrap();
    router.set_presence("5", Presence::Online).await.unwrap();
    for customer in [7, 8] {
        let open = OpenSession {
            ent: ENT,
            customer: Address::user(customer),
            opener: Opener::Customer(Wish::Anyone),
            group: String::new(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        router.open_session(open).await.unwrap();
        let desk = ConversationKey::Service(ENT, Address::user(customer));
        say(router, customer, SendTo::Service(Some(ServiceRef::Conversation(desk.id())))).await;
    }
    let row = crate::api::UserRow { name: "Ann".to_owned(), ..Default::default() };
    router.put_user("1", row).await.unwrap();
}

pub(crate) async fn faults(store: &dyn Store) -> (Checked, Vec<Fault>) {
    let mut faults = Vec::new();
    let checked = check(store, &Rules::default(), &mut |fault: &Fault| faults.push(fault.clone())).await;
    (checked.unwrap(), faults)
}

async fn lived() -> MemoryStore {
    let store = MemoryStore::new();
    let running = start(&store).await;
    live(&running.router).await;
    running.stop().await;
    store
}

/// The store taken by whoever damages it.
async fn damaged() -> MemoryStore {
    let store = lived().await;
    let store = store.copy();
    store.acquire().await.unwrap();
    store
}

fn pair() -> ActorKey {
    ActorKey::Conversation(ConversationKey::one_to_one(Address::user(1), Address::user(2)).id())
}

#[track_caller]
fn named(faults: &[Fault], place: &ActorKey, what: &str) {
    let found = |fault: &&Fault| fault.place == place.to_string() && fault.what.contains(what);
    assert!(faults.iter().any(|fault| found(&fault)), "{place}: {what} is not among {faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_is_whole_by_its_snapshots_and_by_its_journal_alone() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    live(&running.router).await;
    // As a kill leaves it: nothing has a snapshot.
    let (killed, found) = faults(&store.copy()).await;
    assert_eq!(found, Vec::new());
    running.stop().await;
    let (drained, found) = faults(&store).await;
    assert_eq!(found, Vec::new());
    for checked in [killed, drained] {
        let Checked { shunts, sessions, conversations, messages, inboxes, rows, faults, .. } = checked;
        assert_eq!((shunts, sessions, conversations, messages), (1, 2, 6, 81), "{checked:?}");
        assert_eq!(faults, 0);
        assert!(inboxes >= 8 && rows >= 13, "{checked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_message_is_named() {
    let store = damaged().await;
    let mut page = store.page(&pair(), Collection::History, 0).await.unwrap().unwrap();
    page.content.as_array_mut().unwrap().remove(9);
    store.put_pages(&pair(), &[page]).await.unwrap();
    let (_, found) = faults(&store).await;
    named(&found, &pair(), "message 10 is missing");
    assert_eq!(found.len(), 1, "its rows are not compared: {found:?}");
    assert!(found.iter().all(|fault| !fault.what.contains("secret")), "no content is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_differs_from_its_conversation_is_named() {
    let store = damaged().await;
    let inbox = ActorKey::Inbox(InboxKey::Party(Address::user(2)));
    let mut page = store.page(&inbox, Collection::Rows, 0).await.unwrap().unwrap();
    let rows = page.content.as_array_mut().unwrap();
    rows.iter_mut().for_each(|row| row[1]["mark"] = 31.into());
    store.put_pages(&inbox, &[page]).await.unwrap();
    let (_, found) = faults(&store).await;
    named(&found, &inbox, "read mark is 31, there 30");
    named(&found, &inbox, "unread is 39, there 40");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_row_is_named_by_its_conversation() {
    let store = damaged().await;
    let inbox = ActorKey::Inbox(InboxKey::Party(Address::user(2)));
    let mut page = store.page(&inbox, Collection::Rows, 0).await.unwrap().unwrap();
    page.content = serde_json::json!([]);
    store.put_pages(&inbox, &[page]).await.unwrap();
    named(&faults(&store).await.1, &pair(), "has no row for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_mark_above_the_newest_message_is_named() {
    let store = damaged().await;
    let group = ActorKey::Conversation(ConversationKey::Group("9".into()).id());
    let mut page = store.page(&group, Collection::Members, 0).await.unwrap().unwrap();
    page.content.as_array_mut().unwrap().iter_mut().for_each(|row| row["read"] = 99.into());
    store.put_pages(&group, &[page]).await.unwrap();
    named(&faults(&store).await.1, &group, "has read up to 99, the newest is 6");
}

#[tokio::test(flavor = "multi_thread")]
async fn routing_and_sessions_that_differ_are_named() {
    let store = damaged().await;
    let shunt = ActorKey::Shunt(ENT);
    let empty = crate::domain::shunt::State::new(ENT).encode().unwrap();
    let snapshot = store.load(&shunt).await.unwrap().unwrap();
    store.save(&crate::ports::Snapshot { state: empty.into(), ..snapshot }, &[]).await.unwrap();
    let (_, found) = faults(&store).await;
    let sessions = found.iter().filter(|fault| fault.what.contains("does not know it")).count();
    let conversations = found.iter().filter(|fault| fault.what.contains("not in routing")).count();
    assert_eq!((sessions, conversations), (2, 2), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_from_beyond_the_journal_and_an_unreadable_one_are_named() {
    let store = damaged().await;
    let snapshot = store.load(&pair()).await.unwrap().unwrap();
    let ahead = crate::ports::Snapshot { decided: 1_000_000, ..snapshot.clone() };
    store.save(&ahead, &[]).await.unwrap();
    named(&faults(&store).await.1, &pair(), "its snapshot is of 1000000, above the journal's end");
    let broken = crate::ports::Snapshot { state: vec![0xc1].into(), ..snapshot };
    store.save(&broken, &[]).await.unwrap();
    named(&faults(&store).await.1, &pair(), "snapshot:");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_actor_that_cannot_be_read_is_one_fault_whoever_would_be_compared_with_it() {
    let desk = ActorKey::Conversation(ConversationKey::Service(ENT, Address::user(7)).id());
    let sessions = MemoryStore::keys(&lived().await, "session").await.unwrap();
    let inbox = ActorKey::Inbox(InboxKey::Party(Address::user(2)));
    let unreadable = [pair(), desk, sessions[0].clone(), ActorKey::Shunt(ENT), inbox];
    for (key, at_least) in unreadable.iter().zip([2, 3, 1, 4, 2]) {
        let store = damaged().await;
        let key = match key {
            // Ids of sessions differ from store to store.
            ActorKey::Session(_) => &store.keys("session").await.unwrap()[0],
            key => key,
        };
        let snapshot = store.load(key).await.unwrap().unwrap();
        let broken = crate::ports::Snapshot { state: vec![0xc1].into(), ..snapshot };
        store.save(&broken, &[]).await.unwrap();
        let (checked, found) = faults(&store).await;
        let places: Vec<&str> = found.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(places, [key.to_string()], "{found:?}");
        assert!(checked.not_compared >= at_least, "{key}: {checked:?}");
    }
}
