//! An inbox of 1,000 conversations and 20 groups: told of facts, asked for unread and for its first page.

use std::hint::black_box;

use messagecenter_actors::domain::event::{ConversationEvent, Reader, Recorded};
use messagecenter_actors::domain::ids::{Address, ConversationKey, InboxKey};
use messagecenter_actors::domain::inbox::{Filter, Inbox, View};
use messagecenter_actors::domain::seq_set::{self, SeqSet};

use super::Piece;
use super::people::{CALLER, of, pair, recorded, sent};

const CONVERSATIONS: u32 = 1_000;
const GROUPS: u32 = 20;

/// The inbox and what its conversations have come to.
struct Filled {
    inbox: Inbox,
    keys: Vec<ConversationKey>,
    /// Newest seq in every conversation.
    head: u64,
    /// Which conversation is next.
    next: usize,
    position: u64,
}

impl Filled {
    fn new() -> Self {
        let inbox = Inbox::new(InboxKey::Party(Address::user(CALLER)));
        let keys = (0..CONVERSATIONS).map(|user| pair(CALLER, user)).collect();
        let mut filled = Self { inbox, keys, head: 1, next: 0, position: 0 };
        for _ in 0..CONVERSATIONS {
            let told = filled.next_message();
            filled.inbox.apply(&told);
        }
        for group in 0..GROUPS {
            let key = ConversationKey::Group(format!("group-{group}").into());
            let joined = ConversationEvent::Joined { member: Address::user(CALLER), head: 10 };
            filled.inbox.apply(&recorded(filled.position, of(&key, joined)));
        }
        filled
    }

    /// A message of the other party in the next conversation.
    fn next_message(&mut self) -> Recorded {
        let (user, seq) = (self.next, self.head);
        self.step();
        recorded(self.position, sent(&self.keys[user], user as u32, seq))
    }

    /// The caller's mark in the next conversation moves to its newest message.
    fn next_read(&mut self) -> Recorded {
        let (user, seq) = (self.next, self.head);
        self.step();
        let reader = Reader::Party(Address::user(CALLER));
        recorded(self.position, of(&self.keys[user], ConversationEvent::Read { reader, seq }))
    }

    fn step(&mut self) {
        self.position += 1;
        self.next += 1;
        if self.next == self.keys.len() {
            self.next = 0;
            self.head += 1;
        }
    }
}

/// Takes committed facts in.
pub struct Told {
    filled: Filled,
    next: fn(&mut Filled) -> Recorded,
    facts: Vec<Recorded>,
}

impl Told {
    fn of(next: fn(&mut Filled) -> Recorded) -> Self {
        Self { filled: Filled::new(), next, facts: Vec::with_capacity(64) }
    }

    pub fn message() -> Self {
        Self::of(Filled::next_message)
    }

    pub fn read_mark() -> Self {
        Self::of(Filled::next_read)
    }
}

impl Piece for Told {
    fn prepare(&mut self) {
        self.facts.clear();
        for _ in 0..Self::OPERATIONS {
            self.facts.push((self.next)(&mut self.filled));
        }
    }

    fn go(&mut self) {
        for fact in &self.facts {
            self.filled.inbox.apply(fact);
        }
    }
}

/// Counts unread: the inbox's totals, and each group's from its head and the reader's own mark.
pub struct Counting(Inbox);

impl Counting {
    pub fn new() -> Self {
        Self(Filled::new().inbox)
    }
}

impl Piece for Counting {
    fn go(&mut self) {
        let withdrawn = SeqSet::default();
        for _ in 0..Self::OPERATIONS {
            let totals = black_box(self.0.count(&View::Owner, &[]));
            let groups = self.0.groups();
            let unread = groups.iter().map(|row| seq_set::unread(30, row.mark, &row.own, &withdrawn));
            black_box(totals.one_to_one + unread.sum::<u64>());
        }
    }
}

/// Lists the newest 20 rows.
pub struct Listing(Inbox);

impl Listing {
    pub fn new() -> Self {
        Self(Filled::new().inbox)
    }
}

impl Piece for Listing {
    fn go(&mut self) {
        for _ in 0..Self::OPERATIONS {
            black_box(self.0.list(&View::Owner, &Filter::default(), Some(20)));
        }
    }
}
