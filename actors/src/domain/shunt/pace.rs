//! How fast a group's queue moves: measured, never guessed.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::ids::Millis;

/// Steps remembered: enough to smooth, few enough to follow a shift change.
const REMEMBERED_STEPS: usize = 16;

/// Fewer measured steps than this make no estimate.
const NEEDED_STEPS: usize = 3;

/// The recent steps of one queue. A step is the time its head needed to be taken while it was head; time
/// during which nobody waited is no part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    last_departure: Millis,
    steps: VecDeque<Millis>,
}

impl Pace {
    /// A waiting customer who came at `opened_at` was taken at `at`.
    pub fn departed(&mut self, opened_at: Millis, at: Millis) {
        let head_since = self.last_departure.max(opened_at);
        if self.steps.len() == REMEMBERED_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(at.saturating_sub(head_since).max(0));
        self.last_departure = self.last_departure.max(at);
    }

    /// How long somebody with `ahead` customers before him will wait, in seconds rounded up; `None` when too
    /// little was measured.
    pub fn estimate(&self, ahead: u64) -> Option<u64> {
        if self.steps.len() < NEEDED_STEPS {
            return None;
        }
        let total: u64 = self.steps.iter().map(|step| step.unsigned_abs()).fold(0, u64::saturating_add);
        let places = ahead.saturating_add(1);
        let millis = total.saturating_mul(places) / self.steps.len() as u64;
        Some(millis.div_ceil(1_000))
    }
}
