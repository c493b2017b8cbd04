//! What operators see of single actors, and what they may do to them. Seeing never asks an actor: everything is read
//! from cells that its host writes anyway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::behaviour::Behaviour;
use super::mail::Mail;
use super::registry::{Registry, Slot};
use super::status::Phase;
use super::sweep::may_rest;
use super::vitals::{Crash, Trace};

/// One active actor, as it is at a moment.
#[derive(Debug, Clone)]
pub struct ActorStatus {
    /// Its kind.
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// `recovering`, `ready` or `quarantined`.
    pub phase: &'static str,
    /// Why it is quarantined, or was last.
    pub reason: String,
    /// Whether it answers reads although it is quarantined.
    pub read_only: bool,
    /// Commands that it holds: waiting, in hand or uncommitted.
    pub depth: usize,
    /// Of these, commands that wait in the mailbox.
    pub waiting: usize,
    /// How long the oldest of them has waited at most.
    pub oldest_wait: Option<Duration>,
    /// What is in hand, and for how long.
    pub in_hand: Option<(&'static str, Duration)>,
    /// Commands handled since it was activated.
    pub commands: u64,
    /// Messages without an answer handled since.
    pub others: u64,
    /// Microseconds that its commands waited, together.
    pub waited_micros: u64,
    /// Microseconds that its turns took, together.
    pub took_micros: u64,
    /// Turns that took longer than the policy allows.
    pub slow: u64,
    /// Restarts after a crash.
    pub restarts: u64,
    /// The newest crashes, the oldest first.
    pub crashes: Vec<Crash>,
    /// How long it was not used.
    pub idle: Duration,
    /// Whether it must stay active although idle.
    pub pinned: bool,
}

/// The figures of one active actor at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Glance {
    /// `recovering`, `ready` or `quarantined`.
    pub phase: &'static str,
    /// Commands that it holds.
    pub depth: usize,
    /// Messages of any sort handled since it was activated.
    pub turns: u64,
    /// Microseconds that its commands waited, together.
    pub waited_micros: u64,
    /// How long the oldest command in its mailbox has waited at most.
    pub oldest_wait: Option<Duration>,
    /// Commands in its mailbox.
    pub waiting: usize,
    /// Restarts after a crash.
    pub restarts: u64,
    /// Turns that took longer than the policy allows.
    pub slow: u64,
}

/// How many actors of a kind are in which phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Loading, or waiting to restart.
    pub recovering: usize,
    /// Serving.
    pub ready: usize,
    /// Waiting for an operator.
    pub quarantined: usize,
    /// Commands that they hold together.
    pub depth: usize,
}

/// What became of an operator's wish to have an actor leave memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passivated {
    /// It left.
    Done,
    /// It was not active.
    NotActive,
    /// It holds commands, recovers or is quarantined.
    Busy,
    /// It has a deadline ahead.
    Pinned,
    /// It must write a snapshot first; it was told to.
    Unsaved,
}

fn status<B: Behaviour>(key: &B::Key, slot: &Slot<B>) -> ActorStatus {
    let (waiting, oldest_wait) = slot.status.waiting();
    let vitals = slot.status.vitals();
    ActorStatus {
        kind: B::KIND,
        key: key.to_string(),
        phase: slot.status.phase().as_str(),
        reason: slot.status.reason(),
        read_only: slot.status.serves_reads(),
        depth: slot.admission.held(),
        waiting,
        oldest_wait,
        in_hand: vitals.in_hand.map(|(operation, since)| (operation, since.elapsed())),
        commands: vitals.commands,
        others: vitals.others,
        waited_micros: vitals.waited,
        took_micros: vitals.took,
        slow: vitals.slow,
        restarts: vitals.restarts,
        crashes: vitals.crashes.iter().cloned().collect(),
        idle: slot.status.idle(),
        pinned: slot.status.pinned(),
    }
}

impl<B: Behaviour> Registry<B> {
    /// An actor, if it is active.
    pub fn status(&self, key: &B::Key) -> Option<ActorStatus> {
        self.active_slot(key).map(|slot| status(key, &slot))
    }

    /// The active actors in a phase (or in any) whose key is behind `after`, by key: the first `limit` of them, and how
    /// many there are. Takes moments per thousand: for whoever looks, not for every request.
    pub fn page(&self, phase: Option<&str>, after: &str, limit: usize) -> (Vec<ActorStatus>, usize) {
        let in_phase = |slot: &Slot<B>| phase.is_none_or(|phase| slot.status.phase().as_str() == phase);
        let slots = self.slots().into_iter().filter(|(_, slot)| in_phase(slot));
        let named = slots.map(|(key, slot)| (key.to_string(), key, slot));
        let mut found: Vec<_> = named.filter(|(name, ..)| name.as_str() > after).collect();
        let count = found.len();
        found.sort_unstable_by(|(left, ..), (right, ..)| left.cmp(right));
        found.truncate(limit);
        (found.iter().map(|(_, key, slot)| status(key, slot)).collect(), count)
    }

    /// What all active actors did so far, in no order; little enough to be taken of a hundred thousand.
    pub fn glances(&self) -> Vec<(B::Key, Glance)> {
        let glance = |(key, slot): (B::Key, Arc<Slot<B>>)| {
            let (waiting, oldest_wait) = slot.status.waiting();
            let vitals = slot.status.vitals();
            let glance = Glance {
                phase: slot.status.phase().as_str(),
                depth: slot.admission.held(),
                turns: vitals.commands + vitals.others,
                waited_micros: vitals.waited,
                oldest_wait,
                waiting,
                restarts: vitals.restarts,
                slow: vitals.slow,
            };
            (key, glance)
        };
        self.slots().into_iter().map(glance).collect()
    }

    /// How many are in which phase.
    pub fn phases(&self) -> Phases {
        let mut phases = Phases::default();
        for (_, slot) in self.slots() {
            match slot.status.phase() {
                Phase::Rebuilding => phases.recovering += 1,
                Phase::Ready => phases.ready += 1,
                Phase::Quarantined => phases.quarantined += 1,
            }
            phases.depth += slot.admission.held();
        }
        phases
    }

    /// The actors whose turn lasts for longer than `limit` already.
    pub fn hanging(&self, limit: Duration) -> Vec<(String, &'static str, Duration)> {
        let slots = self.slots();
        let hanging = slots.iter().filter_map(|(key, slot)| {
            let (operation, since) = slot.status.vitals().in_hand?;
            let lasts = since.elapsed();
            (lasts > limit).then(|| (key.to_string(), operation, lasts))
        });
        hanging.collect()
    }

    /// Has an active actor leave memory now, if it may. `clean`: whether its snapshot holds everything.
    pub fn passivate_now(&self, key: &B::Key, clean: bool) -> Passivated {
        let Some(slot) = self.active_slot(key) else { return Passivated::NotActive };
        if slot.status.pinned() {
            return Passivated::Pinned;
        }
        if !may_rest(&slot) {
            return Passivated::Busy;
        }
        if !clean {
            return Passivated::Unsaved;
        }
        if self.passivate(key, &slot, || true) { Passivated::Done } else { Passivated::Busy }
    }

    /// Takes an actor out of service, activating it for that if need be; whether it was told.
    pub fn quarantine(&self, key: &B::Key, reason: String) -> bool {
        self.slot(key).is_ok_and(|slot| slot.send(Mail::Quarantine(reason)).is_ok())
    }

    /// Has an active actor note its turns for so long; whether it is active.
    pub fn trace(&self, key: &B::Key, lasts: Duration) -> bool {
        let slot = self.active_slot(key);
        slot.map(|slot| slot.status.vitals().trace(lasts)).is_some()
    }

    /// The trace of an active actor, running or ended, and how long it lasts still.
    pub fn traced(&self, key: &B::Key) -> Option<(Trace, Duration)> {
        let slot: Arc<Slot<B>> = self.active_slot(key)?;
        let trace = slot.status.vitals().trace.as_deref().cloned()?;
        let left = trace.until.saturating_duration_since(Instant::now());
        Some((trace, left))
    }
}
