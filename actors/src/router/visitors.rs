//! Visitors who become registered users, and whom an address names since.
//!
//! The order of a merge's writes, and what a crash leaves, stands in [`crate::aliases`].

use futures::StreamExt;

use super::Router;
use crate::aliases::{REGISTRAR, exchanged};
use crate::api::{Caller, ConversationRef, ReadRequest, Rejection, SendTo, Sent, ServiceRef};
use crate::conversation::{ConversationAnswer, ConversationCommand};
use crate::domain::conversation::sending::Send;
use crate::domain::ids::{Address, EntId, PartyType};
use crate::domain::refusal::Refusal;
use crate::domain::shunt::{Answer, Command, MAX_VISITORS};
use crate::ports::StoreError;
use crate::runtime::failure::Failure;

/// Routings asked at once to follow a merge.
const FOLLOWING_AT_ONCE: usize = 64;

impl Router {
    /// Merges a visitor into a registered user (bare ids): from now on the visitor's address is another name of the
    /// user, and what the visitor has open is the user's. Whether this call did it: merging twice is merging once.
    /// The user need not be known to the directory.
    ///
    /// # Errors
    /// `UnknownUser` for a visitor nobody made, `NotAVisitor`, `NotRegistered` for a user that is a visitor or the
    /// same, `MergedIntoAnother`, `TooManyVisitors`.
    pub async fn merge_visitor(&self, visitor: &str, user: &str) -> Result<bool, Rejection> {
        let (from, into) = (Address::user(visitor), Address::user(user));
        if self.world.aliases.user_of(&from).is_none() {
            self.may_merge(visitor, user).await?;
        }
        // Asked again also for a repeat: a merge may have been interrupted before every routing had followed.
        let promote = Command::Promote { visitor: from, user: into, most: MAX_VISITORS };
        let new = match self.ask_shunt(REGISTRAR, promote).await? {
            Answer::Promoted => true,
            Answer::Noted => false,
            _ => return Err(Failure::Lost.into()),
        };
        self.follow_merges().await;
        Ok(new)
    }

    /// What the directory says of both. The routing that decides knows who was merged before.
    async fn may_merge(&self, visitor: &str, user: &str) -> Result<(), Rejection> {
        let row = self
            .directory
            .user(visitor)
            .await
            .map_err(|error| self.rejected(error))?
            .ok_or(Refusal::UnknownUser)?;
        if !row.tourist || !self.world.aliases.visitors_of(&Address::user(visitor)).is_empty() {
            return Err(Refusal::NotAVisitor.into());
        }
        let into = self.directory.user(user).await.map_err(|error| self.rejected(error))?;
        if visitor == user || into.is_some_and(|row| row.tourist) {
            return Err(Refusal::NotRegistered.into());
        }
        Ok(())
    }

    /// Has every routing that is awake follow the merges known by now: only a routing knows whom it has a place
    /// reserved for, and one with nothing of the visitor's writes nothing. One that cannot answer follows before it
    /// decides anything again, so it keeps nobody waiting here.
    async fn follow_merges(&self) {
        let settled = self.shunts.keys().into_iter().map(|ent: EntId| async move {
            if let Err(failure) = self.wake_shunt(ent).await {
                tracing::warn!(ent, ?failure, "a routing follows a merge of visitors later");
            }
        });
        futures::stream::iter(settled).buffer_unordered(FOLLOWING_AT_ONCE).collect::<()>().await;
    }

    /// Reads all merges at the start.
    pub(super) async fn learn_aliases(&self) -> Result<(), StoreError> {
        match self.ask_shunt(REGISTRAR, Command::Promotions).await {
            Ok(Answer::Promotions(promotions)) => {
                promotions.iter().for_each(|(visitor, user)| self.world.aliases.add(visitor, user));
                Ok(())
            }
            other => Err(StoreError::Unavailable(format!("merged visitors are not known: {other:?}"))),
        }
    }

    /// Whom an address names: itself, or the user that a visitor became.
    pub fn person(&self, address: &Address) -> Address {
        self.world.aliases.person(address)
    }

    /// A caller as who it is by now: a merged visitor acts as the user, who has the addresses of all its visitors.
    pub fn acting(&self, mut caller: Caller) -> Caller {
        let aliases = &self.world.aliases;
        if aliases.count() == 0 {
            return caller;
        }
        if let Some(own) = caller.own.as_mut().filter(|own| own.party == PartyType::User) {
            *own = aliases.person(own);
            caller.aliases = aliases.visitors_of(own);
        }
        caller
    }

    /// Where a message goes by now.
    pub fn sent_to(&self, to: SendTo) -> SendTo {
        match to {
            SendTo::Direct(other) => SendTo::Direct(self.person(&other)),
            SendTo::Notice(receiver) => SendTo::Notice(self.person(&receiver)),
            SendTo::Service(Some(ServiceRef::Party(party))) => {
                SendTo::Service(Some(ServiceRef::Party(self.person(&party))))
            }
            other => other,
        }
    }

    /// A message with an idempotency key may have been taken before its author was merged, in the visitor's
    /// conversation.
    pub(super) async fn sent_as_visitor(&self, send: &Send) -> Result<Option<Sent>, Rejection> {
        let (Some(key), Some(_)) = (&send.key, &send.idempotency) else { return Ok(None) };
        for visitor in &send.aliases {
            let Some(former) = exchanged(key, &send.author.address, visitor) else { continue };
            let id = former.id();
            let recall = ConversationCommand::Recall(Box::new(Send { key: Some(former), ..send.clone() }));
            if let ConversationAnswer::Sent(sent) = self.conversations.ask(&id, recall).await?? {
                return Ok(Some(sent));
            }
        }
        Ok(None)
    }

    /// The conversations of the caller's former selves that it has read with this one.
    pub(super) fn read_besides(&self, request: &ReadRequest) -> Vec<ReadRequest> {
        let (ConversationRef::Key(key), None) = (&request.conversation, request.up_to) else {
            return Vec::new();
        };
        let Some(own) = &request.caller.own else { return Vec::new() };
        let former = request.caller.aliases.iter().filter_map(|visitor| exchanged(key, own, visitor));
        former.map(|key| ReadRequest { conversation: ConversationRef::Key(key), ..request.clone() }).collect()
    }
}
