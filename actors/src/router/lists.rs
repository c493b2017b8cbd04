//! Lists and counts: what a caller finds in its inboxes.
//!
//! Guarantees: a conversation that a caller reaches by two addresses appears and counts once, by the furthest
//! read mark; rows come newest activity first, ties by conversation id; `total` counts all that match. The
//! cost of a first page without filters does not grow with the caller's conversations; with its groups it grows by a
//! look at each one's head.

mod choose;
mod gather;
mod groups;
mod show;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use uuid::Uuid;

use self::choose::Chooser;
use self::gather::{Candidate, Source};
use self::groups::KnownHeads;
use super::Router;
use crate::api::{Caller, ConversationRow, Hat, ListRequest, Rejection, Rows, Unread};
use crate::domain::ids::{Address, ConversationKey, InboxKey};
use crate::domain::inbox::View;
use crate::inbox::{InboxAnswer, InboxCommand};
use crate::runtime::failure::Failure;

/// An actor answered something else than it was asked: a bug, told as a lost answer.
fn unexpected() -> Failure {
    Failure::Lost
}

impl Router {
    /// Unread by kind over all addresses of the caller; for an agent with the customers whose open session it
    /// owns.
    ///
    /// # Errors
    /// Only failures.
    pub async fn unread(&self, caller: &Caller) -> Result<Unread, Rejection> {
        let shared: Vec<Uuid> = shared_conversations(caller).into_iter().map(|(_, id)| id).collect();
        let sources = Source::conversations(caller);
        let mut heads = KnownHeads::default();
        loop {
            let told = self.world.journal.committed();
            let mut unread = Unread::default();
            let mut group_rows = Vec::with_capacity(sources.len());
            let counts = sources.iter().map(|source| self.count(source, shared.clone()));
            for (totals, groups) in futures::future::try_join_all(counts).await? {
                unread.one_to_one += totals.one_to_one;
                unread.service += totals.service;
                unread.notice += totals.notice;
                group_rows.push(groups);
            }
            let group_rows = groups::merged(group_rows);
            if let Some(group) = self.unread_of_groups(&mut heads, &group_rows, told).await? {
                return Ok(Unread { group, ..unread });
            }
        }
    }

    /// One row per conversation: the caller's own and, for an agent, those that it serves or served.
    ///
    /// # Errors
    /// Only failures.
    pub async fn conversations(&self, request: ListRequest) -> Result<Rows<ConversationRow>, Rejection> {
        let sources = Source::conversations(&request.caller);
        let chooser = Chooser::new(&request.filter, false);
        let mut heads = KnownHeads::default();
        let (candidates, total) = loop {
            let told = self.world.journal.committed();
            let (mut candidates, mut total) = self.gather(&sources, &request, &chooser).await?;
            let rows = if chooser.takes_groups() { candidates.group_rows() } else { Arc::default() };
            let limit = if chooser.looks_at_peers() { usize::MAX } else { gather::reach(&request) };
            if let Some((newest, count)) =
                self.newest_groups(&mut heads, &rows, told, &chooser, limit).await?
            {
                candidates.rows.extend(newest.into_iter().map(Candidate::group));
                total += count;
                break (candidates, total);
            }
        };
        self.page(&sources, candidates.rows, total, &request, &chooser).await
    }

    /// One row per person, each with its newest conversation. An agent: the customers of all service
    /// conversations of its enterprise. A user: everyone it has a conversation of kind 1 with, and the desks
    /// (a desk is a party of its own, whoever serves).
    ///
    /// # Errors
    /// Only failures.
    pub async fn people(&self, request: ListRequest) -> Result<Rows<ConversationRow>, Rejection> {
        let sources = Source::people(&request.caller);
        let chooser = Chooser::new(&request.filter, true);
        let (candidates, total) = self.gather(&sources, &request, &chooser).await?;
        self.page(&sources, candidates.rows, total, &request, &chooser).await
    }

    /// The service conversations of a customer with an open session, with it.
    ///
    /// # Errors
    /// Only failures.
    pub async fn open_service_sessions(
        &self,
        customer: &Address,
    ) -> Result<Vec<(ConversationKey, Uuid)>, Rejection> {
        let inbox = InboxKey::Party(customer.clone());
        match self.inboxes.ask(&inbox, InboxCommand::OpenSessions).await? {
            InboxAnswer::OpenSessions(open) => Ok(open),
            _ => Err(unexpected().into()),
        }
    }

    /// One conversation as an inbox has it; `None` if it is not there.
    ///
    /// # Errors
    /// Only failures.
    pub async fn conversation_row(
        &self,
        inbox: &InboxKey,
        conversation: Uuid,
    ) -> Result<Option<ConversationRow>, Rejection> {
        let mut heads = KnownHeads::default();
        loop {
            let told = self.world.journal.committed();
            let ask = InboxCommand::Row { view: View::Owner, conversation };
            match self.inboxes.ask(inbox, ask).await? {
                InboxAnswer::Row(None) => return Ok(None),
                InboxAnswer::Row(Some(row)) => {
                    let peers: Vec<Address> = row.peer.iter().cloned().collect();
                    let cards = self.cards(&peers).await?;
                    return Ok(Some(show::row(*row, &cards, &[])));
                }
                InboxAnswer::Group(group) => {
                    if let Some(view) = self.listed_group(&mut heads, &group, told).await? {
                        return Ok(Some(show::group(view)));
                    }
                }
                _ => return Err(unexpected().into()),
            }
        }
    }
}

/// The conversations that two addresses of a caller can share besides groups: theirs with each other. Each with the
/// place of the later one among the caller's addresses.
fn shared_conversations(caller: &Caller) -> Vec<(usize, Uuid)> {
    let addresses = caller.addresses();
    let pairs = addresses.iter().enumerate().flat_map(|(later, other)| {
        let earlier = addresses.iter().take(later);
        earlier.map(move |one| (later, ConversationKey::one_to_one(one.clone(), other.clone()).id()))
    });
    pairs.collect()
}

/// The agent's bare id, if the caller wears the agent's hat and named itself.
fn agent_of(caller: &Caller) -> Option<&Address> {
    caller.own.as_ref().filter(|_| caller.hat == Hat::Agent)
}
