//! What each command of the program does, and how it ends: 0 done, 1 it could not run, 2 it was asked wrongly
//! (arguments or settings). Every failure is one line on standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cli::{Page, SettingFlags};
use crate::config::{self, ConfigError, pages, table};

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Whoever reads the output has gone or the disk is full.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
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
    Ok(pages::explanation(&config, setting))
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
        ProgramError::Output(_) => ExitCode::FAILURE,
    }
}
