//! messagecenter: the program. Its table of contents:
//!
//! - `messagecenter serve`: [`messagecenter::program::serve`]
//! - `messagecenter config`: [`messagecenter::program::config`]
//! - `messagecenter journal`: [`messagecenter::program::journal`]

use std::process::ExitCode;

use clap::Parser;
use messagecenter::cli::{Cli, Command};
use messagecenter::program;

/// Requests allocate on one thread and free on others, which glibc's allocator pays for with locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve { settings } => program::serve(settings),
        Command::Config { settings, explain, page } => program::config(settings, explain.as_deref(), page),
        Command::Journal { settings, from, follow } => program::journal(settings, from, follow),
    };
    program::exit(outcome)
}
