//! The pure router at size: decisions per second with 100 to 10,000 agents and up to 100,000 waiting customers.
//!
//! `reserve`: a place is reserved and lapses, among agents of whom half are filled. `serve`: everybody is
//! filled and thousands wait; a session closes, the head of the queue is served in the same turn, and another
//! customer joins at the end, asking for its place.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use messagecenter_actors::api::{Obtain, OpenSession, Opener, Wish};
use messagecenter_actors::domain::event::{AgentRecord, Presence, ShuntChange};
use messagecenter_actors::domain::ids::Address;
use messagecenter_actors::domain::shunt::{Closer, Command, Numbers, State};
use uuid::Uuid;

const ENT: i64 = 900;
const AT: i64 = 1_767_225_600_000;
const PLACES: u32 = 5;
const AGENTS: [u32; 3] = [100, 1_000, 10_000];

/// A desk at work.
struct Desk {
    state: State,
    numbers: Numbers,
    ids: u128,
    customers: u64,
    /// Sessions served, in the order in which they were given.
    served: std::collections::VecDeque<Uuid>,
}

impl Desk {
    fn new(agents: u32, customers: u64) -> Self {
        let mut state = State::new(ENT);
        state.woke(AT);
        let served = std::collections::VecDeque::new();
        let mut desk = Self { state, numbers: Numbers::default(), ids: 0, customers: 0, served };
        for agent in 0..agents {
            let record = AgentRecord {
                name: format!("Agent {agent}"),
                groups: vec!["sales".to_owned(), "support".to_owned()],
                capacity: PLACES,
                weight: 1,
                skills: Vec::new(),
            };
            let agent: Arc<str> = agent.to_string().into();
            desk.ask(&Command::PutAgent { agent: Arc::clone(&agent), record });
            desk.ask(&Command::SetPresence { agent, presence: Presence::Online });
        }
        for _ in 0..customers {
            desk.arrive();
        }
        desk
    }

    fn ask(&mut self, command: &Command) {
        self.ids += 1;
        let decision = self.state.decide(AT, Uuid::from_u128(self.ids), command, &self.numbers);
        for change in &decision.changes {
            self.state.apply(AT, change);
            if let ShuntChange::Assigned { session, .. } = change {
                self.served.push_back(*session);
            }
        }
        let _ = black_box(decision.outcome);
    }

    fn arrive(&mut self) {
        self.customers += 1;
        let open = OpenSession {
            ent: ENT,
            customer: Address::user(self.customers),
            opener: Opener::Customer(Wish::Anyone),
            group: "sales".to_owned(),
            shown_name: String::new(),
            app_id: "app".to_owned(),
            receive_app_id: String::new(),
        };
        self.ask(&Command::Open(Box::new(open)));
    }

    fn close_one(&mut self) {
        if let Some(session) = self.served.pop_front() {
            self.ask(&Command::Close { session, by: Closer::Agent });
        }
    }
}

fn reserve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router/reserve");
    group.throughput(Throughput::Elements(1));
    for agents in AGENTS {
        let mut desk = Desk::new(agents, u64::from(agents * PLACES / 2));
        let obtain = Obtain { ent: ENT, group: "sales".to_owned(), customer: None, client: None };
        let command = Command::Obtain(obtain);
        group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
            bencher.iter(|| {
                desk.ids += 1;
                black_box(desk.state.decide(AT, Uuid::from_u128(desk.ids), &command, &desk.numbers));
            });
        });
    }
    group.finish();
}

fn serve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router/serve");
    group.throughput(Throughput::Elements(2)); // two decisions
    for agents in AGENTS {
        let waiting = u64::from(agents) * 10; // 100,000 beside 10,000 agents
        let mut desk = Desk::new(agents, u64::from(agents * PLACES) + waiting);
        assert_eq!(desk.state.waiting() as u64, waiting);
        group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
            bencher.iter(|| {
                desk.close_one();
                desk.arrive();
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    reserve(&mut criterion);
    serve(&mut criterion);
    criterion.final_summary();
}
