//! `messagecenter journal [--from N] [--follow]`: events as JSON lines, one per event, in position order.
//!
//! Reads from the store and changes nothing. An embedded store is open in one process only: while the service
//! runs, opening it is refused with a clear error, so following is for stores on a server.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use messagecenter_actors::domain::event::Position;
use messagecenter_actors::journal::encoding;
use messagecenter_actors::ports::{JournalStore, StoreError};

/// Between two looks for new events: a person who follows does not notice less.
const PAUSE: Duration = Duration::from_millis(300);

/// Batches read at a time; bounds the memory.
const WINDOW: usize = 64;

/// Why printing ended early.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store did not answer, or holds what this program cannot read.
    #[error("cannot read the journal: {0}")]
    Store(#[from] StoreError),
    /// An event could not be written as JSON.
    #[error("cannot write event {position} as JSON: {cause}")]
    Json {
        /// Which event.
        position: Position,
        /// Why.
        cause: serde_json::Error,
    },
    /// Whoever reads the output has gone, or the disk is full.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Prints every event at `from` and above to `output`, oldest first; with `follow`, goes on with those that
/// come, and ends only when `output` does. What was trimmed is not there any more: printing starts with the
/// oldest event kept.
///
/// # Errors
/// Storage, or an output that cannot be written. A reader that closed the pipe is the end, not an error.
pub async fn run(
    store: &dyn JournalStore,
    from: Position,
    follow: bool,
    output: &mut (dyn Write + Send),
) -> Result<(), JournalError> {
    match print(store, from, follow, output).await {
        Err(JournalError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

async fn print(
    store: &dyn JournalStore,
    from: Position,
    follow: bool,
    output: &mut (dyn Write + Send),
) -> Result<(), JournalError> {
    let mut cursor = start(store, from).await?;
    loop {
        let batches = store.scan(cursor, Position::MAX, WINDOW).await?;
        for batch in &batches {
            for event in encoding::decode(batch)?.iter().filter(|event| event.position >= from) {
                let line = serde_json::to_string(&**event)
                    .map_err(|cause| JournalError::Json { position: event.position, cause })?;
                writeln!(output, "{line}")?;
            }
            cursor = batch.first + Position::from(batch.count);
        }
        if !batches.is_empty() {
            continue;
        }
        output.flush()?;
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where reading must start so that the batch that holds `from` is read: batches are found by their first
/// position, so this looks back further and further.
async fn start(store: &dyn JournalStore, from: Position) -> Result<Position, StoreError> {
    let bounds = store.bounds().await?;
    let oldest = bounds.oldest.max(1);
    // Beyond the end there is nothing to look for; it is where following begins.
    let from = from.min(bounds.newest.saturating_add(1));
    let mut back: Position = 1_024;
    loop {
        let start = from.saturating_sub(back).max(oldest);
        let found = store.scan(start, from.saturating_add(1), 1).await?;
        match found.first() {
            Some(batch) => return Ok(batch.first),
            None if start == oldest => return Ok(oldest),
            None => back = back.saturating_mul(4),
        }
    }
}
