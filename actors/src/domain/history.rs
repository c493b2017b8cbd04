//! The messages of one conversation, in pages, as far as they are held in memory.
//!
//! Guarantees: the newest page and every changed page stay in memory until they are saved; a few clean older
//! pages stay too, those used last; a page that is being saved is not dropped, so a failed save loses nothing.
//! Pushing a message that a page holds already does nothing, so replay over a newer page is harmless. Removed pages
//! never come back, whoever brings them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::ids::Millis;
use super::message::StoredMessage;

/// Messages in one page: page `n` holds seq `64n + 1 ..= 64n + 64`.
pub const PAGE_MESSAGES: u64 = 64;

/// Clean pages kept besides the newest one: a reader who scrolls asks for at most three at a time, so this
/// serves two or three of them; more would let old conversations fill the memory.
const CLEAN_PAGES: usize = 8;

/// The page that holds a message.
pub const fn page_of(seq: u64) -> u64 {
    seq.saturating_sub(1) / PAGE_MESSAGES
}

fn place_in_page(seq: u64) -> usize {
    // Below 64, so it fits.
    (seq.saturating_sub(1) % PAGE_MESSAGES) as usize
}

/// Messages of one page, rising by seq; shared with a save in progress until one of them changes.
pub type PageMessages = Arc<Vec<StoredMessage>>;

/// A message as it stood in its page when it was asked for. It shares the page, so that a list of messages counts
/// references in one place and not for each body and author, wherever those lie; what comes to the page meanwhile
/// copies it.
#[derive(Clone)]
pub struct InPage {
    page: PageMessages,
    /// There is a message at this place.
    place: usize,
}

impl Deref for InPage {
    type Target = StoredMessage;

    #[allow(clippy::indexing_slicing, reason = "pages are never changed while they are shared")]
    fn deref(&self) -> &StoredMessage {
        &self.page[self.place]
    }
}

impl PartialEq for InPage {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for InPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

#[derive(Debug, Clone, Default)]
struct HeldPage {
    messages: PageMessages,
    /// Differs from what is stored or being saved.
    dirty: bool,
    /// A save of it has not ended.
    saving: bool,
    /// When it was used last, in uses of this history.
    used: u64,
}

impl HeldPage {
    /// It is stored as it is, so it may be dropped.
    const fn is_clean(&self) -> bool {
        !self.dirty && !self.saving
    }
}

/// The pages in memory.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Rising by number. Nearly always one, so what is small counts.
    pages: Vec<(u64, HeldPage)>,
    uses: u64,
    /// Pages below are removed.
    first: u64,
    /// Pages below are not stored any more; at most `first`.
    stored_from: u64,
}

impl History {
    /// The history of a snapshot in which messages up to `forgotten` are removed; their pages were deleted with it.
    pub fn beginning_behind(forgotten: u64) -> Self {
        let first = forgotten / PAGE_MESSAGES;
        Self { first, stored_from: first, ..Self::default() }
    }

    /// The oldest page that is not removed.
    pub const fn first_page(&self) -> u64 {
        self.first
    }

    /// The oldest page that may be stored.
    pub const fn stored_from(&self) -> u64 {
        self.stored_from
    }

    /// Removes every page that holds nothing above `seq`, changed or not.
    pub fn forget_through(&mut self, seq: u64) {
        self.first = self.first.max(seq / PAGE_MESSAGES);
        self.pages.drain(..self.pages.partition_point(|(number, _)| *number < self.first));
    }

    /// Removed pages that may still be stored.
    pub const fn removed(&self) -> Range<u64> {
        self.stored_from..self.first
    }

    /// Pages below `end` are not stored any more.
    pub fn deleted(&mut self, end: u64) {
        self.stored_from = self.stored_from.max(end);
    }

    /// When the newest message of each page in memory was sent.
    pub fn page_ends(&self) -> BTreeMap<u64, Millis> {
        let ends =
            self.pages.iter().filter_map(|(number, page)| Some((*number, page.messages.last()?.sent_at)));
        ends.collect()
    }

    /// A message, if its page is in memory.
    pub fn get(&self, seq: u64) -> Option<&StoredMessage> {
        let page = self.page(page_of(seq))?;
        page.messages.get(place_in_page(seq)).filter(|message| message.seq == seq)
    }

    /// The same, to be taken along.
    pub fn share(&self, seq: u64) -> Option<InPage> {
        let page = &self.page(page_of(seq))?.messages;
        let place = place_in_page(seq);
        page.get(place).filter(|message| message.seq == seq)?;
        Some(InPage { page: Arc::clone(page), place })
    }

    /// The newest message in memory.
    pub fn newest(&self) -> Option<&StoredMessage> {
        self.pages.last()?.1.messages.last()
    }

    /// Pages that must be loaded before every message of `first ..= last` that is not removed can be read; rising. If
    /// any is, those that may be dropped while it is loaded are loaded as well: other readers ask for other pages
    /// meanwhile.
    pub fn missing(&self, first: u64, last: u64) -> Vec<u64> {
        if first == 0 || first > last {
            return Vec::new();
        }
        let numbers = || page_of(first).max(self.first)..=page_of(last);
        if numbers().all(|number| self.page(number).is_some()) {
            return Vec::new();
        }
        let newest = self.pages.last().map(|(number, _)| *number);
        let may_go =
            |number: &u64| self.page(*number).is_none_or(|page| page.is_clean() && Some(*number) != newest);
        numbers().filter(may_go).collect()
    }

    /// Notes that the page of a message was used.
    pub fn touch(&mut self, seq: u64) {
        self.uses += 1;
        let uses = self.uses;
        if let Some(page) = self.page_mut(page_of(seq)) {
            page.used = uses;
        }
    }

    /// Takes a loaded page in; one that is in memory already stays as it is, one that was removed meanwhile stays away.
    pub fn put(&mut self, number: u64, messages: Vec<StoredMessage>) {
        if number < self.first {
            return;
        }
        self.uses += 1;
        if let Err(place) = self.place(number) {
            let loaded = HeldPage { messages: Arc::new(messages), used: self.uses, ..HeldPage::default() };
            self.insert(place, number, loaded);
        }
    }

    /// Adds the next message. The page before it need not be in memory, its own must.
    pub fn push(&mut self, message: StoredMessage) {
        if page_of(message.seq) < self.first {
            return;
        }
        self.uses += 1;
        let number = page_of(message.seq);
        if let Err(place) = self.place(number) {
            self.insert(place, number, HeldPage::default());
        }
        let uses = self.uses;
        let Some(page) = self.page_mut(number) else { return };
        page.used = uses;
        if page.messages.len() == place_in_page(message.seq) {
            Arc::make_mut(&mut page.messages).push(message);
            page.dirty = true;
        }
    }

    /// Turns a message into a tombstone.
    pub fn withdraw(&mut self, seq: u64, at: Millis) {
        self.change(seq, |message| {
            message.withdrawn_at = Some(at);
            let body = Arc::make_mut(&mut message.body);
            body.title.clear();
            body.content.clear();
            body.link.clear();
        });
    }

    /// Changes a message whose page is in memory; the page becomes dirty.
    pub fn change(&mut self, seq: u64, change: impl FnOnce(&mut StoredMessage)) {
        let Some(page) = self.page_mut(page_of(seq)) else {
            return;
        };
        if let Some(message) = Arc::make_mut(&mut page.messages).get_mut(place_in_page(seq)) {
            change(message);
            page.dirty = true;
        }
    }

    /// Whether any page is dirty.
    pub fn is_dirty(&self) -> bool {
        self.pages.iter().any(|(_, page)| page.dirty)
    }

    /// Every dirty page, rising. Each counts as being saved until [`History::saved`] or [`History::unsaved`].
    pub fn take_dirty(&mut self) -> Vec<(u64, PageMessages)> {
        let dirty = self.pages.iter_mut().filter(|(_, page)| page.dirty);
        let taken = dirty.map(|(number, page)| {
            page.dirty = false;
            page.saving = true;
            (*number, Arc::clone(&page.messages))
        });
        taken.collect()
    }

    /// These pages are stored as they were taken.
    pub fn saved(&mut self, numbers: &[u64]) {
        self.end_save(numbers, false);
    }

    /// These pages were not stored: they are dirty again.
    pub fn unsaved(&mut self, numbers: &[u64]) {
        self.end_save(numbers, true);
    }

    fn end_save(&mut self, numbers: &[u64], failed: bool) {
        for number in numbers {
            if let Some(page) = self.page_mut(*number) {
                page.saving = false;
                page.dirty |= failed;
            }
        }
        self.evict();
    }

    /// Drops clean pages beyond the bound, least recently used first; never the newest page.
    pub fn evict(&mut self) {
        let Some(newest) = self.pages.last().map(|(number, _)| *number) else {
            return;
        };
        let clean = |(number, page): &&(u64, HeldPage)| *number != newest && page.is_clean();
        let mut droppable: Vec<(u64, u64)> =
            self.pages.iter().filter(clean).map(|(number, page)| (page.used, *number)).collect();
        let surplus = droppable.len().saturating_sub(CLEAN_PAGES);
        droppable.sort_unstable();
        if surplus == 0 {
            return;
        }
        let mut dropped: Vec<u64> = droppable.into_iter().take(surplus).map(|(_, number)| number).collect();
        dropped.sort_unstable();
        self.pages.retain(|(number, _)| dropped.binary_search(number).is_err());
        self.pages.shrink_to_fit();
    }

    /// Where a page is, or would be.
    fn place(&self, number: u64) -> Result<usize, usize> {
        self.pages.binary_search_by_key(&number, |(number, _)| *number)
    }

    fn page(&self, number: u64) -> Option<&HeldPage> {
        self.pages.get(self.place(number).ok()?).map(|(_, page)| page)
    }

    fn page_mut(&mut self, number: u64) -> Option<&mut HeldPage> {
        let place = self.place(number).ok()?;
        self.pages.get_mut(place).map(|(_, page)| page)
    }

    fn insert(&mut self, place: usize, number: u64, page: HeldPage) {
        if self.pages.is_empty() {
            self.pages.reserve_exact(1); // otherwise room for four
        }
        self.pages.insert(place, (number, page));
    }

    /// How many pages are in memory.
    pub fn held(&self) -> usize {
        self.pages.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::ids::Address;
    use crate::domain::message::{Author, Body};

    fn message(seq: u64) -> StoredMessage {
        StoredMessage {
            seq,
            author: Author { address: Address::user(1), own_type: 2 },
            body: Arc::new(Body { content: format!("message {seq}"), item: 7, ..Body::default() }),
            session: None,
            sent_at: 1_000,
            withdrawn_at: None,
            votes: BTreeMap::new(),
        }
    }

    fn with_messages(count: u64) -> History {
        let mut history = History::default();
        (1..=count).for_each(|seq| history.push(message(seq)));
        history
    }

    fn save_all(history: &mut History) {
        let numbers: Vec<u64> = history.take_dirty().into_iter().map(|(number, _)| number).collect();
        history.saved(&numbers);
    }

    #[test]
    fn a_page_holds_sixty_four_messages() {
        let mut history = with_messages(130);
        let sizes: Vec<(u64, usize)> = history.take_dirty().iter().map(|(n, m)| (*n, m.len())).collect();
        assert_eq!(sizes, [(0, 64), (1, 64), (2, 2)]);
        assert_eq!(history.get(64).map(|m| m.seq), Some(64));
        assert_eq!(history.get(65).map(|m| m.seq), Some(65));
        assert!(history.get(131).is_none() && history.get(0).is_none());
    }

    #[test]
    fn a_saved_history_keeps_its_newest_page_and_a_few_others() {
        let mut history = with_messages(64 * 20);
        assert_eq!(history.held(), 20);
        save_all(&mut history);
        assert_eq!(history.held(), CLEAN_PAGES + 1);
        assert_eq!(history.newest().map(|m| m.seq), Some(64 * 20));
        assert_eq!(history.missing(1, 65), [0, 1]);
    }

    #[test]
    fn a_stretch_of_which_a_part_is_missing_is_loaded_with_whatever_else_of_it_may_go_meanwhile() {
        let mut history = with_messages(64 * 20);
        save_all(&mut history);
        assert_eq!(history.missing(64 * 11, 64 * 11 + 1), [10, 11]);
        history.withdraw(64 * 12, 2_000);
        assert_eq!(history.missing(64 * 11, 64 * 11 + 1), [10], "what is not stored stays");
        assert!(history.missing(64 * 12, 64 * 13).is_empty());
    }

    #[test]
    fn the_least_recently_used_clean_page_goes_first() {
        let mut history = with_messages(64 * 10);
        history.touch(1);
        save_all(&mut history);
        assert!(history.missing(1, 64).is_empty());
        assert_eq!(history.missing(65, 65), [1]);
    }

    #[test]
    fn a_page_being_saved_stays_and_a_failed_save_makes_it_dirty_again() {
        let mut history = with_messages(64 * 12);
        let taken: Vec<u64> = history.take_dirty().into_iter().map(|(number, _)| number).collect();
        history.evict();
        assert_eq!(history.held(), 12);
        assert!(!history.is_dirty());
        history.unsaved(&taken);
        assert_eq!(history.take_dirty().len(), 12);
    }

    #[test]
    fn a_change_during_a_save_is_written_by_the_next_one() {
        let mut history = with_messages(3);
        let taken = history.take_dirty();
        history.push(message(4));
        assert_eq!(taken[0].1.len(), 3);
        history.saved(&[0]);
        assert_eq!(history.take_dirty()[0].1.len(), 4);
    }

    #[test]
    fn a_tombstone_keeps_its_place_without_its_text() {
        let mut history = with_messages(2);
        history.withdraw(1, 5_000);
        let tombstone = history.get(1).unwrap();
        assert_eq!((tombstone.withdrawn_at, tombstone.body.content.as_str()), (Some(5_000), ""));
        assert_eq!(tombstone.body.item, 7);
    }

    #[test]
    fn removed_pages_are_named_until_they_are_deleted_and_never_come_back() {
        let mut history = with_messages(64 * 3 + 1);
        history.forget_through(64 * 2);
        assert_eq!((history.removed(), history.held()), (0..2, 2));
        assert!(history.get(128).is_none() && history.get(129).is_some());
        history.put(1, vec![message(65)]);
        history.push(message(1));
        assert_eq!(history.held(), 2);
        assert!(history.missing(1, 128).is_empty());
        let numbers: Vec<u64> = history.take_dirty().into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [2, 3]);
        history.deleted(2);
        assert_eq!(history.removed(), 2..2);
    }

    #[test]
    fn a_message_that_was_taken_along_stays_as_it_was_whatever_comes_to_its_page() {
        let mut history = History::default();
        history.push(message(1));
        let taken = history.share(1).unwrap();
        history.push(message(2));
        history.withdraw(1, 9);
        assert_eq!(*taken, message(1));
        assert_eq!(history.share(1).unwrap().withdrawn_at, Some(9));
        assert_eq!(history.share(2).map(|message| message.seq), Some(2));
        assert!(history.share(3).is_none() && history.share(65).is_none());
    }

    #[test]
    fn pushing_a_message_again_does_nothing() {
        let mut history = with_messages(5);
        save_all(&mut history);
        history.push(message(3));
        assert!(!history.is_dirty());
        assert_eq!(history.newest().map(|m| m.seq), Some(5));
    }
}
