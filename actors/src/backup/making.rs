//! From a store to a file: state first, then the journal, then the directory.

use std::io::Write;

use super::format::{Begin, End, Writer};
use super::{BackupError, Contents};
use crate::conversation::page_counts;
use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, Millis};
use crate::inbox::store::page_count;
use crate::ports::{Collection, Entry, JournalBounds, Page, Snapshot, Store, StoreError};

/// Snapshots, rows and batches read at a time: bounds the memory.
const WINDOW: usize = 64;

/// Pages read at a time: one may hold 64 of the largest messages.
const PAGES: u64 = 8;

/// How often an actor's state is read again because it was saved meanwhile: saves of one actor are seconds apart.
const ATTEMPTS: usize = 100;

/// Copies the store into `output` as of the position that is committed when the copying of state has ended.
///
/// The journal must not be trimmed meanwhile (see [`crate::journal::Journal::hold`]); where another process may do
/// so, that is found out.
///
/// # Errors
/// The store's, the file's, `Trimmed`. What was written then is no backup.
pub async fn make<W: Write + Send>(
    store: &dyn Store,
    made_at: Millis,
    output: W,
) -> Result<(Contents, W), BackupError> {
    store.whole().await?;
    let before = store.bounds().await?;
    let begin = Begin { made_at, program: env!("CARGO_PKG_VERSION").to_owned() };
    let contents = Contents { position: 0, snapshots: 0, pages: 0, rows: 0, batches: 0 };
    let mut copy = Copy { store, writer: Writer::begin(output, &begin)?, contents };
    for kind in ActorKey::KINDS {
        copy.actors(kind).await?;
    }
    let after = store.bounds().await?;
    let oldest = oldest(&before);
    if oldest < after.oldest {
        return Err(BackupError::Trimmed);
    }
    copy.journal(oldest, after.newest).await?;
    // An agent's row is written before its fact, so rows are read after facts, as a crash would leave them.
    for entry in Entry::ALL {
        copy.directory(entry).await?;
    }
    let Copy { writer, mut contents, .. } = copy;
    contents.position = after.newest;
    let end = End {
        position: after.newest,
        oldest,
        replay_from: before.replay_from.max(1),
        at: after.at,
        frames: 0,
        sum: 0,
    };
    Ok((contents, writer.end(end)?))
}

/// First position of the oldest batch, or where the first one will be.
fn oldest(bounds: &JournalBounds) -> Position {
    if bounds.oldest == 0 { bounds.newest + 1 } else { bounds.oldest }
}

struct Copy<'a, W> {
    store: &'a dyn Store,
    writer: Writer<W>,
    contents: Contents,
}

impl<W: Write + Send> Copy<'_, W> {
    async fn actors(&mut self, kind: &'static str) -> Result<(), BackupError> {
        let mut after = String::new();
        loop {
            let snapshots = self.store.snapshots_after(kind, &after, WINDOW).await?;
            let Some(last) = snapshots.last() else { return Ok(()) };
            after = last.key.id();
            for snapshot in snapshots {
                self.actor(snapshot).await?;
            }
        }
    }

    /// One actor: its snapshot with the pages that must fit it, then the pages of messages.
    async fn actor(&mut self, mut snapshot: Snapshot) -> Result<(), BackupError> {
        let key = snapshot.key.clone();
        for _ in 0..ATTEMPTS {
            let fitting = self.fitting(&snapshot).await?;
            // Nothing that must fit was read: there is nothing to compare.
            let now = match fitting.is_empty() {
                true => Some(snapshot.clone()),
                false => self.store.load(&key).await?,
            };
            let Some(now) = now else {
                return Err(StoreError::Corrupt(format!("the snapshot of {key} has gone")).into());
            };
            if (now.decided, now.told) == (snapshot.decided, snapshot.told) {
                self.writer.snapshot(&snapshot)?;
                self.contents.snapshots += 1;
                self.pages(&key, fitting)?;
                return self.messages(&snapshot).await;
            }
            snapshot = now;
        }
        Err(StoreError::Unavailable(format!("{key} is saved faster than it can be read")).into())
    }

    /// The pages that fit this snapshot only.
    async fn fitting(&self, snapshot: &Snapshot) -> Result<Vec<Page>, BackupError> {
        let (collection, count) = match &snapshot.key {
            ActorKey::Conversation(_) => (Collection::Members, page_counts(snapshot)?.1),
            ActorKey::Inbox(_) => (Collection::Rows, page_count(snapshot)?),
            ActorKey::Session(_) | ActorKey::Shunt(_) => return Ok(Vec::new()),
        };
        Ok(self.store.named_pages(snapshot, collection, count).await?)
    }

    async fn messages(&mut self, snapshot: &Snapshot) -> Result<(), BackupError> {
        let ActorKey::Conversation(_) = &snapshot.key else { return Ok(()) };
        let (numbers, _) = page_counts(snapshot)?;
        for from in numbers.clone().step_by(PAGES as usize) {
            let to = numbers.end.min(from + PAGES);
            let pages = self.store.pages(&snapshot.key, Collection::History, from, to).await?;
            self.pages(&snapshot.key, pages)?;
        }
        Ok(())
    }

    fn pages(&mut self, key: &ActorKey, pages: Vec<Page>) -> Result<(), BackupError> {
        for page in pages {
            self.writer.page(key, &page)?;
            self.contents.pages += 1;
        }
        Ok(())
    }

    async fn journal(&mut self, oldest: Position, newest: Position) -> Result<(), BackupError> {
        let mut expected = oldest;
        while expected <= newest {
            let below = expected + WINDOW as Position;
            let batches = self.store.scan(expected, below, WINDOW).await?;
            if batches.is_empty() {
                return Err(StoreError::Corrupt(format!("the journal has no batch at {expected}")).into());
            }
            for batch in batches {
                if batch.first != expected {
                    return Err(BackupError::Trimmed);
                }
                if batch.first > newest {
                    return Ok(()); // committed after the position was taken
                }
                expected += Position::from(batch.count);
                self.writer.batch(&batch)?;
                self.contents.batches += 1;
            }
        }
        Ok(())
    }

    async fn directory(&mut self, entry: Entry) -> Result<(), BackupError> {
        let mut after = String::new();
        loop {
            let rows = self.store.rows_after(entry, &after, WINDOW).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after.clone_from(last);
            for (id, row) in rows {
                self.writer.row(entry, &id, &row)?;
                self.contents.rows += 1;
            }
        }
    }
}
