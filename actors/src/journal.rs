//! The journal: the one ordered record of facts, and the gate that no answer passes before its facts are on
//! disk.
//!
//! - `append` gives each fact its position (queue order) and never waits;
//! - the committer makes one durable batch of everything queued while the previous commit ran;
//! - committed facts are put into the mailboxes of those they concern (in position order), then answers
//!   waiting for them are released.

use std::sync::Arc;

use crate::domain::event::{Fact, Position, Recorded};
use crate::domain::ids::{ActorKey, Millis};
use crate::ports::{Page, Snapshot, Store, StoreError};
use crate::runtime::reply::Release;

/// Why facts were not taken. Nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// Storage is away; come back later.
    StorageDown,
    /// Facts this actor appended earlier were lost with a failed commit: it must recover before it decides
    /// again.
    Stale,
    /// The journal is closing.
    Closed,
}

/// Where committed facts go. Implemented by the router.
pub trait Deliver: Send + Sync + 'static {
    /// Puts one committed fact into the mailbox of `key` if that actor is active; else does nothing (the
    /// journal's index keeps it for its recovery).
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>);
    /// Sees every committed fact once, in position order, before deliveries (group heads).
    fn observe(&self, event: &Arc<Recorded>);
    /// A commit failed for good: every active actor must check whether it is ahead of the disk.
    fn rolled_back(&self);
    /// Asks the actor (activating it) to write a snapshot: checkpointing.
    fn checkpoint(&self, key: &ActorKey);
}

/// What an actor needs to recover.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its newest snapshot.
    pub snapshot: Option<Snapshot>,
    /// Committed facts it decided or was told that the snapshot does not hold, in position order.
    pub events: Vec<Arc<Recorded>>,
    /// The journal's generation: give it to [`Journal::append`].
    pub generation: u64,
}

/// The journal of one store. Shared by everyone behind an `Arc`.
pub struct Journal {
    _store: Arc<dyn Store>,
}

#[allow(unused_variables, clippy::unimplemented, reason = "signatures first")]
impl Journal {
    /// Queues facts that one actor decided at `at`; gives them positions. Never waits.
    ///
    /// `generation` and `decided` are the actor's: the generation it recovered in and the position of the last
    /// fact it decided (0 = none).
    pub fn append(
        &self,
        generation: u64,
        decided: Position,
        at: Millis,
        facts: Vec<Fact>,
    ) -> Result<Vec<Arc<Recorded>>, AppendError> {
        unimplemented!()
    }

    /// The gate: calls `release` once everything up to `position` is committed (at once if it is), or with the
    /// failure that took it. Positions are the caller's last decided one, so reads pass here as well.
    pub fn release_after(&self, generation: u64, position: Position, release: Release) {
        unimplemented!()
    }

    /// The newest committed position.
    pub fn committed(&self) -> Position {
        unimplemented!()
    }

    /// Everything appended before this call is committed or failed.
    pub async fn settled(&self) {
        unimplemented!()
    }

    /// What an actor needs to recover; with `restart`, waits for [`Journal::settled`] first.
    pub async fn load(&self, key: &ActorKey, restart: bool) -> Result<Loaded, StoreError> {
        unimplemented!()
    }

    /// Saves a snapshot once everything it holds is committed, and forgets the replay positions it covers.
    /// Refused (`Unavailable`) if a failed commit took what it holds.
    pub async fn save(
        &self,
        generation: u64,
        snapshot: Snapshot,
        pages: Vec<Page>,
    ) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Whether facts that concern `key` are above its snapshot.
    pub fn is_dirty(&self, key: &ActorKey) -> bool {
        unimplemented!()
    }
}
