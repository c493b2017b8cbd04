//! Backups: everything a store holds at one position of the journal, in one file that any engine can be filled from.
//!
//! Guarantees: what was acknowledged before a backup began is in it; it shows the store as a crash right after
//! its position would have left it, whatever was written while it was made; a file that was cut short or damaged
//! is refused before anything is written; a store that was not filled to the end cannot be opened.
//!
//! Why it is consistent although it is read beside the work: state is copied first, the journal after it. Every
//! snapshot copied holds facts up to some position that was committed when it was read, and the journal copied
//! afterwards reaches further, so each actor has its snapshot and every fact it lacks. Pages that must fit their
//! snapshot (members, rows) are read again if the snapshot changed meanwhile; pages of messages may be newer, since
//! replay over them does nothing.
//!
//! - [`format`](mod@format): the file, frame by frame;
//! - [`making`]: from a store to a file;
//! - [`restoring`]: from a file to an empty store.

pub mod format;
pub mod making;
pub mod restoring;
#[cfg(test)]
mod tests;

use std::io;

use crate::domain::event::Position;
use crate::ports::StoreError;

pub use self::making::make;
pub use self::restoring::restore;

/// Why there is no backup, or why nothing was restored from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store did not answer, or holds what cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written or read.
    #[error("the backup's file: {0}")]
    File(#[from] io::Error),
    /// The file is not a backup, or not as it was written.
    #[error("the backup is cut short or damaged at byte {at}: {what}; nothing was restored from it")]
    Damaged {
        /// Where in the file.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// Something could not be put into a frame.
    #[error("cannot encode {0}")]
    Encode(String),
    /// Another process trimmed the journal while it was copied.
    #[error(
        "the journal was trimmed while the backup was made: raise journal.retention_hours, or let the running \
         service make it"
    )]
    Trimmed,
    /// The store to be filled is not empty.
    #[error("the store is not empty: restore into a new one")]
    NotEmpty,
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// It shows the store as of this position of the journal.
    pub position: Position,
    /// Snapshots of actors.
    pub snapshots: u64,
    /// Pages of messages, members and inbox rows.
    pub pages: u64,
    /// Rows of the directory.
    pub rows: u64,
    /// Batches of the journal.
    pub batches: u64,
}
