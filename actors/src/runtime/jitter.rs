//! Pauses that differ, so that what failed together does not come back together.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// `delay` and up to half as much again, at most `longest`.
pub fn jittered(delay: Duration, longest: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) % 512;
    let random = u32::try_from(random).unwrap_or_default();
    delay.saturating_add(delay.saturating_mul(random) / 1024).min(longest)
}
