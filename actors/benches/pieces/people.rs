//! Who writes what in the benchmarks: a few users, one message of the usual length.

use std::sync::Arc;

use messagecenter_actors::api::{Caller, Hat};
use messagecenter_actors::domain::conversation::Limits;
use messagecenter_actors::domain::conversation::sending::Send;
use messagecenter_actors::domain::event::{ConversationEvent, ConversationFact, Fact, Recorded};
use messagecenter_actors::domain::ids::{Address, ConversationKey, Millis};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::world::Rules;

/// When everything happens.
pub const AT: Millis = 1_700_000_000_000;

/// The user whose inbox and conversations are looked at.
pub const CALLER: u32 = 1_000_001;

/// Chat as it is: some of it in characters of three bytes.
const CONTENT: &str =
    "Good morning, is order 20260714-0042 on its way? 您好，请问什么时候发货？ Thanks a lot!";

/// A user who writes.
pub fn author(user: u32) -> Author {
    Author { address: Address::user(user), own_type: 2 }
}

/// A text message.
pub fn body() -> Arc<Body> {
    let (content, app_id) = (CONTENT.to_owned(), "app".to_owned());
    Arc::new(Body { item_type: 1, content, app_id, ..Body::default() })
}

/// A user who asks.
pub fn caller(user: u32) -> Caller {
    Caller { hat: Hat::User, own: Some(Address::user(user)), seat: None, ent: 0 }
}

/// The conversation of two users.
pub fn pair(one: u32, other: u32) -> ConversationKey {
    ConversationKey::one_to_one(Address::user(one), Address::user(other))
}

/// A group.
pub fn group() -> ConversationKey {
    ConversationKey::Group("2026-summer".into())
}

/// A message of `user` on its way to a conversation.
pub fn message(key: &ConversationKey, user: u32) -> Send {
    Send {
        key: Some(key.clone()),
        ent: 0,
        author: author(user),
        body: body(),
        idempotency: None,
        session: None,
        at: AT,
    }
}

/// What `user` sending message `seq` is for the journal.
pub fn sent(key: &ConversationKey, user: u32, seq: u64) -> Fact {
    let (author, body) = (author(user), body());
    of(key, ConversationEvent::Sent { seq, author, body, session: None, idempotency: None, answers: false })
}

/// An event of a conversation as a fact.
pub fn of(key: &ConversationKey, event: ConversationEvent) -> Fact {
    Fact::Conversation(ConversationFact { conversation: key.id(), key: key.clone(), event })
}

/// A fact as it comes out of the journal.
pub fn recorded(position: u64, fact: Fact) -> Recorded {
    Recorded { position, at: AT, fact }
}

/// The usual limits.
pub fn limits() -> Limits {
    Limits::from(&Rules::default())
}
