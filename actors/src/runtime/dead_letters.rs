//! Dead letters: the commands and notices whose handling panicked. The newest are kept, without content.

use std::collections::VecDeque;
use std::time::SystemTime;

use parking_lot::Mutex;

/// How many are kept: enough for an operator to see a pattern, a few hundred kilobytes at most.
const KEPT: usize = 1_000;

/// One message that made its actor panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number; unique in this process, rising.
    pub id: u64,
    /// The actor's kind.
    pub kind: &'static str,
    /// The actor's key.
    pub key: String,
    /// What was in hand: an operation, `told`, `tick`, `resume` or `recover`.
    pub operation: &'static str,
    /// What the panic said, without anything it quoted.
    pub panic: String,
    /// When.
    pub at: SystemTime,
}

/// The newest dead letters.
#[derive(Debug, Default)]
pub struct DeadLetters {
    ring: Mutex<VecDeque<DeadLetter>>,
}

impl DeadLetters {
    pub(super) fn push(&self, letter: DeadLetter) {
        let mut ring = self.ring.lock();
        if ring.len() >= KEPT {
            ring.pop_front();
        }
        ring.push_back(letter);
    }

    /// Takes one out, as an operator does who has dealt with it.
    pub fn discard(&self, id: u64) -> Option<DeadLetter> {
        let mut ring = self.ring.lock();
        let place = ring.iter().position(|letter| letter.id == id)?;
        ring.remove(place)
    }

    /// What is kept, oldest first.
    pub fn list(&self) -> Vec<DeadLetter> {
        self.ring.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_letter_makes_room_for_the_newest() {
        let letters = DeadLetters::default();
        for number in 0..=KEPT {
            letters.push(DeadLetter {
                id: number as u64,
                kind: "toy",
                key: number.to_string(),
                operation: "boom",
                panic: String::new(),
                at: SystemTime::UNIX_EPOCH,
            });
        }
        let list = letters.list();
        assert_eq!(list.len(), KEPT);
        assert_eq!(list.first().map(|letter| letter.key.as_str()), Some("1"));
        assert_eq!(letters.discard(5).map(|letter| letter.key), Some("5".to_owned()));
        assert_eq!(letters.discard(5), None, "it is discarded once");
    }
}
