//! The heads of groups: one immutable value per group that serves every member, so that a group's send costs
//! the same whatever its size.
//!
//! Guarantees: a head is never behind what has been acknowledged and never loses a fact. The journal's
//! dispatch is the only writer after loading; while a head is being loaded the facts committed meanwhile are
//! kept and applied to it. Loses: nothing; a head may be dropped at any time and is loaded again when asked.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::domain::event::{Fact, Recorded};
use crate::domain::group_head::Head;
use crate::domain::ids::Kind;

/// Locks are held for a hash and a copy of a few words; 64 of them keep the dispatch and the readers on
/// different ones.
const SHARDS: usize = 64;

/// Heads kept in one shard before one is dropped for each new one: 65,536 groups in all.
const SHARD_LIMIT: usize = 1_024;

enum Slot {
    Ready(Arc<Head>),
    Loading {
        /// How many callers wait for it; the last one to give up removes the slot.
        callers: usize,
        /// Facts committed since loading began, in position order.
        kept: Vec<Arc<Recorded>>,
        /// Held by the one caller that asks the group.
        turn: Arc<tokio::sync::Mutex<()>>,
    },
}

/// See the module's head.
pub struct Heads {
    shards: Vec<Mutex<HashMap<Uuid, Slot>>>,
}

impl Default for Heads {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect() }
    }
}

impl Heads {
    /// No head is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn with_shard<T>(&self, group: Uuid, use_shard: impl FnOnce(&mut HashMap<Uuid, Slot>) -> T) -> T {
        match self.shards.get(shard_of(group)) {
            Some(shard) => use_shard(&mut shard.lock()),
            None => use_shard(&mut HashMap::new()),
        }
    }

    /// Sees a committed fact: the journal's dispatch calls it for every one, in position order. Costs a
    /// comparison for what is no group's.
    pub fn observe(&self, event: &Arc<Recorded>) {
        let Fact::Conversation(fact) = &event.fact else { return };
        if fact.key.kind() != Kind::Group {
            return;
        }
        self.with_shard(fact.conversation, |shard| match shard.get_mut(&fact.conversation) {
            None => {}
            Some(Slot::Ready(head)) => Arc::make_mut(head).apply(event),
            Some(Slot::Loading { kept, .. }) => kept.push(Arc::clone(event)),
        });
    }

    /// Shows `look` the head of each of these, or `None` if it is not known. Neighbours in the order of `group` that
    /// share a lock are shown under it, so what comes in that order costs a lock per shard. `look` must be short.
    pub fn look<'a, T>(
        &self,
        all: &'a [T],
        group: impl Fn(&T) -> Uuid,
        mut look: impl FnMut(&'a T, Option<&Arc<Head>>),
    ) {
        for neighbours in all.chunk_by(|one, next| shard_of(group(one)) == shard_of(group(next))) {
            let Some(first) = neighbours.first() else { continue };
            self.with_shard(group(first), |shard| {
                for one in neighbours {
                    match shard.get(&group(one)) {
                        Some(Slot::Ready(head)) => look(one, Some(head)),
                        _ => look(one, None),
                    }
                }
            });
        }
    }

    /// The head; `load` asks the group for it if it is not known, and must answer with everything committed
    /// before it was called. Callers at once ask once.
    ///
    /// # Errors
    /// What `load` gives; the next caller tries again.
    pub async fn get<E, F>(&self, group: Uuid, load: impl Fn() -> F) -> Result<Arc<Head>, E>
    where
        F: Future<Output = Result<Head, E>>,
    {
        loop {
            let turn = match self.enter(group) {
                Entered::Known(head) => return Ok(head),
                Entered::Wait(turn) => turn,
            };
            let caller = Caller { heads: self, group, turn };
            let _mine = caller.turn.lock().await;
            if !self.still_loading(&caller) {
                // Another caller loaded it meanwhile; if it was even dropped again, start over: facts
                // committed since then are kept nowhere.
                continue;
            }
            let loaded = load().await?;
            return Ok(self.install(&caller, loaded));
        }
    }

    fn enter(&self, group: Uuid) -> Entered {
        self.with_shard(group, |shard| match shard.get_mut(&group) {
            Some(Slot::Ready(head)) => Entered::Known(Arc::clone(head)),
            Some(Slot::Loading { callers, turn, .. }) => {
                *callers += 1;
                Entered::Wait(Arc::clone(turn))
            }
            None => {
                let turn = Arc::new(tokio::sync::Mutex::new(()));
                let slot = Slot::Loading { callers: 1, kept: Vec::new(), turn: Arc::clone(&turn) };
                shard.insert(group, slot);
                Entered::Wait(turn)
            }
        })
    }

    fn still_loading(&self, caller: &Caller<'_>) -> bool {
        self.with_shard(caller.group, |shard| shard.get(&caller.group).is_some_and(|slot| slot.is_of(caller)))
    }

    /// The slot is the caller's: it cannot go while the caller is counted in it, and only the caller that
    /// holds its turn replaces it.
    fn install(&self, caller: &Caller<'_>, mut loaded: Head) -> Arc<Head> {
        self.with_shard(caller.group, |shard| {
            let Some(Slot::Loading { kept, .. }) = shard.remove(&caller.group) else {
                return Arc::new(loaded);
            };
            kept.iter().for_each(|event| loaded.apply(event));
            make_room(shard);
            let head = Arc::new(loaded);
            shard.insert(caller.group, Slot::Ready(Arc::clone(&head)));
            head
        })
    }

    fn leave(&self, caller: &Caller<'_>) {
        self.with_shard(caller.group, |shard| {
            let Some(slot) = shard.get_mut(&caller.group) else { return };
            if !slot.is_of(caller) {
                return;
            }
            let Slot::Loading { callers, .. } = slot else { return };
            *callers = callers.saturating_sub(1);
            if *callers == 0 {
                shard.remove(&caller.group);
            }
        });
    }
}

/// A UUIDv5 is a hash already. Its first bits, so that groups in the order of their ids come shard by shard.
const fn shard_of(group: Uuid) -> usize {
    (group.as_u128() >> (u128::BITS - SHARDS.trailing_zeros())) as usize
}

impl Slot {
    /// Whether it is the loading slot that this caller entered, not a later one.
    fn is_of(&self, caller: &Caller<'_>) -> bool {
        matches!(self, Self::Loading { turn, .. } if Arc::ptr_eq(turn, &caller.turn))
    }
}

/// Drops some known head when the shard is full; one being loaded stays, for its kept facts.
fn make_room(shard: &mut HashMap<Uuid, Slot>) {
    if shard.len() < SHARD_LIMIT {
        return;
    }
    let known = shard.iter().find(|(_, slot)| matches!(slot, Slot::Ready(_))).map(|(group, _)| *group);
    if let Some(group) = known {
        shard.remove(&group);
    }
}

enum Entered {
    Known(Arc<Head>),
    Wait(Arc<tokio::sync::Mutex<()>>),
}

/// Counts one caller of a loading slot; dropped when it has its head, failed, or was cancelled.
struct Caller<'a> {
    heads: &'a Heads,
    group: Uuid,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.heads.leave(self);
    }
}

#[cfg(test)]
#[path = "heads/tests.rs"]
mod tests;
