//! What is done to a whole store: `backup`, `restore`, `check`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use messagecenter_actors::clock::SystemClock;
use messagecenter_actors::ports::WallClock;

use super::{ProgramError, block_on};
use crate::backup_cli;
use crate::check_cli;
use crate::cli::SettingFlags;
use crate::config::{self, Settings};
use crate::control;
use crate::storage::SurrealStore;
use crate::telemetry;

/// Copies the store into `file`: by the running service if it has the store, else here.
///
/// # Errors
/// Wrong settings, a store that cannot be read, a file that exists or cannot be written.
pub fn backup(flags: SettingFlags, file: &Path) -> Result<(), ProgramError> {
    let settings = config::load(&flags.sources())?.settings;
    telemetry::start(&settings.log);
    let directory = existing(&settings)?;
    block_on(async {
        if let Some(directory) = directory
            && let Some(answer) = control::ask(&directory, file).await.map_err(not_asked)?
        {
            let what = answer.map_err(ProgramError::NotBackedUp)?;
            return Ok(writeln!(io::stdout(), "{} {what}", file.display())?);
        }
        let work = async |store: &SurrealStore| {
            let contents = backup_cli::write_file(store, SystemClock.now(), file).await?;
            Ok(writeln!(io::stdout(), "{} {}", file.display(), backup_cli::summary(&contents))?)
        };
        on_store(SurrealStore::open_as_it_is(&settings.storage_options()).await?, work).await
    })
}

/// Fills an empty store from `file`.
///
/// # Errors
/// Wrong settings, a store that is not empty or cannot be written, a file that is no whole backup.
pub fn restore(flags: SettingFlags, file: &Path) -> Result<(), ProgramError> {
    let settings = config::load(&flags.sources())?.settings;
    telemetry::start(&settings.log);
    let work = async |store: &SurrealStore| {
        let contents = backup_cli::read_file(store, file).await?;
        Ok(writeln!(io::stdout(), "{} {}", settings.storage.url, backup_cli::summary(&contents))?)
    };
    block_on(async { on_store(SurrealStore::open(&settings.storage_options()).await?, work).await })
}

/// Prints what does not hold of the store.
///
/// # Errors
/// Wrong settings, a store that cannot be read, an output that cannot be written; faults that were found.
pub fn check(flags: SettingFlags) -> Result<(), ProgramError> {
    let settings = config::load(&flags.sources())?.settings;
    telemetry::start(&settings.log);
    existing(&settings)?;
    let rules = settings.rules();
    let work = async |store: &SurrealStore| Ok(check_cli::run(store, &rules, &mut io::stdout()).await?);
    block_on(async { on_store(SurrealStore::open_as_it_is(&settings.storage_options()).await?, work).await })
}

/// The directory of an embedded store, which must be there: reading what is not there must not make it.
fn existing(settings: &Settings) -> Result<Option<PathBuf>, ProgramError> {
    let Some(directory) = settings.storage.url.directory() else { return Ok(None) };
    if !directory.is_dir() {
        return Err(ProgramError::NoStore { directory: directory.to_path_buf() });
    }
    Ok(Some(directory.to_path_buf()))
}

fn not_asked(error: io::Error) -> ProgramError {
    ProgramError::NotBackedUp(error.to_string())
}

/// Closes the store after `work`.
async fn on_store(
    store: SurrealStore,
    work: impl AsyncFnOnce(&SurrealStore) -> Result<(), ProgramError>,
) -> Result<(), ProgramError> {
    let outcome = work(&store).await;
    store.close().await;
    outcome
}
