//! A group's waiting customers: by class, first come first served within a class, and across classes by a time
//! that each class moves forward.
//!
//! Guarantee: a customer of class `c` counts as having come `c` × [`CLASS_AGE`] earlier than it did. So nobody
//! is overtaken by a customer who came more than [`MAX_CLASS`] × [`CLASS_AGE`] later, and everybody is served
//! in the end. A place in the queue is found without counting those before it one by one.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::ids::Millis;

/// How much earlier a customer of the next class counts as having come.
pub const CLASS_AGE: Millis = 60_000;

/// The highest class.
pub const MAX_CLASS: u8 = 9;

/// A block of the order is split beyond this: moving so many entries costs less than a microsecond.
const BLOCK: usize = 512;

/// A place in the order: the time it counts from, then the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When the customer counts as having come.
    pub at: Millis,
    /// Its number among all sessions opened here.
    pub arrival: u64,
}

impl Due {
    /// Of a customer of `class` who came at `opened_at`.
    pub fn new(opened_at: Millis, class: u8, arrival: u64) -> Self {
        let ahead = CLASS_AGE * Millis::from(class.min(MAX_CLASS));
        Self { at: opened_at.saturating_sub(ahead), arrival }
    }
}

/// One class: sorted blocks.
#[derive(Debug, Clone, Default)]
struct Lane {
    blocks: Vec<Vec<(Due, Uuid)>>,
    len: usize,
}

impl Lane {
    fn block_of(&self, due: Due) -> usize {
        let after =
            self.blocks.partition_point(|block| block.first().is_some_and(|(first, _)| *first <= due));
        after.saturating_sub(1)
    }

    fn insert(&mut self, due: Due, id: Uuid) {
        if self.blocks.is_empty() {
            self.blocks.push(Vec::new());
        }
        let number = self.block_of(due);
        let Some(block) = self.blocks.get_mut(number) else { return };
        let place = block.partition_point(|(other, _)| *other < due);
        block.insert(place, (due, id));
        self.len += 1;
        if block.len() > BLOCK {
            let half = block.split_off(BLOCK / 2);
            self.blocks.insert(number + 1, half);
        }
    }

    fn remove(&mut self, due: Due) {
        let number = self.block_of(due);
        let Some(block) = self.blocks.get_mut(number) else { return };
        let Ok(place) = block.binary_search_by_key(&due, |(other, _)| *other) else { return };
        block.remove(place);
        self.len -= 1;
        if block.is_empty() {
            self.blocks.remove(number);
        }
    }

    fn holds(&self, due: Due, id: Uuid) -> bool {
        let block = self.blocks.get(self.block_of(due));
        block.is_some_and(|block| block.binary_search(&(due, id)).is_ok())
    }

    /// How many are before `due`.
    fn before(&self, due: Due) -> usize {
        if self.blocks.is_empty() {
            return 0;
        }
        let number = self.block_of(due);
        let whole: usize = self.blocks.iter().take(number).map(Vec::len).sum();
        let block = self.blocks.get(number);
        whole + block.map_or(0, |block| block.partition_point(|(other, _)| *other < due))
    }

    fn iter(&self) -> impl Iterator<Item = (Due, Uuid)> + '_ {
        self.blocks.iter().flatten().copied()
    }

    /// The first one behind `due`.
    fn behind(&self, due: Due) -> Option<(Due, Uuid)> {
        let number = self.block_of(due);
        let block = self.blocks.get(number)?;
        let place = block.partition_point(|(other, _)| *other <= due);
        block.get(place).or_else(|| self.blocks.get(number + 1)?.first()).copied()
    }
}

/// Who waits in one group.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    lanes: BTreeMap<u8, Lane>,
    len: usize,
}

/// Equal when the same wait in the same order, however they are stored.
impl PartialEq for Queue {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self.lanes.len() == other.lanes.len()
            && self.lanes.iter().zip(&other.lanes).all(|((one, lane), (two, other))| {
                one == two && lane.len == other.len && lane.iter().eq(other.iter())
            })
    }
}

impl Queue {
    /// How many wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a customer of `class` where `due` says.
    pub fn insert(&mut self, class: u8, due: Due, id: Uuid) {
        self.lanes.entry(class).or_default().insert(due, id);
        self.len += 1;
    }

    /// Takes a customer out.
    pub fn remove(&mut self, class: u8, due: Due) {
        let Some(lane) = self.lanes.get_mut(&class) else { return };
        let before = lane.len;
        lane.remove(due);
        self.len -= before - lane.len;
        if lane.len == 0 {
            self.lanes.remove(&class);
        }
    }

    /// Whether this customer waits here, in its place.
    pub fn holds(&self, class: u8, due: Due, id: Uuid) -> bool {
        self.lanes.get(&class).is_some_and(|lane| lane.holds(due, id))
    }

    /// Everybody, one after the other: each class, the lowest first, from its head on. `None` begins.
    pub fn behind(&self, last: Option<(u8, Due)>) -> Option<(u8, Due, Uuid)> {
        let from = last.map_or(0, |(class, _)| class);
        self.lanes.range(from..).find_map(|(class, lane)| {
            let (due, id) = match last {
                Some((last, due)) if last == *class => lane.behind(due)?,
                _ => lane.iter().next()?,
            };
            Some((*class, due, id))
        })
    }

    /// How many are before `due`, of all classes.
    pub fn before(&self, due: Due) -> usize {
        self.lanes.values().map(|lane| lane.before(due)).sum()
    }

    /// Each class from its head on.
    pub fn lanes(&self) -> impl Iterator<Item = impl Iterator<Item = (Due, Uuid)> + '_> + '_ {
        self.lanes.values().map(Lane::iter)
    }

    /// Everybody, the head first. Costs what is taken of it.
    pub fn in_order(&self) -> impl Iterator<Item = Uuid> + '_ {
        let mut lanes: Vec<_> = self.lanes().map(Iterator::peekable).collect();
        std::iter::from_fn(move || {
            let heads = lanes.iter_mut().enumerate().filter_map(|(lane, rest)| Some((*rest.peek()?, lane)));
            let (_, lane) = heads.min()?;
            lanes.get_mut(lane)?.next().map(|(_, id)| id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(arrival: u64) -> Uuid {
        Uuid::from_u128(arrival.into())
    }

    #[test]
    fn places_are_exact_while_thousands_come_and_go() {
        let mut queue = Queue::default();
        let due = |n: u64| Due::new(n as Millis * 7_919 % 100_003, (n % 10) as u8, n);
        let mut present: Vec<(Due, u64)> = Vec::new();
        for n in 0..5_000 {
            queue.insert((n % 10) as u8, due(n), id(n));
            present.push((due(n), n));
            if n % 3 == 0 {
                let (gone, number) = present.swap_remove((n as usize * 31) % present.len());
                queue.remove((number % 10) as u8, gone);
            }
        }
        let mut one_by_one = Vec::new();
        let mut last = None;
        while let Some((class, due, id)) = queue.behind(last) {
            one_by_one.push(id);
            last = Some((class, due));
        }
        assert_eq!(one_by_one, queue.lanes().flatten().map(|(_, id)| id).collect::<Vec<_>>());
        present.sort_unstable();
        assert_eq!(queue.len(), present.len());
        assert!(queue.in_order().eq(present.iter().map(|(_, n)| id(*n))));
        for (place, (due, _)) in present.iter().enumerate() {
            assert_eq!(queue.before(*due), place);
        }
        for (due, number) in &present {
            queue.remove((number % 10) as u8, *due);
        }
        assert!(queue.is_empty() && queue == Queue::default());
    }

    #[test]
    fn whoever_came_nine_minutes_earlier_is_before_every_class() {
        let lowest = Due::new(1_000_000, 0, 1);
        let bound = CLASS_AGE * Millis::from(MAX_CLASS);
        assert!(Due::new(1_000_000 + bound - 1, MAX_CLASS, 2) < lowest);
        assert!(Due::new(1_000_000 + bound, MAX_CLASS, 2) > lowest);
    }

    #[test]
    fn within_a_class_the_first_to_come_is_first_also_in_one_millisecond() {
        let mut queue = Queue::default();
        for arrival in [3, 1, 2] {
            queue.insert(4, Due::new(50, 4, arrival), id(arrival));
        }
        assert!(queue.in_order().eq([id(1), id(2), id(3)]));
    }
}
