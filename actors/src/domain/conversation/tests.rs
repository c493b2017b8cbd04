//! The rules of a conversation, one sentence each.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod grouping;
mod reading;
mod retaining;
mod revising;
mod sending;
mod service;

use super::sending::{Send, Verdict};
use super::{ConversationState, Limits};
use crate::api::{Appraisal, AppraiseRequest, Caller, Hat, HistoryRow, ReadMark, WithdrawRequest};
use crate::domain::conversation::reading::Stretch;
use crate::domain::event::{ConversationEvent, Idempotency};
use crate::domain::ids::{Address, ConversationKey, EntId, MessageId, Millis};
use crate::domain::message::{Author, Body};
use crate::domain::refusal::Refusal;

fn limits() -> Limits {
    Limits {
        withdraw_window: 120_000,
        withdraw_window_agent: 300_000,
        groups_open: true,
        idempotency_age: 86_400_000,
        idempotency_count: 1_000,
        retention: Default::default(),
    }
}

fn user(id: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(id)), seat: None, ent: 0, aliases: Vec::new() }
}

fn seated(id: u32, seat: u32) -> Caller {
    Caller { seat: Some(Address::position(seat)), ..user(id) }
}

fn agent(id: u32, ent: EntId) -> Caller {
    Caller { hat: Hat::Agent, own: Some(Address::agent(id)), seat: None, ent, aliases: Vec::new() }
}

/// A conversation with a clock of its own: decides and applies at once.
struct Talk {
    state: ConversationState,
    limits: Limits,
    now: Millis,
    session: Option<uuid::Uuid>,
}

impl Talk {
    fn new(key: ConversationKey) -> Self {
        let state = ConversationState::new(key.id(), key);
        Self { state, limits: limits(), now: 1_000_000, session: None }
    }

    /// `user:1` and `user:2`.
    fn one_to_one() -> Self {
        Self::new(ConversationKey::one_to_one(Address::user(1), Address::user(2)))
    }

    fn group() -> Self {
        Self::new(ConversationKey::Group("9".into()))
    }

    fn defined_group(members: &[u32]) -> Self {
        let mut talk = Self::group();
        let members: Vec<Address> = members.iter().map(Address::user).collect();
        let events = talk.state.define("Nine", "", Some(&members)).unwrap();
        talk.apply(&events);
        talk
    }

    fn apply(&mut self, events: &[ConversationEvent]) {
        events.iter().for_each(|event| self.state.apply(event, self.now, &self.limits));
    }

    fn attempt(&mut self, author: Author, ent: EntId, key: Option<(&str, u64)>) -> Result<u64, Refusal> {
        let idempotency = key.map(|(key, digest)| Idempotency { key: key.to_owned(), digest });
        let body = Body { content: "hello".to_owned(), item: 7, ..Body::default() };
        let send = Send {
            aliases: Vec::new(),
            key: None,
            ent,
            author,
            body: body.into(),
            idempotency,
            session: self.session,
            at: self.now,
        };
        match self.state.judge(&send, &self.limits)? {
            Verdict::Repeat { seq, .. } => Ok(seq),
            Verdict::NeedsSession => Err(Refusal::NoTarget),
            Verdict::Accepted { joins, session } => {
                let (seq, events) = self.state.sent(send, joins, session);
                self.apply(&events);
                Ok(seq)
            }
        }
    }

    fn send(&mut self, sender: u32) -> Result<u64, Refusal> {
        self.attempt(by_user(sender), 0, None)
    }

    fn send_keyed(&mut self, sender: u32, key: &str, digest: u64) -> Result<u64, Refusal> {
        self.attempt(by_user(sender), 0, Some((key, digest)))
    }

    fn read(&mut self, caller: &Caller, up_to: Option<u64>) -> Result<ReadMark, Refusal> {
        let standing = self.state.standing(caller, &self.limits)?;
        let events = self.state.read(&standing, up_to);
        self.apply(&events);
        Ok(self.state.read_mark(&standing))
    }

    fn unread(&self, caller: &Caller) -> u64 {
        self.state.read_mark(&self.state.standing(caller, &self.limits).unwrap()).unread
    }

    fn history(&mut self, caller: &Caller) -> Result<Vec<HistoryRow>, Refusal> {
        let standing = self.state.standing(caller, &self.limits)?;
        let events = self.state.looked(&standing);
        self.apply(&events);
        let all = Stretch { cursor: None, descending: false, limit: 100 };
        Ok(self.state.rows(self.state.places(all), false, caller))
    }

    fn withdraw(&mut self, by: Address, seq: u64) -> Result<usize, Refusal> {
        self.withdraw_as(self.withdrawal(by, seq))
    }

    fn withdraw_as(&mut self, request: WithdrawRequest) -> Result<usize, Refusal> {
        let events = self.state.withdraw(&request, self.now, &self.limits)?;
        self.apply(&events);
        Ok(events.len())
    }

    fn withdrawal(&self, by: Address, seq: u64) -> WithdrawRequest {
        WithdrawRequest {
            message: MessageId { conversation: self.state.id, seq },
            by: vec![by],
            desk: None,
            sender_id: None,
            recipient_id: None,
            kind: None,
            group_id: None,
        }
    }

    fn vote(&mut self, caller: Caller, seq: u64, vote: i8) -> Result<(Appraisal, usize), Refusal> {
        let message = MessageId { conversation: self.state.id, seq };
        let (voter, events) =
            self.state.appraise(&AppraiseRequest { message, caller, vote }, &self.limits)?;
        self.apply(&events);
        Ok((self.state.appraisal(seq, &voter), events.len()))
    }
}

fn by_user(id: u32) -> Author {
    Author { address: Address::user(id), own_type: 2 }
}

fn by_agent(id: u32) -> Author {
    Author { address: Address::agent(id), own_type: 1 }
}

fn by_system(name: &str) -> Author {
    Author { address: Address::new(crate::domain::ids::PartyType::System, name), own_type: 3 }
}
