//! Shadow paging: what is written again and again has two places, and each write goes to the one that the newest
//! snapshot does not name. So the snapshot before it stays whole, with every page it names, at no cost in writes
//! (R. A. Lorie, Physical integrity in a large segmented database, ACM TODS 2 (1), 1977).

/// Which of the two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Side {
    /// Where the first write goes.
    #[default]
    First,
    /// Where the second one goes.
    Second,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// The other place.
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// On which side the newest write of each page of a collection is: one bit a page, without the zeros behind the last
/// page that is on the second side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sides(Vec<u8>);

impl Sides {
    /// From what [`Sides::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Self(bytes.iter().take(used).copied().collect())
    }

    /// Page 8 i + j is on the second side if bit j of byte i is set.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Where page `number` is.
    pub fn of(&self, number: u64) -> Side {
        let (byte, bit) = Self::place(number);
        match self.0.get(byte) {
            Some(bits) if bits & bit != 0 => Side::Second,
            _ => Side::First,
        }
    }

    /// Page `number` is on the other side from now on.
    pub fn turn(&mut self, number: u64) {
        let (byte, bit) = Self::place(number);
        if byte >= self.0.len() {
            self.0.resize(byte + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(byte) {
            *bits ^= bit;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn place(number: u64) -> (usize, u8) {
        (usize::try_from(number / 8).unwrap_or(usize::MAX), 1 << (number % 8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_turned_twice_is_where_it_was_and_the_others_stay() {
        let mut sides = Sides::default();
        assert_eq!(sides.of(1_000), Side::First);
        sides.turn(3);
        sides.turn(20);
        let all: Vec<u64> = (0..64).filter(|number| sides.of(*number) == Side::Second).collect();
        assert_eq!(all, [3, 20]);
        assert_eq!(Sides::from_bytes(sides.as_bytes()), sides);
        sides.turn(20);
        assert_eq!(sides.as_bytes(), [8]);
        sides.turn(3);
        assert_eq!(sides, Sides::default());
        assert_eq!(Sides::from_bytes(&[0, 0]), Sides::default());
    }
}
