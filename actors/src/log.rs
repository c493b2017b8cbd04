//! An actor's own view of the journal: what it decided last, and its answers' way through the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::domain::event::{Fact, Position, Recorded};
use crate::domain::ids::{ActorKey, Millis};
use crate::domain::shadow::{Side, Sides};
use crate::journal::{AppendError, Changes, Journal, Loaded};
use crate::ports::{Snapshot, StoreError};
use crate::runtime::behaviour::{Behaviour, Turn};
use crate::runtime::failure::{Failure, SOON};
use crate::runtime::reply::Reply;

/// How far one actor has come, in the facts it decided and in those it was told.
pub struct Log {
    key: ActorKey,
    journal: Arc<Journal>,
    generation: u64,
    decided: Position,
    told: Position,
    /// Whether its newest snapshot is on the second side. Written when one is stored, wherever that is awaited.
    second: Arc<AtomicBool>,
}

impl Log {
    /// The log of an actor that holds its snapshot; pass each of `loaded.events` to [`Log::hold`] as it is
    /// applied.
    pub fn new(key: ActorKey, journal: Arc<Journal>, loaded: &Loaded) -> Self {
        let (decided, told) = loaded.snapshot.as_ref().map_or((0, 0), |s| (s.decided, s.told));
        // Without any, the first one goes to the first side.
        let second = loaded.snapshot.as_ref().is_none_or(|snapshot| snapshot.side == Side::Second);
        let second = Arc::new(AtomicBool::new(second));
        Self { key, journal, generation: loaded.generation, decided, told, second }
    }

    /// Notes that the actor holds a fact. `false` = it held it before: do not apply it again.
    pub fn hold(&mut self, event: &Recorded) -> bool {
        let own = event.fact.decider() == self.key;
        let mark = if own { &mut self.decided } else { &mut self.told };
        let new = event.position > *mark;
        *mark = event.position.max(*mark);
        new
    }

    /// Appends facts; the caller applies what comes back and then answers through [`Log::answer`].
    ///
    /// # Errors
    /// The failure to answer with; if what the actor holds was lost, it also reloads after this turn.
    pub fn append<B: Behaviour>(
        &mut self,
        at: Millis,
        facts: Vec<Fact>,
        turn: &mut Turn<B>,
    ) -> Result<Vec<Arc<Recorded>>, Failure> {
        if turn.read_only() {
            return Err(Failure::Quarantined);
        }
        // An accepted append proves that nothing held so far was lost, so the actor moves to the generation that
        // was current before it. Read after it, a loss in between would hide that it took these facts.
        let generation = self.journal.generation();
        match self.journal.append_traced(self.generation, self.decided, at, facts, turn.trace()) {
            Ok(events) => {
                self.generation = generation;
                if let Some(last) = events.last() {
                    self.decided = last.position;
                }
                Ok(events)
            }
            Err(AppendError::StorageDown) => Err(Failure::StorageDown(self.journal.storage_wait())),
            Err(AppendError::Closed) => Err(Failure::Draining),
            Err(AppendError::Stale) => {
                turn.reload();
                Err(Failure::Restarting(SOON))
            }
        }
    }

    /// Answers once everything this actor decided so far is committed.
    pub fn answer<A: Send + 'static>(&self, reply: Reply<A>, answer: A) {
        self.journal.release_after(self.generation, self.decided, reply.with(answer));
    }

    /// Whether everything this actor decided so far is committed: an answer shows nothing else.
    pub fn is_committed(&self) -> bool {
        self.journal.holds(self.generation, self.decided)
    }

    /// A commit failed: whether it took facts that this actor holds, so that it must reload. If not, all that it holds is
    /// of the generation that is current.
    pub fn lost(&mut self) -> bool {
        // Read before: a loss in between is seen now, or is of a later generation.
        let generation = self.journal.generation();
        let lost = self.journal.lost(self.generation, self.decided);
        if !lost {
            self.generation = generation;
        }
        lost
    }

    /// A snapshot of `state` at the facts held now, whose pages are on `sides`, to be written beside the mailbox: one at a
    /// time.
    pub fn snapshot(&self, version: u16, state: impl Into<Bytes>, sides: Sides) -> Unwritten {
        let snapshot = Snapshot::new(self.key.clone(), self.decided, self.told, version, state.into());
        let side = if self.second.load(Ordering::Relaxed) { Side::First } else { Side::Second };
        Unwritten {
            journal: Arc::clone(&self.journal),
            generation: self.generation,
            snapshot: Snapshot { side, sides, ..snapshot },
            second: Arc::clone(&self.second),
        }
    }

    /// Position of the last fact it decided.
    pub const fn decided(&self) -> Position {
        self.decided
    }

    /// Position of the last fact it was told.
    pub const fn told(&self) -> Position {
        self.told
    }

    /// Its key.
    pub const fn key(&self) -> &ActorKey {
        &self.key
    }

    /// The journal.
    pub const fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }
}

/// A snapshot on its way to storage.
pub struct Unwritten {
    journal: Arc<Journal>,
    generation: u64,
    snapshot: Snapshot,
    second: Arc<AtomicBool>,
}

impl Unwritten {
    /// Writes it with its changed pages once every fact it holds is committed; see [`Journal::save`].
    ///
    /// # Errors
    /// Storage's, or `Unavailable` if a failed commit took what it holds. The snapshot before it is still the newest
    /// one then, whatever pages of messages were written ahead.
    pub async fn write(self, changes: impl Into<Changes>) -> Result<(), StoreError> {
        let second = self.snapshot.side == Side::Second;
        self.journal.save(self.generation, self.snapshot, changes).await?;
        self.second.store(second, Ordering::Relaxed);
        Ok(())
    }
}
