//! Names of things: parties, conversations, messages, sessions, and how each is written and read.
//!
//! Guarantees: two different things never share a name. Every part of a conversation's name carries its
//! length, so no id, whatever it contains (`:`, `@`, NUL, emoji), can imitate another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The longest id accepted, in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// Namespace of every conversation id (UUIDv5, RFC 9562 §5.5). Changing it renames every conversation.
pub const CONVERSATION_NAMESPACE: Uuid = Uuid::from_u128(0x6d65_7373_6167_6563_8e6e_7465_725f_7631);

/// Epoch milliseconds.
pub type Millis = i64;

/// A serving enterprise (tenant). 0 is the platform itself.
pub type EntId = i64;

/// What kind of party an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartyType {
    /// A person's account on the platform.
    User,
    /// A customer-service agent, by employee record.
    Agent,
    /// A seat (post) which a person holds.
    Position,
    /// A group of members.
    Group,
    /// A system component, named by itself.
    System,
    /// A bot, named by itself.
    Bot,
}

impl PartyType {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Position => "position",
            Self::Group => "group",
            Self::System => "system",
            Self::Bot => "bot",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "user" => Self::User,
            "agent" => Self::Agent,
            "position" => Self::Position,
            "group" => Self::Group,
            "system" => Self::System,
            "bot" => Self::Bot,
            _ => return None,
        })
    }
}

/// One party's address: its type and its id. Written `user:1002`; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// What kind of party.
    pub party: PartyType,
    /// Its id within that kind, canonical, 1 to [`MAX_ID_BYTES`] bytes.
    pub id: Arc<str>,
}

impl Address {
    /// Builds an address; the caller has checked and canonicalised `id`.
    pub fn new(party: PartyType, id: impl Into<Arc<str>>) -> Self {
        Self { party, id: id.into() }
    }

    /// `user:{id}`.
    pub fn user(id: impl ToString) -> Self {
        Self::new(PartyType::User, id.to_string())
    }

    /// `agent:{id}`.
    pub fn agent(id: impl ToString) -> Self {
        Self::new(PartyType::Agent, id.to_string())
    }

    /// `position:{id}`.
    pub fn position(id: impl ToString) -> Self {
        Self::new(PartyType::Position, id.to_string())
    }
}

impl Address {
    /// As it is written, in one allocation.
    fn text(&self) -> String {
        let party = self.party.as_str();
        let mut text = String::with_capacity(party.len() + 1 + self.id.len());
        text.push_str(party);
        text.push(':');
        text.push_str(&self.id);
        text
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.party.as_str(), self.id)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no address: it has no known type before its first colon, or no id after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address: expected user:, agent:, position:, group:, system: or bot: and an id")]
pub struct NotAnAddress;

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (word, id) = text.split_once(':').ok_or(NotAnAddress)?;
        let party = PartyType::from_word(word).ok_or(NotAnAddress)?;
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Err(NotAnAddress);
        }
        Ok(Self::new(party, canonical_id(id)))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The one spelling of an id: an integer literal, of any size, loses its plus sign and leading zeros (`007` is
/// `7`, `-0` is `0`), everything else stays as it is.
pub fn canonical_id(id: &str) -> String {
    let (sign, digits) = match id.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", id.strip_prefix('+').unwrap_or(id)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return id.to_owned();
    }
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        significant => format!("{sign}{significant}"),
    }
}

/// Kinds of conversation; the numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Two people, or two seats.
    OneToOne = 1,
    /// A customer with the service desk of an enterprise.
    Service = 2,
    /// A group.
    Group = 3,
    /// System notices to one address.
    Notice = 4,
}

impl Kind {
    /// Reads the contract's number, 1 to 4.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::OneToOne),
            2 => Some(Self::Service),
            3 => Some(Self::Group),
            4 => Some(Self::Notice),
            _ => None,
        }
    }

    /// The contract's number.
    pub const fn number(self) -> i64 {
        self as i64
    }
}

/// What identifies a conversation for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConversationKey {
    /// The two addresses, sorted: build with [`ConversationKey::one_to_one`].
    OneToOne(Address, Address),
    /// The serving enterprise and the customer's address.
    Service(EntId, Address),
    /// The group's id (bare).
    Group(Arc<str>),
    /// The receiver.
    Notice(Address),
}

impl ConversationKey {
    /// The conversation of two addresses, in either order.
    pub fn one_to_one(one: Address, other: Address) -> Self {
        if one <= other { Self::OneToOne(one, other) } else { Self::OneToOne(other, one) }
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::OneToOne(..) => Kind::OneToOne,
            Self::Service(..) => Kind::Service,
            Self::Group(_) => Kind::Group,
            Self::Notice(_) => Kind::Notice,
        }
    }

    /// Its id: UUIDv5 over [`CONVERSATION_NAMESPACE`]; name = the kind's digit, then each part as
    /// `{byte length}:{part}`. Costs a hash: keep the result.
    pub fn id(&self) -> Uuid {
        let mut name = self.kind().number().to_string();
        let mut add = |part: &str| {
            name.push_str(&part.len().to_string());
            name.push(':');
            name.push_str(part);
        };
        match self {
            Self::OneToOne(one, other) => {
                add(&one.text());
                add(&other.text());
            }
            Self::Service(ent, customer) => {
                add(&ent.to_string());
                add(&customer.text());
            }
            Self::Group(id) => add(id),
            Self::Notice(address) => add(&address.text()),
        }
        Uuid::new_v5(&CONVERSATION_NAMESPACE, name.as_bytes())
    }
}

/// A message's name: its conversation and its place there. Written `{conversationId}.{seq}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId {
    /// The conversation.
    pub conversation: Uuid,
    /// 1, 2, 3 … in the order of acknowledgement.
    pub seq: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.conversation, self.seq)
    }
}

/// Text that is no message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message id")]
pub struct NotAMessageId;

impl FromStr for MessageId {
    type Err = NotAMessageId;

    fn from_str(text: &str) -> Result<Self, NotAMessageId> {
        let (conversation, seq) = text.split_once('.').ok_or(NotAMessageId)?;
        let plain_digits =
            !seq.is_empty() && seq.bytes().all(|b| b.is_ascii_digit()) && !seq.starts_with('0');
        if !plain_digits || conversation.len() != 36 {
            return Err(NotAMessageId);
        }
        let conversation = Uuid::try_parse(conversation).map_err(|_| NotAMessageId)?;
        let seq = seq.parse().map_err(|_| NotAMessageId)?;
        Ok(Self { conversation, seq })
    }
}

/// Whose inbox: a party's, or the desk of an enterprise (all its service conversations).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InboxKey {
    /// One party's own inbox.
    Party(Address),
    /// The enterprise's desk.
    Desk(EntId),
}

impl fmt::Display for InboxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(address) => write!(f, "{address}"),
            Self::Desk(ent) => write!(f, "desk:{ent}"),
        }
    }
}

/// The key of one actor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ActorKey {
    /// A conversation, by its id.
    Conversation(Uuid),
    /// A customer-service session, by its id.
    Session(Uuid),
    /// The routing of one serving enterprise.
    Shunt(EntId),
    /// An inbox.
    Inbox(InboxKey),
}

impl ActorKey {
    /// The words for the kinds of actors.
    pub const KINDS: [&'static str; 4] = ["shunt", "session", "conversation", "inbox"];

    /// The word for this kind of actor: first part of its snapshot's record id, and a metric label.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Conversation(_) => "conversation",
            Self::Session(_) => "session",
            Self::Shunt(_) => "shunt",
            Self::Inbox(_) => "inbox",
        }
    }

    /// The part after the kind, as stored.
    pub fn id(&self) -> String {
        match self {
            Self::Conversation(id) | Self::Session(id) => id.to_string(),
            Self::Shunt(ent) => ent.to_string(),
            Self::Inbox(key) => key.to_string(),
        }
    }

    /// Reads what [`ActorKey::kind`] and [`ActorKey::id`] wrote; `None` for anything else.
    pub fn parse(kind: &str, id: &str) -> Option<Self> {
        Some(match kind {
            "conversation" => Self::Conversation(Uuid::try_parse(id).ok()?),
            "session" => Self::Session(Uuid::try_parse(id).ok()?),
            "shunt" => Self::Shunt(id.parse().ok()?),
            "inbox" => Self::Inbox(match id.strip_prefix("desk:") {
                Some(ent) => InboxKey::Desk(ent.parse().ok()?),
                None => InboxKey::Party(id.parse().ok()?),
            }),
            _ => return None,
        })
    }
}

impl fmt::Display for ActorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind(), self.id())
    }
}
