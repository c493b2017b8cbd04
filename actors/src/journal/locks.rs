//! A lock for each actor, there only while somebody has it or waits for it: actors never wait for one another's.

use std::sync::{Arc, Weak};

use foldhash::HashMap;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::domain::ids::ActorKey;

/// At so many locks those that nobody has are looked for the first time.
const FEW: usize = 64;

/// Locks by actor. Whoever waits for one gets it in the order of asking.
#[derive(Default)]
pub(super) struct Locks(Mutex<Known>);

#[derive(Default)]
struct Known {
    locks: HashMap<ActorKey, Weak<tokio::sync::Mutex<()>>>,
    /// Those in use when they were counted last.
    used: usize,
}

impl Locks {
    /// Waits for the lock of an actor. Cancel safe: who stops waiting leaves the row.
    pub(super) async fn lock(&self, key: &ActorKey) -> OwnedMutexGuard<()> {
        let lock = self.0.lock().of(key);
        lock.lock_owned().await
    }

    /// Whether somebody has the lock of an actor or waits for it.
    pub(super) fn in_use(&self, key: &ActorKey) -> bool {
        self.0.lock().locks.get(key).is_some_and(|lock| lock.strong_count() > 0)
    }
}

impl Known {
    fn of(&mut self, key: &ActorKey) -> Arc<tokio::sync::Mutex<()>> {
        if let Some(lock) = self.locks.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        // Looked through after as many new ones as there were in use: a constant share of each call.
        if self.locks.len() > 2 * self.used.max(FEW) {
            self.locks.retain(|_, lock| lock.strong_count() > 0);
            self.used = self.locks.len();
        }
        let lock = Arc::default();
        self.locks.insert(key.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_actor_waits_for_its_own_lock_and_for_no_other() {
        let locks = Locks::default();
        let held = locks.lock(&ActorKey::Shunt(1)).await;
        for other in 2..2_000 {
            let _other = locks.lock(&ActorKey::Shunt(other)).await;
        }
        let mine = ActorKey::Shunt(1);
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), locks.lock(&mine));
        assert!(waiting.await.is_err(), "it is held");
        assert!(locks.in_use(&mine) && !locks.in_use(&ActorKey::Shunt(2)));
        drop(held);
        assert!(!locks.in_use(&mine));
        locks.lock(&mine).await;
    }

    #[tokio::test]
    async fn locks_that_nobody_has_are_forgotten() {
        let locks = Locks::default();
        for actor in 0..10_000 {
            locks.lock(&ActorKey::Shunt(actor)).await;
        }
        assert!(locks.0.lock().locks.len() <= 2 * FEW + 1);
    }
}
