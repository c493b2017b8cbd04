//! What one actor does, for whoever looks: written by its host once per turn, read without asking the actor.
//!
//! One short lock of the actor's own: it is contended only while somebody looks at this very actor.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// Crashes that are remembered of one actor.
const CRASHES: usize = 5;

/// Turns that a trace keeps; the newest stay.
const TRACED: usize = 500;

/// One crash of an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// When.
    pub at: SystemTime,
    /// What was in hand.
    pub operation: &'static str,
    /// What the panic said, without what it quoted.
    pub panic: String,
}

/// One turn in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedTurn {
    /// When it began.
    pub at: SystemTime,
    /// What it was: an operation, `told`, `tick`, `resume` or `recover`.
    pub operation: &'static str,
    /// How long a command had waited; zero for anything else.
    pub waited: Duration,
    /// How long it took.
    pub took: Duration,
}

/// A trace of one actor.
#[derive(Debug, Clone)]
pub struct Trace {
    /// When it ends.
    pub until: Instant,
    /// Its turns, the oldest first.
    pub turns: VecDeque<TracedTurn>,
}

/// See the module's head.
#[derive(Debug, Clone, Default)]
pub(super) struct Vitals {
    /// What is in hand, since when.
    pub(super) in_hand: Option<(&'static str, Instant)>,
    /// Commands handled.
    pub(super) commands: u64,
    /// Messages of other kinds handled.
    pub(super) others: u64,
    /// Microseconds that commands waited, together.
    pub(super) waited: u64,
    /// Microseconds that turns took, together.
    pub(super) took: u64,
    /// Turns above the policy's limit.
    pub(super) slow: u64,
    /// Restarts after a crash.
    pub(super) restarts: u64,
    /// The newest crashes, the oldest first.
    pub(super) crashes: VecDeque<Crash>,
    /// Boxed: most actors have none.
    pub(super) trace: Option<Box<Trace>>,
}

/// The operation of a timer's turn.
pub(super) const TICK: &str = "tick";

impl Vitals {
    /// A turn ended.
    pub(super) fn turned(&mut self, operation: &'static str, waited: Option<Duration>, took: Duration) {
        self.in_hand = None;
        if operation == TICK {
            return; // it comes whether anything happens or not, and would hide what does
        }
        match waited {
            Some(waited) => {
                self.commands += 1;
                self.waited += micros(waited);
            }
            None => self.others += 1,
        }
        self.took += micros(took);
        let Some(trace) = &mut self.trace else { return };
        if Instant::now() >= trace.until {
            return; // what was traced stays to be read
        }
        if trace.turns.len() >= TRACED {
            trace.turns.pop_front();
        }
        let at = SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH);
        trace.turns.push_back(TracedTurn { at, operation, waited: waited.unwrap_or_default(), took });
    }

    /// A turn ended with a panic.
    pub(super) fn crashed(&mut self, operation: &'static str, panic: String) {
        self.in_hand = None;
        self.restarts += 1;
        if self.crashes.len() >= CRASHES {
            self.crashes.pop_front();
        }
        self.crashes.push_back(Crash { at: SystemTime::now(), operation, panic });
    }

    /// Traces from now on, for so long; what an earlier trace held is forgotten.
    pub(super) fn trace(&mut self, lasts: Duration) {
        self.trace = Some(Box::new(Trace { until: Instant::now() + lasts, turns: VecDeque::new() }));
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_crashes_stay() {
        let mut vitals = Vitals::default();
        for number in 0..=CRASHES {
            vitals.crashed("send", number.to_string());
        }
        assert_eq!(vitals.crashes.len(), CRASHES);
        assert_eq!(vitals.crashes.front().map(|crash| crash.panic.as_str()), Some("1"));
        assert_eq!(vitals.restarts, CRASHES as u64 + 1);
    }

    #[test]
    fn a_trace_keeps_turns_until_it_ends() {
        let mut vitals = Vitals::default();
        vitals.turned("send", Some(Duration::from_millis(2)), Duration::from_millis(1));
        vitals.trace(Duration::from_secs(60));
        vitals.turned("told", None, Duration::from_millis(1));
        vitals.trace.as_mut().into_iter().for_each(|trace| trace.until = Instant::now());
        vitals.turned("send", Some(Duration::ZERO), Duration::ZERO);
        let turns = vitals.trace.map(|trace| trace.turns).unwrap_or_default();
        assert_eq!(turns.iter().map(|turn| turn.operation).collect::<Vec<_>>(), ["told"]);
        assert_eq!((vitals.commands, vitals.others, vitals.waited, vitals.took), (2, 1, 2_000, 2_000));
    }
}
