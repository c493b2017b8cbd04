//! Sending: the next place in the order, once per idempotency key, within a session where there must be one.

use std::sync::Arc;

use uuid::Uuid;

use super::access::Writing;
use super::remembered::Recall;
use super::{ConversationState, Limits};
use crate::domain::event::{ConversationEvent, Idempotency};
use crate::domain::ids::{Address, ConversationKey, EntId, Kind, Millis, PartyType};
use crate::domain::message::{Author, Body};
use crate::domain::refusal::Refusal;

/// One message to a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Send {
    /// What identifies the conversation; `None` when it was named by id: then it must exist.
    pub key: Option<ConversationKey>,
    /// The author's enterprise.
    pub ent: EntId,
    /// Who sends.
    pub author: Author,
    /// Addresses of visitors who became the author.
    pub aliases: Vec<Address>,
    /// What.
    pub body: Arc<Body>,
    /// The idempotency key, if the client gave one.
    pub idempotency: Option<Idempotency>,
    /// The session just opened for it (kind 2): used if the conversation knows of none.
    pub session: Option<Uuid>,
    /// When it was admitted.
    pub at: Millis,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It takes the next place; [`ConversationState::sent`] makes the events.
    Accepted {
        /// Whether its author joins the group by it.
        joins: bool,
        /// The session it belongs to.
        session: Option<Uuid>,
    },
    /// It was taken before.
    Repeat {
        /// Its place.
        seq: u64,
        /// When it was admitted.
        at: Millis,
    },
    /// A session must be opened first.
    NeedsSession,
}

impl ConversationState {
    /// Judges a message. A repeat is answered from memory whatever has changed since.
    ///
    /// # Errors
    /// `KeyReused`, `UnknownConversation`, `GroupGone`, `Oneself`; `SessionClosed` for the desk's side when
    /// no session is open.
    pub fn judge(&self, send: &Send, limits: &Limits) -> Result<Verdict, Refusal> {
        if let Some((seq, at)) = self.recalled(send, limits)? {
            return Ok(Verdict::Repeat { seq, at });
        }
        let open = self.core.session.as_ref().map(|open| open.session).or(send.session);
        match (self.writing(&send.author, send.ent, limits)?, open) {
            (Writing::Allowed, _) => Ok(Verdict::Accepted { joins: false, session: None }),
            (Writing::Joins, _) => Ok(Verdict::Accepted { joins: true, session: None }),
            (Writing::Customer | Writing::Desk, Some(_)) => {
                Ok(Verdict::Accepted { joins: false, session: open })
            }
            (Writing::Customer, None) => Ok(Verdict::NeedsSession),
            (Writing::Desk, None) => Err(Refusal::SessionClosed),
        }
    }

    /// The place and time of a message that was taken before under its idempotency key, by its author or by the
    /// visitor that the author was.
    ///
    /// # Errors
    /// `KeyReused`.
    pub fn recalled(&self, send: &Send, limits: &Limits) -> Result<Option<(u64, Millis)>, Refusal> {
        let Some(given) = &send.idempotency else { return Ok(None) };
        for sender in std::iter::once(&send.author.address).chain(&send.aliases) {
            match self.core.remembered.recall(sender, given, send.at, limits) {
                Recall::New => {}
                Recall::Repeat { seq, at } => return Ok(Some((seq, at))),
                Recall::Reused => return Err(Refusal::KeyReused),
            }
        }
        Ok(None)
    }

    /// In a group that only the visitor is a member of, the user that the visitor became goes on as that member:
    /// membership, marks and own messages go by address.
    pub fn act_as_member(&self, send: &mut Send) {
        if self.kind() != Kind::Group
            || send.aliases.is_empty()
            || self.readers.contains(&send.author.address)
        {
            return;
        }
        if let Some(member) = send.aliases.iter().find(|alias| self.readers.contains(alias)) {
            send.author.address = member.clone();
        }
    }

    /// The events of an accepted message, and its place.
    pub fn sent(&self, send: Send, joins: bool, session: Option<Uuid>) -> (u64, Vec<ConversationEvent>) {
        let seq = self.core.head + 1;
        let mut events = Vec::with_capacity(1 + usize::from(joins));
        if joins {
            events.push(ConversationEvent::Joined {
                member: send.author.address.clone(),
                head: self.core.head,
            });
        }
        let waits = self.core.session.as_ref().filter(|open| Some(open.session) == session && !open.answered);
        let serves = waits.and_then(|open| open.agent.as_ref());
        let by = &send.author.address;
        let answers = by.party == PartyType::Agent && serves == Some(&by.id);
        events.push(ConversationEvent::Sent {
            seq,
            author: send.author,
            body: send.body,
            session,
            idempotency: send.idempotency,
            answers,
        });
        (seq, events)
    }
}
