//! Which committed facts each actor's snapshot does not hold yet: what recovery replays and checkpoints drain.
//!
//! Guarantees: a fact is noted here before anybody is told of it, and forgotten only once a durable snapshot
//! holds it. Costs 16 bytes per fact and actor concerned, bounded by the checkpoint's lag.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::HashMap;

use crate::domain::event::{Position, Recorded};
use crate::domain::ids::ActorKey;

/// Where one fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// First position of its batch.
    pub first: Position,
    /// Its place in the batch.
    pub offset: u32,
    /// Whether the actor decided it (else it is told it).
    pub own: bool,
}

impl Entry {
    pub const fn position(self) -> Position {
        self.first + self.offset as u64
    }

    /// Whether a snapshot with these marks holds it.
    pub const fn held(self, decided: Position, told: Position) -> bool {
        self.position() <= if self.own { decided } else { told }
    }
}

/// The oldest fact that some snapshot lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Oldest {
    pub position: Position,
    /// First position of its batch: recovery must read from here.
    pub first: Position,
}

/// The index.
#[derive(Default)]
pub(super) struct Index {
    entries: HashMap<ActorKey, VecDeque<Entry>>,
    /// Every key of `entries` by its oldest position.
    by_age: BTreeSet<(Position, ActorKey)>,
    /// Entries that actors decided themselves, of all keys.
    decided: usize,
    /// Entries ever noted.
    noted: u64,
}

impl Index {
    /// Notes a fact of the batch that starts at `first` for its decider and everyone it concerns.
    pub fn note(&mut self, first: Position, event: &Arc<Recorded>, audience: &[ActorKey]) {
        let offset = u32::try_from(event.position - first).unwrap_or(u32::MAX);
        let decider = event.fact.decider();
        for key in audience.iter().filter(|key| **key != decider) {
            self.push(key, Entry { first, offset, own: false });
        }
        self.push(&decider, Entry { first, offset, own: true });
        self.noted += 1 + audience.iter().filter(|key| **key != decider).count() as u64;
    }

    fn push(&mut self, key: &ActorKey, entry: Entry) {
        self.decided += usize::from(entry.own);
        if let Some(entries) = self.entries.get_mut(key) {
            entries.push_back(entry);
            return;
        }
        self.by_age.insert((entry.position(), key.clone()));
        self.entries.insert(key.clone(), VecDeque::from([entry]));
    }

    /// The facts that the snapshot of `key` lacks, in position order.
    pub fn of(&self, key: &ActorKey) -> Vec<Entry> {
        self.entries.get(key).map(|entries| entries.iter().copied().collect()).unwrap_or_default()
    }

    /// The oldest fact that the snapshot of `key` lacks.
    pub fn oldest_of(&self, key: &ActorKey) -> Option<Position> {
        self.entries.get(key)?.front().map(|entry| entry.position())
    }

    pub fn is_dirty(&self, key: &ActorKey) -> bool {
        self.entries.contains_key(key)
    }

    /// Notes older facts of `key` again: a snapshot that held them is as good as lost.
    pub fn note_again(&mut self, key: &ActorKey, older: impl IntoIterator<Item = Entry>) {
        let mut all: Vec<Entry> = older.into_iter().chain(self.of(key)).collect();
        all.sort_by_key(|entry| entry.position());
        all.dedup();
        self.clear(key, Position::MAX, Position::MAX);
        all.into_iter().for_each(|entry| self.push(key, entry));
    }

    /// Forgets what a durable snapshot with these marks holds; how much that was.
    pub fn clear(&mut self, key: &ActorKey, decided: Position, told: Position) -> u64 {
        let Some(entries) = self.entries.get_mut(key) else { return 0 };
        let Some(was) = entries.front().map(|entry| entry.position()) else { return 0 };
        let (mut gone, before) = (0, entries.len());
        entries.retain(|entry| {
            let kept = !entry.held(decided, told);
            gone += usize::from(entry.own && !kept);
            kept
        });
        self.decided -= gone;
        let cleared = (before - entries.len()) as u64;
        let is = entries.front().map(|entry| entry.position());
        if is == Some(was) {
            return cleared;
        }
        self.by_age.remove(&(was, key.clone()));
        match is {
            Some(position) => {
                self.by_age.insert((position, key.clone()));
            }
            None => {
                self.entries.remove(key);
            }
        }
        cleared
    }

    pub fn oldest(&self) -> Option<Oldest> {
        let (position, key) = self.by_age.first()?;
        let first = self.entries.get(key)?.front()?.first;
        Some(Oldest { position: *position, first })
    }

    /// Keys with their oldest unsaved position, oldest first.
    pub fn by_age(&self) -> impl Iterator<Item = (Position, &ActorKey)> {
        self.by_age.iter().map(|(position, key)| (*position, key))
    }

    /// How many facts that it decided the snapshot of `key` lacks.
    pub fn decided_of(&self, key: &ActorKey) -> usize {
        self.entries.get(key).map_or(0, |entries| entries.iter().filter(|entry| entry.own).count())
    }

    /// How many facts the snapshots of their deciders lack.
    pub const fn decided(&self) -> usize {
        self.decided
    }

    /// How much was noted since it was made: each fact once for every actor concerned.
    pub const fn noted(&self) -> u64 {
        self.noted
    }

    /// How many actors have facts above their snapshot.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
