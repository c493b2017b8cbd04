//! A keyed collection that is stored in pages: finding is one hash, changing marks one page, and only
//! changed pages are written.
//!
//! Guarantees: a key is in one slot and so in one page; every page that differs from what was last taken is
//! dirty; a page that is written does not overwrite what was written of it last ([`Sides`]); [`Paged::from_pages`] of all pages gives an equal collection. Slots are not names: after a rebuild
//! the same key may sit in another slot of its page.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::hash::Hash;

use foldhash::{HashMap, HashMapExt};

use super::shadow::Sides;

/// Rows in one page: small enough that one changed row does not rewrite much, large enough that ten
/// thousand rows load in one range read (157 pages, below the storage port's window of 512).
pub const PAGE_ROWS: usize = 64;

/// Up to so many rows no room is kept for more: most conversations have two readers.
const FEW: usize = 4;

/// A page as it is stored: its number, from 0, and its rows in any order.
pub type PageRows<K, T> = (u64, Vec<(K, T)>);

/// See the module's head.
#[derive(Debug, Clone)]
pub struct Paged<K, T> {
    slots: Vec<Option<(K, T)>>,
    index: HashMap<K, usize>,
    /// Empty slots below `slots.len()`; the lowest is filled first, so that pages stay full.
    free: BTreeSet<usize>,
    dirty: BTreeSet<u64>,
    /// Where each page was written last.
    sides: Sides,
    /// Pages below it were written.
    written: u64,
}

impl<K, T> Default for Paged<K, T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            index: HashMap::new(),
            free: BTreeSet::new(),
            dirty: BTreeSet::new(),
            sides: Sides::default(),
            written: 0,
        }
    }
}

/// Equal when they hold equal rows, wherever those sit.
impl<K: Eq + Hash, T: PartialEq> PartialEq for Paged<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

const fn page_of(slot: usize) -> u64 {
    (slot / PAGE_ROWS) as u64
}

impl<K: Eq + Hash, T> Paged<K, T> {
    /// How many rows it holds.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it holds no row.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many pages it spreads over, emptied ones included: load pages `0 .. page_count`.
    pub fn page_count(&self) -> u64 {
        self.slots.len().div_ceil(PAGE_ROWS) as u64
    }

    /// Where a key sits now.
    pub fn slot<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.index.get(key).copied()
    }

    /// The row in a slot.
    pub fn at(&self, slot: usize) -> Option<(&K, &T)> {
        self.slots.get(slot)?.as_ref().map(|(key, value)| (key, value))
    }

    /// Whether the key has a row.
    pub fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.index.contains_key(key)
    }

    /// The row of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.at(self.slot(key)?).map(|(_, value)| value)
    }

    /// The row of a key, to be changed: its page becomes dirty.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut T>
    where
        K: Borrow<Q>,
    {
        let slot = self.slot(key)?;
        self.dirty.insert(page_of(slot));
        self.slots.get_mut(slot)?.as_mut().map(|(_, value)| value)
    }

    /// Rows in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.slots.iter().flatten().map(|(key, value)| (key, value))
    }

    /// Takes a row out; its page becomes dirty.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<T>
    where
        K: Borrow<Q>,
    {
        let slot = self.index.remove(key)?;
        let (_, value) = self.slots.get_mut(slot)?.take()?;
        self.free.insert(slot);
        self.dirty.insert(page_of(slot));
        Some(value)
    }

    /// Whether any page is dirty.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Where each page was written last; those taken last to be written count as written.
    pub const fn sides(&self) -> &Sides {
        &self.sides
    }

    /// Makes pages dirty again that were taken last: their writing failed.
    pub fn untake(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.dirty.insert(number);
            self.sides.turn(number);
        }
    }

    /// Makes the page of a key dirty, if it has a row.
    pub fn touch<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(slot) = self.slot(key) {
            self.dirty.insert(page_of(slot));
        }
    }
}

impl<K: Clone + Eq + Hash, T> Paged<K, T> {
    /// Puts a row, replacing the key's old one; its page becomes dirty. Returns its slot.
    pub fn insert(&mut self, key: K, value: T) -> usize {
        let slot = self.slot(&key).or_else(|| self.free.pop_first()).unwrap_or(self.slots.len());
        self.dirty.insert(page_of(slot));
        self.put(slot, key, value);
        slot
    }

    fn put(&mut self, slot: usize, key: K, value: T) {
        if slot >= self.slots.len() {
            self.free.extend(self.slots.len()..slot);
            if slot < FEW {
                self.slots.reserve_exact(slot + 1 - self.slots.len());
            }
            self.slots.resize_with(slot + 1, || None);
        }
        self.free.remove(&slot);
        self.index.insert(key.clone(), slot);
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some((key, value));
        }
    }

    /// Rebuilds a collection from its pages, in any order, and where they were; nothing is dirty. Absent pages are
    /// empty ones.
    pub fn from_pages(pages: impl IntoIterator<Item = PageRows<K, T>>, sides: Sides) -> Self {
        let mut paged = Self { sides, ..Self::default() };
        for (number, rows) in pages {
            paged.written = paged.written.max(number.saturating_add(1));
            let first = usize::try_from(number).unwrap_or(usize::MAX / PAGE_ROWS).saturating_mul(PAGE_ROWS);
            for (offset, (key, value)) in rows.into_iter().take(PAGE_ROWS).enumerate() {
                paged.put(first + offset, key, value);
            }
        }
        paged
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Paged<K, T> {
    /// Every dirty page, rising, with its rows (none if it was emptied: that must be written as well). Each goes to
    /// where [`Paged::sides`] says afterwards. Nothing is dirty then; give the numbers to [`Paged::untake`] if
    /// writing fails.
    pub fn take_dirty(&mut self) -> Vec<PageRows<K, T>> {
        let dirty = std::mem::take(&mut self.dirty);
        for number in &dirty {
            if *number < self.written {
                self.sides.turn(*number);
            }
        }
        if let Some(last) = dirty.last() {
            self.written = self.written.max(last + 1);
        }
        dirty.into_iter().map(|number| (number, self.rows_of(number))).collect()
    }

    fn rows_of(&self, number: u64) -> Vec<(K, T)> {
        let mut pages = self.slots.chunks(PAGE_ROWS);
        let page = usize::try_from(number).ok().and_then(|number| pages.nth(number));
        page.map(|slots| slots.iter().flatten().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(rows: u64) -> Paged<u64, u64> {
        let mut paged = Paged::default();
        for key in 0..rows {
            paged.insert(key, key * 10);
        }
        paged
    }

    #[test]
    fn a_change_marks_exactly_its_page() {
        let mut paged = filled(200);
        assert_eq!(paged.take_dirty().len(), 4);
        assert!(!paged.is_dirty());
        if let Some(value) = paged.get_mut(&130) {
            *value += 1;
        }
        let dirty = paged.take_dirty();
        assert_eq!(dirty.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2]);
        paged.untake([2]);
        assert!(paged.is_dirty());
    }

    #[test]
    fn a_page_goes_to_the_side_where_it_was_not_written_last() {
        let mut paged = filled(65);
        paged.take_dirty();
        let written = paged.sides().clone();
        assert_eq!(written, Sides::default());
        paged.touch(&64);
        assert_eq!(paged.take_dirty().len(), 1);
        assert_eq!(paged.sides().of(0), written.of(0));
        assert_eq!(paged.sides().of(1), written.of(1).other());
        paged.untake([1]);
        assert_eq!(*paged.sides(), written, "what failed goes to the same side again");
    }

    #[test]
    fn reading_marks_nothing() {
        let mut paged = filled(3);
        paged.take_dirty();
        assert_eq!(paged.get(&2), Some(&20));
        assert_eq!(paged.iter().count(), 3);
        assert!(paged.contains(&1) && !paged.contains(&9));
        assert!(!paged.is_dirty());
    }

    #[test]
    fn pages_give_back_an_equal_collection() {
        let mut paged = filled(300);
        for key in (0..300).step_by(3) {
            paged.remove(&key);
        }
        paged.insert(1_000, 7);
        let pages = paged.take_dirty();
        let rebuilt = Paged::from_pages(pages, paged.sides().clone());
        assert_eq!(rebuilt.sides(), paged.sides());
        assert_eq!(rebuilt, paged);
        assert!(!rebuilt.is_dirty());
    }

    #[test]
    fn an_emptied_slot_is_filled_before_a_new_one() {
        let mut paged = filled(100);
        assert_eq!(paged.remove(&5), Some(50));
        assert_eq!(paged.insert(500, 1), 5);
        assert_eq!(paged.insert(5, 2), 100);
        assert_eq!(paged.len(), 101);
    }

    #[test]
    fn an_emptied_page_is_written_empty() {
        let mut paged = filled(1);
        paged.take_dirty();
        paged.remove(&0);
        assert_eq!(paged.take_dirty(), [(0, Vec::new())]);
    }

    #[test]
    fn a_missing_page_leaves_room_that_is_filled_later() {
        let mut paged = Paged::from_pages([(1, vec![(1_u64, 1_u64)])], Sides::default());
        assert_eq!(paged.page_count(), 2);
        assert_eq!(paged.insert(2, 2), 0);
    }
}
