//! What the registry may know about an actor without asking it: plain atomics, written by the host and read
//! by whoever looks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::vitals::Vitals;

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
    /// Whether it answers reads although it is quarantined. Written by the host.
    read_only: AtomicBool,
    /// Commands in the mailbox. Raised by senders, lowered by the host.
    queued: AtomicUsize,
    /// Milliseconds after `since`: no command that waits came before. Written by the sender that finds nobody
    /// waiting, and by the host.
    waiting_since: AtomicU64,
    /// Written by the host.
    vitals: Mutex<Vitals>,
    since: Instant,
}

impl Phase {
    /// Its word for operators.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rebuilding => "recovering",
            Self::Ready => "ready",
            Self::Quarantined => "quarantined",
        }
    }
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
            read_only: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            waiting_since: AtomicU64::new(0),
            vitals: Mutex::default(),
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

    /// It is used.
    pub(super) fn used(&self, now: Instant) {
        self.listed.store(false, Ordering::Relaxed);
        self.used.store(self.millis_at(now), Ordering::Relaxed);
    }

    /// A command came and is about to be put into the mailbox.
    pub(super) fn commanded(&self, now: Instant) {
        self.used(now);
        if self.queued.fetch_add(1, Ordering::Relaxed) == 0 {
            self.waiting_since.store(self.used.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// A command that was admitted then has left the mailbox.
    pub(super) fn taken(&self, admitted: Instant) {
        let before = self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if before.is_ok_and(|queued| queued > 1) {
            // Those behind it came later.
            self.waiting_since.store(self.millis_at(admitted), Ordering::Relaxed);
        }
    }

    /// A command was not put into the mailbox after all.
    pub(super) fn not_sent(&self) {
        self.taken(Instant::now());
    }

    /// How many commands wait, and how long the oldest has waited at most.
    pub(super) fn waiting(&self) -> (usize, Option<Duration>) {
        let queued = self.queued.load(Ordering::Relaxed);
        let since = Duration::from_millis(self.waiting_since.load(Ordering::Relaxed));
        (queued, (queued > 0).then(|| self.since.elapsed().saturating_sub(since)))
    }

    /// What the actor does. Held for moments only.
    pub(super) fn vitals(&self) -> MutexGuard<'_, Vitals> {
        self.vitals.lock()
    }

    fn millis_at(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX)
    }

    /// A notice came.
    pub(super) fn noticed(&self) {
        if !self.listed.swap(false, Ordering::Relaxed) {
            self.used.store(self.millis_at(Instant::now()), Ordering::Relaxed);
        }
    }

    /// The sweep is about to ask its caller to have it cleaned.
    pub(super) fn list(&self) {
        self.listed.store(true, Ordering::Relaxed);
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

    /// Whether it answers reads although it is quarantined, from now on.
    pub(super) fn serve_reads(&self, serves: bool) {
        self.read_only.store(serves, Ordering::Release);
    }

    pub(super) fn serves_reads(&self) -> bool {
        self.read_only.load(Ordering::Acquire)
    }

    pub(super) fn reason(&self) -> String {
        self.reason.lock().clone()
    }
}
