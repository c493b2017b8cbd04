//! The crash storm breaker: many distinct actors crashing at once is one cause, not many, and restarting them
//! all keeps the machine busy with it.
//!
//! While the breaker is open, crashed actors restart only when it closes and are not activated anew.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

/// When crashes are a storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormSettings {
    /// More distinct actors than this crashing within the window open the breaker: a poisonous message reaches a
    /// handful of actors, a broken dependency reaches all.
    pub actors: usize,
    /// The window in which crashes are counted.
    pub window: Duration,
    /// How long the breaker stays open after the crash that opened it.
    pub lasts: Duration,
}

impl Default for StormSettings {
    fn default() -> Self {
        Self { actors: 20, window: Duration::from_secs(10), lasts: Duration::from_secs(10) }
    }
}

/// Who crashed: kind and key.
type Who = (&'static str, String);

/// Counts distinct crashing actors of one service.
#[derive(Debug, Default)]
pub struct Storm {
    /// Replaced when an operator changes them; a breaker that is open stays so for as long as it was to.
    settings: ArcSwap<StormSettings>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// When each actor crashed last; entries older than the window are dropped at the next crash.
    crashed: HashMap<Who, Instant>,
    /// Who had crashed when the breaker opened, and since.
    held: HashSet<Who>,
    open_until: Option<Instant>,
}

impl Inner {
    fn remaining(&self, now: Instant) -> Option<Duration> {
        self.open_until.and_then(|until| until.checked_duration_since(now)).filter(|left| !left.is_zero())
    }
}

impl Storm {
    /// Goes by other numbers from now on.
    pub(super) fn set_settings(&self, settings: StormSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// Notes a crash; `true` when this one opened the breaker.
    pub(super) fn crashed(&self, kind: &'static str, key: String, now: Instant) -> bool {
        let settings = **self.settings.load();
        let mut inner = self.inner.lock();
        inner.crashed.retain(|_, at| now.saturating_duration_since(*at) < settings.window);
        inner.crashed.insert((kind, key.clone()), now);
        if inner.remaining(now).is_some() {
            inner.held.insert((kind, key));
            return false;
        }
        if inner.crashed.len() <= settings.actors {
            return false;
        }
        inner.open_until = now.checked_add(settings.lasts);
        inner.held = inner.crashed.keys().cloned().collect();
        inner.crashed.clear();
        true
    }

    /// How long the breaker stays open; `None` when it is closed.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        self.inner.lock().remaining(now)
    }

    /// For how long an actor may not be activated; `None` = it may.
    pub(super) fn refuses(
        &self,
        kind: &'static str,
        key: &dyn std::fmt::Display,
        now: Instant,
    ) -> Option<Duration> {
        let inner = self.inner.lock();
        inner.remaining(now).filter(|_| inner.held.contains(&(kind, key.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    #[test]
    fn a_storm_is_what_the_settings_call_one() {
        let storm = Storm::default();
        let now = Instant::now();
        let lasts = Duration::from_secs(2);
        storm.set_settings(StormSettings { actors: 2, window: Duration::from_secs(1), lasts });
        let second = now + Duration::from_secs(1);
        assert!(!storm.crashed("toy", "a".to_owned(), now) && !storm.crashed("toy", "b".to_owned(), second));
        assert!(!storm.crashed("toy", "c".to_owned(), second), "the first is forgotten");
        assert!(storm.crashed("toy", "d".to_owned(), second));
        assert_eq!(storm.remaining(second), Some(lasts));
    }

    #[test]
    fn one_actor_crashing_often_is_no_storm() {
        let storm = Storm::default();
        let now = Instant::now();
        assert!((0..100).all(|_| !storm.crashed("toy", "a".to_owned(), now)));
    }

    #[test]
    fn many_actors_crashing_open_the_breaker_once_and_it_closes_by_itself() {
        let storm = Storm::default();
        let now = Instant::now();
        let opened = (0..30).filter(|n| storm.crashed("toy", n.to_string(), now)).count();
        assert_eq!(opened, 1);
        assert_eq!(storm.refuses("toy", &"3", now), Some(OPEN));
        assert_eq!(storm.refuses("toy", &"29", now), Some(OPEN));
        assert_eq!(storm.refuses("toy", &"another", now), None);
        assert_eq!(storm.refuses("toy", &"3", now + OPEN), None);
        assert_eq!(storm.remaining(now + OPEN), None);
    }

    #[test]
    fn crashes_spread_over_time_are_no_storm() {
        let storm = Storm::default();
        let now = Instant::now();
        assert!((0..100u32).all(|n| !storm.crashed("toy", n.to_string(), now + Duration::from_secs(1) * n)));
    }
}
