//! The service under load, beside the ceiling of this machine: what it does in a second, what it costs, and
//! whether that is what it aims at.
//!
//! ```text
//! cargo bench --bench service -- [--quick] [--only STAGE[,STAGE]] [--seconds N] [--write] [--into DIR]
//! ```
//!
//! - The service is the release binary, a process of its own, on a fresh embedded store on this disk, fsync on
//!   every commit, settings as they are by default (where a stage sets one, it says why).
//! - The ceiling is [`service::bare`]: this program again, an actix-web handler that reads the same requests and
//!   answers the same bytes. Both are measured in turn, round by round; a figure is the median of what rounds
//!   next to each other showed, as a share. Absolute numbers are of this machine only.
//! - The load generator ([`service::load`]) is this program. It shares the machine's cores with the servers;
//!   what it takes of them is measured and shown.
//!
//! Start reading at [`service::scenarios`], the stages of a run, and [`service::run`], how one is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on should stop"
)]

mod service {
    pub mod aims;
    pub mod bare;
    pub mod disk;
    pub mod figures;
    pub mod flood;
    pub mod load;
    pub mod machine;
    pub mod open;
    pub mod options;
    pub mod page;
    pub mod plots;
    pub mod pool;
    pub mod request;
    pub mod results;
    pub mod run;
    pub mod scale;
    pub mod scenarios;
    pub mod server;
    pub mod text;
    pub mod wire;
    pub mod written;
}

use std::process::ExitCode;

use service::options::Options;
use service::run::Run;
use service::scenarios::STAGES;
use service::{aims, bare, server, written};

/// The bare handler must not have a slower allocator than the service has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::var_os(server::BARE).is_some() {
        bare::serve();
        return ExitCode::SUCCESS;
    }
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
    let options = Options::read(&names);
    if options.render {
        written::render(&options.into);
        return ExitCode::SUCCESS;
    }
    let mut run = Run::new(options);
    for stage in STAGES {
        if run.options.wants(stage.name) {
            run.stage(stage.name, stage.run);
        }
    }
    run.results.minutes = run.minutes();
    for verdict in aims::verdicts(&run.results) {
        println!("{}", verdict.line());
    }
    if run.options.write {
        written::write(&run.options.into, &run.results);
    }
    if run.results.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
