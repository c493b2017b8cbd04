//! Whose turn it is in a group: journaled state, so that a restart favours nobody.
//!
//! Each agent has a tag; the smallest is next, and being given a customer moves it on by a stride that is the
//! smaller the greater the weight. Who joins, or comes back after a while, starts at the group's present
//! minimum: it catches up on nothing, and nobody waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The stride of weight 1; divisible by every usual weight.
const STRIDE: u64 = 720_720;

/// The turns of one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Turns {
    /// Where the last customer was given from: nobody is behind it.
    pub floor: u64,
    /// The agents' tags.
    pub tags: BTreeMap<Arc<str>, u64>,
}

impl Turns {
    /// The agent's tag as it counts: an agent who was never given anybody is at the minimum.
    pub fn tag(&self, agent: &str) -> u64 {
        self.tags.get(agent).copied().unwrap_or(0)
    }

    /// The tag and the floor after a customer is given to an agent with `tag`.
    pub fn given(&self, tag: u64, weight: u32) -> (u64, u64) {
        let from = tag.max(self.floor);
        (from + stride(weight), from.max(self.floor))
    }
}

/// How far one customer moves an agent of this weight.
pub fn stride(weight: u32) -> u64 {
    STRIDE / u64::from(weight.clamp(1, 10_000))
}
