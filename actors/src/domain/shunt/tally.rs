//! What was counted since somebody last looked: what the figures of the whole service are made of. In memory only.

use crate::domain::ids::Millis;

/// Durations kept for who looks; more are left out of the histograms, never of the figures.
const KEPT: usize = 1_024;

/// What took time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// From arrival, or return to the queue, to an agent.
    Wait,
    /// From assignment to the agent's first message.
    FirstResponse,
    /// From assignment to the end or to another agent.
    Handling,
}

/// Counted since the last [`std::mem::take`].
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Durations, in milliseconds.
    pub spans: Vec<(Span, Millis)>,
    /// Offers accepted.
    pub accepts: u64,
    /// Change of votes for and against.
    pub votes: [i64; 2],
    /// Filled places, in place-milliseconds.
    pub busy: u64,
    /// Places of agents online, in place-milliseconds.
    pub available: u64,
}

impl Tally {
    /// One more duration.
    pub fn add(&mut self, span: Span, millis: Millis) {
        if self.spans.len() < KEPT {
            self.spans.push((span, millis));
        }
    }
}
