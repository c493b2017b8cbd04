//! Routing and its sessions as actors over a journal in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{ShuntActor, ShuntCommand};
use crate::api::{Obtain, OpenSession, Opener, SessionState, Shunt, ShuntState, Wish};
use crate::clock::{Clock, ManualClock};
use crate::domain::event::{AgentRecord, CloseReason, Presence, Recorded};
use crate::domain::ids::{ActorKey, Address, EntId};
use crate::domain::refusal::Refusal;
use crate::domain::shunt::{Answer, Closer, Command, Numbers};
use crate::journal::{Deliver, Journal, JournalSettings};
use crate::memory::MemoryStore;
use crate::ports::Store;
use crate::runtime::admission::Admission;
use crate::runtime::observation::Observation;
use crate::runtime::policy::Policy;
use crate::runtime::registry::Registry;
use crate::runtime::shards::Shards;
use crate::runtime::sweep::Written;
use crate::session::{SessionActor, SessionCommand};
use crate::signal::Signal;
use crate::world::{Rules, World};

const ENT: EntId = 7;

struct ToBoth {
    shunts: Arc<Registry<ShuntActor>>,
    sessions: Arc<Registry<SessionActor>>,
}

impl Deliver for ToBoth {
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>) {
        if let ActorKey::Session(id) = key {
            self.sessions.tell(id, Signal::Committed(Arc::clone(event)));
        }
    }

    fn observe(&self, _event: &Arc<Recorded>) {}

    fn rolled_back(&self) {
        self.shunts.broadcast(|| Signal::RolledBack);
    }

    fn checkpoint(&self, _key: &ActorKey) {}
}

struct Rig {
    shunts: Arc<Registry<ShuntActor>>,
    sessions: Arc<Registry<SessionActor>>,
    world: Arc<World>,
    wall: Arc<ManualClock>,
    shards: Arc<Shards>,
}

impl Rig {
    async fn start(store: Arc<dyn Store>, wall: Arc<ManualClock>) -> Self {
        let clock = Clock::new(wall.clone());
        let settings = JournalSettings::default();
        let journal =
            Journal::start(store.clone(), clock.clone(), settings, Handle::current()).await.unwrap();
        let world = Arc::new(World {
            journal,
            store,
            clock,
            rules: Arc::new(Rules::default()).into(),
            aliases: Arc::default(),
            routing: Default::default(),
            retention: Default::default(),
        });
        let shards = Shards::start(2).unwrap();
        let (service, observer) = (Admission::new(10_000), Observation::new());
        let policy = Policy::default();
        let shunts =
            Registry::new(policy.clone(), shards.clone(), world.clone(), service.clone(), observer.clone());
        let sessions = Registry::new(policy, shards.clone(), world.clone(), service, observer);
        let deliver = ToBoth { shunts: shunts.clone(), sessions: sessions.clone() };
        world.journal.attach(Arc::new(deliver));
        Self { shunts, sessions, world, wall, shards }
    }

    async fn stop(self) {
        self.shunts.close();
        self.shunts.drained().await;
        self.world.journal.close().await;
        self.shunts.stop().await;
        self.sessions.stop().await;
        self.shards.stop().await;
    }

    async fn ask(&self, command: Command) -> Result<Answer, Refusal> {
        let at = self.world.clock.now();
        self.shunts.ask(&ENT, ShuntCommand { at, command }).await.unwrap()
    }

    async fn online(&self, agent: &str, capacity: u32) {
        let record =
            AgentRecord { name: agent.to_owned(), groups: vec![], capacity, weight: 1, skills: vec![] };
        let agent: Arc<str> = Arc::from(agent);
        self.ask(Command::PutAgent { agent: agent.clone(), record }).await.unwrap();
        self.ask(Command::SetPresence { agent, presence: Presence::Online }).await.unwrap();
    }

    async fn obtain(&self, customer: Option<i64>) -> Shunt {
        let obtain =
            Obtain { ent: ENT, group: String::new(), customer: customer.map(Address::user), client: None };
        match self.ask(Command::Obtain(obtain)).await.unwrap() {
            Answer::Shunt(shunt) => *shunt,
            other => panic!("{other:?}"),
        }
    }

    async fn open(&self, customer: i64) -> crate::api::SessionView {
        let open = OpenSession {
            ent: ENT,
            customer: Address::user(customer),
            opener: Opener::Customer(Wish::Anyone),
            group: String::new(),
            shown_name: String::new(),
            app_id: "app".to_owned(),
            receive_app_id: String::new(),
        };
        match self.ask(Command::Open(Box::new(open))).await.unwrap() {
            Answer::Session(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    async fn queue(&self) -> Vec<Uuid> {
        match self.ask(Command::Queue { group: String::new(), skip: 0, take: usize::MAX }).await.unwrap() {
            Answer::Queue(view) => view.waiting.iter().map(|waiting| waiting.session).collect(),
            other => panic!("{other:?}"),
        }
    }

    async fn audit(&self) {
        assert_eq!(self.ask(Command::Audit).await, Ok(Answer::Audit(vec![])));
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(1_700_000_000_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_who_ask_at_once_for_fifty_places_get_fifty_reservations() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    for agent in 0..10 {
        rig.online(&agent.to_string(), 5).await;
    }
    let answers = join_all((0..200).map(|customer| rig.obtain(Some(customer)))).await;
    let leases: HashSet<_> = answers.iter().filter_map(|shunt| shunt.lease).collect();
    assert_eq!(leases.len(), 50);
    assert_eq!(answers.iter().filter(|shunt| shunt.state == ShuntState::Busy).count(), 150);
    rig.audit().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_customer_who_asks_five_hundred_times_at_once_has_one_session() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    rig.online("a", 5).await;
    let views = join_all((0..500).map(|_| rig.open(1))).await;
    assert_eq!(views.iter().map(|view| view.session).collect::<HashSet<_>>().len(), 1);
    assert_eq!(views.iter().filter(|view| view.created).count(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_closes_at_once_free_one_place() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    rig.online("a", 1).await;
    let session = rig.open(0).await.session;
    let (head, next) = (rig.open(1).await.session, rig.open(2).await.session);
    let close = || rig.ask(Command::Close { session, by: Closer::Agent });
    let answers = join_all((0..1_000).map(|_| close())).await;
    let closed = answers.iter().filter(|answer| matches!(answer, Ok(Answer::Closed(_)))).count();
    assert_eq!(closed, 1);
    assert_eq!(rig.queue().await, [next]);
    let known = rig.sessions.ask(&head, SessionCommand::View).await.unwrap().unwrap();
    assert_eq!(known.state(), SessionState::Serving);
    rig.audit().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_acknowledged_finds_the_session_so() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    rig.online("a", 1).await;
    assert_eq!(rig.sessions.ask(&Uuid::from_u128(1), SessionCommand::View).await, Ok(None));
    for customer in 0..50 {
        let opened = rig.open(customer).await;
        let known = rig.sessions.ask(&opened.session, SessionCommand::View).await.unwrap().unwrap();
        assert_eq!((known.state(), known.agent.as_deref()), (SessionState::Serving, Some("a")));
        assert_eq!((known.app_id.as_str(), known.agent_name.as_str()), ("app", "a"));
        rig.ask(Command::Close { session: opened.session, by: Closer::Customer }).await.unwrap();
        let known = rig.sessions.ask(&opened.session, SessionCommand::View).await.unwrap().unwrap();
        assert_eq!(known.ended.map(|(_, reason)| reason), Some(CloseReason::ClosedByCustomer));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ids_rise_with_the_clock() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    let mut last = Uuid::nil();
    for customer in 0..200 {
        let session = rig.open(customer).await.session;
        assert!(session > last && session.get_version_num() == 7);
        last = session;
        if customer % 3 == 0 {
            rig.wall.advance(1);
        }
    }
    rig.stop().await;
}

/// Sessions, queue order, reservations with their deadlines: all as acknowledged.
async fn survives(restart: impl AsyncFn(Rig, Arc<MemoryStore>) -> Rig) {
    let store = Arc::new(MemoryStore::new());
    let rig = Rig::start(store.clone(), clock()).await;
    rig.online("a", 2).await;
    rig.online("b", 2).await;
    let reserved = rig.obtain(Some(99)).await;
    let opened = join_all((0..20).map(|customer| rig.open(customer))).await;
    let served = opened.iter().find(|view| view.state == SessionState::Serving).unwrap().session;
    rig.wall.advance(1_000);
    rig.ask(Command::Close { session: served, by: Closer::Agent }).await.unwrap();
    let queue = rig.queue().await;
    assert_eq!(queue.len(), 16);
    let rig = restart(rig, store).await;
    rig.audit().await;
    assert_eq!(rig.queue().await, queue);
    assert_eq!(rig.obtain(Some(99)).await.lease, reserved.lease);
    let ended = rig.sessions.ask(&served, SessionCommand::View).await.unwrap().unwrap();
    assert_eq!(ended.ended.map(|(_, reason)| reason), Some(CloseReason::ClosedByAgent));
    rig.wall.advance(Numbers::DEFAULT.lease);
    let after = rig.queue().await;
    assert_eq!(after, queue[1..], "the reservation lapsed at its deadline, for the head of the queue");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routing_that_restarts_knows_what_it_knew() {
    survives(async |rig: Rig, _| {
        rig.shunts.crash_or_restart(&ENT);
        rig
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_knows_from_the_journal_what_the_old_one_knew() {
    survives(async |rig: Rig, store: Arc<MemoryStore>| {
        let wall = rig.wall.clone();
        rig.stop().await;
        Rig::start(store, wall).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_knows_from_snapshots_what_the_old_one_knew() {
    survives(async |rig: Rig, store: Arc<MemoryStore>| {
        for key in rig.world.journal.dirty_keys() {
            match key {
                ActorKey::Shunt(ent) => rig.shunts.tell_or_wake(&ent, Signal::Snapshot),
                ActorKey::Session(id) => rig.sessions.tell_or_wake(&id, Signal::Snapshot),
                _ => {}
            }
        }
        let ours = |key: &ActorKey| matches!(key, ActorKey::Shunt(_) | ActorKey::Session(_));
        while rig.world.journal.dirty_keys().iter().any(ours) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let wall = rig.wall.clone();
        rig.stop().await;
        Rig::start(store, wall).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_reservation_is_given_on_by_the_sweep_alone() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    rig.online("a", 1).await;
    rig.obtain(Some(1)).await;
    let waiting = rig.open(2).await.session;
    rig.wall.advance(Numbers::DEFAULT.lease);
    rig.shunts.sweep(&|_| Written::Part);
    let served = async {
        loop {
            let known = rig.sessions.ask(&waiting, SessionCommand::View).await.unwrap().unwrap();
            if known.state() == SessionState::Serving {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap();
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_alone_lets_a_lapsed_agent_take_the_queue() {
    let rig = Rig::start(Arc::new(MemoryStore::new()), clock()).await;
    rig.online("a", 1).await;
    rig.wall.advance(Numbers::DEFAULT.heartbeat_lapse);
    assert_eq!(rig.open(1).await.state, SessionState::Queued);
    assert!(rig.shunts.tell(&ENT, Signal::Heartbeat { agent: Arc::from("a"), at: rig.world.clock.now() }));
    assert!(rig.queue().await.is_empty());
    rig.audit().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_merged_visitor_has_open_is_the_users_before_anything_else_is_decided() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let wall = Arc::new(ManualClock::at(1_700_000_000_000));
    let rig = Rig::start(store.clone(), wall.clone()).await;
    rig.online("a", 1).await;
    let (served, waits) = (rig.open(1).await.session, rig.open(2).await.session);
    rig.world.aliases.add(&Address::user(2), &Address::user(9));
    assert_eq!(rig.open(9).await.session, waits, "at once while it is awake");
    rig.stop().await;
    let rig = Rig::start(store, wall).await;
    // The merge was committed, and the process died before this routing had followed.
    rig.world.aliases.add(&Address::user(2), &Address::user(9));
    rig.world.aliases.add(&Address::user(1), &Address::user(8));
    assert_eq!(rig.open(8).await.session, served, "when it wakes");
    assert_eq!(rig.open(1).await.session, served, "also by the visitor's address");
    assert_eq!(rig.open(9).await.session, waits);
    assert_eq!(rig.queue().await, [waits]);
    rig.stop().await;
}
