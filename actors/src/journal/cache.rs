//! Batches of facts kept decoded, so that an actor that activates seldom reads storage for its facts.
//!
//! Holds at most its configured weight; batches are immutable, so a cached one is never out of date.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache as QuickCache;

use crate::domain::event::{Position, Recorded};

/// The facts of one batch.
pub(super) type Facts = Arc<Vec<Arc<Recorded>>>;

/// What a fact costs in memory beside its encoded bytes: the allocation, its addresses and its texts' headers.
pub(super) const FACT_OVERHEAD: u64 = 256;

#[derive(Clone)]
struct Weight;

#[derive(Clone)]
struct Held {
    facts: Facts,
    bytes: u64,
}

impl Weighter<Position, Held> for Weight {
    fn weight(&self, _first: &Position, held: &Held) -> u64 {
        held.bytes + FACT_OVERHEAD * held.facts.len() as u64
    }
}

/// The cache, by first position.
pub(super) struct Cache(QuickCache<Position, Held, Weight>);

impl Cache {
    /// Holds about `bytes`.
    pub fn new(bytes: u64) -> Self {
        // The estimate only sizes the hash table: batches of 8 KiB are typical of a busy journal.
        let estimated = usize::try_from(bytes / 8_192).unwrap_or(usize::MAX).clamp(64, 65_536);
        Self(QuickCache::with_weighter(estimated, bytes, Weight))
    }

    pub fn get(&self, first: Position) -> Option<Facts> {
        self.0.get(&first).map(|held| held.facts)
    }

    pub fn insert(&self, first: Position, facts: Facts, bytes: usize) {
        self.0.insert(first, Held { facts, bytes: bytes as u64 });
    }
}
