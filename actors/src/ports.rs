//! The ports: what the actors need of storage and of time. `src/storage` implements them on SurrealDB,
//! [`crate::memory`] in memory; one contract-test suite runs on both.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, Millis};
use crate::domain::shadow::{Side, Sides};

/// Why storage did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A concurrent transaction won; nothing was written; trying again may succeed.
    #[error("storage conflict: {0}")]
    Conflict(String),
    /// The record exists already (only from inserts).
    #[error("exists already")]
    Exists,
    /// Another process owns the store now; this one must stop writing.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The store cannot be reached or cannot write now; nothing was written.
    #[error("storage unavailable: {0}")]
    Unavailable(String),
    /// What was read is not what was written.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// The write may or may not have happened; read back to find out.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// One group commit: events of positions `first ..= first + count - 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Position of its first event; with the log it is the record's id, so writing it twice is refused.
    pub first: Position,
    /// How many events, at least 1.
    pub count: u32,
    /// Names this attempt's content: reading it back decides an unknown outcome.
    pub id: Uuid,
    /// Which start of the service wrote it; rises by one at every start.
    pub epoch: u64,
    /// Newest admission time in it.
    pub at: Millis,
    /// The events in the versioned encoding of [`crate::journal::encoding`].
    pub events: Bytes,
}

/// The journal's records.
#[async_trait]
pub trait JournalStore: Send + Sync + 'static {
    /// Writes one batch durably. `Exists` when a record with this first position is there already.
    async fn append(&self, batch: &Batch) -> Result<(), StoreError>;
    /// The batch whose first position is `first`, if there is one.
    async fn read(&self, first: Position) -> Result<Option<Batch>, StoreError>;
    /// Batches with `from <= first position < below`, rising, at most `limit` (≤ 512) of them.
    async fn scan(&self, from: Position, below: Position, limit: usize) -> Result<Vec<Batch>, StoreError>;
    /// Where recovery starts reading and where writing goes on.
    async fn bounds(&self) -> Result<JournalBounds, StoreError>;
    /// Records that every event below `replay_from` is in snapshots.
    async fn set_checkpoint(&self, replay_from: Position) -> Result<(), StoreError>;
    /// Deletes batches whose events all lie below `below`; returns how many batches.
    async fn trim(&self, below: Position) -> Result<u64, StoreError>;
    /// Takes the store for this process: the new epoch, one more than the last. Whoever held it before is
    /// fenced from then on.
    async fn acquire(&self) -> Result<u64, StoreError>;
}

/// What the journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JournalBounds {
    /// First position of the oldest batch still kept; 0 when empty.
    pub oldest: Position,
    /// Position of the newest committed event; 0 when there never was one (trimming does not lower it).
    pub newest: Position,
    /// Every event below this is in snapshots; at least 1.
    pub replay_from: Position,
    /// The newest batch's time: the clock never goes below it.
    pub at: Millis,
}

/// What one actor knew at a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Whose.
    pub key: ActorKey,
    /// Holds every event that this actor decided up to here.
    pub decided: Position,
    /// Holds every event that this actor was told up to here.
    pub told: Position,
    /// Version of `state`'s encoding, or [`Snapshot::UNREADABLE`].
    pub version: u16,
    /// The small state, in MessagePack.
    pub state: Bytes,
    /// Where it is kept. The previous one is on the other side.
    pub side: Side,
    /// Where its pages of members, or of rows, are.
    pub sides: Sides,
    /// The oldest fact that the previous snapshot lacks; without one, the actor's first. `None` if that is not known: no
    /// recovery falls back from this snapshot then.
    pub since: Option<Position>,
}

impl Snapshot {
    /// The `version` of what is stored where bytes should be.
    pub const UNREADABLE: u16 = 0;

    /// What `key` knew, on the first side, its pages as well, and nothing known of what was before.
    pub fn new(key: ActorKey, decided: Position, told: Position, version: u16, state: Bytes) -> Self {
        let (side, sides) = (Side::default(), Sides::default());
        Self { key, decided, told, version, state, side, sides, since: None }
    }

    /// Why an actor that does not know this version cannot recover from it.
    pub fn not_understood(&self) -> String {
        match self.version {
            Self::UNREADABLE => "its snapshot is not as it was written".to_owned(),
            version => format!("snapshot version {version}"),
        }
    }
}

/// A part of an actor's state that grows, kept in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    /// Messages, [`crate::domain::history::PAGE_MESSAGES`] to a page; plain objects.
    History,
    /// Members of a group with their cursors.
    Members,
    /// Rows of an inbox.
    Rows,
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 3] = [Self::History, Self::Members, Self::Rows];

    /// The table's name.
    pub const fn table(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Members => "member",
            Self::Rows => "inbox_row",
        }
    }
}

/// One page of a collection of one actor.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Which collection.
    pub collection: Collection,
    /// Which page, from 0.
    pub number: u64,
    /// Where it is kept; pages of messages are on the first side only.
    pub side: Side,
    /// The snapshot position it was written with (the greater of decided and told).
    pub position: Position,
    /// An array of plain JSON objects (history), or any JSON value for the other collections.
    pub content: serde_json::Value,
}

impl Page {
    /// A page on the first side.
    pub const fn new(
        collection: Collection,
        number: u64,
        position: Position,
        content: serde_json::Value,
    ) -> Self {
        Self { collection, number, side: Side::First, position, content }
    }
}

/// The snapshots of an actor that are kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// The one that holds the most.
    pub newest: Option<Snapshot>,
    /// The one that was the newest before it.
    pub previous: Option<Snapshot>,
}

impl Kept {
    /// What is on both sides.
    pub fn of(sides: impl IntoIterator<Item = Snapshot>) -> Self {
        let mut kept = Self::default();
        for snapshot in sides {
            let held =
                |snapshot: &Snapshot| (snapshot.decided.max(snapshot.told), snapshot.decided, snapshot.told);
            if kept.newest.as_ref().is_none_or(|newest| held(newest) < held(&snapshot)) {
                kept.previous = kept.newest.replace(snapshot);
            } else {
                kept.previous = Some(snapshot);
            }
        }
        kept
    }
}

/// Snapshots and their pages.
#[async_trait]
pub trait StateStore: Send + Sync + 'static {
    /// The newest snapshot of an actor.
    async fn load(&self, key: &ActorKey) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.load_both(key).await?.newest)
    }
    /// The newest snapshot of an actor and the previous one.
    async fn load_both(&self, key: &ActorKey) -> Result<Kept, StoreError>;
    /// One page, on its first side.
    async fn page(
        &self,
        key: &ActorKey,
        collection: Collection,
        number: u64,
    ) -> Result<Option<Page>, StoreError>;
    /// Those of the pages `0 .. count` that a snapshot names, rising; absent ones are left out.
    async fn named_pages(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        count: u64,
    ) -> Result<Vec<Page>, StoreError>;
    /// Pages `from .. to` on whatever side (exact bounds, at most 512 read at a time inside), rising; absent ones are left
    /// out.
    async fn pages(
        &self,
        key: &ActorKey,
        collection: Collection,
        from: u64,
        to: u64,
    ) -> Result<Vec<Page>, StoreError>;
    /// Writes pages in one transaction, ahead of the snapshot that they belong to.
    async fn put_pages(&self, key: &ActorKey, pages: &[Page]) -> Result<(), StoreError>;
    /// Writes a snapshot to its side and its changed pages to theirs, and deletes the pages of messages ([`Collection::History`]) with the
    /// numbers `removed` (may be empty; those that are not there are none), all in one transaction.
    async fn save_and_remove(
        &self,
        snapshot: &Snapshot,
        pages: &[Page],
        removed: Range<u64>,
    ) -> Result<(), StoreError>;
    /// Writes a snapshot and its changed pages in one transaction.
    async fn save(&self, snapshot: &Snapshot, pages: &[Page]) -> Result<(), StoreError> {
        self.save_and_remove(snapshot, pages, 0..0).await
    }
    /// The keys of all snapshots of one kind (`"shunt"`), for recovery.
    async fn keys(&self, kind: &'static str) -> Result<Vec<ActorKey>, StoreError>;
}

/// What is kept as rows, each in a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entry {
    /// `directory_user`.
    User,
    /// `directory_position`.
    Position,
    /// `directory_agent`: which enterprise an agent belongs to.
    Agent,
    /// `live_setting`: what operators changed while the service ran.
    LiveSetting,
    /// `audit`: what operators did.
    Audit,
}

impl Entry {
    /// Every table.
    pub const ALL: [Self; 5] = [Self::User, Self::Position, Self::Agent, Self::LiveSetting, Self::Audit];

    /// The table's name.
    pub const fn table(self) -> &'static str {
        match self {
            Self::User => "directory_user",
            Self::Position => "directory_position",
            Self::Agent => "directory_agent",
            Self::LiveSetting => "live_setting",
            Self::Audit => "audit",
        }
    }
}

/// Rows of the directory: plain JSON objects by id.
#[async_trait]
pub trait DirectoryStore: Send + Sync + 'static {
    /// The rows of those ids that exist, with their ids, in any order. At most 512 ids.
    async fn get(&self, entry: Entry, ids: &[String])
    -> Result<Vec<(String, serde_json::Value)>, StoreError>;
    /// Creates or replaces a row durably.
    async fn put(&self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), StoreError>;
    /// Creates a row durably; `Exists` if it is there.
    async fn insert(&self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), StoreError>;
    /// Deletes a row; whether there was one.
    async fn delete(&self, entry: Entry, id: &str) -> Result<bool, StoreError>;
}

/// Reading everything, and filling an empty store: backups and checks.
#[async_trait]
pub trait ArchiveStore: Send + Sync + 'static {
    /// The newest snapshots of one kind whose id is behind `after` (`""` = from the first), at most `limit` (≤ 512) of them, in
    /// an order that does not change.
    async fn snapshots_after(
        &self,
        kind: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Snapshot>, StoreError>;
    /// Rows of one table whose id is behind `after`, likewise.
    async fn rows_after(
        &self,
        entry: Entry,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, serde_json::Value)>, StoreError>;
    /// Whether no restore into this store was begun and did not end. [`JournalStore::acquire`] asks it, and so must
    /// whoever reads the store without taking it: `Corrupt` if not.
    async fn whole(&self) -> Result<(), StoreError>;
    /// Notes that an empty store is being filled, and where its journal will begin: until
    /// [`ArchiveStore::end_restore`] it is not [`ArchiveStore::whole`]. Acquire first.
    async fn begin_restore(&self, ends: RestoredEnds) -> Result<(), StoreError>;
    /// The store is filled.
    async fn end_restore(&self) -> Result<(), StoreError>;
}

/// Where the journal of a store that is being filled begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoredEnds {
    /// First position of the first batch that will be written.
    pub oldest: Position,
    /// Every event below this is in snapshots.
    pub replay_from: Position,
    /// The clock never goes below it.
    pub at: Millis,
}

/// All of storage, as one engine gives it.
pub trait Store: JournalStore + StateStore + DirectoryStore + ArchiveStore {}

impl<T: JournalStore + StateStore + DirectoryStore + ArchiveStore> Store for T {}

/// Wall time in epoch milliseconds.
pub trait WallClock: Send + Sync + 'static {
    /// Now, as the machine tells it.
    fn now(&self) -> Millis;
}
