//! One conversation: its order, its readers, its votes and tombstones, its open session, its group.
//!
//! Guarantees: `seq` is 1, 2, 3 … without a gap; what `decide` methods accept, [`ConversationState::apply`]
//! turns into the same state every time, live or replayed; a stranger learns nothing, not even that the
//! conversation exists.
//!
//! - [`access`]: who may do what;
//! - [`sending`]: messages, repeats, sessions;
//! - [`reading`]: history and read marks;
//! - [`revising`]: withdrawal and votes;
//! - [`grouping`]: groups and their members;
//! - [`retaining`]: messages that are not kept;
//! - [`remembered`]: idempotency keys.

pub mod access;
pub mod grouping;
pub mod reading;
pub mod remembered;
pub mod retaining;
pub mod revising;
pub mod sending;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::remembered::Remembered;
use self::retaining::Retentions;
use super::event::{ConversationEvent, ConversationFact, Position, Reader, ShuntChange, ShuntFact};
use super::group_head::Head;
use super::history::{History, PageMessages};
use super::ids::{Address, ConversationKey, Kind, Millis, PartyType};
use super::members::{Cursor, Readers};
use super::message::{Author, Preview, StoredMessage};
use super::paged::PageRows;
use super::seq_set::SeqSet;
use super::shadow::Sides;
use crate::api::SessionState;

/// The numbers that the rules of a conversation use; all are settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a user may withdraw a message, in milliseconds.
    pub withdraw_window: Millis,
    /// The same for an agent.
    pub withdraw_window_agent: Millis,
    /// Whether a group that was never defined is open to all.
    pub groups_open: bool,
    /// How long an idempotency key is remembered, in milliseconds.
    pub idempotency_age: Millis,
    /// How many keyed sends are remembered.
    pub idempotency_count: usize,
    /// How long messages are kept.
    pub retention: Retentions,
}

/// What a group is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GroupState {
    /// Never defined: who sends or reads joins.
    #[default]
    Open,
    /// Only members send and read.
    Defined {
        /// Its name.
        name: String,
        /// Its picture.
        avatar: String,
    },
    /// Deleted for good. Its former members are still known, to be told so.
    Deleted,
}

/// The session now open in a service conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// Its id.
    pub session: Uuid,
    /// Who serves it (bare id); `None` while queued.
    pub agent: Option<Arc<str>>,
    /// Whether that agent has written in it.
    #[serde(default)]
    pub answered: bool,
}

/// The part of a conversation that does not grow with its messages or members: what a snapshot holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Core {
    /// What identifies it.
    pub key: ConversationKey,
    /// When it came into being; `None` as long as nothing has happened in it.
    pub created_at: Option<Millis>,
    /// When it was opened or written to last.
    pub active_at: Millis,
    /// Its newest seq; 0 = no message yet.
    pub head: u64,
    /// Withdrawn messages that somebody may still count as unread.
    pub withdrawn: SeqSet,
    /// Its group (kind 3).
    pub group: GroupState,
    /// Its open session (kind 2).
    pub session: Option<OpenedSession>,
    /// Idempotency keys.
    pub remembered: Remembered,
    /// Messages up to here were removed; 0 = none.
    #[serde(default)]
    pub forgotten: u64,
}

/// Pages of members, as they are stored.
pub type MemberPages = Vec<PageRows<Reader, Cursor>>;

/// See the module's head.
#[derive(Debug, Clone)]
pub struct ConversationState {
    pub(crate) id: Uuid,
    pub(crate) core: Core,
    pub(crate) readers: Readers,
    pub(crate) history: History,
}

impl ConversationState {
    /// A conversation in which nothing has happened.
    pub fn new(id: Uuid, key: ConversationKey) -> Self {
        let core = Core {
            key,
            created_at: None,
            active_at: 0,
            head: 0,
            withdrawn: SeqSet::default(),
            group: GroupState::Open,
            session: None,
            remembered: Remembered::default(),
            forgotten: 0,
        };
        Self { id, core, readers: Readers::default(), history: History::default() }
    }

    /// A conversation as a snapshot and the pages of its readers, on these sides, tell; history pages are put in later.
    pub fn restored(
        id: Uuid,
        core: Core,
        readers: impl IntoIterator<Item = PageRows<Reader, Cursor>>,
        sides: Sides,
    ) -> Self {
        let history = History::beginning_behind(core.forgotten);
        Self { id, core, readers: Readers::from_pages(readers, sides), history }
    }

    /// What does not grow.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// Its readers.
    pub const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Its messages in memory.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Which of these places' pages must be loaded before they can be read; notes that the others are used.
    pub fn use_pages(&mut self, places: RangeInclusive<u64>) -> Vec<u64> {
        if places.is_empty() {
            return Vec::new();
        }
        self.history.touch(*places.start());
        self.history.touch(*places.end());
        self.history.missing(*places.start(), *places.end())
    }

    /// Takes a loaded page of messages in.
    pub fn put_page(&mut self, number: u64, messages: Vec<StoredMessage>) {
        self.history.put(number, messages);
    }

    /// Drops clean pages of messages beyond the bound.
    pub fn evict_pages(&mut self) {
        self.history.evict();
    }

    /// Every changed page, to be saved: of messages, and (kind 3) of members.
    pub fn take_dirty(&mut self) -> (Vec<(u64, PageMessages)>, MemberPages) {
        let members = if self.kind() == Kind::Group { self.readers.take_dirty() } else { Vec::new() };
        (self.history.take_dirty(), members)
    }

    /// Pages of messages that are removed and still stored: to be deleted with the next snapshot.
    pub fn removed_pages(&self) -> Range<u64> {
        self.history.removed()
    }

    /// The pages taken last are stored and the removed ones are deleted, or are to be taken again.
    pub fn end_save(&mut self, messages: &[u64], members: &[u64], removed: &Range<u64>, stored: bool) {
        if stored {
            self.history.saved(messages);
            self.history.deleted(removed.end);
        } else {
            self.history.unsaved(messages);
            self.readers.untake(members.iter().copied());
        }
    }

    /// Whether anything has happened in it.
    pub const fn exists(&self) -> bool {
        self.core.created_at.is_some()
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.core.key.kind()
    }

    /// What members' lists show of a group, as of `position`.
    pub fn group_head(&self, position: Position) -> Head {
        let newest = self.history.newest();
        let (name, avatar) = self.described().unwrap_or_default();
        Head {
            seq: self.core.head,
            sent_at: newest.map_or(0, |message| message.sent_at),
            author: newest.map(|message| message.author.clone()),
            preview: newest.map(|message| Preview::of(&message.body)).unwrap_or_default(),
            last_withdrawn: newest.is_some_and(|message| message.withdrawn_at.is_some()),
            withdrawn: Arc::new(self.core.withdrawn.clone()),
            forgotten: self.core.forgotten,
            name: name.into(),
            avatar: avatar.into(),
            deleted: self.core.group == GroupState::Deleted,
            last_at: self.core.active_at,
            position,
        }
    }

    /// The fact that an event is, for the journal.
    pub fn fact(&self, event: ConversationEvent) -> ConversationFact {
        ConversationFact { conversation: self.id, key: self.core.key.clone(), event }
    }

    /// Takes a decided event in. The history pages it touches are in memory.
    pub fn apply(&mut self, event: &ConversationEvent, at: Millis, limits: &Limits) {
        use ConversationEvent as E;
        self.core.created_at.get_or_insert(at);
        match event {
            E::Opened => self.core.active_at = at,
            E::Sent { seq, author, body, session, idempotency, answers } => {
                self.core.head = self.core.head.max(*seq);
                self.core.active_at = at;
                self.note_author(author, *seq);
                if let Some(open) = self.core.session.as_mut().filter(|_| *answers) {
                    open.answered = true;
                }
                if let Some(given) = idempotency {
                    self.core.remembered.add(&author.address, given, *seq, at, limits);
                }
                self.history.push(StoredMessage {
                    seq: *seq,
                    author: author.clone(),
                    body: Arc::clone(body),
                    session: *session,
                    sent_at: at,
                    withdrawn_at: None,
                    votes: BTreeMap::new(),
                });
            }
            E::Read { reader, seq } => {
                self.ensure_reader(reader);
                self.readers.read(reader, *seq);
                self.prune();
            }
            E::Withdrawn { seq } => {
                self.core.withdrawn.insert(*seq);
                self.history.withdraw(*seq, at);
            }
            E::Voted { seq, voter, vote, .. } => self.history.change(*seq, |message| {
                message.votes.insert(voter.clone(), *vote);
            }),
            E::Joined { member, head } => self.readers.join(&Reader::Party(member.clone()), *head),
            E::Left { member } => self.readers.leave(&Reader::Party(member.clone())),
            E::GroupDefined { name, avatar } => {
                self.core.active_at = at;
                self.core.group = GroupState::Defined { name: name.clone(), avatar: avatar.clone() };
            }
            E::GroupDeleted { .. } => self.core.group = GroupState::Deleted,
            E::Forgotten { through } => self.forget(*through),
        }
    }

    /// Takes in what routing decided, of which only this conversation's open session matters.
    pub fn told(&mut self, fact: &ShuntFact, at: Millis) {
        let ConversationKey::Service(_, own_customer) = &self.core.key else {
            return;
        };
        self.core.created_at.get_or_insert(at);
        for change in &fact.changes {
            match change {
                ShuntChange::SessionOpened(opened) if opened.customer == *own_customer => {
                    self.core.session =
                        Some(OpenedSession { session: opened.session, agent: None, answered: false });
                    self.core.active_at = self.core.active_at.max(at);
                }
                ShuntChange::Assigned { session, agent, .. } => {
                    if let Some(open) = self.core.session.as_mut().filter(|open| open.session == *session) {
                        open.answered &= open.agent.as_ref() == Some(agent);
                        open.agent = Some(Arc::clone(agent));
                    }
                }
                ShuntChange::Requeued { session, .. } | ShuntChange::Moved { session, .. } => {
                    if let Some(open) = self.core.session.as_mut().filter(|open| open.session == *session) {
                        open.agent = None;
                    }
                }
                ShuntChange::Promoted { user, session: Some(open), .. } if user == own_customer => {
                    let agent = open.agent.clone().filter(|_| open.state == SessionState::Serving);
                    self.core.session =
                        Some(OpenedSession { session: open.session, agent, answered: open.replied });
                    self.core.active_at = self.core.active_at.max(at);
                }
                ShuntChange::Promoted { visitor, session: Some(_), .. } if visitor == own_customer => {
                    self.core.session = None;
                }
                ShuntChange::SessionEnded { session, .. } => {
                    self.core.session.take_if(|open| open.session == *session);
                }
                _ => {}
            }
        }
    }

    /// Who reads on the author's side: the desk for everybody but the customer.
    pub(crate) fn reader_of(&self, author: &Author) -> Reader {
        match &self.core.key {
            ConversationKey::Service(_, customer) if !author.is_customer(customer) => Reader::Desk,
            _ => Reader::Party(author.address.clone()),
        }
    }

    fn note_author(&mut self, author: &Author, seq: u64) {
        let reader = self.reader_of(author);
        self.ensure_reader(&reader);
        self.readers.wrote(&reader, seq);
    }

    /// Outside groups, readers are not let in: they are there by the key, with a cursor once they need one.
    fn ensure_reader(&mut self, reader: &Reader) {
        let reads_here = match (&self.core.key, reader) {
            (ConversationKey::Group(_), _) => false,
            (_, Reader::Desk) => true,
            (ConversationKey::Notice(receiver), Reader::Party(address)) => address == receiver,
            (_, Reader::Party(address)) => reads_messages(address),
        };
        if reads_here {
            self.readers.join(reader, 0);
        }
    }

    /// Forgets withdrawn messages that nobody can count as unread any more. Not in groups, where finding the
    /// lowest mark would cost a look at every member.
    fn prune(&mut self) {
        let lowest = match &self.core.key {
            ConversationKey::OneToOne(one, other) => [one, other]
                .into_iter()
                .filter(|address| reads_messages(address))
                .map(|address| self.readers.mark(&Reader::Party(address.clone())))
                .min(),
            ConversationKey::Service(_, customer) => {
                let customer_mark = self.readers.mark(&Reader::Party(customer.clone()));
                Some(customer_mark.min(self.readers.mark(&Reader::Desk)))
            }
            ConversationKey::Group(_) => None,
            ConversationKey::Notice(receiver) => Some(self.readers.mark(&Reader::Party(receiver.clone()))),
        };
        if let Some(lowest) = lowest {
            self.core.withdrawn.forget_through(lowest);
        }
    }
}

/// Systems and bots write but never read.
pub(crate) const fn reads_messages(address: &Address) -> bool {
    !matches!(address.party, PartyType::System | PartyType::Bot)
}
