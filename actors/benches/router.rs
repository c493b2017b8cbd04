//! The pure router at size: decisions per second with 100 to 10,000 agents, up to 100,000 waiting customers and up
//! to 1,000 filled places of each agent, and how long the slowest decisions take.
//!
//! - `reserve`: a place is reserved among agents of whom half are filled; decided, not applied.
//! - `serve`: everybody is filled and thousands wait; a session closes, the head of the queue is served in the same
//!   turn, and another customer joins at the end, asking for its place.
//! - `places`: each agent holds so many reservations; a customer reserves a place, opens a session with it and closes
//!   it again.
//!
//! Before these means come quantiles of single decisions, of [`TIMED`] each.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "pieces/desk.rs"]
mod desk;

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use messagecenter_actors::domain::event::ShuntChange;
use messagecenter_actors::domain::ids::Address;
use messagecenter_actors::domain::shunt::{Closer, Command};
use uuid::Uuid;

use desk::{Desk, PLACES, obtain, open};

const AGENTS: [u32; 3] = [100, 1_000, 10_000];

/// Filled places of each of [`CROWDED`] agents.
const HELD: [u32; 3] = [1, 100, 1_000];

const CROWDED: u32 = 16;

/// Decisions that are timed one by one.
const TIMED: usize = 100_000;

/// The session that this turn gave to an agent.
fn served(changes: &[ShuntChange]) -> Option<Uuid> {
    changes.iter().find_map(|change| match change {
        ShuntChange::Assigned { session, .. } => Some(*session),
        _ => None,
    })
}

fn close(session: Uuid) -> Command {
    Command::Close { session, by: Closer::Agent }
}

/// Everybody is filled, and ten times as many customers as agents wait.
struct Busy {
    desk: Desk,
    serving: VecDeque<Uuid>,
    customers: u32,
}

impl Busy {
    fn new(agents: u32) -> Self {
        let waiting = agents * 10; // 100,000 beside 10,000 agents
        let mut desk = Desk::new(agents, 0);
        let filled = (0..agents * PLACES).filter_map(|customer| served(&desk.ask(&open(customer))));
        let serving: VecDeque<Uuid> = filled.collect();
        let mut customers = agents * PLACES;
        while customers < agents * PLACES + waiting {
            desk.ask(&open(customers));
            customers += 1;
        }
        assert_eq!((desk.state.waiting(), serving.len()), (waiting as usize, (agents * PLACES) as usize));
        Self { desk, serving, customers }
    }

    /// A session ends, and the head of the queue is served.
    fn close(&mut self) {
        let session = self.serving.pop_front().expect("somebody is served");
        self.serving.extend(served(&self.desk.ask(&close(session))));
    }

    /// Another customer joins at the end.
    fn join(&mut self) {
        self.desk.ask(&open(self.customers));
        self.customers += 1;
    }
}

/// Agents of whom each holds so many reservations, and has a place left.
struct Crowd {
    desk: Desk,
    customer: u32,
}

impl Crowd {
    fn new(agents: u32, held: u32) -> Self {
        let mut desk = Desk::of(agents, held + 1);
        for _ in 0..agents * held {
            assert_eq!(desk.ask(&obtain(None)).len(), 2, "a reservation and its reasons");
        }
        Self { desk, customer: 0 }
    }

    fn obtain(&mut self) {
        let customer = Address::user(self.customer);
        self.desk.ask(&obtain(Some(customer)));
    }

    fn open(&mut self) -> Uuid {
        served(&self.desk.ask(&open(self.customer))).expect("the reservation is served")
    }

    fn close(&mut self, session: Uuid) {
        self.desk.ask(&close(session));
        self.customer += 1;
    }
}

fn reserve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router/reserve");
    group.throughput(Throughput::Elements(1));
    for agents in AGENTS {
        let mut desk = Desk::new(agents, agents * PLACES / 2);
        let command = obtain(None);
        group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
            bencher.iter(|| black_box(desk.consider(&command)));
        });
    }
    group.finish();
}

fn serve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router/serve");
    group.throughput(Throughput::Elements(2)); // two decisions
    for agents in AGENTS {
        let mut busy = Busy::new(agents);
        group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
            bencher.iter(|| {
                busy.close();
                busy.join();
            });
        });
    }
    group.finish();
}

fn places(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router/places");
    group.throughput(Throughput::Elements(3)); // three decisions
    for held in HELD {
        let mut crowd = Crowd::new(CROWDED, held);
        group.bench_function(BenchmarkId::from_parameter(held), |bencher| {
            bencher.iter(|| {
                crowd.obtain();
                let session = crowd.open();
                crowd.close(session);
            });
        });
    }
    group.finish();
}

fn timed<T>(times: &mut Vec<Duration>, decision: impl FnOnce() -> T) -> T {
    let from = Instant::now();
    let decided = decision();
    times.push(from.elapsed());
    decided
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_nanos() as f64 / 1_000.0;
    let (p50, p99, p999, most) = (at(0.5), at(0.99), at(0.999), at(1.0));
    let count = times.len();
    println!(
        "{what}: {count} decisions: p50 {p50:.1} us, p99 {p99:.1} us, p99.9 {p999:.1} us, most {most:.1} us"
    );
}

fn quantiles() {
    let largest = AGENTS[AGENTS.len() - 1];
    let mut busy = Busy::new(largest);
    let (mut closes, mut joins) = (Vec::new(), Vec::new());
    for _ in 0..TIMED {
        timed(&mut closes, || busy.close());
        timed(&mut joins, || busy.join());
    }
    print(&format!("close, {largest} agents, {} waiting", largest * 10), closes);
    print(&format!("open, {largest} agents, {} waiting", largest * 10), joins);
    for (agents, held) in HELD.map(|held| (CROWDED, held)).into_iter().chain([(largest, 5)]) {
        let mut crowd = Crowd::new(agents, held);
        let mut obtains = Vec::new();
        for _ in 0..TIMED {
            timed(&mut obtains, || crowd.obtain());
            let session = crowd.open();
            crowd.close(session);
        }
        print(&format!("obtain, {agents} agents with {held} places filled each"), obtains);
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    if std::env::args().any(|argument| argument == "--bench") {
        quantiles();
    }
    reserve(&mut criterion);
    serve(&mut criterion);
    places(&mut criterion);
    criterion.final_summary();
}
