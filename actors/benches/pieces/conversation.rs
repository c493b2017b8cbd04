//! A conversation's rules without actor or journal: judge, make the facts, apply them; move a mark; read a page.

use std::hint::black_box;

use messagecenter_actors::api::Caller;
use messagecenter_actors::domain::conversation::reading::Stretch;
use messagecenter_actors::domain::conversation::sending::{Send, Verdict};
use messagecenter_actors::domain::conversation::{ConversationState, Limits};
use messagecenter_actors::domain::event::{ConversationEvent, ConversationFact, Idempotency, Reader};
use messagecenter_actors::domain::ids::{Address, ConversationKey};

use super::Piece;
use super::people::{AT, CALLER, author, body, caller, group, limits, message, pair};

/// The other party of the one-to-one conversation.
const PEER: u32 = 1_000_002;

/// Members of the group.
const MEMBERS: u32 = 1_000;

/// Keyed sends made before measuring: as many as are remembered, so that each new one forgets the oldest.
const REMEMBERED: u64 = 1_000;

fn fresh(key: &ConversationKey) -> ConversationState {
    ConversationState::new(key.id(), key.clone())
}

/// What saving a snapshot does to the state; without it every page would stay in memory.
fn save(state: &mut ConversationState) {
    let (messages, members) = state.take_dirty();
    let pages: Vec<u64> = messages.iter().map(|(number, _)| *number).collect();
    let members: Vec<u64> = members.iter().map(|(number, _)| *number).collect();
    drop(messages);
    state.end_save(&pages, &members, &(0..0), true);
}

/// Applies one message without judging it.
fn receive(state: &mut ConversationState, limits: &Limits, user: u32) {
    let seq = state.core().head + 1;
    let event = ConversationEvent::Sent {
        seq,
        author: author(user),
        body: body(),
        session: None,
        idempotency: None,
        answers: false,
    };
    state.apply(&event, AT, limits);
}

/// Sends of one user.
pub struct Sending {
    state: ConversationState,
    limits: Limits,
    key: ConversationKey,
    keyed: bool,
    /// Sends made; names the idempotency keys.
    made: u64,
    sends: Vec<Send>,
    facts: Vec<ConversationFact>,
}

impl Sending {
    fn to(key: ConversationKey, keyed: bool) -> Self {
        let (sends, facts) = (Vec::with_capacity(64), Vec::with_capacity(64));
        Self { state: fresh(&key), limits: limits(), key, keyed, made: 0, sends, facts }
    }

    pub fn one_to_one() -> Self {
        Self::to(pair(CALLER, PEER), false)
    }

    pub fn with_key() -> Self {
        let mut sending = Self::to(pair(CALLER, PEER), true);
        while sending.made <= REMEMBERED {
            sending.prepare();
            sending.go();
        }
        sending
    }

    pub fn group() -> Self {
        let mut sending = Self::to(group(), false);
        for member in 0..MEMBERS {
            let joined = ConversationEvent::Joined { member: Address::user(CALLER + member), head: 0 };
            sending.state.apply(&joined, AT, &sending.limits);
        }
        sending
    }
}

impl Piece for Sending {
    fn prepare(&mut self) {
        self.facts.clear();
        // Who writes also reads: own messages above the mark stay few.
        let reader = Reader::Party(Address::user(CALLER));
        let read = ConversationEvent::Read { reader, seq: self.state.core().head };
        self.state.apply(&read, AT, &self.limits);
        save(&mut self.state);
        for _ in 0..Self::OPERATIONS {
            self.made += 1;
            let idempotency = self.keyed.then(|| Idempotency {
                key: format!("c56a4180-65aa-42ec-{:012}", self.made),
                digest: self.made,
            });
            self.sends.push(Send { idempotency, ..message(&self.key, CALLER) });
        }
    }

    fn go(&mut self) {
        for send in self.sends.drain(..) {
            let verdict = self.state.judge(&send, &self.limits).unwrap();
            let Verdict::Accepted { joins, session } = verdict else { panic!("judged {verdict:?}") };
            let (_, events) = self.state.sent(send, joins, session);
            for event in events {
                let fact = self.state.fact(event);
                self.state.apply(&fact.event, AT, &self.limits);
                self.facts.push(fact);
            }
        }
    }
}

/// A reader who reads one message after the other.
pub struct Reading {
    state: ConversationState,
    limits: Limits,
    caller: Caller,
}

impl Reading {
    pub fn new() -> Self {
        Self { state: fresh(&pair(CALLER, PEER)), limits: limits(), caller: caller(CALLER) }
    }
}

impl Piece for Reading {
    fn prepare(&mut self) {
        save(&mut self.state);
        for _ in 0..Self::OPERATIONS {
            receive(&mut self.state, &self.limits, PEER);
        }
    }

    fn go(&mut self) {
        let head = self.state.core().head;
        for seq in head - Self::OPERATIONS + 1..=head {
            let standing = self.state.standing(&self.caller, &self.limits).unwrap();
            for event in self.state.read(&standing, Some(seq)) {
                let fact = self.state.fact(event);
                self.state.apply(&fact.event, AT, &self.limits);
                black_box(fact);
            }
            black_box(self.state.read_mark(&standing));
        }
    }
}

/// A reader who opens a conversation: the newest 20 messages.
pub struct Paging {
    state: ConversationState,
    limits: Limits,
    caller: Caller,
}

impl Paging {
    pub fn new() -> Self {
        let mut state = fresh(&pair(CALLER, PEER));
        let limits = limits();
        (0..100).for_each(|_| receive(&mut state, &limits, PEER));
        Self { state, limits, caller: caller(CALLER) }
    }
}

impl Piece for Paging {
    fn go(&mut self) {
        let stretch = Stretch { cursor: None, descending: true, limit: 20 };
        for _ in 0..Self::OPERATIONS {
            let standing = self.state.standing(&self.caller, &self.limits).unwrap();
            assert!(self.state.looked(&standing).is_empty());
            let places = self.state.places(stretch);
            assert!(self.state.use_pages(places.clone()).is_empty());
            black_box(self.state.rows(places, stretch.descending, &self.caller));
        }
    }
}
