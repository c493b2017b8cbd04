//! The pure router at size: decisions per second with 100 to 10,000 agents and up to 100,000 waiting customers.
//!
//! `reserve`: a place is reserved and lapses, among agents of whom half are filled. `serve`: everybody is
//! filled and thousands wait; a session closes, the head of the queue is served in the same turn, and another
//! customer joins at the end, asking for its place.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "pieces/desk.rs"]
mod desk;

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use messagecenter_actors::domain::event::ShuntChange;
use messagecenter_actors::domain::shunt::{Closer, Command};
use uuid::Uuid;

use desk::{Desk, PLACES, obtain, open};

const AGENTS: [u32; 3] = [100, 1_000, 10_000];

/// The session that this turn gave to an agent.
fn served(changes: &[ShuntChange]) -> Option<Uuid> {
    changes.iter().find_map(|change| match change {
        ShuntChange::Assigned { session, .. } => Some(*session),
        _ => None,
    })
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
        let waiting = agents * 10; // 100,000 beside 10,000 agents
        let mut desk = Desk::new(agents, 0);
        let filled = (0..agents * PLACES).filter_map(|customer| served(&desk.ask(&open(customer))));
        let mut serving: VecDeque<Uuid> = filled.collect();
        let mut customers = agents * PLACES;
        while customers < agents * PLACES + waiting {
            desk.ask(&open(customers));
            customers += 1;
        }
        assert_eq!((desk.state.waiting(), serving.len()), (waiting as usize, (agents * PLACES) as usize));
        group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
            bencher.iter(|| {
                let session = serving.pop_front().expect("somebody is served");
                serving.extend(served(&desk.ask(&Command::Close { session, by: Closer::Agent })));
                desk.ask(&open(customers));
                customers += 1;
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
