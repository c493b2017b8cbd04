//! `messagecenter check`: what must hold of a store, and does not.

use std::io::{self, Write};

use messagecenter_actors::check::{self, Checked, Fault};
use messagecenter_actors::ports::{Store, StoreError};
use messagecenter_actors::world::Rules;

/// Why checking ended early.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The store did not answer.
    #[error("cannot check: {0}")]
    Store(#[from] StoreError),
    /// Whoever reads the output has gone, or the disk is full.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// It ended, and found something.
    #[error("the store is not whole: {0} faults, listed above; restore a backup or report them")]
    Faulty(u64),
}

/// Prints every fault, one a line, then what was looked at.
///
/// # Errors
/// [`CheckError`]; `Faulty` when everything was checked and something does not hold.
pub async fn run(
    store: &dyn Store,
    rules: &Rules,
    output: &mut (dyn Write + Send),
) -> Result<(), CheckError> {
    let mut written = Ok(());
    let mut found = |fault: &Fault| {
        if written.is_ok() {
            written = writeln!(output, "{fault}");
        }
    };
    let checked = check::check(store, rules, &mut found).await?;
    written?;
    let Checked {
        position,
        batches,
        shunts,
        sessions,
        conversations,
        messages,
        inboxes,
        rows,
        not_compared,
        faults,
    } = checked;
    writeln!(
        output,
        "checked up to event {position}: {batches} journal records, {conversations} conversations with \
         {messages} messages, {inboxes} inboxes with {rows} rows, {shunts} enterprises, {sessions} sessions"
    )?;
    if not_compared > 0 {
        writeln!(
            output,
            "not compared: {not_compared} times, because one side is unreadable, as said above"
        )?;
    }
    output.flush()?;
    if faults > 0 { Err(CheckError::Faulty(faults)) } else { Ok(()) }
}
