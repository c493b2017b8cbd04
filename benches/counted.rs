//! The product's service in a program whose allocator counts: `benches/service.rs` starts it to learn what a
//! request allocates and what an idle conversation holds. A program of its own, because counting slows every
//! allocation down and would make the ceiling in `benches/service.rs` look lower than it is.
//!
//! It takes the arguments of `messagecenter serve`, and answers each line on standard input with one of three
//! numbers: allocations so far, bytes allocated so far, bytes alive now.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark that cannot go on should stop")]

use std::alloc::System;
use std::io::BufRead;
use std::process::ExitCode;

use clap::Parser;
use messagecenter::cli::{Cli, Command};
use messagecenter::program;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("serve") {
        println!("counted: started by the `service` benchmark, measures nothing by itself");
        return ExitCode::SUCCESS;
    }
    let Command::Serve { settings } = Cli::parse().command else { return ExitCode::FAILURE };
    std::thread::spawn(answer);
    program::exit(program::serve(settings))
}

/// Answers until whoever asks has gone.
fn answer() {
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            return;
        }
        let now = ALLOCATOR.stats();
        let allocations = now.allocations + now.reallocations;
        // A growing reallocation counts as allocated, a shrinking one as freed, by the difference.
        let alive = now.bytes_allocated.saturating_sub(now.bytes_deallocated);
        println!("{allocations} {} {alive}", now.bytes_allocated);
    }
}
