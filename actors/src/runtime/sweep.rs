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

/// Idle actors of a kind that are told at once to write their snapshots, which is what storage writes in about a second
/// (1,300 to 1,900 small ones on two cores): whoever must be written for other reasons waits behind them.
const TOLD_AT_ONCE: usize = 1_024;

/// How much of what an actor knows its snapshot holds: what it may leave memory for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// All of it.
    All,
    /// Not all of it: the next activation replays the rest from the journal. Good enough when too many are active.
    Part,
    /// Not all of it, and somebody waits for the snapshot that it was asked for: it stays until that is written.
    Awaited,
}

impl<B: Behaviour> Registry<B> {
    /// Ticks every active actor of a kind with timers, unless the registry is closed, and passivates: the least recently
    /// used while more than `active_limit` are active, and those used longer than `idle_after` ago; never one that is
    /// pinned, holds a command, recovers or is quarantined, nor one whose snapshot is awaited. `written` must not wait.
    ///
    /// The limit holds however slowly snapshots are written: beyond it actors leave without theirs. Within it idle ones
    /// that have something to write stay, and some of them are returned, to be told so.
    pub fn sweep(&self, written: &dyn Fn(&B::Key) -> Written) -> Vec<B::Key> {
        self.tick();
        let unwritten = self.put_away(self.slots(), written);
        self.forget_passivated();
        unwritten
    }

    /// Only the ticks of a sweep.
    pub fn tick(&self) {
        if !B::TICKS || self.closing() {
            return;
        }
        for (_, slot) in self.slots() {
            if slot.status.due_a_tick() && slot.send(Mail::Tick).is_err() {
                slot.status.ticked();
            }
        }
    }

    /// Whether more are active than may be.
    pub fn is_crowded(&self) -> bool {
        self.active() > self.shared.policy.load().active_limit
    }

    /// Passivates whoever should leave and may; returns those that must write a snapshot first, idle for longest, at most
    /// [`TOLD_AT_ONCE`].
    fn put_away(
        &self,
        slots: Vec<(B::Key, Arc<Slot<B>>)>,
        written: &dyn Fn(&B::Key) -> Written,
    ) -> Vec<B::Key> {
        let policy = self.shared.policy.load();
        let mut excess = slots.len().saturating_sub(policy.active_limit);
        let mut candidates: Vec<_> = slots
            .into_iter()
            .filter(|(_, slot)| may_rest(slot))
            .map(|(key, slot)| (slot.status.idle(), key, slot))
            .filter(|(idle, ..)| excess > 0 || *idle >= policy.idle_after)
            .collect();
        candidates.sort_unstable_by(|(left, ..), (right, ..)| right.cmp(left));
        let mut unwritten = Vec::new();
        for (idle, key, slot) in candidates {
            let (over_limit, is_idle) = (excess > 0, idle >= policy.idle_after);
            if !over_limit && !is_idle {
                break;
            }
            let is = written(&key);
            if is == Written::All || (is == Written::Part && over_limit) {
                // Else it was used again, or asked for its snapshot.
                let left = self.passivate(&key, &slot, || written(&key) != Written::Awaited);
                excess = excess.saturating_sub(usize::from(left));
            } else if is_idle && unwritten.len() < TOLD_AT_ONCE {
                slot.status.list();
                unwritten.push(key);
            }
        }
        unwritten
    }

    /// Closes, forgets and ends an actor, unless it was given a command meanwhile or `may` says no; whether it did. All
    /// under the slot lock: nobody finds a closed actor, and what is told before was told to the old one. So whoever
    /// makes `may` say no before telling or waking an actor finds it staying, or wakes another.
    pub(super) fn passivate(&self, key: &B::Key, slot: &Arc<Slot<B>>, may: impl FnOnce() -> bool) -> bool {
        let mut map = self.map(key).write();
        if !map.slots.get(key).is_some_and(|current| Arc::ptr_eq(current, slot)) {
            return false;
        }
        if !may() || !slot.admission.close_if_empty() {
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
