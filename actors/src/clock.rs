//! The one clock: wall time that never goes back, not even across a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::ids::Millis;
use crate::ports::WallClock;

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Millis {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is moved: time in tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `now`.
    pub fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves forward by `millis`.
    pub fn advance(&self, millis: Millis) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl WallClock for ManualClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

/// Wall time, never earlier than the newest journaled event nor than any time already told. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    wall: Arc<dyn WallClock>,
    floor: Arc<AtomicI64>,
}

impl Clock {
    /// A clock over `wall`.
    pub fn new(wall: Arc<dyn WallClock>) -> Self {
        Self { wall, floor: Arc::new(AtomicI64::new(0)) }
    }

    /// Now, in epoch milliseconds.
    pub fn now(&self) -> Millis {
        let wall = self.wall.now();
        self.floor.fetch_max(wall, Ordering::Relaxed).max(wall)
    }

    /// Never tell a time before `at` again.
    pub fn raise(&self, at: Millis) {
        self.floor.fetch_max(at, Ordering::Relaxed);
    }
}
