//! Reading an inbox: counts, lists in order, single rows.
//!
//! Guarantees: rows come newest activity first, ties by conversation id, each once; a list without filters
//! costs its page, not the inbox.

use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;

use super::row::{Last, Row, Session};
use super::{Inbox, OrderKey, newest_first};
use crate::api::SessionState;
use crate::domain::ids::{Address, ConversationKey, EntId, InboxKey, Kind, Millis, PartyType};
use crate::domain::seq_set::SeqSet;

/// Through whose eyes an inbox is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// Its owner's: a party's own inbox.
    Owner,
    /// An agent's at the desk (bare id): unread only where it owns the open session.
    Agent {
        /// Who.
        agent: Arc<str>,
        /// Only conversations that it serves or served; else all of the desk.
        served: bool,
    },
}

/// States of the newest session to choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionIs {
    /// A bot serves.
    WithBot,
    /// It waits.
    Queued,
    /// An agent has it (offered or serving).
    Serving,
    /// It is over.
    Ended,
}

/// What can be chosen without the directory; groups are listed apart (see [`Inbox::groups`]).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only conversations with people: no notices.
    pub people: bool,
    /// Last activity at or after.
    pub from: Option<Millis>,
    /// Last activity before.
    pub until: Option<Millis>,
    /// Whether a human agent serves now.
    pub human: Option<bool>,
    /// By the newest session.
    pub session: Option<SessionIs>,
    /// Only with unread messages.
    pub unread: bool,
    /// Leaves these conversations out, each named once: those that the caller reaches by another address as well.
    pub except: Vec<Uuid>,
}

/// What ordering, merging and directory filters need of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The conversation.
    pub conversation: Uuid,
    /// Its last activity.
    pub last_at: Millis,
    /// Its kind.
    pub kind: Kind,
    /// The serving enterprise (kind 2), else 0.
    pub ent: EntId,
    /// The other party, if it is known.
    pub peer: Option<Address>,
    /// The name its open session shows for the agent (kind 2, as the customer sees it); else empty.
    pub shown_name: String,
}

/// The newest rows that match, and how many match in all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// At most as many as asked, in order.
    pub entries: Vec<Entry>,
    /// All that match.
    pub total: u64,
}

/// A row as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The conversation.
    pub conversation: Uuid,
    /// What identifies it.
    pub key: ConversationKey,
    /// The other party, if it is known.
    pub peer: Option<Address>,
    /// The newest message.
    pub last: Option<Last>,
    /// The newest session.
    pub session: Option<Session>,
    /// Unread through the view.
    pub unread: u64,
    /// Last activity.
    pub last_at: Millis,
}

/// What an inbox knows of a group; the rest is in the group's head.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRow {
    /// The conversation.
    pub conversation: Uuid,
    /// The group's bare id.
    pub group: Arc<str>,
    /// Everything up to here is read.
    pub mark: u64,
    /// Own seqs above the mark.
    pub own: Arc<SeqSet>,
    /// The reader's own last activity there.
    pub last_at: Millis,
}

/// Unread by kind, without groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Kind 1.
    pub one_to_one: u64,
    /// Kind 2.
    pub service: u64,
    /// Kind 4.
    pub notice: u64,
}

impl GroupRow {
    /// `None` for a conversation that is no group.
    pub(super) fn of(conversation: Uuid, row: &Row) -> Option<Self> {
        let ConversationKey::Group(group) = &row.key else { return None };
        Some(Self {
            conversation,
            group: Arc::clone(group),
            mark: row.mark,
            own: Arc::clone(&row.own),
            last_at: row.last_at,
        })
    }
}

impl Filter {
    fn has_row_predicates(&self) -> bool {
        self.from.is_some()
            || self.until.is_some()
            || self.human.is_some()
            || self.session.is_some()
            || self.unread
    }

    fn takes_kind(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind) && !(self.people && kind == Kind::Notice)
    }

    fn takes(&self, row: &Row, unread: u64) -> bool {
        self.takes_kind(row.kind())
            && self.human.is_none_or(|human| human == row.human_serves())
            && self.session.is_none_or(|state| state.is_of(row))
            && !(self.unread && unread == 0)
    }
}

impl SessionIs {
    fn is_of(self, row: &Row) -> bool {
        let Some(session) = &row.session else { return false };
        match self {
            Self::WithBot => session.state == SessionState::Serving && !session.human,
            Self::Queued => session.state == SessionState::Queued,
            Self::Serving => matches!(session.state, SessionState::Serving | SessionState::Offered),
            Self::Ended => session.state == SessionState::Ended,
        }
    }
}

impl Inbox {
    /// Unread by kind through a view, without groups and without the conversations `except`.
    pub fn count(&self, view: &View, except: &[Uuid]) -> Totals {
        let mut totals = match view {
            View::Owner => self.totals,
            View::Agent { agent, .. } => {
                let service = self.unread_by_agent.get(agent).copied().unwrap_or(0);
                Totals { service, ..Totals::default() }
            }
        };
        for row in except.iter().filter_map(|conversation| self.rows.get(conversation)) {
            let counted = self.seen_unread(row, view);
            let total = totals.of_kind(row.kind());
            *total = total.saturating_sub(counted);
        }
        totals
    }

    /// Every group of the inbox, by conversation id.
    pub fn groups(&self) -> Arc<Vec<GroupRow>> {
        Arc::clone(&self.groups)
    }

    /// One group of the inbox.
    pub fn group(&self, conversation: Uuid) -> Option<GroupRow> {
        GroupRow::of(conversation, self.rows.get(&conversation)?)
    }

    /// The newest `limit` rows that match (all with `None`), groups apart.
    pub fn list(&self, view: &View, filter: &Filter, limit: Option<usize>) -> Listing {
        let limit = limit.unwrap_or(usize::MAX);
        let Some(order) = self.order_of(view) else { return Listing::default() };
        let known_total = self.total_unless_filtered(view, filter, order.len());
        let mut listing = Listing { entries: Vec::new(), total: known_total.unwrap_or(0) };
        let wanted =
            known_total.map_or(usize::MAX, |total| limit.min(usize::try_from(total).unwrap_or(limit)));
        let newest = filter.until.map_or(Millis::MAX, |until| until.saturating_sub(1));
        let oldest = filter.from.unwrap_or(Millis::MIN);
        if newest < oldest {
            return listing;
        }
        let window = newest_first(newest, Uuid::nil())..=newest_first(oldest, Uuid::max());
        let _ = order.range(window).try_for_each(|(_, conversation)| {
            if listing.entries.len() >= wanted {
                return ControlFlow::Break(());
            }
            if !filter.except.contains(conversation)
                && let Some(row) = self.rows.get(conversation)
                && filter.takes(row, self.seen_unread(row, view))
            {
                listing.total += u64::from(known_total.is_none());
                if listing.entries.len() < limit {
                    listing.entries.push(self.entry(*conversation, row));
                }
            }
            ControlFlow::Continue(())
        });
        listing
    }

    /// These rows, in this order; those that are gone are left out. Groups are not rows here.
    pub fn show(&self, view: &View, conversations: &[Uuid]) -> Vec<Shown> {
        let shown = conversations.iter().filter_map(|conversation| {
            let row = self.rows.get(conversation).filter(|row| row.kind() != Kind::Group)?;
            Some(Shown {
                conversation: *conversation,
                key: row.key.clone(),
                peer: row.peer(self.reader()),
                last: row.last.clone(),
                session: row.session.clone(),
                unread: self.seen_unread(row, view),
                last_at: row.last_at,
            })
        });
        shown.collect()
    }

    /// The conversations with an open session, with it.
    pub fn open_sessions(&self) -> Vec<(ConversationKey, Uuid)> {
        let open = self.open.iter().filter_map(|(session, conversation)| {
            let row = self.rows.get(conversation)?;
            Some((row.key.clone(), *session))
        });
        open.collect()
    }

    /// Types of the other parties in kind 1, each once.
    pub fn peer_types(&self) -> Vec<PartyType> {
        self.peer_types.iter().filter(|(_, count)| **count > 0).map(|(party, _)| *party).collect()
    }

    /// Whose eyes the inbox's own rows are for; `None` for the desk.
    pub(super) fn reader(&self) -> Option<&Address> {
        match &self.key {
            InboxKey::Party(address) => Some(address),
            InboxKey::Desk(_) => None,
        }
    }

    fn seen_unread(&self, row: &Row, view: &View) -> u64 {
        match view {
            View::Owner => row.unread(),
            View::Agent { agent, .. } if row.owner() == Some(agent) => row.unread(),
            View::Agent { .. } => 0,
        }
    }

    fn order_of(&self, view: &View) -> Option<&std::collections::BTreeSet<OrderKey>> {
        match view {
            View::Agent { agent, served: true } => self.served.get(agent),
            View::Owner | View::Agent { .. } => Some(&self.order),
        }
    }

    /// The total where it is known without looking at rows.
    fn total_unless_filtered(&self, view: &View, filter: &Filter, ordered: usize) -> Option<u64> {
        if filter.has_row_predicates() {
            return None;
        }
        let excepted = filter.except.iter().filter_map(|conversation| self.rows.get(conversation));
        let excepted =
            excepted.filter(|row| row.kind() != Kind::Group && filter.takes_kind(row.kind())).count() as u64;
        let total: u64 = if matches!(view, View::Agent { .. }) {
            // A desk has service conversations only.
            if filter.takes_kind(Kind::Service) { ordered as u64 } else { 0 }
        } else {
            let kinds = [Kind::OneToOne, Kind::Service, Kind::Notice].into_iter();
            kinds.filter(|kind| filter.takes_kind(*kind)).map(|kind| self.rows_of_kind(kind)).sum()
        };
        Some(total.saturating_sub(excepted))
    }

    fn entry(&self, conversation: Uuid, row: &Row) -> Entry {
        let ent = match row.key {
            ConversationKey::Service(ent, _) => ent,
            _ => 0,
        };
        let shown_name = match &row.session {
            Some(session) if self.reader().is_some() && session.is_open() => session.shown_name.clone(),
            _ => String::new(),
        };
        Entry {
            conversation,
            last_at: row.last_at,
            kind: row.kind(),
            ent,
            peer: row.peer(self.reader()),
            shown_name,
        }
    }
}

impl Totals {
    /// The total of a kind; groups have none here and share the notices' (they add 0).
    pub(super) fn of_kind(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::OneToOne => &mut self.one_to_one,
            Kind::Service => &mut self.service,
            Kind::Group | Kind::Notice => &mut self.notice,
        }
    }
}
