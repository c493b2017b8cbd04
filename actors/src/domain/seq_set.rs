//! A compact set of sequence numbers (a few in a row, else a Roaring bitmap): what unread is computed from without
//! scanning.

use roaring::RoaringTreemap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// So many numbers at most are kept one beside the other: 8 bytes each, where a bitmap begins at half a kilobyte. Nearly
/// every reader of nearly every conversation keeps less.
const FEW: usize = 16;

/// A set of sequence numbers. Runs and dense ranges cost a few bytes; counting a range is logarithmic.
#[derive(Debug, Clone)]
pub struct SeqSet(Numbers);

#[derive(Debug, Clone)]
enum Numbers {
    /// Rising, at most [`FEW`].
    Few(Vec<u64>),
    Many(Box<RoaringTreemap>),
}

impl Default for SeqSet {
    fn default() -> Self {
        Self(Numbers::Few(Vec::new()))
    }
}

/// Equal when they hold equal numbers, however they keep them.
impl PartialEq for SeqSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl SeqSet {
    /// Adds one number.
    pub fn insert(&mut self, seq: u64) {
        match &mut self.0 {
            Numbers::Many(many) => _ = many.insert(seq),
            Numbers::Few(few) => {
                let Err(place) = few.binary_search(&seq) else { return };
                if few.len() < FEW {
                    few.insert(place, seq);
                } else {
                    let all = few.iter().copied().chain([seq]);
                    self.0 = Numbers::Many(Box::new(all.collect()));
                }
            }
        }
    }

    /// Whether the number is in the set.
    pub fn contains(&self, seq: u64) -> bool {
        match &self.0 {
            Numbers::Few(few) => few.binary_search(&seq).is_ok(),
            Numbers::Many(many) => many.contains(seq),
        }
    }

    /// How many numbers are in the set.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Numbers::Few(few) => few.len() as u64,
            Numbers::Many(many) => many.len(),
        }
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Numbers::Few(few) => few.is_empty(),
            Numbers::Many(many) => many.is_empty(),
        }
    }

    /// Forgets every number up to and including `seq`.
    pub fn forget_through(&mut self, seq: u64) {
        match &mut self.0 {
            Numbers::Few(few) => _ = few.drain(..few.partition_point(|number| *number <= seq)),
            Numbers::Many(many) => _ = many.remove_range(0..=seq),
        }
        if self.is_empty() {
            *self = Self::default(); // gives the memory back
        }
    }

    /// How many numbers lie above `seq`.
    pub fn count_above(&self, seq: u64) -> u64 {
        match &self.0 {
            Numbers::Few(few) => few.len() as u64 - few.partition_point(|number| *number <= seq) as u64,
            Numbers::Many(many) => many.len() - many.rank(seq),
        }
    }

    /// How many numbers above `seq` lie in this set or in `other`, each counted once.
    pub fn union_above(&self, other: &Self, seq: u64) -> u64 {
        // Nearly always one of them is empty: who reads keeps no own ones, and little is withdrawn.
        if self.is_empty() || other.is_empty() {
            return self.count_above(seq) + other.count_above(seq);
        }
        let (small, large) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        let both = small.iter().filter(|number| *number > seq && large.contains(*number)).count() as u64;
        self.count_above(seq) + other.count_above(seq) - both
    }

    /// The numbers, rising.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let (few, many) = match &self.0 {
            Numbers::Few(few) => (Some(few.iter().copied()), None),
            Numbers::Many(many) => (None, Some(many.iter())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

/// As text, where only text can be kept: 16 KiB for each 65,536 numbers from the first to the last, or less.
impl SeqSet {
    /// The hexadecimal digits of its MessagePack form.
    ///
    /// # Errors
    /// None that is known: it is written to memory.
    pub fn to_hex(&self) -> Result<String, rmp_serde::encode::Error> {
        let bytes = rmp_serde::to_vec(self)?;
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Ok(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
    }

    /// What [`SeqSet::to_hex`] wrote; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        });
        rmp_serde::from_slice(&bytes.collect::<Option<Vec<u8>>>()?).ok()
    }
}

impl From<RoaringTreemap> for SeqSet {
    fn from(many: RoaringTreemap) -> Self {
        if many.len() <= FEW as u64 {
            Self(Numbers::Few(many.iter().collect()))
        } else {
            Self(Numbers::Many(Box::new(many)))
        }
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
        match &self.0 {
            Numbers::Few(few) if few.is_empty() => {}
            Numbers::Few(few) => {
                let all: RoaringTreemap = few.iter().copied().collect();
                all.serialize_into(&mut bytes).map_err(S::Error::custom)?;
            }
            Numbers::Many(many) => many.serialize_into(&mut bytes).map_err(S::Error::custom)?,
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
                RoaringTreemap::deserialize_from(bytes).map(SeqSet::from).map_err(E::custom)
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn few_numbers_and_many_behave_as_any_set_does_and_are_written_alike() {
        let mut rng = StdRng::seed_from_u64(7);
        let (mut set, mut expected) = (SeqSet::default(), BTreeSet::new());
        let (mut few, mut many) = (0, 0);
        for step in 0..20_000_u64 {
            let seq = step / 4 + rng.random_range(0..40);
            if rng.random_range(0..30) == 0 {
                set.forget_through(seq);
                expected.retain(|number| *number > seq);
            } else {
                set.insert(seq);
                expected.insert(seq);
            }
            match &set.0 {
                Numbers::Few(_) => few += 1,
                Numbers::Many(_) => many += 1,
            }
            let mark = seq.saturating_sub(20);
            assert_eq!(set.len(), expected.len() as u64);
            assert_eq!(set.is_empty(), expected.is_empty());
            assert_eq!(set.contains(seq), expected.contains(&seq));
            assert_eq!(set.count_above(mark), expected.range(mark + 1..).count() as u64);
            if step % 97 == 0 {
                assert!(set.iter().eq(expected.iter().copied()));
                let bitmap: RoaringTreemap = expected.iter().copied().collect();
                let written = rmp_serde::to_vec(&set).unwrap();
                if !expected.is_empty() {
                    let as_bitmap = SeqSet(Numbers::Many(Box::new(bitmap)));
                    assert_eq!(written, rmp_serde::to_vec(&as_bitmap).unwrap());
                    assert_eq!(set, as_bitmap);
                }
                assert_eq!(rmp_serde::from_slice::<SeqSet>(&written).unwrap(), set);
                assert_eq!(SeqSet::from_hex(&set.to_hex().unwrap()), Some(set.clone()));
            }
        }
        assert!(few > 1_000 && many > 1_000, "{few} {many}");
    }

    #[test]
    fn what_is_no_set_in_hexadecimal_is_none() {
        for text in ["c", "c40", "zz", "c402ff00", "93010203"] {
            assert_eq!(SeqSet::from_hex(text), None, "{text}");
        }
    }
}
