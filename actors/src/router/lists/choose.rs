//! The filters of the lists: those an inbox knows, and those that need the directory.

use foldhash::{HashSet, HashSetExt};

use super::gather::Candidate;
use super::groups::Seen;
use crate::api::{self, PeerCard, Query};
use crate::domain::ids::{Address, Kind, canonical_id};
use crate::domain::inbox::{Filter, SessionIs};

/// A request's filters, ready to use.
pub(super) struct Chooser {
    /// What the inbox chooses by.
    pub(super) inbox: Filter,
    people: bool,
    phone: String,
    /// In lower case.
    name: String,
    tourist: Option<bool>,
    without_ids: HashSet<String>,
    without_addresses: HashSet<Address>,
}

impl Chooser {
    pub(super) fn new(filter: &api::Filter, people: bool) -> Self {
        let (mut kind, mut session, mut unread) = (None, None, false);
        match filter.query {
            Query::All => {}
            Query::WithBot => session = Some(SessionIs::WithBot),
            Query::Queued => session = Some(SessionIs::Queued),
            Query::Serving => session = Some(SessionIs::Serving),
            Query::Ended => session = Some(SessionIs::Ended),
            Query::Kind(wanted) => kind = Some(wanted),
            Query::UnreadOnly => unread = true,
        }
        let (from, until, human) = (filter.from, filter.until, filter.human);
        let inbox = Filter { kind, people, from, until, human, session, unread, except: Vec::new() };
        let mut without_ids = HashSet::new();
        let mut without_addresses = HashSet::new();
        for id in &filter.without {
            match id.parse::<Address>() {
                Ok(address) => {
                    without_addresses.insert(address);
                }
                Err(_) => {
                    without_ids.insert(canonical_id(id));
                }
            }
        }
        Self {
            inbox,
            people,
            phone: filter.phone.clone(),
            name: filter.name.to_lowercase(),
            tourist: filter.tourist,
            without_ids,
            without_addresses,
        }
    }

    /// Whether names, phones or flags of the directory decide.
    pub(super) fn needs_cards(&self) -> bool {
        !self.phone.is_empty() || !self.name.is_empty() || self.tourist.is_some()
    }

    /// Whether more than the inbox decides: then all that match must be looked at.
    pub(super) fn looks_at_peers(&self) -> bool {
        self.needs_cards() || !self.without_ids.is_empty() || !self.without_addresses.is_empty()
    }

    /// Whether groups can match at all.
    pub(super) fn takes_groups(&self) -> bool {
        !self.people
            && self.inbox.kind.is_none_or(|kind| kind == Kind::Group)
            && self.inbox.session.is_none()
            && self.inbox.human != Some(true)
    }

    /// The inbox's filters, for a group.
    pub(super) fn takes_group(&self, group: &Seen<'_>) -> bool {
        self.inbox.from.is_none_or(|from| group.last_at >= from)
            && self.inbox.until.is_none_or(|until| group.last_at < until)
            && !(self.inbox.unread && group.unread() == 0)
    }

    /// The filters on the other party. `card` = what the directory knows of it. A desk that nobody serves has
    /// its enterprise's number for an id.
    pub(super) fn takes_peer(&self, candidate: &Candidate, card: Option<&PeerCard>) -> bool {
        let id = match &candidate.peer {
            Some(peer) => peer.id.to_string(),
            None => candidate.ent.to_string(),
        };
        if self.without_ids.contains(&id) {
            return false;
        }
        if candidate.peer.as_ref().is_some_and(|peer| self.without_addresses.contains(peer)) {
            return false;
        }
        if !self.needs_cards() {
            return true;
        }
        let phone = card.map(|card| card.phone.as_str()).unwrap_or_default();
        if !phone.starts_with(&self.phone) {
            return false;
        }
        let tourist = card.is_some_and(|card| card.tourist);
        if self.tourist.is_some_and(|wanted| wanted != tourist) {
            return false;
        }
        let contains = |text: &str| text.to_lowercase().contains(&self.name);
        let name = card.map(|card| card.name.as_str()).unwrap_or_default();
        self.name.is_empty() || contains(candidate.shown_name()) || contains(name) || contains(&id)
    }
}
