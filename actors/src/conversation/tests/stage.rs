//! Conversations with a journal on a store in memory, without a router.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::super::{Conversation, ConversationAnswer, ConversationCommand, Retained};
use crate::api::{
    Appraisal, AppraiseRequest, Caller, Hat, History, ReadMark, Rejection, Sent, WithdrawRequest,
};
use crate::clock::{Clock, ManualClock};
use crate::domain::conversation::reading::Stretch;
use crate::domain::conversation::retaining::{Retention, Retentions};
use crate::domain::conversation::sending::Send;
use crate::domain::event::{Fact, Idempotency, Recorded, ShuntChange, ShuntFact};
use crate::domain::ids::{ActorKey, Address, ConversationKey, EntId, MessageId};
use crate::domain::message::{Author, Body};
use crate::journal::{Deliver, Journal, JournalSettings};
use crate::memory::MemoryStore;
use crate::runtime::admission::Admission;
use crate::runtime::observation::Observation;
use crate::runtime::policy::Policy;
use crate::runtime::registry::Registry;
use crate::runtime::shards::Shards;
use crate::signal::Signal;
use crate::world::{Rules, World};

/// One start of the service on a store.
pub struct Stage {
    pub store: MemoryStore,
    pub clock: Arc<ManualClock>,
    pub world: Arc<World>,
    pub conversations: Arc<Registry<Conversation>>,
    shards: Arc<Shards>,
}

struct Told(Arc<Registry<Conversation>>);

impl Deliver for Told {
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>) {
        if let ActorKey::Conversation(id) = key {
            self.0.tell(id, Signal::Committed(Arc::clone(event)));
        }
    }

    fn observe(&self, _event: &Arc<Recorded>) {}

    fn rolled_back(&self) {
        self.0.broadcast(|| Signal::RolledBack);
    }

    fn checkpoint(&self, _key: &ActorKey) {}
}

pub fn user(id: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, ent: 0, aliases: Vec::new() }
}

pub fn agent(id: u32, ent: EntId) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), seat: None, ent, aliases: Vec::new() }
}

pub fn by_user(id: u32) -> Author {
    Author { address: Address::user(id), own_type: 2 }
}

pub fn by_agent(id: u32) -> Author {
    Author { address: Address::agent(id), own_type: 1 }
}

impl Stage {
    pub async fn new() -> Self {
        Self::on(MemoryStore::new(), Arc::new(ManualClock::at(1_000_000))).await
    }

    async fn on(store: MemoryStore, clock: Arc<ManualClock>) -> Self {
        let wall = Clock::new(Arc::clone(&clock) as _);
        let opened: Arc<MemoryStore> = Arc::new(store.clone());
        let settings =
            JournalSettings { checkpoint_interval: Duration::from_secs(3_600), ..JournalSettings::default() };
        let handle = tokio::runtime::Handle::current();
        let journal = Journal::start(Arc::clone(&opened) as _, wall.clone(), settings, handle).await.unwrap();
        let world = Arc::new(World {
            journal: Arc::clone(&journal),
            store: opened,
            clock: wall,
            rules: Arc::new(Rules::default()).into(),
            aliases: Arc::default(),
            routing: Default::default(),
            retention: Default::default(),
        });
        let shards = Shards::start(1).unwrap();
        let service = Admission::new(10_000);
        let conversations = Registry::new(
            Policy::default(),
            Arc::clone(&shards),
            Arc::clone(&world),
            service,
            Observation::new(),
        );
        journal.attach(Arc::new(Told(Arc::clone(&conversations))));
        Self { store, clock, world, conversations, shards }
    }

    /// As after a kill: only what is on disk is left.
    pub async fn killed(self) -> Self {
        let (store, clock) = (self.store.copy(), Arc::clone(&self.clock));
        self.conversations.stop().await;
        self.shards.stop().await;
        Self::on(store, clock).await
    }

    pub async fn ask(&self, id: Uuid, command: ConversationCommand) -> Result<ConversationAnswer, Rejection> {
        Ok(self.conversations.ask(&id, command).await??)
    }

    pub async fn send_as(
        &self,
        key: &ConversationKey,
        author: Author,
        ent: EntId,
        idempotency: Option<&str>,
    ) -> Result<ConversationAnswer, Rejection> {
        let body = Body { content: format!("from {}", author.address), ..Body::default() };
        let idempotency = idempotency.map(|key| Idempotency { key: key.to_owned(), digest: 1 });
        let at = self.world.clock.now();
        let send = Send {
            key: Some(key.clone()),
            ent,
            author,
            aliases: Vec::new(),
            body: body.into(),
            idempotency,
            session: None,
            at,
        };
        self.ask(key.id(), ConversationCommand::Send(Box::new(send))).await
    }

    pub async fn send(&self, key: &ConversationKey, sender: u32) -> Result<Sent, Rejection> {
        self.send_keyed(key, sender, None).await
    }

    pub async fn send_keyed(
        &self,
        key: &ConversationKey,
        sender: u32,
        idempotency: Option<&str>,
    ) -> Result<Sent, Rejection> {
        match self.send_as(key, by_user(sender), 0, idempotency).await? {
            ConversationAnswer::Sent(sent) => Ok(sent),
            other => unreachable!("{other:?}"),
        }
    }

    pub async fn history(
        &self,
        key: &ConversationKey,
        caller: Caller,
        cursor: Option<u64>,
    ) -> Result<History, Rejection> {
        let command = ConversationCommand::History {
            key: Some(key.clone()),
            kind: key.kind(),
            caller: Box::new(caller),
            stretch: Stretch { cursor, descending: false, limit: 100 },
            at: self.world.clock.now(),
        };
        match self.ask(key.id(), command).await? {
            ConversationAnswer::History(history) => Ok(history),
            other => unreachable!("{other:?}"),
        }
    }

    /// All messages, page by page.
    pub async fn whole_history(&self, key: &ConversationKey, caller: Caller) -> Vec<crate::api::HistoryRow> {
        let mut rows: Vec<crate::api::HistoryRow> = Vec::new();
        loop {
            let cursor = rows.last().map(|row| row.message.seq);
            let page = self.history(key, caller.clone(), cursor).await.unwrap();
            if page.rows.is_empty() {
                return rows;
            }
            rows.extend(page.rows);
        }
    }

    pub async fn read(
        &self,
        key: &ConversationKey,
        caller: Caller,
        up_to: Option<u64>,
    ) -> Result<ReadMark, Rejection> {
        let (caller, at) = (Box::new(caller), self.world.clock.now());
        let command = ConversationCommand::Read { key: Some(key.clone()), caller, up_to, at };
        match self.ask(key.id(), command).await? {
            ConversationAnswer::Read(mark) => Ok(mark),
            other => unreachable!("{other:?}"),
        }
    }

    pub async fn withdraw(&self, key: &ConversationKey, by: u32, seq: u64) -> Result<(), Rejection> {
        let request = Box::new(WithdrawRequest {
            message: MessageId { conversation: key.id(), seq },
            by: vec![Address::user(by)],
            desk: None,
            sender_id: None,
            recipient_id: None,
            kind: None,
            group_id: None,
        });
        let at = self.world.clock.now();
        self.ask(key.id(), ConversationCommand::Withdraw { request, at }).await.map(|_| ())
    }

    pub async fn vote(
        &self,
        key: &ConversationKey,
        voter: u32,
        seq: u64,
        vote: i8,
    ) -> Result<Appraisal, Rejection> {
        let message = MessageId { conversation: key.id(), seq };
        let request = Box::new(AppraiseRequest { message, caller: user(voter), vote });
        let at = self.world.clock.now();
        match self.ask(key.id(), ConversationCommand::Appraise { request, at }).await? {
            ConversationAnswer::Appraised(appraisal) => Ok(appraisal),
            other => unreachable!("{other:?}"),
        }
    }

    /// Keeps messages of every kind so long and so many from now on.
    pub fn keep(&self, retention: Retention) {
        let all =
            Retentions { one_to_one: retention, service: retention, group: retention, notice: retention };
        let rules = Rules { retention: all, ..Rules::clone(&self.world.rules.load()) };
        self.world.rules.store(Arc::new(rules));
    }

    /// Has it remove what is not to be kept.
    pub async fn retain(&self, key: &ConversationKey) -> Retained {
        let at = self.world.clock.now();
        match self.ask(key.id(), ConversationCommand::Retain { at }).await.unwrap() {
            ConversationAnswer::Retained(retained) => retained,
            other => unreachable!("{other:?}"),
        }
    }

    /// Lets the conversation write a snapshot and waits for it.
    pub async fn snapshot(&self, key: &ConversationKey) {
        let actor = ActorKey::Conversation(key.id());
        for _ in 0..500 {
            // Asked again each time: one that is being written may be of before.
            self.conversations.tell_or_wake(&key.id(), Signal::Snapshot);
            if !self.world.journal.is_dirty(&actor) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        unreachable!("no snapshot of {actor}");
    }

    /// Commits what routing decided, and waits until it was told.
    pub async fn routed(&self, ent: EntId, changes: Vec<ShuntChange>) {
        let journal = &self.world.journal;
        let fact = Fact::Shunt(ShuntFact { ent, changes });
        let at = self.world.clock.now();
        let events = journal.append(journal.generation(), 0, at, vec![fact]).unwrap();
        let position = events.last().unwrap().position;
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let release = Box::new(move |outcome| {
            let _ = sender.send(outcome);
        });
        journal.release_after(journal.generation(), position, release);
        receiver.await.unwrap().unwrap();
    }
}
