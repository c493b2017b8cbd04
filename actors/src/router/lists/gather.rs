//! Gathering: which inboxes a list comes from, and the rows of each that can be on the page.

use std::cmp::Reverse;
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt};
use uuid::Uuid;

use super::choose::Chooser;
use super::groups::{self, GroupView};
use super::{Router, agent_of, shared_conversations, unexpected};
use crate::api::{Caller, ListRequest};
use crate::domain::ids::{Address, EntId, InboxKey, Millis, PartyType};
use crate::domain::inbox::{Entry, Filter, GroupRow, Listing, Totals, View};
use crate::inbox::{Counted, InboxAnswer, InboxCommand};
use crate::runtime::failure::Failure;

/// One inbox and through whose eyes it is read.
pub(super) struct Source {
    pub(super) inbox: InboxKey,
    pub(super) view: View,
}

/// A row that may be on the page.
pub(super) struct Candidate {
    pub(super) conversation: Uuid,
    pub(super) last_at: Millis,
    pub(super) ent: EntId,
    pub(super) peer: Option<Address>,
    pub(super) from: Origin,
}

/// Where a candidate's row is.
pub(super) enum Origin {
    /// In the source of this number; with the name its open session shows.
    Inbox(usize, String),
    /// In the group's head.
    Group(GroupView),
}

/// What the sources gave.
pub(super) struct Candidates {
    pub(super) rows: Vec<Candidate>,
    groups: Vec<Arc<Vec<GroupRow>>>,
}

impl Candidates {
    /// The groups of all sources, each once; taken once.
    pub(super) fn group_rows(&mut self) -> Arc<Vec<GroupRow>> {
        groups::merged(std::mem::take(&mut self.groups))
    }
}

struct Listed {
    listing: Listing,
    groups: Arc<Vec<GroupRow>>,
    peer_types: Vec<PartyType>,
}

impl Source {
    /// A caller's own inboxes, and for an agent the desk's conversations that it serves or served.
    pub(super) fn conversations(caller: &Caller) -> Vec<Self> {
        let mut sources = Self::own(caller);
        if let Some(agent) = agent_of(caller) {
            let view = View::Agent { agent: Arc::clone(&agent.id), served: true };
            sources.push(Self { inbox: InboxKey::Desk(caller.ent), view });
        }
        sources
    }

    /// The inboxes whose conversations are with people: for an agent the whole desk.
    pub(super) fn people(caller: &Caller) -> Vec<Self> {
        let Some(agent) = agent_of(caller) else { return Self::own(caller) };
        let view = View::Agent { agent: Arc::clone(&agent.id), served: false };
        vec![Self { inbox: InboxKey::Desk(caller.ent), view }]
    }

    fn own(caller: &Caller) -> Vec<Self> {
        let addresses = caller.addresses().into_iter();
        addresses.map(|address| Self { inbox: InboxKey::Party(address), view: View::Owner }).collect()
    }
}

impl Candidate {
    fn row(source: usize, entry: Entry) -> Self {
        Self {
            conversation: entry.conversation,
            last_at: entry.last_at,
            ent: entry.ent,
            peer: entry.peer,
            from: Origin::Inbox(source, entry.shown_name),
        }
    }

    pub(super) fn group(group: GroupView) -> Self {
        Self {
            conversation: group.conversation,
            last_at: group.last_at,
            ent: 0,
            peer: Some(Address::new(PartyType::Group, Arc::clone(&group.group))),
            from: Origin::Group(group),
        }
    }

    /// The name it shows apart from the directory's.
    pub(super) fn shown_name(&self) -> &str {
        match &self.from {
            Origin::Inbox(_, name) => name,
            Origin::Group(group) => &group.head.name,
        }
    }

    /// Newest activity first, ties by id.
    pub(super) fn place(&self) -> (Reverse<Millis>, Uuid) {
        (Reverse(self.last_at), self.conversation)
    }
}

impl Router {
    pub(super) async fn count(
        &self,
        source: &Source,
        except: Vec<Uuid>,
    ) -> Result<(Totals, Arc<Vec<GroupRow>>), Failure> {
        let same = |kept: &Counted| kept.view == source.view && kept.except == except;
        let kept = |kept: &Counted| same(kept).then(|| (kept.totals, Arc::clone(&kept.groups)));
        if let Some(counted) = self.inboxes.kept(&source.inbox, kept) {
            return Ok(counted);
        }
        let ask = InboxCommand::Count { view: source.view.clone(), except };
        match self.inboxes.ask(&source.inbox, ask).await? {
            InboxAnswer::Count { totals, groups } => Ok((totals, groups)),
            _ => Err(unexpected()),
        }
    }

    /// The rows of all sources that can be on the page (all that match if the directory decides), without
    /// groups, and how many match.
    pub(super) async fn gather(
        &self,
        sources: &[Source],
        request: &ListRequest,
        chooser: &Chooser,
    ) -> Result<(Candidates, u64), Failure> {
        let limit = (!chooser.looks_at_peers()).then(|| reach(request));
        let filters = filters(sources, chooser, &shared_conversations(&request.caller));
        let mut listed = self.list_all(sources, &filters, limit, chooser.takes_groups()).await?;
        if chooser.inbox.people && may_share_people(&listed) {
            self.one_row_per_person(sources, &filters, &mut listed).await?;
        }
        let mut candidates = Candidates { rows: Vec::new(), groups: Vec::new() };
        let mut total = 0;
        for (source, listed) in listed.into_iter().enumerate() {
            total += listed.listing.total;
            candidates.groups.push(listed.groups);
            let entries = listed.listing.entries.into_iter();
            candidates.rows.extend(entries.map(|entry| Candidate::row(source, entry)));
        }
        Ok((candidates, total))
    }

    async fn list_all(
        &self,
        sources: &[Source],
        filters: &[Filter],
        limit: Option<usize>,
        groups: bool,
    ) -> Result<Vec<Listed>, Failure> {
        let asked = sources.iter().zip(filters).map(|(source, filter)| async move {
            let (view, filter) = (source.view.clone(), filter.clone());
            match self.inboxes.ask(&source.inbox, InboxCommand::List { view, filter, limit, groups }).await? {
                InboxAnswer::List { listing, groups, peer_types } => {
                    Ok(Listed { listing, groups, peer_types })
                }
                _ => Err(unexpected()),
            }
        });
        futures::future::try_join_all(asked).await
    }

    /// Two addresses of a caller may each have a conversation with the same person: the newest one is the
    /// person's row, and the filters judge that row. Costs all rows of both, so it is done only where both
    /// have peers of one type.
    async fn one_row_per_person(
        &self,
        sources: &[Source],
        filters: &[Filter],
        listed: &mut Vec<Listed>,
    ) -> Result<(), Failure> {
        let everyone: Vec<Filter> = filters
            .iter()
            .map(|filter| Filter { people: true, except: filter.except.clone(), ..Filter::default() })
            .collect();
        let all = self.list_all(sources, &everyone, None, false).await?;
        let mut rows: Vec<Entry> = all.into_iter().flat_map(|listed| listed.listing.entries).collect();
        rows.sort_by_key(|entry| (Reverse(entry.last_at), entry.conversation));
        let mut seen = HashSet::new();
        let mut older = HashSet::new();
        for entry in rows {
            // A desk is no person: whoever serves there, its row stays.
            let person = entry.peer.filter(|_| entry.kind == crate::domain::ids::Kind::OneToOne);
            let person = person.map(|peer| self.person(&peer));
            if person.is_some_and(|person| !seen.insert(person)) {
                older.insert(entry.conversation);
            }
        }
        *listed = self.list_all(sources, filters, None, false).await?;
        for listed in listed {
            listed.listing.entries.retain(|entry| !older.contains(&entry.conversation));
            listed.listing.total = listed.listing.entries.len() as u64;
        }
        Ok(())
    }
}

/// How many of the newest rows reach to the end of the page.
pub(super) fn reach(request: &ListRequest) -> usize {
    usize::try_from(request.page.saturating_mul(request.size)).unwrap_or(usize::MAX)
}

/// The filter of each source. The conversation of two of a caller's addresses with each other is listed once (by
/// the earlier one), never unread, and is with nobody else.
fn filters(sources: &[Source], chooser: &Chooser, shared: &[(usize, Uuid)]) -> Vec<Filter> {
    let filter = |number: usize| {
        let nowhere = chooser.inbox.people || chooser.inbox.unread;
        let excepted = shared.iter().filter(|(later, _)| *later == number || nowhere);
        let except = excepted.map(|(_, conversation)| *conversation).collect();
        Filter { except, ..chooser.inbox.clone() }
    };
    (0..sources.len()).map(filter).collect()
}

fn may_share_people(listed: &[Listed]) -> bool {
    let mut seen = HashSet::new();
    listed.iter().flat_map(|listed| &listed.peer_types).any(|party| !seen.insert(*party))
}
