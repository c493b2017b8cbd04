//! Who reads a conversation and how far: the parties, the desk, or a group's members, each with a cursor.
//!
//! Guarantees: a mark only moves forward; "has anybody else read this" costs the same for ten readers and
//! for ten thousand.

use serde::{Deserialize, Serialize};

use super::event::Reader;
use super::ids::Address;
use super::paged::{PageRows, Paged};
use super::seq_set::{SeqSet, unread};
use super::shadow::Sides;

/// How far one reader has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything up to here is read.
    pub mark: u64,
    /// The reader's own messages above the mark.
    pub own: SeqSet,
    /// Everything up to here was read by the reader itself: joining sets the mark, but reads nothing.
    #[serde(default)]
    pub seen: u64,
}

/// The two highest marks with their holders: the highest mark of anybody but one reader is one of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct TopMarks {
    first: Option<(Reader, u64)>,
    second: Option<(Reader, u64)>,
}

impl TopMarks {
    fn raise(&mut self, reader: &Reader, mark: u64) {
        let holds = |top: &Option<(Reader, u64)>| top.as_ref().is_some_and(|(holder, _)| holder == reader);
        let below = |top: &Option<(Reader, u64)>| top.as_ref().is_none_or(|(_, highest)| *highest < mark);
        if holds(&self.first) {
            self.first = Some((reader.clone(), mark));
        } else if below(&self.first) {
            self.second = self.first.replace((reader.clone(), mark));
        } else if holds(&self.second) || below(&self.second) {
            self.second = Some((reader.clone(), mark));
        }
    }

    fn names(&self, reader: &Reader) -> bool {
        [&self.first, &self.second].into_iter().flatten().any(|(holder, _)| holder == reader)
    }

    fn highest_but(&self, reader: &Reader) -> u64 {
        let tops = [&self.first, &self.second].into_iter().flatten();
        tops.filter(|(holder, _)| holder != reader).map(|(_, mark)| *mark).next().unwrap_or(0)
    }
}

/// The readers of one conversation. A party that never read or wrote need not be here: its mark is 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readers {
    cursors: Paged<Reader, Cursor>,
    tops: TopMarks,
}

impl Readers {
    /// Rebuilds the readers from their pages.
    pub fn from_pages(pages: impl IntoIterator<Item = PageRows<Reader, Cursor>>, sides: Sides) -> Self {
        let cursors = Paged::from_pages(pages, sides);
        let mut readers = Self { cursors, tops: TopMarks::default() };
        readers.find_tops();
        readers
    }

    fn find_tops(&mut self) {
        let mut tops = TopMarks::default();
        self.cursors.iter().for_each(|(reader, cursor)| tops.raise(reader, cursor.seen));
        self.tops = tops;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.cursors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cursors.is_empty()
    }

    /// Whether this address reads here.
    pub fn contains(&self, address: &Address) -> bool {
        self.cursors.contains(&Reader::Party(address.clone()))
    }

    /// The addresses among the readers, in a stable order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.cursors.iter().filter_map(|(reader, _)| match reader {
            Reader::Party(address) => Some(address),
            Reader::Desk => None,
        })
    }

    /// Up to where a reader has read.
    pub fn mark(&self, reader: &Reader) -> u64 {
        self.cursors.get(reader).map_or(0, |cursor| cursor.mark)
    }

    /// Up to where a reader has read itself, whatever was before it joined.
    pub fn seen(&self, reader: &Reader) -> u64 {
        self.cursors.get(reader).map_or(0, |cursor| cursor.seen)
    }

    /// Up to where anybody but this reader has read.
    pub fn highest_mark_but(&self, reader: &Reader) -> u64 {
        self.tops.highest_but(reader)
    }

    /// What a reader has not read of a conversation whose newest message is `head`, and whose messages up to
    /// `forgotten` are removed.
    pub fn unread(&self, reader: &Reader, head: u64, forgotten: u64, withdrawn: &SeqSet) -> u64 {
        match self.cursors.get(reader) {
            Some(cursor) => unread(head, cursor.mark.max(forgotten), &cursor.own, withdrawn),
            None => unread(head, forgotten, &SeqSet::default(), withdrawn),
        }
    }

    /// Forgets own messages up to `seq`: they are removed. Costs a look at every reader.
    pub fn forget_through(&mut self, seq: u64) {
        let readers: Vec<Reader> = self.cursors.iter().map(|(reader, _)| reader.clone()).collect();
        for reader in readers {
            if let Some(cursor) = self.cursors.get_mut(&reader) {
                cursor.own.forget_through(seq);
            }
        }
    }

    /// Lets a reader in, with nothing unread up to `head`; one that is in stays as it is.
    pub fn join(&mut self, reader: &Reader, head: u64) {
        if !self.cursors.contains(reader) {
            self.cursors.insert(reader.clone(), Cursor { mark: head, ..Cursor::default() });
        }
    }

    /// Forgets a reader.
    pub fn leave(&mut self, reader: &Reader) {
        self.cursors.remove(reader);
        if self.tops.names(reader) {
            self.find_tops();
        }
    }

    /// Notes that a reader, if it is one, wrote a message: it never counts as unread for it.
    pub fn wrote(&mut self, reader: &Reader, seq: u64) {
        if let Some(cursor) = self.cursors.get_mut(reader) {
            cursor.own.insert(seq);
        }
    }

    /// Moves a reader's mark forward to `seq`, never back.
    pub fn read(&mut self, reader: &Reader, seq: u64) {
        let Some(cursor) = self.cursors.get_mut(reader) else {
            return;
        };
        cursor.mark = cursor.mark.max(seq);
        cursor.own.forget_through(cursor.mark);
        cursor.seen = cursor.seen.max(seq);
        let seen = cursor.seen;
        self.tops.raise(reader, seen);
    }

    /// How many pages they spread over.
    pub fn page_count(&self) -> u64 {
        self.cursors.page_count()
    }

    /// The changed pages; see [`Paged::take_dirty`].
    pub fn take_dirty(&mut self) -> Vec<PageRows<Reader, Cursor>> {
        self.cursors.take_dirty()
    }

    /// Where the pages are; see [`Paged::sides`].
    pub const fn sides(&self) -> &Sides {
        self.cursors.sides()
    }

    /// Makes pages dirty again that were taken last; see [`Paged::untake`].
    pub fn untake(&mut self, numbers: impl IntoIterator<Item = u64>) {
        self.cursors.untake(numbers);
    }

    /// Every reader with its cursor.
    pub fn iter(&self) -> impl Iterator<Item = (&Reader, &Cursor)> {
        self.cursors.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(id: u32) -> Reader {
        Reader::Party(Address::user(id))
    }

    fn three() -> Readers {
        let mut readers = Readers::default();
        (1..=3).for_each(|id| readers.join(&reader(id), 0));
        readers
    }

    #[test]
    fn a_mark_never_moves_back() {
        let mut readers = three();
        readers.read(&reader(1), 9);
        readers.read(&reader(1), 4);
        assert_eq!(readers.mark(&reader(1)), 9);
    }

    #[test]
    fn own_messages_never_count_as_unread() {
        let mut readers = three();
        readers.wrote(&reader(1), 2);
        assert_eq!(readers.unread(&reader(1), 3, 0, &SeqSet::default()), 2);
        assert_eq!(readers.unread(&reader(2), 3, 0, &SeqSet::default()), 3);
    }

    #[test]
    fn the_highest_mark_of_others_leaves_the_asker_out() {
        let mut readers = three();
        readers.read(&reader(1), 5);
        readers.read(&reader(2), 3);
        assert_eq!(readers.highest_mark_but(&reader(1)), 3);
        assert_eq!(readers.highest_mark_but(&reader(3)), 5);
        readers.read(&reader(2), 8);
        assert_eq!(readers.highest_mark_but(&reader(2)), 5);
        assert_eq!(readers.highest_mark_but(&reader(1)), 8);
    }

    #[test]
    fn who_joins_has_read_nothing_yet() {
        let mut readers = three();
        readers.join(&reader(4), 7);
        assert_eq!((readers.mark(&reader(4)), readers.highest_mark_but(&reader(1))), (7, 0));
        readers.read(&reader(4), 7);
        assert_eq!(readers.highest_mark_but(&reader(1)), 7);
        assert_eq!(
            Readers::from_pages(readers.take_dirty(), Sides::default()).highest_mark_but(&reader(1)),
            7
        );
    }

    #[test]
    fn who_left_has_read_nothing_any_more() {
        let mut readers = three();
        readers.read(&reader(1), 5);
        readers.read(&reader(2), 3);
        readers.leave(&reader(1));
        assert_eq!(readers.highest_mark_but(&reader(3)), 3);
        assert!(!readers.contains(&Address::user(1)));
    }

    #[test]
    fn the_highest_marks_agree_with_a_full_scan() {
        let mut readers = Readers::default();
        (0..20).for_each(|id| readers.join(&reader(id), 0));
        for step in 0..500_u64 {
            readers.read(&reader((step * 7 % 20) as u32), step * 31 % 97);
            let asker = reader((step % 20) as u32);
            let scanned = readers.iter().filter(|(who, _)| **who != asker).map(|(_, c)| c.mark).max();
            assert_eq!(readers.highest_mark_but(&asker), scanned.unwrap_or(0));
        }
    }

    #[test]
    fn pages_give_back_equal_readers() {
        let mut readers = three();
        readers.read(&reader(2), 6);
        readers.wrote(&reader(3), 7);
        let rebuilt = Readers::from_pages(readers.take_dirty(), Sides::default());
        assert_eq!(rebuilt.iter().count(), 3);
        assert_eq!(rebuilt.highest_mark_but(&reader(1)), 6);
        assert_eq!(rebuilt.unread(&reader(3), 7, 0, &SeqSet::default()), 6);
    }
}
