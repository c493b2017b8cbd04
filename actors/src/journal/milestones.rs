//! How old and how large each stretch of the journal is, thinned: what retention and checkpoint lag go by.
//!
//! Keeps one milestone per second or per MiB written, whichever comes later, and one per minute at least, so a day
//! costs about 2 MB.

use std::collections::VecDeque;

use crate::domain::event::Position;
use crate::domain::ids::Millis;

/// Milestones lie at least this far apart in time …
const APART_MILLIS: Millis = 1_000;
/// … and this far in bytes.
const APART_BYTES: u64 = 1 << 20;
/// A quiet journal gets one this often all the same.
const APART_MAX_MILLIS: Millis = 60_000;

#[derive(Debug, Clone, Copy)]
struct Milestone {
    first: Position,
    at: Millis,
    /// Bytes written before it, counted from an arbitrary beginning.
    before: u64,
}

/// The milestones of what the journal keeps.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    marks: VecDeque<Milestone>,
    written: u64,
}

impl Milestones {
    /// Notes a stretch that begins with the batch at `first`, written at `at`, `bytes` long. Positions rise.
    pub fn note(&mut self, first: Position, at: Millis, bytes: u64) {
        let due = self.marks.back().is_none_or(|last| {
            at.saturating_sub(last.at) >= APART_MILLIS && self.written - last.before >= APART_BYTES
                || at.saturating_sub(last.at) >= APART_MAX_MILLIS
        });
        if due {
            self.marks.push_back(Milestone { first, at, before: self.written });
        }
        self.written += bytes;
    }

    /// Bytes noted so far, counted from an arbitrary beginning.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// The position below which everything is older than `oldest` or beyond the newest `max_bytes`; 0 if
    /// nothing is.
    pub fn expired_below(&self, oldest: Millis, max_bytes: u64) -> Position {
        // A milestone's own stretch ends at the next one: it is expired once the next one is.
        let keep = |mark: &&Milestone| mark.at >= oldest && self.written - mark.before <= max_bytes;
        let kept = self.marks.iter().position(|mark| keep(&mark)).unwrap_or(self.marks.len());
        let last_expired = kept.checked_sub(1).and_then(|index| self.marks.get(index));
        last_expired.map_or(0, |mark| mark.first)
    }

    /// Forgets what lies below `position`.
    pub fn forget_below(&mut self, position: Position) {
        while self.marks.get(1).is_some_and(|second| second.first <= position) {
            self.marks.pop_front();
        }
    }
}
