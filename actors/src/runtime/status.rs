//! What the registry may know about an actor without asking it: plain atomics, written by the host and read
//! by whoever looks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Where an actor is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Loading, or waiting to restart.
    Rebuilding,
    /// Holds its state.
    Ready,
    /// Waits for an operator.
    Quarantined,
}

/// The status of one actor.
#[derive(Debug)]
pub(super) struct Status {
    /// Written by the host; the registry only writes `Rebuilding` when it resumes a quarantined actor.
    phase: AtomicU8,
    /// Whether it must stay active. Written by the host after every turn.
    pinned: AtomicBool,
    /// Milliseconds after `since`. Written by senders.
    used: AtomicU64,
    /// The sweep listed it as idle but not clean, so the next notice is housekeeping and no use of it.
    listed: AtomicBool,
    /// A tick is in the mailbox already. Set by the sweep, cleared by the host.
    ticking: AtomicBool,
    /// Why it is quarantined. Written by the host.
    reason: Mutex<String>,
    since: Instant,
}

impl Status {
    pub(super) fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Rebuilding as u8),
            pinned: AtomicBool::new(false),
            used: AtomicU64::new(0),
            listed: AtomicBool::new(false),
            ticking: AtomicBool::new(false),
            reason: Mutex::new(String::new()),
            since: Instant::now(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            phase if phase == Phase::Ready as u8 => Phase::Ready,
            phase if phase == Phase::Quarantined as u8 => Phase::Quarantined,
            _ => Phase::Rebuilding,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(super) fn pin(&self, pinned: bool) {
        self.pinned.store(pinned, Ordering::Release);
    }

    pub(super) fn pinned(&self) -> bool {
        self.pinned.load(Ordering::Acquire)
    }

    /// A command came.
    pub(super) fn commanded(&self) {
        self.listed.store(false, Ordering::Relaxed);
        self.touch();
    }

    /// A notice came.
    pub(super) fn noticed(&self) {
        if !self.listed.swap(false, Ordering::Relaxed) {
            self.touch();
        }
    }

    /// The sweep is about to ask its caller to have it cleaned.
    pub(super) fn list(&self) {
        self.listed.store(true, Ordering::Relaxed);
    }

    fn touch(&self) {
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.used.store(millis, Ordering::Relaxed);
    }

    /// How long ago it was used.
    pub(super) fn idle(&self) -> Duration {
        self.since.elapsed().saturating_sub(Duration::from_millis(self.used.load(Ordering::Relaxed)))
    }

    /// Whether a tick must be sent: at most one waits in a mailbox.
    pub(super) fn due_a_tick(&self) -> bool {
        !self.ticking.swap(true, Ordering::AcqRel)
    }

    pub(super) fn ticked(&self) {
        self.ticking.store(false, Ordering::Release);
    }

    pub(super) fn quarantine(&self, reason: String) {
        *self.reason.lock() = reason;
        self.enter(Phase::Quarantined);
    }

    pub(super) fn reason(&self) -> String {
        self.reason.lock().clone()
    }
}
