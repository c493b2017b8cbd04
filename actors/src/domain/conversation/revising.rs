//! What is done to a message after it was sent: withdrawal and votes. Its page is in memory.

use std::sync::Arc;

use uuid::Uuid;

use super::access::Standing;
use super::{ConversationState, Limits};
use crate::api::{Appraisal, AppraiseRequest, WithdrawRequest};
use crate::domain::event::{ConversationEvent, Credit};
use crate::domain::identity::names;
use crate::domain::ids::{Address, ConversationKey, Kind, Millis, PartyType};
use crate::domain::message::StoredMessage;
use crate::domain::refusal::Refusal;

/// `ownType` of an agent: a message sent as one has the agents' window.
const OWN_TYPE_AGENT: u8 = 1;

impl ConversationState {
    /// What a vote changes for the author stored with the message, if an agent wrote it in service.
    fn credit(&self, seq: u64, voter: &Address, vote: i8) -> Option<Credit> {
        let (ConversationKey::Service(..), Some(message)) = (&self.core.key, self.history.get(seq)) else {
            return None;
        };
        let author = &message.author.address;
        let before = message.votes.get(voter).copied().unwrap_or(0);
        (author.party == PartyType::Agent).then(|| Credit {
            agent: Arc::clone(&author.id),
            session: message.session,
            up: i8::from(vote == 1) - i8::from(before == 1),
            down: i8::from(vote == -1) - i8::from(before == -1),
        })
    }

    /// Whether who asks for a withdrawal may know that the message exists; asked before its page is loaded
    /// for strangers. An author that left a group may still withdraw, so only absence is final there.
    pub const fn has_message(&self, seq: u64) -> bool {
        seq > self.core.forgotten && seq <= self.core.head
    }

    /// The events of withdrawing a message: none if it is withdrawn already.
    ///
    /// # Errors
    /// `UnknownMessage` for strangers, `NotTheAuthor`, `Disagrees`, `TooLate`.
    pub fn withdraw(
        &self,
        request: &WithdrawRequest,
        at: Millis,
        limits: &Limits,
    ) -> Result<Vec<ConversationEvent>, Refusal> {
        let seq = request.message.seq;
        let message = self.history.get(seq).ok_or(Refusal::UnknownMessage)?;
        let is_author = request.by.contains(&message.author.address);
        if !is_author && !self.takes_part(&request.by, request.desk) {
            return Err(Refusal::UnknownMessage);
        }
        if message.withdrawn_at.is_some() {
            return Ok(Vec::new());
        }
        if !is_author {
            return Err(Refusal::NotTheAuthor);
        }
        self.agrees(request, message)?;
        let window = match message.author.own_type {
            OWN_TYPE_AGENT => limits.withdraw_window_agent,
            _ => limits.withdraw_window,
        };
        if at.saturating_sub(message.sent_at) > window {
            return Err(Refusal::TooLate { window });
        }
        Ok(vec![ConversationEvent::Withdrawn { seq }])
    }

    fn agrees(&self, request: &WithdrawRequest, message: &StoredMessage) -> Result<(), Refusal> {
        if request.kind.is_some_and(|kind| kind != self.kind()) {
            return Err(Refusal::Disagrees { field: "conversationType" });
        }
        if request.recipient_id.as_ref().is_some_and(|id| !self.was_sent_to(id, message)) {
            return Err(Refusal::Disagrees { field: "recipientId" });
        }
        if request.group_id.as_ref().is_some_and(|id| !self.is_group(id)) {
            return Err(Refusal::Disagrees { field: "chatGroupId" });
        }
        // The author may name itself by any of its addresses of that type: it may have been a visitor.
        let author = &message.author.address;
        let mut selves = request.by.iter().filter(|own| own.party == author.party).chain([author]);
        if request.sender_id.as_ref().is_some_and(|id| !selves.any(|own| names(id, own))) {
            return Err(Refusal::Disagrees { field: "senderId" });
        }
        Ok(())
    }

    fn is_group(&self, id: &str) -> bool {
        match &self.core.key {
            ConversationKey::Group(group) => names(id, &Address::new(PartyType::Group, group.clone())),
            _ => false,
        }
    }

    /// Whether an id names whom a message was sent to, as messageAdd could have named it.
    fn was_sent_to(&self, id: &str, message: &StoredMessage) -> bool {
        let sent_by = &message.author;
        match &self.core.key {
            ConversationKey::OneToOne(one, other) => {
                names(id, if *one == sent_by.address { other } else { one })
            }
            ConversationKey::Service(_, customer) => {
                let by_id = Uuid::try_parse(id).is_ok_and(|id| id == self.id || Some(id) == message.session);
                by_id
                    || if sent_by.is_customer(customer) {
                        self.may_serve(id, message)
                    } else {
                        names(id, customer)
                    }
            }
            ConversationKey::Group(_) => self.is_group(id),
            ConversationKey::Notice(receiver) => names(id, receiver),
        }
    }

    /// Whether the agent of a message's session can be the one named: the conversation knows the agent of
    /// its open session only, and does not contradict what it cannot know.
    fn may_serve(&self, id: &str, message: &StoredMessage) -> bool {
        let Some(open) = &self.core.session else {
            return true;
        };
        let Some(agent) = &open.agent else {
            return true;
        };
        message.session != Some(open.session) || names(id, &Address::new(PartyType::Agent, agent.clone()))
    }

    /// The events of a vote: none if it is the same again.
    ///
    /// # Errors
    /// `UnknownMessage` for strangers, `NoticeNotAppraised`, `OwnMessage`, `Withdrawn`.
    pub fn appraise(
        &self,
        request: &AppraiseRequest,
        limits: &Limits,
    ) -> Result<(Address, Vec<ConversationEvent>), Refusal> {
        let voter = self.voter(request, limits)?;
        let seq = request.message.seq;
        let message = self.history.get(seq).ok_or(Refusal::UnknownMessage)?;
        if self.kind() == Kind::Notice {
            return Err(Refusal::NoticeNotAppraised);
        }
        let author = &message.author;
        let by_desk = |customer: &Address| voter != *customer && !author.is_customer(customer);
        let own_side = matches!(&self.core.key, ConversationKey::Service(_, customer) if by_desk(customer));
        if own_side || request.caller.addresses().contains(&author.address) {
            return Err(Refusal::OwnMessage);
        }
        if message.withdrawn_at.is_some() {
            return Err(Refusal::Withdrawn);
        }
        if message.votes.get(&voter) == Some(&request.vote) {
            return Ok((voter, Vec::new()));
        }
        let credit = self.credit(seq, &voter, request.vote);
        let event = ConversationEvent::Voted { seq, voter: voter.clone(), vote: request.vote, credit };
        Ok((voter, vec![event]))
    }

    /// By which address a caller votes: the one that receives here. A stranger learns nothing.
    ///
    /// # Errors
    /// `UnknownMessage`; `NoIdentity` for a caller that is no person where one is needed.
    pub fn voter(&self, request: &AppraiseRequest, limits: &Limits) -> Result<Address, Refusal> {
        match self.standing(&request.caller, limits) {
            Ok(Standing::Party(address) | Standing::Desk(address)) => Ok(address),
            Ok(Standing::Newcomer(_)) | Err(Refusal::UnknownConversation) => Err(Refusal::UnknownMessage),
            Err(refusal) => Err(refusal),
        }
    }

    /// The votes of a message, and one address's own.
    pub fn appraisal(&self, seq: u64, voter: &Address) -> Appraisal {
        let Some(message) = self.history.get(seq) else {
            return Appraisal { up: 0, down: 0, mine: 0 };
        };
        let votes = || message.votes.values();
        Appraisal {
            up: votes().filter(|vote| **vote > 0).count() as u64,
            down: votes().filter(|vote| **vote < 0).count() as u64,
            mine: message.votes.get(voter).copied().unwrap_or(0),
        }
    }
}
