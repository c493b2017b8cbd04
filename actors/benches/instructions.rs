//! How many instructions the hot pieces take, held against `instructions.toml`: a count does not depend on what
//! else the machine does, so a regression of a few per cent shows where no timing would show it.
//!
//! `make bench-instructions`, or `cargo bench --workspace --bench instructions -- [NAME] [--accept]`: counts the
//! cases whose name contains NAME, each in a process of its own under valgrind's callgrind, and fails if one
//! takes over 5 % more than its baseline. `--accept` makes what was counted the baseline. Counts of another
//! compiler or processor than the baseline's are shown and never fail. The profiles stay in
//! `target/tmp/instructions` for `callgrind_annotate`.
//!
//! Why not gungraun (once iai-callgrind), which does the same: its macros bring features of host dependencies
//! (syn and its like) that SurrealDB's build shares, so declaring it would rebuild all of SurrealDB, and it needs
//! a runner of exactly its version installed beside it. This is 300 lines and needs valgrind only.
//!
//! What makes counts repeat (within 1 %): one thread does the work; counting is on only within one function;
//! hash maps take random seeds, so every case does thousands of operations, over which longer and shorter probes
//! even out. Leave `--workspace` where it is: without it dependencies have fewer features, and other counts.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on should stop, and its results are printed"
)]

#[path = "instructions/baseline.rs"]
mod baseline;
#[path = "instructions/callgrind.rs"]
mod callgrind;
#[path = "instructions/counting.rs"]
mod counting;
#[path = "pieces/all.rs"]
mod pieces;

use std::process::ExitCode;

use baseline::Baseline;

/// By how much a count may exceed its baseline: what alignment, the C library and seeds of hash maps can do.
const TOLERATED: f64 = 0.05;

/// Tells a process that it is the one to be counted, with the case's name after it.
const COUNTED: &str = "--counted";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice()
        && flag == COUNTED
    {
        counting::run(name);
        return ExitCode::SUCCESS;
    }
    let accept = arguments.iter().any(|argument| argument == "--accept");
    // cargo itself adds `--bench`.
    let wanted = arguments.iter().find(|argument| !argument.starts_with("--")).map_or("", String::as_str);
    compare(wanted, accept)
}

/// Counts the cases whose name contains `wanted` and shows them beside the baseline.
fn compare(wanted: &str, accept: bool) -> ExitCode {
    let valgrind = match callgrind::version() {
        Ok(version) => version,
        Err(why) => {
            eprintln!("instructions are counted by valgrind: {why}; `make bench-instructions` installs it");
            return ExitCode::FAILURE;
        }
    };
    let mut baseline = Baseline::read();
    let comparable = baseline.made_here();
    println!("{valgrind}, {}", baseline::compiler());
    println!("{:<34}{:>14}{:>14}{:>10}", "instructions per operation", "now", "baseline", "change");
    let mut regressed = Vec::new();
    let mut counted = Vec::new();
    for name in counting::names().into_iter().filter(|name| name.contains(wanted)) {
        let count = callgrind::count(name);
        let known = baseline.of(name);
        let change = known.map_or(0.0, |known| count / known - 1.0);
        let shown = known.map_or(("new".to_owned(), String::new()), |known| {
            (format!("{known:.1}"), format!("{:+.1} %", change * 100.0))
        });
        println!("{name:<34}{count:>14.1}{:>14}{:>10}", shown.0, shown.1);
        if change > TOLERATED {
            regressed.push(name);
        }
        counted.push((name, count));
    }
    println!("profiles: {}", callgrind::folder().display());
    if accept {
        baseline.accept(&counted, &counting::names());
        println!("accepted: {}", baseline::path().display());
        return ExitCode::SUCCESS;
    }
    if let Err(why) = comparable {
        println!("{why}: nothing is held against it; `--accept` makes a new baseline");
        return ExitCode::SUCCESS;
    }
    if regressed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("more than {:.0} % above the baseline: {}", TOLERATED * 100.0, regressed.join(", "));
    ExitCode::FAILURE
}
