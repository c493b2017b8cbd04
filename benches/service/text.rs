//! What is written, and by whom how often: texts that read like words and compress about as little, and the
//! skew of real conversations. Seeded, so that every run sends the same.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Bytes of every message's content.
pub const CONTENT_BYTES: usize = 100;

const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
const VOWELS: &[u8] = b"aeiou";

/// A source of chance that gives the same in every run.
pub fn chance(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A text of [`CONTENT_BYTES`], made of words of two to four syllables.
pub fn content(chance: &mut StdRng) -> String {
    let mut text = String::with_capacity(CONTENT_BYTES + 8);
    while text.len() < CONTENT_BYTES {
        for _ in 0..chance.random_range(2..=4) {
            text.push(char::from(CONSONANTS[chance.random_range(0..CONSONANTS.len())]));
            text.push(char::from(VOWELS[chance.random_range(0..VOWELS.len())]));
        }
        text.push(' ');
    }
    text.truncate(CONTENT_BYTES);
    text
}

/// Zipf's law over `0..n`: the k-th most frequent is k times rarer than the first.
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    pub fn new(n: usize) -> Self {
        let mut sum = 0.0;
        let mut next = |rank: usize| {
            sum += 1.0 / rank as f64;
            sum
        };
        Self { cumulative: (1..=n).map(&mut next).collect() }
    }

    pub fn pick(&self, chance: &mut StdRng) -> usize {
        let last = self.cumulative.last().copied().unwrap_or(1.0);
        let point = chance.random_range(0.0..last);
        self.cumulative.partition_point(|sum| *sum <= point)
    }
}
