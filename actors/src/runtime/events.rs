//! What happens to actors, for operators who watch: a bounded list in order, and a way to wait for more.
//!
//! Guarantees: numbers rise by one; whoever reads with the number it saw last misses nothing while the list still
//! holds what follows, and is told when it does not. An event names kinds, keys and operations, never content.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::watch;

/// How many are kept: minutes of a bad day, some hundred kilobytes.
const KEPT: usize = 2_000;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Its number, from 1.
    pub id: u64,
    /// When.
    pub at: SystemTime,
    /// What, in one word: `crashed`, `restarted`, `quarantined`, `resumed`, `slow_turn`, `storm` and so on.
    pub what: &'static str,
    /// The actor's kind; empty where it is about none.
    pub kind: &'static str,
    /// The actor's key; empty where it is about none.
    pub key: String,
    /// More about it, for people. Never content.
    pub detail: String,
}

/// The newest events of one service.
#[derive(Debug)]
pub struct Events {
    ring: Mutex<VecDeque<Happened>>,
    /// The number of the newest; whoever waits watches it.
    newest: watch::Sender<u64>,
}

impl Default for Events {
    fn default() -> Self {
        Self { ring: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl Events {
    /// Notes an event.
    pub fn note(&self, what: &'static str, kind: &'static str, key: String, detail: String) {
        let mut ring = self.ring.lock();
        let id = *self.newest.borrow() + 1;
        if ring.len() >= KEPT {
            ring.pop_front();
        }
        ring.push_back(Happened { id, at: SystemTime::now(), what, kind, key, detail });
        self.newest.send_replace(id); // under the lock, so that whoever is woken finds it
    }

    /// What followed the event `after`, the oldest first, and whether some of it is gone already.
    pub fn since(&self, after: u64) -> (Vec<Happened>, bool) {
        let ring = self.ring.lock();
        let gap = ring.front().is_some_and(|oldest| oldest.id > after + 1);
        (ring.iter().filter(|event| event.id > after).cloned().collect(), gap)
    }

    /// The number of the newest event; 0 when there was none.
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Changes whenever there is another event.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_the_event_seen_last_misses_nothing_and_hears_of_a_gap() {
        let events = Events::default();
        for number in 1..=KEPT + 5 {
            events.note("crashed", "toy", number.to_string(), String::new());
        }
        assert_eq!(events.newest(), KEPT as u64 + 5);
        let (next, gap) = events.since(KEPT as u64 + 3);
        assert_eq!(next.iter().map(|event| event.id).collect::<Vec<_>>(), [2_004, 2_005]);
        assert!(!gap);
        assert!(events.since(0).1, "the first five are gone");
        assert!(!events.since(5).1);
    }
}
