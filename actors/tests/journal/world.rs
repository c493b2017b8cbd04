//! A journal with a recording audience, and facts to put into it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use messagecenter_actors::clock::{Clock, ManualClock};
use messagecenter_actors::domain::event::{
    ConversationEvent, ConversationFact, Fact, Position, Reader, Recorded, ShuntChange, ShuntFact,
};
use messagecenter_actors::domain::ids::{ActorKey, Address, ConversationKey, InboxKey};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::journal::{Deliver, Journal, JournalSettings};
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::Snapshot;
use messagecenter_actors::runtime::failure::Failure;
use tokio::sync::oneshot;

/// What the audience saw, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Observed(Position),
    Delivered(ActorKey, Position),
    RolledBack,
    Checkpoint(ActorKey),
    /// Not by the audience: an answer left.
    Released(&'static str),
}

#[derive(Default)]
pub struct Audience(Mutex<Vec<Seen>>);

impl Audience {
    pub fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub fn note(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    pub fn rollbacks(&self) -> usize {
        self.seen().iter().filter(|seen| **seen == Seen::RolledBack).count()
    }

    pub fn observed(&self) -> Vec<Position> {
        let positions = |seen: Seen| if let Seen::Observed(position) = seen { Some(position) } else { None };
        self.seen().into_iter().filter_map(positions).collect()
    }
}

impl Deliver for Audience {
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>) {
        self.note(Seen::Delivered(key.clone(), event.position));
    }

    fn observe(&self, event: &Arc<Recorded>) {
        self.note(Seen::Observed(event.position));
    }

    fn rolled_back(&self) {
        self.note(Seen::RolledBack);
    }

    fn checkpoint(&self, key: &ActorKey) {
        self.note(Seen::Checkpoint(key.clone()));
    }
}

pub struct World {
    pub store: MemoryStore,
    /// The handle that the journal writes through.
    pub opened: Arc<MemoryStore>,
    pub clock: Arc<ManualClock>,
    pub journal: Arc<Journal>,
    pub audience: Arc<Audience>,
}

pub const NOW: i64 = 1_700_000_000_000;

pub fn settings() -> JournalSettings {
    JournalSettings { checkpoint_interval: Duration::from_secs(3_600), ..JournalSettings::default() }
}

impl World {
    /// On an empty store.
    pub async fn new() -> Self {
        Self::with(MemoryStore::new(), settings()).await
    }

    /// A start of the service on this data.
    pub async fn with(store: MemoryStore, settings: JournalSettings) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let world = Self::detached(store, clock, settings).await;
        world.journal.attach(Arc::clone(&world.audience) as Arc<dyn Deliver>);
        world
    }

    /// The same, without a committer yet.
    pub async fn detached(store: MemoryStore, clock: Arc<ManualClock>, settings: JournalSettings) -> Self {
        let handle = tokio::runtime::Handle::current();
        let wall = Clock::new(Arc::clone(&clock) as _);
        let opened = Arc::new(store.clone());
        let journal = Journal::start(Arc::clone(&opened) as _, wall, settings, handle).await.unwrap();
        Self { store, opened, clock, journal, audience: Arc::default() }
    }

    /// Appends one message of conversation `name` and gives its position.
    pub fn send(&self, name: &str, seq: u64) -> Position {
        self.append(1, 0, vec![sent(name, seq)])
    }

    pub fn append(&self, generation: u64, decided: Position, facts: Vec<Fact>) -> Position {
        self.journal.append(generation, decided, NOW, facts).unwrap().last().unwrap().position
    }

    /// Waits at the gate.
    pub fn answer(&self, generation: u64, position: Position) -> oneshot::Receiver<Result<(), Failure>> {
        let (sender, receiver) = oneshot::channel();
        self.journal.release_after(
            generation,
            position,
            Box::new(|outcome| {
                let _ = sender.send(outcome);
            }),
        );
        receiver
    }

    pub async fn committed(&self, position: Position) {
        assert_eq!(self.answer(self.journal.generation(), position).await.unwrap(), Ok(()));
    }

    /// Lets everything that can run do so.
    pub async fn breathe() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

/// One-to-one conversation of `user:{name}` with `user:other`.
pub fn key_of(name: &str) -> ConversationKey {
    ConversationKey::one_to_one(Address::user(name), Address::user("other"))
}

pub fn conversation(name: &str) -> ActorKey {
    ActorKey::Conversation(key_of(name).id())
}

pub fn inbox(name: &str) -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(Address::user(name)))
}

pub fn fact(name: &str, event: ConversationEvent) -> Fact {
    let key = key_of(name);
    Fact::Conversation(ConversationFact { conversation: key.id(), key, event })
}

pub fn sent(name: &str, seq: u64) -> Fact {
    sized(name, seq, 5)
}

pub fn sized(name: &str, seq: u64, bytes: usize) -> Fact {
    let author = Author { address: Address::user(name), own_type: 2 };
    let body = Body { content: "x".repeat(bytes), ..Body::default() };
    fact(
        name,
        ConversationEvent::Sent {
            seq,
            author,
            body: body.into(),
            session: None,
            idempotency: None,
            answers: false,
        },
    )
}

pub fn read(name: &str, seq: u64) -> Fact {
    fact(name, ConversationEvent::Read { reader: Reader::Party(Address::user(name)), seq })
}

pub fn assigned(ent: i64, session: u128, customer: &str) -> Fact {
    let change = ShuntChange::Assigned {
        session: uuid::Uuid::from_u128(session),
        customer: Address::user(customer),
        agent: "5".into(),
        agent_name: "Eve".to_owned(),
    };
    Fact::Shunt(ShuntFact { ent, changes: vec![change] })
}

pub fn snapshot(key: &ActorKey, decided: Position, told: Position) -> Snapshot {
    Snapshot::new(key.clone(), decided, told, 1, bytes::Bytes::from_static(b"state"))
}

pub fn positions(events: &[Arc<Recorded>]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}
