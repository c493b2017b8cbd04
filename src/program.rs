//! What each command of the program does, and how it ends: 0 done, 1 it could not run, 2 it was asked wrongly
//! (arguments or settings). Every failure is one line on standard error.

pub mod store;

use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use messagecenter_actors::backup::BackupError;
use messagecenter_actors::clock::SystemClock;
use tokio::signal::unix::{SignalKind, signal};

use crate::check_cli::CheckError;
use crate::cli::{Page, SettingFlags};
use crate::config::{self, ConfigError, pages, table};
use crate::config_cli;
use crate::journal_cli::{self, JournalError};
use crate::replay_cli::{self, Asked, ReplayError};
use crate::service::{Service, StartError};
use crate::storage::{OpenError, SurrealStore};
use crate::telemetry;
use crate::top::{self, Options, TopError};

/// The environment variable with the token of `messagecenter top`.
const TOKEN_VARIABLE: &str = "MESSAGECENTER_ADMIN_TOKEN";

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal cannot be printed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// There is no backup, or nothing was restored from one.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The running service made no backup.
    #[error("the running service made no backup: {0}")]
    NotBackedUp(String),
    /// The store was not checked, or is not whole.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// There is no store where one should be read.
    #[error("no store in {}: see storage.url", directory.display())]
    NoStore {
        /// The directory that the settings name.
        directory: PathBuf,
    },
    /// The service cannot be watched.
    #[error(transparent)]
    Top(#[from] TopError),
    /// There is no token to watch it with.
    #[error("no token: {0}")]
    NoToken(String),
    /// The operating system gave no threads or no signals.
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    /// Another process took the store while the service ran.
    #[error("stopped: another process has taken the store")]
    Fenced,
    /// Whoever reads the output has gone or the disk is full.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Runs the service until SIGTERM or SIGINT, then drains it.
///
/// # Errors
/// Wrong settings, a store that another process holds or that cannot be read, an address that is taken.
pub fn serve(flags: SettingFlags) -> Result<(), ProgramError> {
    let config = config::load(&flags.sources())?;
    telemetry::start(&config.settings.log);
    block_on(async {
        // Listened for before the start, so that a signal during recovery also ends in good order.
        let mut terminate = signal(SignalKind::terminate()).map_err(ProgramError::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ProgramError::Runtime)?;
        let service = Service::start(config, Arc::new(SystemClock)).await?;
        println!(
            "messagecenter {} ready on http://{}, {}",
            env!("CARGO_PKG_VERSION"),
            service.address(),
            service.description()
        );
        if let Some(admin) = service.admin_address() {
            tracing::info!("operators are answered on http://{admin}/console");
        }
        let outcome = tokio::select! {
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            () = service.fenced() => Err(ProgramError::Fenced),
        };
        tracing::info!("draining");
        service.stop().await;
        tracing::info!("stopped");
        outcome
    })
}

/// Prints the journal's events as JSON lines.
///
/// # Errors
/// Wrong settings, a store that cannot be opened or read, an output that cannot be written.
pub fn journal(flags: SettingFlags, from: u64, follow: bool) -> Result<(), ProgramError> {
    let settings = config::load(&flags.sources())?.settings;
    telemetry::start(&settings.log);
    block_on(async {
        let store = SurrealStore::open_as_it_is(&settings.storage_options()).await?;
        let printed = journal_cli::run(&store, from, follow, &mut io::stdout()).await;
        store.close().await;
        Ok(printed?)
    })
}

/// Runs the journal's routing again under other rules.
///
/// # Errors
/// Wrong settings, a store that cannot be opened or read, an output that cannot be written.
pub fn replay(flags: SettingFlags, asked: &Asked) -> Result<(), ProgramError> {
    let settings = config::load(&flags.sources())?.settings;
    telemetry::start(&settings.log);
    block_on(async {
        let store = SurrealStore::open_as_it_is(&settings.storage_options()).await?;
        let printed = replay_cli::run(&store, asked, &mut io::stdout()).await;
        store.close().await;
        Ok(printed?)
    })
}

/// Watches a running service in the terminal.
///
/// # Errors
/// No token, an admin listener that does not answer or says no, an output that cannot be written.
pub fn top(address: String, token_file: Option<&Path>, by: String, once: bool) -> Result<(), ProgramError> {
    let token = match token_file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| ProgramError::NoToken(format!("{}: {error}", path.display())))?
            .lines()
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
        None => std::env::var(TOKEN_VARIABLE)
            .map_err(|_| ProgramError::NoToken(format!("give --token-file or set {TOKEN_VARIABLE}")))?,
    };
    let options = Options { address, token, by, once };
    block_on(async { Ok(top::run(&options, &mut io::stdout()).await?) })
}

/// Runs `work` on a runtime with a thread per core.
fn block_on(work: impl Future<Output = Result<(), ProgramError>>) -> Result<(), ProgramError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ProgramError::Runtime)?;
    runtime.block_on(work)
}

/// Shows settings (one, or all), or a page made from their table.
///
/// # Errors
/// Wrong settings, an unknown key, or an output that cannot be written.
pub fn config(flags: SettingFlags, explain: Option<&str>, page: Option<Page>) -> Result<(), ProgramError> {
    let text = match page {
        Some(Page::File) => pages::example(),
        Some(Page::Reference) => pages::reference(),
        None => explanations(flags, explain)?,
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn explanations(flags: SettingFlags, key: Option<&str>) -> Result<String, ProgramError> {
    let config = config::load(&flags.sources())?;
    let Some(key) = key else {
        let every: Vec<String> =
            table::SETTINGS.iter().map(|setting| pages::explanation(&config, setting)).collect();
        return Ok(every.join("\n"));
    };
    let setting = table::find(key)
        .ok_or_else(|| ConfigError::Unknown { key: key.to_owned(), from: "flag --explain".to_owned() })?;
    let mut page = String::new();
    block_on(async {
        page = config_cli::explain(&config, setting).await;
        Ok(())
    })?;
    Ok(page)
}

/// The exit code of `outcome`, after saying what went wrong.
pub fn exit(outcome: Result<(), ProgramError>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if let ProgramError::Output(output) = &error
        && output.kind() == io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS; // `messagecenter config | head` is not a failure
    }
    let _ = writeln!(io::stderr(), "messagecenter: {error}"); // nowhere left to complain to
    match error {
        ProgramError::Config(_) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
