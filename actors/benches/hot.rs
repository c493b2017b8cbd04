//! How long the hot pieces take, one by one, and what a request costs that goes through the threads.
//!
//! `make bench-micro`, or `cargo bench --workspace --bench hot -- NAME` for those whose name contains NAME. Times
//! depend on the machine and its other work; what must not regress is counted in instructions: `instructions.rs`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "hot/asks.rs"]
mod asks;
#[path = "pieces/all.rs"]
mod pieces;

use std::time::{Duration, Instant};

use criterion::Criterion;

use pieces::{Measure, Piece, measure_all};

fn main() {
    // Short, because there are many and they vary little; the command line has the last word.
    let short = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    let mut criterion = short.configure_from_args();
    measure_all(&mut Timing(&mut criterion));
    asks::measure(&mut criterion);
    criterion.final_summary();
}

/// Takes the time of pieces.
struct Timing<'a>(&'a mut Criterion);

impl Measure for Timing<'_> {
    fn measure<P: Piece>(&mut self, name: &'static str, make: fn() -> P) {
        let mut made = None;
        self.0.bench_function(name, |bencher| {
            let piece = made.get_or_insert_with(make);
            bencher.iter_custom(|operations| {
                let goes = operations.div_ceil(P::OPERATIONS);
                let mut measured = Duration::ZERO;
                for _ in 0..goes {
                    piece.prepare();
                    let started = Instant::now();
                    piece.go();
                    measured += started.elapsed();
                }
                measured.mul_f64(operations as f64 / (goes * P::OPERATIONS) as f64)
            });
        });
    }
}
