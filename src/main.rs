//! messagecenter: the program. Its table of contents:
//!
//! - `messagecenter serve`: [`messagecenter::program::serve`]
//! - `messagecenter config`: [`messagecenter::program::config`]
//! - `messagecenter journal`: [`messagecenter::program::journal`]
//! - `messagecenter replay`: [`messagecenter::program::replay`]
//! - `messagecenter backup`, `restore`, `check`: [`messagecenter::program::store`]
//! - `messagecenter top`: [`messagecenter::program::top`]

use std::process::ExitCode;

use clap::Parser;
use messagecenter::cli::{Cli, Command};
use messagecenter::program::{self, store};
use messagecenter::replay_cli::Asked;
use messagecenter_actors::domain::shunt::replay::Scenario;

/// Requests allocate on one thread and free on others, which glibc's allocator pays for with locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve { settings } => program::serve(settings),
        Command::Config { settings, explain, page } => program::config(settings, explain.as_deref(), page),
        Command::Journal { settings, from, follow } => program::journal(settings, from, follow),
        Command::Backup { settings, file } => store::backup(settings, &file),
        Command::Restore { settings, file } => store::restore(settings, &file),
        Command::Check { settings } => store::check(settings),
        Command::Top { admin, token_file, by, once } => program::top(admin, token_file.as_deref(), by, once),
        Command::Replay { settings, from, to, ent, capacity, policy } => {
            program::replay(settings, &Asked { ent, from, to, scenario: Scenario { capacity, policy } })
        }
    };
    program::exit(outcome)
}
