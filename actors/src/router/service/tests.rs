//! Sessions, agents and reservations through the door.
#![allow(clippy::unwrap_used, reason = "a failed assumption fails the test")]

use std::sync::Arc;

use futures::future::join_all;
use prometheus_client::registry::Registry as Metrics;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::api::{
    Caller, Hat, Obtain, OpenSession, Opener, Rejection, SessionState, SessionView, ShuntState, Wish,
};
use crate::clock::ManualClock;
use crate::domain::event::{AgentRecord, CloseReason, Presence};
use crate::domain::ids::{Address, EntId};
use crate::domain::refusal::Refusal;
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::router::Router;
use crate::router::lifecycle::{Running, Startup};
use crate::runtime::policy::Policy;
use crate::world::Rules;

const ENT: EntId = 5;

struct Service {
    running: Running,
    router: Arc<Router>,
    wall: Arc<ManualClock>,
}

impl Service {
    async fn start() -> Self {
        let wall = Arc::new(ManualClock::at(1_700_000_000_000));
        let startup = Startup {
            store: Arc::new(MemoryStore::new()),
            wall: wall.clone(),
            policy: Policy::default(),
            rules: Rules::default(),
            journal: JournalSettings::default(),
            handle: Handle::current(),
        };
        let running = Running::start(startup, &mut Metrics::default()).await.unwrap();
        let router = Arc::clone(&running.router);
        Self { running, router, wall }
    }

    async fn online(&self, agent: &str, capacity: u32) {
        self.router.put_agent(ENT, agent, record(capacity)).await.unwrap();
        self.router.set_presence(agent, Presence::Online).await.unwrap();
    }

    async fn open(&self, ent: EntId, customer: i64, wish: Wish) -> Result<SessionView, Rejection> {
        let open = OpenSession {
            ent,
            customer: Address::user(customer),
            opener: Opener::Customer(wish),
            group: String::new(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        self.router.open_session(open).await
    }
}

fn record(capacity: u32) -> AgentRecord {
    AgentRecord { name: "Ann".to_owned(), groups: Vec::new(), capacity, weight: 1, skills: Vec::new() }
}

fn user(id: i64) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, ent: 0, aliases: Vec::new() }
}

fn agent(id: i64, ent: EntId) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), seat: None, ent, aliases: Vec::new() }
}

fn refused<T>(refusal: Refusal) -> Result<T, Rejection> {
    Err(Rejection::Refused(refusal))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_customer_and_agents_of_its_enterprise_close_a_session() {
    let service = Service::start().await;
    service.online("1", 3).await;
    let id = service.open(ENT, 10, Wish::Anyone).await.unwrap().session;
    let close = async |caller: Option<&Caller>| service.router.close_session(id, caller).await;
    assert_eq!(close(Some(&user(11))).await, refused(Refusal::UnknownSession));
    assert_eq!(close(Some(&agent(1, ENT + 1))).await, refused(Refusal::UnknownSession));
    service.wall.advance(2_500);
    let closed = close(Some(&agent(2, ENT))).await.unwrap();
    assert_eq!(
        (closed.reason, closed.already, closed.duration_seconds),
        (CloseReason::ClosedByAgent, false, 2)
    );
    let again = close(Some(&user(10))).await.unwrap();
    assert_eq!((again.reason, again.already, again.duration_seconds), (CloseReason::ClosedByAgent, true, 2));
    let unknown = service.router.close_session(Uuid::from_u128(1), None).await;
    assert_eq!(unknown, refused(Refusal::UnknownSession));
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_close_at_once_one_closes_and_all_are_answered() {
    let service = Service::start().await;
    service.online("1", 1).await;
    let id = service.open(ENT, 10, Wish::Anyone).await.unwrap().session;
    let waiting = [service.open(ENT, 11, Wish::Anyone).await, service.open(ENT, 12, Wish::Anyone).await];
    let answers = join_all((0..100).map(|_| service.router.close_session(id, None))).await;
    let first = answers.iter().filter(|closed| !closed.as_ref().unwrap().already).count();
    assert_eq!(first, 1);
    let states = join_all(waiting.map(|view| service.router.session(view.unwrap().session))).await;
    let states: Vec<_> = states.into_iter().map(|view| view.unwrap().state).collect();
    assert_eq!(states, [SessionState::Serving, SessionState::Queued]);
    assert_eq!(service.router.audit_routing(ENT).await, Ok(Vec::new()));
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_serves_only_the_tenant_that_made_it() {
    let service = Service::start().await;
    service.online("1", 1).await;
    let obtain = Obtain { ent: ENT, group: String::new(), customer: None, client: None };
    let shunt = service.router.obtain(obtain).await.unwrap();
    assert_eq!(shunt.state, ShuntState::Assigned);
    let lease = shunt.lease.unwrap().0;
    assert_eq!(service.open(ENT + 1, 10, Wish::Lease(lease)).await, refused(Refusal::LeaseOfAnother));
    assert_eq!(service.open(ENT, 10, Wish::Lease(lease)).await.unwrap().state, SessionState::Serving);
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_enterprise_is_fixed_at_its_first_put() {
    let service = Service::start().await;
    assert_eq!(service.router.agent("1").await, refused(Refusal::UnknownAgent));
    assert_eq!(service.router.set_presence("1", Presence::Online).await, refused(Refusal::UnknownAgent));
    assert_eq!(service.router.delete_agent("1").await, Ok(false));
    let view = service.router.put_agent(ENT, "1", record(2)).await.unwrap();
    assert_eq!((view.presence, view.accepting), (Presence::Offline, false));
    let moved = service.router.put_agent(ENT + 1, "1", record(2)).await;
    assert_eq!(moved, refused(Refusal::EnterpriseFixed { record: ENT }));
    assert_eq!(service.router.agent("1").await.unwrap().record.capacity, 2);
    assert_eq!(service.router.delete_agent("1").await, Ok(true));
    assert_eq!(service.router.agent("1").await, refused(Refusal::UnknownAgent));
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_session_shows_its_place_and_the_queue_shows_who_waits() {
    let service = Service::start().await;
    let mut waiting = Vec::new();
    for customer in 0..3 {
        waiting.push(service.open(ENT, customer, Wish::Anyone).await.unwrap().session);
        service.wall.advance(1_000);
    }
    assert_eq!(service.router.session(waiting[2]).await.unwrap().ahead, 2);
    service.router.close_session(waiting[0], Some(&user(0))).await.unwrap();
    assert_eq!(service.router.session(waiting[2]).await.unwrap().ahead, 1);
    let left = service.router.session(waiting[0]).await.unwrap();
    assert_eq!(left.ended.map(|(_, reason)| reason), Some(CloseReason::LeftQueue));
    let queue = service.router.queue(ENT, "default", 0, 10).await.unwrap();
    let shown: Vec<_> = queue.waiting.iter().map(|waiting| waiting.session).collect();
    assert_eq!(shown, waiting[1..]);
    let part = service.router.queue(ENT, "default", 1, 1).await.unwrap();
    assert_eq!((part.waiting.len(), part.waiting[0].session, part.total), (1, waiting[2], waiting.len() - 1));
    service.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_the_agents_hat_keep_it_online() {
    let service = Service::start().await;
    service.online("1", 5).await;
    let lapse = Rules::default().routing.heartbeat_lapse;
    for _ in 0..10 {
        service.wall.advance(lapse / 6);
        service.router.heartbeat(ENT, "1");
    }
    assert!(service.router.agent("1").await.unwrap().accepting);
    service.wall.advance(lapse);
    assert!(!service.router.agent("1").await.unwrap().accepting);
    service.running.stop().await;
}
