//! The storage breaker: while storage is known to be away, whatever needs it is refused at once.
//!
//! It opens when so many calls in a row, within a window, had no answer (unavailable, or outcome unknown; storage that
//! says no has answered), or when a commit got no outcome in time. While it is open [`Guarded`] calls are refused and
//! the journal takes nothing; one probe at a time, the committer's, asks storage, after pauses that grow. The first
//! answer closes it. A commit that is under way is tried on whatever the breaker says, and closes it when it lands.
//!
//! Guarantees: refused calls reached nothing; storage that is away is asked by the probe alone; the breaker closes by
//! itself, whether anybody calls or not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ports::StoreError;
use crate::runtime::jitter::jittered;
use crate::runtime::observation::Observation;

mod guarded;
mod metrics;

pub use guarded::Guarded;
pub use metrics::BreakerMetrics;

/// When the breaker opens, and how often storage is asked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Calls in a row without an answer that open it.
    pub failures: u32,
    /// They count within this time; and a breaker that opens again so soon after it closed goes on with the pauses.
    pub window: Duration,
    /// Pause before the first probe; doubles with each that fails.
    pub pause_min: Duration,
    /// Longest pause. Bounds how late it is noticed that storage is back.
    pub pause_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(10),
            pause_min: Duration::from_millis(250),
            pause_max: Duration::from_secs(2),
        }
    }
}

/// See the module's head.
#[derive(Debug)]
pub struct Breaker {
    settings: ArcSwap<BreakerSettings>,
    inner: Mutex<Inner>,
    /// Closed, and no failure is counted: then success has nothing to do. Written under the lock.
    untroubled: AtomicBool,
    /// Whether it is open. Written under the lock.
    open: watch::Sender<bool>,
    /// How often it closed.
    closings: AtomicU64,
    metrics: BreakerMetrics,
    /// Who hears of it.
    observer: OnceLock<Arc<Observation>>,
}

/// A call that may go on, with how often the breaker had closed when it began.
#[derive(Debug, Clone, Copy)]
struct Admitted(u64);

#[derive(Debug, Default)]
struct Inner {
    /// Calls in a row without an answer, the first of them at `since`.
    failures: u32,
    since: Option<Instant>,
    open: Option<Open>,
    /// When it closed last, and the pause it had come to.
    closed: Option<(Instant, Duration)>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Instant,
    probe_at: Instant,
    pause: Duration,
}

/// The breaker as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerState {
    /// `closed`, `open`, or `half_open` while a probe asks storage.
    pub word: &'static str,
    /// Calls in a row without an answer, while it is closed.
    pub failures: u32,
    /// How long it has been open.
    pub lasts: Option<Duration>,
    /// How long it is until storage is asked again.
    pub retry_in: Option<Duration>,
}

impl Breaker {
    /// Closed.
    pub fn new(settings: BreakerSettings) -> Arc<Self> {
        Arc::new(Self {
            settings: ArcSwap::from_pointee(settings),
            inner: Mutex::default(),
            untroubled: AtomicBool::new(true),
            open: watch::Sender::new(false),
            closings: AtomicU64::new(0),
            metrics: BreakerMetrics::default(),
            observer: OnceLock::new(),
        })
    }

    /// Has `observer` note when it opens and closes. The first one stays.
    pub fn observed_by(&self, observer: Arc<Observation>) {
        let _ = self.observer.set(observer); // set before
    }

    /// Goes by other numbers from now on.
    pub fn set_settings(&self, settings: BreakerSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// Its figures.
    pub const fn metrics(&self) -> &BreakerMetrics {
        &self.metrics
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        !self.untroubled.load(Ordering::Acquire) && *self.open.borrow()
    }

    /// How long it is until storage is asked again, or the next time if it is being asked; `None` = it is closed.
    pub fn remaining(&self) -> Option<Duration> {
        if self.untroubled.load(Ordering::Acquire) {
            return None;
        }
        let open = self.inner.lock().open?;
        let left = open.probe_at.saturating_duration_since(Instant::now());
        Some(if left.is_zero() { self.longer(open.pause) } else { left })
    }

    /// The breaker as it is now.
    pub fn state(&self) -> BreakerState {
        let inner = self.inner.lock();
        let now = Instant::now();
        let Some(open) = inner.open else {
            return BreakerState { word: "closed", failures: inner.failures, lasts: None, retry_in: None };
        };
        BreakerState {
            word: if open.probe_at <= now { "half_open" } else { "open" },
            failures: 0,
            lasts: Some(now.saturating_duration_since(open.since)),
            retry_in: Some(open.probe_at.saturating_duration_since(now)),
        }
    }

    /// Whether a call may go on.
    ///
    /// # Errors
    /// `Unavailable` while it is open.
    fn admit(&self) -> Result<Admitted, StoreError> {
        if !self.is_open() {
            return Ok(Admitted(self.closings.load(Ordering::Acquire)));
        }
        self.metrics.refused.inc();
        Err(StoreError::Unavailable("the storage breaker is open".to_owned()))
    }

    /// A call that was admitted has ended.
    fn note<T>(&self, admitted: Admitted, outcome: &Result<T, StoreError>) {
        match outcome {
            // A failure that was under way when it closed says nothing of now.
            Err(StoreError::Unavailable(_) | StoreError::Unknown(_))
                if admitted.0 != self.closings.load(Ordering::Acquire) => {}
            Err(StoreError::Unavailable(_) | StoreError::Unknown(_)) => self.failed(),
            // Whatever else it says, it answers.
            Ok(_) | Err(_) => self.answered(),
        }
    }

    fn answered(&self) {
        if self.untroubled.load(Ordering::Acquire) {
            return;
        }
        let mut inner = self.inner.lock();
        // An answer that was under way when it opened says nothing of now.
        if inner.open.is_none() {
            (inner.failures, inner.since) = (0, None);
            self.untroubled.store(true, Ordering::Release);
        }
    }

    fn failed(&self) {
        let settings = self.settings.load();
        let now = Instant::now();
        let mut inner = self.inner.lock();
        if inner.open.is_some() {
            return;
        }
        self.untroubled.store(false, Ordering::Release);
        match inner.since {
            Some(since) if now.saturating_duration_since(since) <= settings.window => inner.failures += 1,
            _ => (inner.failures, inner.since) = (1, Some(now)),
        }
        if inner.failures >= settings.failures {
            let why = format!("{} calls in a row had no answer", inner.failures);
            self.open(&mut inner, now, why);
        }
    }

    /// Opens it, whatever was counted: a commit got no outcome in time.
    pub(crate) fn trip(&self) {
        let mut inner = self.inner.lock();
        if inner.open.is_none() {
            self.open(&mut inner, Instant::now(), "a commit got no outcome in time".to_owned());
        }
    }

    fn open(&self, inner: &mut Inner, now: Instant, why: String) {
        let settings = self.settings.load();
        let soon = |at: Instant| now.saturating_duration_since(at) <= settings.window;
        let pause = match inner.closed {
            Some((at, pause)) if soon(at) => self.longer(pause),
            _ => settings.pause_min.min(settings.pause_max),
        };
        let probe_at = now + jittered(pause, settings.pause_max);
        inner.open = Some(Open { since: now, probe_at, pause });
        (inner.failures, inner.since) = (0, None);
        self.untroubled.store(false, Ordering::Release);
        self.open.send_replace(true);
        self.metrics.opened.inc();
        self.metrics.open.set(1);
        tracing::error!(%why, "the storage breaker opens: whatever needs storage is refused until it answers");
        self.tell("breaker_opened", why);
    }

    /// Storage answers: closes it.
    pub(crate) fn close(&self) {
        if self.untroubled.load(Ordering::Acquire) {
            return;
        }
        let mut inner = self.inner.lock();
        (inner.failures, inner.since) = (0, None);
        let was = inner.open.take();
        self.untroubled.store(true, Ordering::Release);
        let Some(open) = was else { return };
        let now = Instant::now();
        inner.closed = Some((now, open.pause));
        self.closings.fetch_add(1, Ordering::AcqRel);
        self.open.send_replace(false);
        self.metrics.open.set(0);
        let millis = now.saturating_duration_since(open.since).as_millis();
        tracing::info!(millis, "the storage breaker closes: storage answers again");
        self.tell("breaker_closed", format!("storage answers again after {millis} ms"));
    }

    /// Returns when storage is to be asked. For the one who asks: the committer.
    pub(crate) async fn probe_due(&self) {
        let mut open = self.open.subscribe();
        loop {
            let _ = open.wait_for(|open| *open).await; // the sender lives in `self`
            let Some(probe_at) = self.inner.lock().open.map(|open| open.probe_at) else { continue };
            tokio::time::sleep_until(probe_at).await;
            if *open.borrow_and_update() {
                return;
            }
        }
    }

    /// Storage was asked and `answered`, or not.
    pub(crate) fn probed(&self, answered: bool) {
        self.metrics.probed(answered);
        if answered {
            return self.close();
        }
        let longest = self.settings.load().pause_max;
        let mut inner = self.inner.lock();
        if let Some(open) = &mut inner.open {
            open.pause = self.longer(open.pause);
            open.probe_at = Instant::now() + jittered(open.pause, longest);
        }
    }

    /// The pause that follows `pause`.
    fn longer(&self, pause: Duration) -> Duration {
        let settings = self.settings.load();
        pause.saturating_mul(2).clamp(settings.pause_min.min(settings.pause_max), settings.pause_max)
    }

    fn tell(&self, what: &'static str, detail: String) {
        if let Some(observer) = self.observer.get() {
            observer.events().note(what, "", String::new(), detail);
        }
    }
}

#[cfg(test)]
mod tests;
