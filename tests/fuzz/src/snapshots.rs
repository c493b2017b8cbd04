//! The decoders of what actors keep: a snapshot and a page of any bytes make an actor or a refusal that names
//! what is broken; never a panic, and never the wish to try again, which would wait for ever.

use std::sync::Arc;

use bytes::Bytes;
use messagecenter_actors::clock::{Clock, ManualClock};
use messagecenter_actors::conversation::Conversation;
use messagecenter_actors::domain::ids::{ActorKey, Address, InboxKey};
use messagecenter_actors::inbox::Inbox;
use messagecenter_actors::journal::{Journal, JournalSettings};
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::{Collection, Page, Snapshot, StateStore, Store};
use messagecenter_actors::runtime::behaviour::{Behaviour, RecoverError};
use messagecenter_actors::session::SessionActor;
use messagecenter_actors::shunt::ShuntActor;
use messagecenter_actors::world::{Rules, World};
use tokio::runtime::{Builder, Handle};
use uuid::Uuid;

/// What one input holds: `kind, version, length (2 bytes, big end first), state, page as JSON`.
#[derive(Debug)]
struct Row<'a> {
    kind: u8,
    version: u8,
    state: &'a [u8],
    page: Option<serde_json::Value>,
}

impl<'a> Row<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let [kind, version, high, low, rest @ ..] = data else { return None };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (state, page) = rest.split_at(length);
        Some(Self { kind: *kind, version: *version, state, page: serde_json::from_slice(page).ok() })
    }
}

async fn recovered<B: Behaviour<World = World>>(key: B::Key, world: Arc<World>) {
    match B::recover(key, world, false).await {
        Ok(_) | Err(RecoverError::Broken(_)) => {}
        Err(RecoverError::Retry(reason)) => panic!("trying again would not help: {reason}"),
    }
}

async fn recover(row: Row<'_>) {
    let id = Uuid::from_u128(1);
    let key = match row.kind % 4 {
        0 => ActorKey::Conversation(id),
        1 => ActorKey::Inbox(InboxKey::Party(Address::user(1))),
        2 => ActorKey::Shunt(1),
        _ => ActorKey::Session(id),
    };
    let store = Arc::new(MemoryStore::new());
    let clock = Clock::new(Arc::new(ManualClock::at(1_700_000_000_000)));
    let settings = JournalSettings::default();
    let handle = Handle::current();
    let journal = Journal::start(store.clone(), clock.clone(), settings, handle).await.expect("it starts");
    let pages = row
        .page
        .iter()
        .flat_map(|content| Collection::ALL.map(|collection| Page::new(collection, 0, 1, content.clone())));
    let pages: Vec<Page> = pages.collect();
    let state = Bytes::copy_from_slice(row.state);
    let snapshot = Snapshot::new(key.clone(), 1, 1, row.version.into(), state);
    store.save(&snapshot, &pages).await.expect("it is saved");
    let world = Arc::new(World {
        journal,
        store: store as Arc<dyn Store>,
        clock,
        rules: Arc::new(Rules::default()).into(),
        aliases: Arc::default(),
        routing: Default::default(),
        retention: Default::default(),
    });
    match key {
        ActorKey::Conversation(id) => recovered::<Conversation>(id, world).await,
        ActorKey::Inbox(key) => recovered::<Inbox>(key, world).await,
        ActorKey::Shunt(ent) => recovered::<ShuntActor>(ent, world).await,
        ActorKey::Session(id) => recovered::<SessionActor>(id, world).await,
    }
}

/// See `Row`.
pub fn run(data: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    let Some(row) = Row::read(data) else { return };
    RUNTIME.with(|runtime| runtime.block_on(recover(row)));
}
