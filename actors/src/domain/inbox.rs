//! An inbox: one address's conversations, or all service conversations of an enterprise's desk.
//!
//! Guarantees: a pure projection of committed facts in position order. Totals always equal the sum of the
//! rows and are never negative; own messages and withdrawn ones never count; sending moves no read mark.
//! Group rows hold only what is the reader's own; the rest is in the group's head.

mod list;
mod row;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;

pub use self::list::{Entry, Filter, GroupRow, Listing, SessionIs, Shown, Totals, View};
pub use self::row::{Last, Row, Session};
use super::event::{
    Carried, ConversationEvent, ConversationFact, Fact, Reader, Recorded, ShuntChange, ShuntFact,
};
use super::ids::{Address, ConversationKey, EntId, InboxKey, Kind, Millis, PartyType};
use super::message::Author;
use super::paged::{PageRows, Paged};
use super::shadow::Sides;
use crate::api::SessionState;

/// Place of a row in lists: newest activity first, ties by conversation id.
type OrderKey = (Reverse<Millis>, Uuid);

const fn newest_first(last_at: Millis, conversation: Uuid) -> OrderKey {
    (Reverse(last_at), conversation)
}

/// See the module's head. All rows are in memory while the inbox is active.
#[derive(Debug, Clone)]
pub struct Inbox {
    key: InboxKey,
    rows: Paged<Uuid, Row>,
    /// Every row but groups.
    order: BTreeSet<OrderKey>,
    /// Groups by conversation: their order in lists comes from their heads. Shared with the lists being made.
    groups: Arc<Vec<GroupRow>>,
    /// Rows with an open session, by session: one that moved with a promotion is open in two rows of the desk.
    open: BTreeSet<(Uuid, Uuid)>,
    /// Desk: the rows that each agent serves or served.
    served: HashMap<Arc<str>, BTreeSet<OrderKey>>,
    /// Unread by kind, the sum of the rows.
    totals: Totals,
    /// Desk: unread of the rows whose open session an agent owns; agents without are left out.
    unread_by_agent: HashMap<Arc<str>, u64>,
    /// Rows by kind, groups left out.
    kinds: BTreeMap<Kind, u64>,
    /// Rows of kind 1 by the type of the other party.
    peer_types: BTreeMap<PartyType, u64>,
}

/// Rows up to which every change is checked against a recount in debug builds: larger inboxes would make
/// tests quadratic.
#[cfg(debug_assertions)]
const CHECKED_ROWS: usize = 32;

impl Inbox {
    /// An inbox that was never told anything.
    pub fn new(key: InboxKey) -> Self {
        Self {
            key,
            rows: Paged::default(),
            order: BTreeSet::new(),
            groups: Arc::default(),
            open: BTreeSet::new(),
            served: HashMap::new(),
            totals: Totals::default(),
            unread_by_agent: HashMap::new(),
            kinds: BTreeMap::new(),
            peer_types: BTreeMap::new(),
        }
    }

    /// The inbox that wrote these pages (all of them) to these sides.
    pub fn from_pages(
        key: InboxKey,
        pages: impl IntoIterator<Item = PageRows<Uuid, Row>>,
        sides: Sides,
    ) -> Self {
        let rows = Paged::from_pages(pages, sides);
        let mut inbox = Self::new(key);
        for (conversation, row) in rows.iter() {
            inbox.index(*conversation, row);
        }
        inbox.rows = rows;
        inbox
    }

    /// Its rows, to be saved.
    pub const fn pages(&mut self) -> &mut Paged<Uuid, Row> {
        &mut self.rows
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = (&Uuid, &Row)> {
        self.rows.iter()
    }

    /// How many pages its rows spread over.
    pub fn page_count(&self) -> u64 {
        self.rows.page_count()
    }

    /// Whether rows changed since they were last taken to be saved.
    pub fn is_dirty(&self) -> bool {
        self.rows.is_dirty()
    }

    /// Takes a committed fact that concerns it. Total: what does not concern it changes nothing.
    pub fn apply(&mut self, event: &Recorded) {
        match &event.fact {
            Fact::Conversation(fact) => self.apply_conversation(fact, event.at),
            Fact::Shunt(fact) => self.apply_shunt(fact, event.at),
        }
        #[cfg(debug_assertions)]
        if self.rows.len() <= CHECKED_ROWS {
            self.check();
        }
    }

    fn apply_conversation(&mut self, fact: &ConversationFact, at: Millis) {
        use ConversationEvent as E;
        let conversation = fact.conversation;
        match &fact.event {
            E::Opened => self.open_row(conversation, &fact.key, at),
            E::Sent { seq, author, body, .. } => {
                let own = self.is_own(&fact.key, author);
                self.open_row(conversation, &fact.key, at);
                self.change(conversation, |row| row.sent(*seq, author, body, own, at));
            }
            E::Read { reader, seq } if self.reads_as(reader) => {
                self.change(conversation, |row| row.read(*seq));
            }
            E::Withdrawn { seq } => self.change(conversation, |row| row.withdrew(*seq)),
            E::Forgotten { through } => self.change(conversation, |row| row.forgot(*through)),
            E::Joined { member, head } if self.reader() == Some(member) => {
                self.join(conversation, &fact.key, *head, at);
            }
            E::Left { member } if self.reader() == Some(member) => self.remove(conversation),
            E::GroupDeleted { .. } => self.remove(conversation),
            E::Read { .. } | E::Joined { .. } | E::Left { .. } => {}
            E::Voted { .. } | E::GroupDefined { .. } => {}
        }
    }

    fn apply_shunt(&mut self, fact: &ShuntFact, at: Millis) {
        for change in &fact.changes {
            if let ShuntChange::Promoted { visitor, user, session: Some(open) } = change {
                self.apply_promotion(fact.ent, [visitor, user], open, at);
            }
            let Some((_, customer)) = change.concerns() else { continue };
            if self.reader().is_some_and(|reader| reader != customer) {
                continue;
            }
            let key = ConversationKey::Service(fact.ent, customer.clone());
            self.apply_session(key.id(), &key, change, at);
        }
    }

    /// An open session moves to the user's conversation. At the desk it stays in the visitor's as well, so that
    /// what was written there before it moved stays unread for the agent who serves it.
    fn apply_promotion(&mut self, ent: EntId, [visitor, user]: [&Address; 2], open: &Carried, at: Millis) {
        let at_desk = self.reader().is_none();
        for customer in [visitor, user] {
            if self.reader().is_some_and(|reader| reader != customer) {
                continue;
            }
            let key = ConversationKey::Service(ent, customer.clone());
            let conversation = key.id();
            if customer == user {
                self.open_row(conversation, &key, at);
            }
            self.change(conversation, |row| {
                if customer == visitor && !at_desk {
                    row.session.take_if(|newest| newest.session == open.session);
                    return;
                }
                let session = Session::carried(open);
                row.served_by.extend(session.agent.clone().filter(|_| at_desk && session.human));
                row.session = Some(session);
                if customer == user {
                    row.last_at = row.last_at.max(at);
                }
            });
        }
    }

    /// The rows in which a session is open, and the row of its present conversation.
    fn rows_of(&self, session: Uuid, conversation: Uuid) -> BTreeSet<Uuid> {
        let open = self.open.range((session, Uuid::nil())..=(session, Uuid::max()));
        open.map(|(_, row)| *row).chain([conversation]).collect()
    }

    /// A session's change is no message. Its opening is activity (the customer turned to the desk); its
    /// assignment and its end are not.
    fn apply_session(&mut self, conversation: Uuid, key: &ConversationKey, change: &ShuntChange, at: Millis) {
        if let ShuntChange::SessionOpened(opened) = change {
            self.open_row(conversation, key, at);
            self.change(conversation, |row| {
                row.session = Some(Session::queued(opened, at));
                row.last_at = row.last_at.max(at);
            });
            return;
        }
        let Some((session, _)) = change.concerns() else { return };
        for conversation in self.rows_of(session, conversation) {
            self.change_session(conversation, change);
        }
    }

    fn change_session(&mut self, conversation: Uuid, change: &ShuntChange) {
        let at_desk = self.reader().is_none();
        self.change(conversation, |row| {
            let Some(newest) = &mut row.session else { return };
            match change {
                ShuntChange::Assigned { session, agent, agent_name, .. } if newest.session == *session => {
                    newest.state = SessionState::Serving;
                    newest.agent = Some(Arc::clone(agent));
                    newest.human = true;
                    if newest.agents_name || newest.shown_name.is_empty() {
                        newest.agents_name = true;
                        newest.shown_name.clone_from(agent_name);
                    }
                    if at_desk {
                        row.served_by.insert(Arc::clone(agent));
                    }
                }
                ShuntChange::Offered { session, agent, .. } if newest.session == *session => {
                    newest.state = SessionState::Offered;
                    newest.agent = Some(Arc::clone(agent));
                    newest.human = false;
                }
                ShuntChange::BotTook { session, .. } if newest.session == *session => {
                    newest.state = SessionState::Serving;
                }
                ShuntChange::Requeued { session, .. } | ShuntChange::Moved { session, .. }
                    if newest.session == *session =>
                {
                    newest.state = SessionState::Queued;
                    newest.agent = None;
                    newest.human = false;
                    if newest.agents_name {
                        newest.shown_name.clear();
                    }
                }
                ShuntChange::SessionEnded { session, .. } if newest.session == *session => {
                    newest.state = SessionState::Ended;
                }
                _ => {}
            }
        });
    }

    /// The desk's own side is everyone but the customer.
    fn is_own(&self, key: &ConversationKey, author: &Author) -> bool {
        match (self.reader(), key) {
            (Some(reader), _) => author.address == *reader,
            (None, ConversationKey::Service(_, customer)) => !author.is_customer(customer),
            (None, _) => false,
        }
    }

    fn reads_as(&self, reader: &Reader) -> bool {
        match (reader, self.reader()) {
            (Reader::Party(party), Some(own)) => party == own,
            (Reader::Desk, None) => true,
            _ => false,
        }
    }

    /// Gives the conversation a row unless it has one. A group's row comes from joining only.
    fn open_row(&mut self, conversation: Uuid, key: &ConversationKey, at: Millis) {
        if key.kind() == Kind::Group || self.rows.contains(&conversation) {
            return;
        }
        self.put(conversation, Row::new(key.clone(), at));
    }

    fn join(&mut self, conversation: Uuid, key: &ConversationKey, head: u64, at: Millis) {
        if self.rows.contains(&conversation) {
            return;
        }
        self.put(conversation, Row { joined: head, mark: head, ..Row::new(key.clone(), at) });
    }

    fn put(&mut self, conversation: Uuid, row: Row) {
        self.index(conversation, &row);
        self.rows.insert(conversation, row);
    }

    fn remove(&mut self, conversation: Uuid) {
        if let Some(row) = self.rows.remove(&conversation) {
            self.unindex(conversation, &row);
        }
    }

    /// The one way a row changes: out of every index, changed, back in.
    fn change(&mut self, conversation: Uuid, change: impl FnOnce(&mut Row)) {
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(row) = rows.get_mut(&conversation) {
            self.unindex(conversation, row);
            change(row);
            self.index(conversation, row);
        }
        self.rows = rows;
    }

    fn index(&mut self, conversation: Uuid, row: &Row) {
        if let Some(group) = GroupRow::of(conversation, row) {
            if let Err(place) = self.group_place(conversation) {
                Arc::make_mut(&mut self.groups).insert(place, group);
            }
            return;
        }
        let place = newest_first(row.last_at, conversation);
        self.order.insert(place);
        for agent in &row.served_by {
            self.served.entry(Arc::clone(agent)).or_default().insert(place);
        }
        self.open.extend(row.open_session().map(|session| (session, conversation)));
        *self.kinds.entry(row.kind()).or_default() += 1;
        if let Some(party) = kind_1_peer(row, self.reader()) {
            *self.peer_types.entry(party).or_default() += 1;
        }
        let unread = row.unread();
        *self.totals.of_kind(row.kind()) += unread;
        if let Some(owner) = row.owner().filter(|_| unread > 0 && self.reader().is_none()) {
            *self.unread_by_agent.entry(Arc::clone(owner)).or_default() += unread;
        }
    }

    fn unindex(&mut self, conversation: Uuid, row: &Row) {
        if row.kind() == Kind::Group {
            if let Ok(place) = self.group_place(conversation) {
                Arc::make_mut(&mut self.groups).remove(place);
            }
            return;
        }
        let place = newest_first(row.last_at, conversation);
        self.order.remove(&place);
        for agent in &row.served_by {
            if let Some(order) = self.served.get_mut(agent) {
                order.remove(&place);
            }
        }
        if let Some(session) = row.open_session() {
            self.open.remove(&(session, conversation));
        }
        take(self.kinds.entry(row.kind()).or_default(), 1);
        if let Some(party) = kind_1_peer(row, self.reader()) {
            take(self.peer_types.entry(party).or_default(), 1);
        }
        let unread = row.unread();
        take(self.totals.of_kind(row.kind()), unread);
        if let Some(owner) = row.owner().filter(|_| unread > 0 && self.reader().is_none())
            && let Some(total) = self.unread_by_agent.get_mut(owner)
        {
            take(total, unread);
            if *total == 0 {
                self.unread_by_agent.remove(owner);
            }
        }
    }

    fn group_place(&self, conversation: Uuid) -> Result<usize, usize> {
        self.groups.binary_search_by_key(&conversation, |group| group.conversation)
    }

    fn rows_of_kind(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// Every index against a recount.
    #[cfg(debug_assertions)]
    fn check(&self) {
        let mut recount = Self::new(self.key.clone());
        for (conversation, row) in self.rows.iter() {
            recount.index(*conversation, row);
        }
        debug_assert_eq!(self.totals, recount.totals, "totals are the sum of the rows");
        debug_assert_eq!(self.unread_by_agent, recount.unread_by_agent, "so are the agents'");
        debug_assert_eq!(self.order, recount.order, "every row is listed once");
        debug_assert_eq!(self.groups, recount.groups, "every group is listed once");
        debug_assert_eq!(self.open, recount.open, "every open session is known");
    }
}

/// The type of the other party in kind 1.
fn kind_1_peer(row: &Row, reader: Option<&Address>) -> Option<PartyType> {
    if row.kind() != Kind::OneToOne {
        return None;
    }
    row.peer(reader).map(|peer| peer.party)
}

/// Takes `less` off a total that holds at least that much.
fn take(total: &mut u64, less: u64) {
    debug_assert!(*total >= less, "a total is the sum of its parts");
    *total = total.saturating_sub(less);
}
