//! A compact set of sequence numbers (a Roaring bitmap): what unread is computed from without scanning.

use roaring::RoaringTreemap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// A set of sequence numbers. Runs and dense ranges cost a few bytes; counting a range is logarithmic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeqSet(RoaringTreemap);

impl SeqSet {
    /// Adds one number.
    pub fn insert(&mut self, seq: u64) {
        self.0.insert(seq);
    }

    /// Whether the number is in the set.
    pub fn contains(&self, seq: u64) -> bool {
        self.0.contains(seq)
    }

    /// How many numbers are in the set.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets every number up to and including `seq`.
    pub fn forget_through(&mut self, seq: u64) {
        self.0.remove_range(0..=seq);
    }

    /// How many numbers lie above `seq`.
    pub fn count_above(&self, seq: u64) -> u64 {
        if self.is_empty() {
            return 0;
        }
        self.0.len() - self.0.rank(seq)
    }

    /// How many numbers above `seq` lie in this set or in `other`, each counted once.
    pub fn union_above(&self, other: &Self, seq: u64) -> u64 {
        // Nearly always one of them is empty: who reads keeps no own ones, and little is withdrawn.
        if self.is_empty() || other.is_empty() {
            return self.count_above(seq) + other.count_above(seq);
        }
        let (small, large) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        let both = small.0.iter().filter(|n| *n > seq && large.0.contains(*n)).count() as u64;
        self.count_above(seq) + other.count_above(seq) - both
    }

    /// The numbers, rising.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter()
    }
}

/// Unread messages of one reader: messages above `mark` in a conversation whose newest is `head`, less the
/// reader's own and the withdrawn ones (each left out once). Saturates at 0.
pub fn unread(head: u64, mark: u64, own: &SeqSet, withdrawn: &SeqSet) -> u64 {
    head.saturating_sub(mark).saturating_sub(own.union_above(withdrawn, mark))
}

impl Serialize for SeqSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        if !self.0.is_empty() {
            self.0.serialize_into(&mut bytes).map_err(S::Error::custom)?;
        }
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for SeqSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> serde::de::Visitor<'de> for Bytes {
            type Value = SeqSet;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the bytes of a Roaring bitmap")
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<SeqSet, E> {
                if bytes.is_empty() {
                    return Ok(SeqSet::default());
                }
                RoaringTreemap::deserialize_from(bytes).map(SeqSet).map_err(E::custom)
            }
            // JSON writes bytes as an array of numbers.
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut numbers: A) -> Result<SeqSet, A::Error> {
                let mut bytes: Vec<u8> = Vec::new();
                while let Some(byte) = numbers.next_element()? {
                    bytes.push(byte);
                }
                self.visit_bytes(&bytes)
            }
        }
        deserializer.deserialize_bytes(Bytes).map_err(D::Error::custom)
    }
}
