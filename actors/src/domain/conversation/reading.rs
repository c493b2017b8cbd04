//! Reading: pages of history and read marks.

use std::ops::RangeInclusive;

use super::access::{Standing, Writing};
use super::{ConversationState, Limits};
use crate::api::{Caller, HistoryRow, ReadMark};
use crate::domain::event::{ConversationEvent, Reader};
use crate::domain::ids::{Address, ConversationKey};
use crate::domain::message::{Author, StoredMessage};
use crate::domain::refusal::Refusal;

/// Which stretch of a history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Exclusive cursor.
    pub cursor: Option<u64>,
    /// Newest first, going back; else oldest first, going forward.
    pub descending: bool,
    /// At most this many.
    pub limit: usize,
}

impl ConversationState {
    /// The places of a stretch, rising; empty (`start > end`) when there are none. What is removed has none: a cursor
    /// in it is one at its end.
    pub fn places(&self, stretch: Stretch) -> RangeInclusive<u64> {
        let (head, oldest) = (self.core.head, self.core.forgotten.saturating_add(1));
        let limit = stretch.limit as u64;
        if stretch.descending {
            let last = stretch.cursor.map_or(head, |cursor| cursor.saturating_sub(1).min(head));
            return last.saturating_sub(limit).saturating_add(1).max(oldest)..=last;
        }
        let first = stretch.cursor.unwrap_or(0).saturating_add(1).max(oldest);
        first..=first.saturating_add(limit).saturating_sub(1).min(head)
    }

    /// The events of reading a history: a newcomer joins.
    pub fn looked(&self, standing: &Standing) -> Vec<ConversationEvent> {
        match standing {
            Standing::Newcomer(member) => vec![self.joined(member)],
            Standing::Party(_) | Standing::Desk(_) => Vec::new(),
        }
    }

    pub(super) fn joined(&self, member: &Address) -> ConversationEvent {
        ConversationEvent::Joined { member: member.clone(), head: self.core.head }
    }

    /// The rows of these places, in the asked order. Their pages are in memory.
    pub fn rows(&self, places: RangeInclusive<u64>, descending: bool, caller: &Caller) -> Vec<HistoryRow> {
        let mine = caller.addresses();
        let (first, last) = places.into_inner();
        let count = last.saturating_add(1).saturating_sub(first);
        let mut rows = Vec::with_capacity(count as usize); // at most a page
        for step in 0..count {
            let seq = if descending { last - step } else { first + step };
            let Some(message) = self.history.share(seq) else { continue };
            rows.push(HistoryRow {
                read_by_peer: self.read_by_peer(&message),
                up: message.votes.values().filter(|vote| **vote > 0).count() as u64,
                down: message.votes.values().filter(|vote| **vote < 0).count() as u64,
                mine: mine.iter().find_map(|address| message.votes.get(address)).copied().unwrap_or(0),
                message,
            });
        }
        rows
    }

    /// Whether the other side has read a message: the other party, the other side of a service
    /// conversation, any other member, the receiver of a notice.
    fn read_by_peer(&self, message: &StoredMessage) -> bool {
        let mark = match &self.core.key {
            ConversationKey::Notice(receiver) => self.readers.mark(&Reader::Party(receiver.clone())),
            _ => self.readers.highest_mark_but(&self.reader_of(&message.author)),
        };
        mark >= message.seq
    }

    /// The events of reading up to a place (`None` = everything): none if it was read before. A newcomer joins
    /// first.
    pub fn read(&self, standing: &Standing, up_to: Option<u64>) -> Vec<ConversationEvent> {
        let mut events = self.looked(standing);
        let reader = standing.reader();
        let seq = up_to.map_or(self.core.head, |seq| seq.min(self.core.head));
        if seq > self.readers.seen(&reader) {
            events.push(ConversationEvent::Read { reader, seq });
        }
        events
    }

    /// A reader's mark and what it has not read.
    pub fn read_mark(&self, standing: &Standing) -> ReadMark {
        let reader = standing.reader();
        ReadMark {
            conversation: self.id,
            read_seq: self.readers.mark(&reader),
            unread: self.readers.unread(&reader, self.core.head, self.core.forgotten, &self.core.withdrawn),
        }
    }

    /// The events of opening a conversation without a message: none if it was there before.
    ///
    /// # Errors
    /// `Oneself`; `UnknownConversation` for who may not be in it, `GroupGone` for who was in it.
    pub fn open(&self, opener: &Address, limits: &Limits) -> Result<Vec<ConversationEvent>, Refusal> {
        let author = Author { address: opener.clone(), own_type: 0 };
        let writing = self.writing(&author, 0, limits)?;
        let mut events = Vec::new();
        if !self.exists() {
            events.push(ConversationEvent::Opened);
        }
        if writing == Writing::Joins {
            events.push(self.joined(opener));
        }
        Ok(events)
    }
}
