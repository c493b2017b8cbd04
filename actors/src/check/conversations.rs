//! Conversations: their messages counted one by one, their readers by what was counted.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Check, Mark, Stored, message_pages, reader_hash};
use crate::conversation::{read_history, stored_state};
use crate::domain::conversation::{ConversationState, GroupState, reads_messages};
use crate::domain::event::Reader;
use crate::domain::history::PAGE_MESSAGES;
use crate::domain::ids::ConversationKey;
use crate::domain::message::StoredMessage;
use crate::domain::seq_set::{SeqSet, unread};
use crate::ports::{Collection, StoreError};

/// Pages read at a time.
const PAGES: u64 = 8;

/// Places of removed pages looked at at a time: nothing is there.
const REMOVED_AT_ONCE: u64 = 512;

/// What the messages say.
#[derive(Default)]
struct Counted {
    /// The newest seq without a gap below it.
    whole_to: u64,
    withdrawn: SeqSet,
    own: HashMap<Reader, SeqSet>,
}

impl Check<'_> {
    /// Whether it could be read whole.
    pub(super) async fn conversation(&mut self, id: Uuid, stored: &Stored) -> Result<bool, StoreError> {
        let state = stored_state(id, self.store, &self.limits, stored.snapshot.as_ref(), &stored.facts).await;
        let Some(state) = self.readable(&stored.key, state)? else { return Ok(false) };
        let Some(state) = state else { return Ok(true) };
        self.checked.conversations += 1;
        if state.core().key.id() != id {
            self.fault(&stored.key, "its id is not that of its key");
        }
        let counted = self.count(&state, stored).await?;
        let Some(counted) = counted else { return Ok(false) };
        let head = state.core().head;
        self.checked.messages += counted.whole_to.saturating_sub(state.core().forgotten);
        if counted.whole_to != head {
            let what = format!("message {} is missing; the newest is {head}", counted.whole_to + 1);
            self.fault(&stored.key, what);
            // What was counted ends at the gap, so nobody's unread can be compared with it.
            return Ok(false);
        }
        self.readers(id, &state, &counted, stored);
        self.open_session(id, &state, stored);
        Ok(true)
    }

    /// Goes through every message, those in memory before those stored; `None` if a page cannot be read.
    async fn count(
        &mut self,
        state: &ConversationState,
        stored: &Stored,
    ) -> Result<Option<Counted>, StoreError> {
        let forgotten = state.core().forgotten;
        let mut counted = Counted { whole_to: forgotten, ..Counted::default() };
        let by_snapshot = message_pages(stored.snapshot.as_ref())?;
        self.removed_pages(by_snapshot.start, stored).await?;
        let pages = by_snapshot.end.max(state.core().head.div_ceil(PAGE_MESSAGES));
        for from in (forgotten / PAGE_MESSAGES..pages).step_by(PAGES as usize) {
            let read =
                self.store.pages(&stored.key, Collection::History, from, pages.min(from + PAGES)).await;
            let Some(read) = self.readable(&stored.key, read)? else { return Ok(None) };
            let mut on_disk: HashMap<u64, Vec<StoredMessage>> = HashMap::new();
            for page in read {
                let number = page.number;
                if page.position > self.bounds.newest {
                    let what = format!("page {number} is of {}, above the journal's end", page.position);
                    self.fault(&stored.key, what);
                }
                let messages = read_history(&stored.key, page);
                let Some(messages) = self.readable(&stored.key, messages)? else { return Ok(None) };
                on_disk.insert(number, messages);
            }
            for number in from..pages.min(from + PAGES) {
                let messages = on_disk.remove(&number).unwrap_or_default();
                if !counted.take(state, number, &messages) {
                    return Ok(Some(counted));
                }
            }
        }
        Ok(Some(counted))
    }

    /// Pages below the first that a snapshot knows were deleted with it.
    async fn removed_pages(&mut self, first: u64, stored: &Stored) -> Result<(), StoreError> {
        for from in (0..first).step_by(REMOVED_AT_ONCE as usize) {
            let to = first.min(from + REMOVED_AT_ONCE);
            let read = self.store.pages(&stored.key, Collection::History, from, to).await;
            let Some(left) = self.readable(&stored.key, read)? else { continue };
            for page in left {
                let what = format!("page {} of its messages is removed, and still stored", page.number);
                self.fault(&stored.key, what);
            }
        }
        Ok(())
    }

    fn readers(&mut self, id: Uuid, state: &ConversationState, counted: &Counted, stored: &Stored) {
        let core = state.core();
        let group = matches!(core.key, ConversationKey::Group(_));
        let deleted = core.group == GroupState::Deleted;
        let nobody = SeqSet::default();
        for reader in readers(state) {
            let read = state.readers().mark(&reader);
            if read > core.head {
                let what = format!("{} has read up to {read}, the newest is {}", shown(&reader), core.head);
                self.fault(&stored.key, what);
            }
            let own = counted.own.get(&reader).unwrap_or(&nobody);
            let recount = unread(core.head, read.max(core.forgotten), own, &counted.withdrawn);
            let by_marks = state.readers().unread(&reader, core.head, core.forgotten, &core.withdrawn);
            if recount != by_marks {
                let what = format!("{} has {by_marks} unread, by its messages {recount}", shown(&reader));
                self.fault(&stored.key, what);
            }
            let (head, unread) = if group { (0, 0) } else { (core.head, recount) };
            let has_inbox = match &reader {
                Reader::Party(address) => reads_messages(address),
                Reader::Desk => true,
            };
            let needs_row = state.exists() && !deleted && has_inbox;
            self.marks.insert((id, reader_hash(&reader)), Mark { head, read, unread, needs_row });
        }
    }

    fn open_session(&mut self, id: Uuid, state: &ConversationState, stored: &Stored) {
        let Some(own) = &state.core().session else { return };
        let Some(open) = self.open.get_mut(&own.session).filter(|open| open.conversation == id) else {
            if !self.comparable(!self.unreadable.shunts()) {
                return;
            }
            let what = format!("session {} is open here, but not in routing", own.session);
            return self.fault(&stored.key, what);
        };
        open.seen_by_conversation = true;
    }
}

impl Counted {
    /// Takes a page's messages; `false` at the first gap.
    fn take(&mut self, state: &ConversationState, number: u64, on_disk: &[StoredMessage]) -> bool {
        let first = number * PAGE_MESSAGES + 1;
        let last = (first + PAGE_MESSAGES - 1).min(state.core().head);
        for seq in first..=last {
            let place = (seq - first) as usize; // below 64
            let message = state.history().get(seq).or_else(|| on_disk.get(place));
            let Some(message) = message.filter(|message| message.seq == seq) else { return false };
            if message.withdrawn_at.is_some() {
                self.withdrawn.insert(seq);
            }
            self.own.entry(state.reader_of(&message.author)).or_default().insert(seq);
            self.whole_to = seq;
        }
        true
    }
}

/// Everybody who has an unread count in a conversation.
fn readers(state: &ConversationState) -> Vec<Reader> {
    let parties = |addresses: &[&crate::domain::ids::Address]| {
        let reading = addresses.iter().filter(|address| reads_messages(address));
        reading.map(|address| Reader::Party((*address).clone())).collect()
    };
    match &state.core().key {
        ConversationKey::OneToOne(one, other) => parties(&[one, other]),
        ConversationKey::Service(_, customer) => {
            vec![Reader::Party(customer.clone()), Reader::Desk]
        }
        ConversationKey::Group(_) => state.readers().iter().map(|(reader, _)| reader.clone()).collect(),
        ConversationKey::Notice(receiver) => parties(&[receiver]),
    }
}

fn shown(reader: &Reader) -> String {
    match reader {
        Reader::Party(address) => address.to_string(),
        Reader::Desk => "the desk".to_owned(),
    }
}
