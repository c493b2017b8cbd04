//! Showing: the page cut out of the candidates, and its rows as callers see them.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;

use super::choose::Chooser;
use super::gather::{Candidate, Origin, Source};
use super::groups::GroupView;
use super::{Router, shared_conversations, unexpected};
use crate::api::{ConversationRow, LastMessage, ListRequest, PeerCard, Rejection, Rows, SessionCard};
use crate::domain::ids::{Address, ConversationKey, Kind, MessageId, PartyType};
use crate::domain::inbox::{Session, Shown};
use crate::inbox::{InboxAnswer, InboxCommand};
use crate::runtime::failure::Failure;

impl Router {
    /// Applies the filters on the other party, orders, cuts the page and fills its rows.
    pub(super) async fn page(
        &self,
        sources: &[Source],
        mut candidates: Vec<Candidate>,
        mut total: u64,
        request: &ListRequest,
        chooser: &Chooser,
    ) -> Result<Rows<ConversationRow>, Rejection> {
        if chooser.looks_at_peers() {
            let cards = match chooser.needs_cards() {
                true => self.cards_of(&candidates).await?,
                false => HashMap::new(),
            };
            candidates.retain(|candidate| {
                let card = candidate.peer.as_ref().and_then(|peer| cards.get(peer));
                chooser.takes_peer(candidate, card)
            });
            total = candidates.len() as u64;
        }
        candidates.sort_unstable_by_key(Candidate::place);
        let skip = request.page.saturating_sub(1).saturating_mul(request.size);
        let (skip, size) = (usize::try_from(skip).unwrap_or(usize::MAX), request.size);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let page: Vec<Candidate> = candidates.into_iter().skip(skip).take(size).collect();
        let shared = shared_conversations(&request.caller);
        let shared: Vec<Uuid> = shared.into_iter().map(|(_, conversation)| conversation).collect();
        let rows = self.fill(sources, page, &shared).await?;
        Ok(Rows { rows, total })
    }

    async fn cards_of(&self, candidates: &[Candidate]) -> Result<HashMap<Address, PeerCard>, Rejection> {
        let peers: Vec<Address> = candidates.iter().filter_map(|candidate| candidate.peer.clone()).collect();
        self.cards(&peers).await
    }

    /// Asks each source for its rows of the page. A row that is gone since is left out.
    async fn fill(
        &self,
        sources: &[Source],
        page: Vec<Candidate>,
        shared: &[Uuid],
    ) -> Result<Vec<ConversationRow>, Rejection> {
        let asked = sources.iter().enumerate().map(|(number, source)| {
            let mine = page.iter().filter(|row| matches!(row.from, Origin::Inbox(from, _) if from == number));
            self.show(source, mine.map(|row| row.conversation).collect())
        });
        let shown = futures::future::try_join_all(asked).await?;
        let mut shown: HashMap<Uuid, Shown> =
            shown.into_iter().flatten().map(|row| (row.conversation, row)).collect();
        // A peer may have changed since: the customer's agent.
        let peers: Vec<Address> = shown.values().filter_map(|row| row.peer.clone()).collect();
        let mut cards = self.cards(&peers).await?;
        self.mark_online(&mut cards).await?;
        let rows = page.into_iter().filter_map(|candidate| match candidate.from {
            Origin::Group(view) => Some(group(view)),
            Origin::Inbox(..) => {
                let found = shown.remove(&candidate.conversation)?;
                Some(row(found, &cards, shared))
            }
        });
        Ok(rows.collect())
    }

    /// Agents are online while they take customers.
    async fn mark_online(&self, cards: &mut HashMap<Address, PeerCard>) -> Result<(), Rejection> {
        let agents = cards.keys().filter(|address| address.party == PartyType::Agent);
        let agents: Vec<_> = agents.map(|address| Arc::clone(&address.id)).collect();
        if agents.is_empty() {
            return Ok(());
        }
        for agent in self.agents_online(agents).await? {
            if let Some(card) = cards.get_mut(&Address::agent(agent)) {
                card.online = true;
            }
        }
        Ok(())
    }

    async fn show(&self, source: &Source, conversations: Vec<Uuid>) -> Result<Vec<Shown>, Failure> {
        if conversations.is_empty() {
            return Ok(Vec::new());
        }
        let ask = InboxCommand::Show { view: source.view.clone(), conversations };
        match self.inboxes.ask(&source.inbox, ask).await? {
            InboxAnswer::Show(shown) => Ok(shown),
            _ => Err(unexpected()),
        }
    }
}

/// A row of an inbox. `shared` = the conversations of the caller's own addresses: nothing there is unread.
pub(super) fn row(shown: Shown, cards: &HashMap<Address, PeerCard>, shared: &[Uuid]) -> ConversationRow {
    let conversation = shown.conversation;
    let known = shown.peer.as_ref().and_then(|peer| cards.get(peer)).cloned();
    let mut peer = known.unwrap_or_else(|| PeerCard { address: shown.peer.clone(), ..PeerCard::default() });
    if let (Some(address), Some(session)) = (&shown.peer, &shown.session)
        && address.party == PartyType::Agent
        && !session.shown_name.is_empty()
    {
        peer.name.clone_from(&session.shown_name);
    }
    let last = shown.last.map(|last| LastMessage {
        message: MessageId { conversation, seq: last.seq },
        preview: last.preview,
        sent_at: last.sent_at,
        withdrawn: last.withdrawn,
    });
    ConversationRow {
        conversation,
        kind: shown.key.kind(),
        ent: match shown.key {
            ConversationKey::Service(ent, _) => ent,
            _ => 0,
        },
        peer,
        session: shown.session.as_ref().map(card),
        last,
        unread: if shared.contains(&conversation) { 0 } else { shown.unread },
        last_at: shown.last_at,
    }
}

fn card(session: &Session) -> SessionCard {
    SessionCard {
        session: session.session,
        state: session.state,
        agent: session.agent.as_ref().map(ToString::to_string),
        shown_name: session.shown_name.clone(),
        human: session.is_open() && session.human,
    }
}

/// A group's row.
pub(super) fn group(view: GroupView) -> ConversationRow {
    let GroupView { conversation, group, head, unread, last_at } = view;
    let peer = PeerCard {
        address: Some(Address::new(PartyType::Group, group)),
        name: head.name.to_string(),
        avatar: head.avatar.to_string(),
        ..PeerCard::default()
    };
    let last = (head.seq > 0).then(|| LastMessage {
        message: MessageId { conversation, seq: head.seq },
        preview: head.preview.clone(),
        sent_at: head.sent_at,
        withdrawn: head.last_withdrawn,
    });
    ConversationRow { conversation, kind: Kind::Group, ent: 0, peer, session: None, last, unread, last_at }
}
