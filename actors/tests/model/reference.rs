//! The reference: plain lists, everything counted by scanning.

use std::collections::{BTreeMap, BTreeSet};

use messagecenter_actors::domain::event::Reader;
use messagecenter_actors::domain::ids::{Address, ConversationKey, EntId, Kind};
use rand::Rng;
use rand::rngs::StdRng;
use uuid::Uuid;

/// Users 1 to this one.
pub const USERS: i64 = 6;

/// The agents of the desk, and the places of each.
pub const AGENTS: [i64; 2] = [50, 51];

/// Places of each agent.
pub const CAPACITY: u64 = 1;

/// The enterprise.
pub const ENT: EntId = 7;

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    pub author: Address,
    pub content: String,
    pub sent_at: i64,
    pub withdrawn: bool,
    pub votes: BTreeMap<Address, i8>,
}

/// One conversation.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    pub messages: Vec<Message>,
    pub marks: BTreeMap<Reader, u64>,
    pub members: BTreeSet<Address>,
    /// So many of the oldest messages were removed.
    pub forgotten: u64,
}

/// Of a conversation between two, and of a group, so many messages are kept.
pub const KEPT_OF_PAIRS: u64 = 100;
/// See [`KEPT_OF_PAIRS`].
pub const KEPT_OF_GROUPS: u64 = 70;

/// Service messages and notices are kept so long, in milliseconds.
pub const KEPT_FOR: i64 = 3_600_000;

/// Messages that go together.
const PAGE: u64 = 64;

/// Everything.
#[derive(Default)]
pub struct Reference {
    pub conversations: BTreeMap<String, (ConversationKey, Conversation)>,
    /// Open sessions by customer, in order of opening; whether served is the service's choice of agent.
    pub open: Vec<(i64, Uuid)>,
    /// Waiting customers in order.
    pub queue: Vec<i64>,
}

impl Conversation {
    /// How many messages are left.
    pub fn left(&self) -> u64 {
        self.messages.len() as u64 - self.forgotten
    }

    /// Removes what is too much: whole pages, as often as one is.
    pub fn forget_surplus(&mut self, kind: Kind) {
        let kept = match kind {
            Kind::OneToOne => KEPT_OF_PAIRS,
            Kind::Group => KEPT_OF_GROUPS,
            Kind::Service | Kind::Notice => return,
        };
        while self.left() >= kept + PAGE {
            self.forgotten += PAGE;
        }
    }

    /// Removes what is too old: whole pages, never the newest one.
    pub fn forget_old(&mut self, kind: Kind, now: i64) {
        let last_of_first = |conversation: &Self| conversation.forgotten + PAGE;
        while matches!(kind, Kind::Service | Kind::Notice)
            && last_of_first(self) < self.messages.len() as u64
            && self.messages[usize::try_from(last_of_first(self) - 1).expect("small")].sent_at
                < now - KEPT_FOR
        {
            self.forgotten += PAGE;
        }
    }

    /// Unread of a reader by scanning.
    pub fn unread(&self, reader: &Reader, customer: Option<&Address>) -> u64 {
        let mark = self.marks.get(reader).copied().unwrap_or(0).max(self.forgotten);
        let mine = |author: &Address| match reader {
            Reader::Party(me) => author == me,
            Reader::Desk => Some(author) != customer,
        };
        let later = self.messages.iter().skip(usize::try_from(mark).expect("small"));
        later.filter(|message| !message.withdrawn && !mine(&message.author)).count() as u64
    }
}

impl Reference {
    /// A random conversation: kinds 1, 2 and 3 over few parties, so that they collide.
    pub fn some_conversation(&self, random: &mut StdRng) -> ConversationKey {
        let one = random.random_range(1..=USERS);
        match random.random_range(0..10) {
            0..=4 => {
                let other = (one + random.random_range(1..USERS) - 1) % USERS + 1;
                ConversationKey::one_to_one(Address::user(one), Address::user(other))
            }
            5..=6 => ConversationKey::Service(ENT, Address::user(one)),
            7..=8 => ConversationKey::Group(format!("g{}", one % 2).into()),
            _ => ConversationKey::Notice(Address::user(one)),
        }
    }

    /// The conversation, if anything happened in it.
    pub fn get(&self, key: &ConversationKey) -> Option<&Conversation> {
        self.conversations.get(&format!("{key:?}")).map(|(_, conversation)| conversation)
    }

    /// The conversation, made if absent.
    pub fn entry(&mut self, key: &ConversationKey) -> &mut Conversation {
        let fresh = || (key.clone(), Conversation::default());
        &mut self.conversations.entry(format!("{key:?}")).or_insert_with(fresh).1
    }

    /// Whether `user` is a party that sees this conversation in its inbox.
    pub fn sees(key: &ConversationKey, conversation: &Conversation, user: &Address) -> bool {
        match key {
            ConversationKey::OneToOne(one, other) => one == user || other == user,
            ConversationKey::Service(_, customer) => customer == user,
            ConversationKey::Group(_) => conversation.members.contains(user),
            ConversationKey::Notice(receiver) => receiver == user,
        }
    }

    /// Unread of a user by kind.
    pub fn unread(&self, user: &Address, kind: Kind) -> u64 {
        let reader = Reader::Party(user.clone());
        let of_kind = self.conversations.values().filter(|(key, _)| key.kind() == kind);
        let seen = of_kind.filter(|(key, conversation)| Self::sees(key, conversation, user));
        seen.map(|(_, conversation)| conversation.unread(&reader, None)).sum()
    }

    /// The open session of a customer.
    pub fn session(&self, customer: i64) -> Option<Uuid> {
        self.open.iter().find(|(open, _)| *open == customer).map(|(_, session)| *session)
    }

    /// Customers being served.
    pub fn served(&self) -> Vec<i64> {
        self.open
            .iter()
            .map(|(customer, _)| *customer)
            .filter(|customer| !self.queue.contains(customer))
            .collect()
    }

    /// Applies what routing must do when a place is free: the head of the queue is served.
    pub fn drain(&mut self) {
        let places = AGENTS.len() as u64 * CAPACITY;
        while (self.served().len() as u64) < places && !self.queue.is_empty() {
            self.queue.remove(0);
        }
    }
}
