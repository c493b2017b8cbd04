//! From a file to an empty store: the file is read to its end first, then once more to be written.

use std::io::{Read, Seek, SeekFrom};

use futures::future::join_all;

use super::format::{End, Frame, Reader};
use super::{BackupError, Contents};
use crate::domain::ids::ActorKey;
use crate::ports::{Entry, RestoredEnds, Store, StoreError};

/// Frames written at once: a store that syncs takes as long for one as for many.
const AT_ONCE: usize = 32;

/// How often a write is tried again that another one made impossible.
const ATTEMPTS: usize = 5;

/// Fills an empty store from a backup.
///
/// # Errors
/// `Damaged` and `NotEmpty` before anything is written; the store's. What was written then cannot be opened: restore
/// again into an empty store.
pub async fn restore<R: Read + Seek + Send>(
    store: &dyn Store,
    mut input: R,
) -> Result<Contents, BackupError> {
    let end = verify(&mut input)?;
    if !is_empty(store).await? {
        return Err(BackupError::NotEmpty);
    }
    let epoch = store.acquire().await?;
    // Nobody else writes from here on; until here somebody may have.
    if !is_empty(store).await? {
        return Err(BackupError::NotEmpty);
    }
    let ends = RestoredEnds { oldest: end.oldest, replay_from: end.replay_from, at: end.at };
    store.begin_restore(ends).await?;
    input.seek(SeekFrom::Start(0))?;
    let mut reader = Reader::begin(&mut input)?;
    let mut contents = Contents { position: end.position, snapshots: 0, pages: 0, rows: 0, batches: 0 };
    let mut together = Vec::with_capacity(AT_ONCE);
    while let Some(frame) = reader.next_frame()? {
        match &frame {
            Frame::Begin(_) | Frame::End(_) => continue,
            Frame::Row(..) => contents.rows += 1,
            Frame::Snapshot(_) => contents.snapshots += 1,
            Frame::Page(..) => contents.pages += 1,
            Frame::Batch(_) => contents.batches += 1,
        }
        together.push(frame);
        if together.len() == AT_ONCE {
            put_all(store, epoch, &mut together).await?;
        }
    }
    put_all(store, epoch, &mut together).await?;
    let bounds = store.bounds().await?;
    if bounds.newest != end.position {
        let problem = format!("the journal restored ends at {}, not at {}", bounds.newest, end.position);
        return Err(StoreError::Corrupt(problem).into());
    }
    store.set_checkpoint(end.replay_from).await?; // a place to start from: the next start need not look for the end
    store.end_restore().await?;
    Ok(contents)
}

/// Reads a backup to its end.
///
/// # Errors
/// `Damaged` if anything is not as it was written.
pub fn verify(input: impl Read) -> Result<End, BackupError> {
    let mut reader = Reader::begin(input)?;
    let mut end = None;
    while let Some(frame) = reader.next_frame()? {
        if let Frame::End(last) = frame {
            end = Some(last);
        }
    }
    let missing = || BackupError::Damaged { at: 0, what: "it has no end".to_owned() };
    end.ok_or_else(missing)
}

async fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    if store.bounds().await?.newest > 0 {
        return Ok(false);
    }
    for kind in ActorKey::KINDS {
        if !store.snapshots_after(kind, "", 1).await?.is_empty() {
            return Ok(false);
        }
    }
    for entry in Entry::ALL {
        if !store.rows_after(entry, "", 1).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn put_all(store: &dyn Store, epoch: u64, frames: &mut Vec<Frame>) -> Result<(), StoreError> {
    let frames = std::mem::take(frames);
    join_all(frames.into_iter().map(|frame| put(store, epoch, frame))).await.into_iter().collect()
}

async fn put(store: &dyn Store, epoch: u64, frame: Frame) -> Result<(), StoreError> {
    for _ in 1..ATTEMPTS {
        match put_once(store, epoch, &frame).await {
            Err(StoreError::Conflict(_)) => {}
            outcome => return outcome,
        }
    }
    put_once(store, epoch, &frame).await
}

async fn put_once(store: &dyn Store, epoch: u64, frame: &Frame) -> Result<(), StoreError> {
    match frame {
        Frame::Row(entry, id, row) => store.put(*entry, id, row).await,
        Frame::Snapshot(snapshot) => store.save(snapshot, &[]).await,
        Frame::Page(key, page) => store.put_pages(key, std::slice::from_ref(page)).await,
        // Whoever fills the store writes its journal.
        Frame::Batch(batch) => store.append(&crate::ports::Batch { epoch, ..batch.clone() }).await,
        Frame::Begin(_) | Frame::End(_) => Ok(()),
    }
}
