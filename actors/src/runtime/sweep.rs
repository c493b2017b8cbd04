//! The sweep: one pass over the active actors for everything that takes time: ticks and passivation.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::behaviour::Behaviour;
use super::mail::Mail;
use super::registry::{Registry, Slot};
use super::status::Phase;

/// How long a passivated key is remembered: longer than a commit can take to settle.
const REMEMBERED: Duration = Duration::from_secs(60);

impl<B: Behaviour> Registry<B> {
    /// Ticks every active actor of a kind with timers and passivates idle ones: used longer than `idle_after` ago, or
    /// least recently used while more than `active_limit` are active; never one that is pinned, holds a command, recovers or is
    /// quarantined. `clean` says whether everything that concerns a key is in its snapshot; idle actors that
    /// are not clean stay and are returned, to be told to write one.
    pub fn sweep(&self, clean: &dyn Fn(&B::Key) -> bool) -> Vec<B::Key> {
        let slots = self.slots();
        for (_, slot) in slots.iter().filter(|_| B::TICKS) {
            if slot.status.due_a_tick() && slot.send(Mail::Tick).is_err() {
                slot.status.ticked();
            }
        }
        let mut not_clean = Vec::new();
        for (key, slot) in self.idle(slots) {
            if !clean(&key) {
                slot.status.list();
                not_clean.push(key);
            } else {
                self.passivate(&key, &slot); // else it was used again
            }
        }
        self.forget_passivated();
        not_clean
    }

    /// Those that may be passivated and should.
    fn idle(&self, slots: Vec<(B::Key, Arc<Slot<B>>)>) -> Vec<(B::Key, Arc<Slot<B>>)> {
        let policy = self.shared.policy.load();
        let mut excess = slots.len().saturating_sub(policy.active_limit);
        let mut candidates: Vec<_> = slots
            .into_iter()
            .filter(|(_, slot)| may_rest(slot))
            .map(|(key, slot)| (slot.status.idle(), key, slot))
            .collect();
        candidates.sort_unstable_by(|(left, ..), (right, ..)| right.cmp(left));
        candidates.retain(|(idle, ..)| {
            let over_limit = excess > 0;
            excess = excess.saturating_sub(1);
            over_limit || *idle >= policy.idle_after
        });
        candidates.into_iter().map(|(_, key, slot)| (key, slot)).collect()
    }

    /// Closes, forgets and ends an actor, unless it was given a command meanwhile; whether it did. All under the slot
    /// lock: nobody finds a closed actor, and what is told before was told to the old one.
    pub(super) fn passivate(&self, key: &B::Key, slot: &Arc<Slot<B>>) -> bool {
        let mut map = self.map(key).write();
        if !map.slots.get(key).is_some_and(|current| Arc::ptr_eq(current, slot)) {
            return false;
        }
        if !slot.admission.close_if_empty() {
            return false;
        }
        map.slots.remove(key);
        map.passivated.insert(key.clone(), Instant::now());
        self.active.fetch_sub(1, Ordering::Relaxed);
        self.numbers.passivations.inc();
        let _ = slot.send(Mail::Stop); // ended already
        true
    }

    fn forget_passivated(&self) {
        let now = Instant::now();
        for map in &self.maps {
            if map.read().passivated.is_empty() {
                continue;
            }
            map.write().passivated.retain(|_, at| now.saturating_duration_since(*at) < REMEMBERED);
        }
    }
}

pub(super) fn may_rest<B: Behaviour>(slot: &Slot<B>) -> bool {
    slot.status.phase() == Phase::Ready && !slot.status.pinned() && slot.admission.held() == 0
}
