//! What an inbox promises, one sentence each, and a random walk against a recount from scratch.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod promoting;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;
use crate::domain::event::{CloseReason, SessionOpened};
use crate::domain::message::Body;

fn me() -> Address {
    Address::user(1)
}

fn you() -> Address {
    Address::user(2)
}

fn one_to_one() -> ConversationKey {
    ConversationKey::one_to_one(me(), you())
}

fn service() -> ConversationKey {
    ConversationKey::Service(9, me())
}

fn group() -> ConversationKey {
    ConversationKey::Group("g".into())
}

fn by_agent(agent: &str, served: bool) -> View {
    View::Agent { agent: agent.into(), served }
}

/// Message 2 is one's own, the others are the other party's.
fn party_of(seq: u64) -> Address {
    if seq == 2 { me() } else { you() }
}

/// An inbox fed by hand, each fact a millisecond after the last unless said otherwise.
struct Told {
    inbox: Inbox,
    position: u64,
}

impl Told {
    fn party(address: Address) -> Self {
        Self { inbox: Inbox::new(InboxKey::Party(address)), position: 0 }
    }

    fn desk() -> Self {
        Self { inbox: Inbox::new(InboxKey::Desk(9)), position: 0 }
    }

    fn tell_at(&mut self, at: Millis, key: &ConversationKey, event: ConversationEvent) {
        self.position += 1;
        let fact = ConversationFact { conversation: key.id(), key: key.clone(), event };
        let fact = Fact::Conversation(fact);
        self.inbox.apply(&Recorded { position: self.position, at, fact });
    }

    fn tell(&mut self, key: &ConversationKey, event: ConversationEvent) {
        let at = Millis::try_from(self.position).unwrap() + 1;
        self.tell_at(at, key, event);
    }

    fn sent(&mut self, key: &ConversationKey, seq: u64, from: &Address) {
        self.tell(key, sent(seq, from));
    }

    fn read(&mut self, key: &ConversationKey, seq: u64) {
        let reader = match &self.inbox.key {
            InboxKey::Party(address) => Reader::Party(address.clone()),
            InboxKey::Desk(_) => Reader::Desk,
        };
        self.tell(key, ConversationEvent::Read { reader, seq });
    }

    fn withdrawn(&mut self, key: &ConversationKey, seq: u64) {
        self.tell(key, ConversationEvent::Withdrawn { seq });
    }

    fn shunt(&mut self, changes: Vec<ShuntChange>) {
        self.position += 1;
        let at = Millis::try_from(self.position).unwrap();
        let fact = Fact::Shunt(ShuntFact { ent: 9, changes });
        self.inbox.apply(&Recorded { position: self.position, at, fact });
    }

    fn unread(&self, view: &View) -> u64 {
        let totals = self.inbox.count(view, &[]);
        totals.one_to_one + totals.service + totals.notice
    }

    fn own_unread(&self) -> u64 {
        self.unread(&View::Owner)
    }

    fn listed(&self, filter: &Filter) -> Vec<Uuid> {
        let listing = self.inbox.list(&View::Owner, filter, None);
        assert_eq!(listing.total, listing.entries.len() as u64);
        listing.entries.iter().map(|entry| entry.conversation).collect()
    }
}

fn sent(seq: u64, from: &Address) -> ConversationEvent {
    ConversationEvent::Sent {
        seq,
        author: Author { address: from.clone(), own_type: 2 },
        body: Body { content: format!("text {seq}"), ..Body::default() }.into(),
        session: None,
        idempotency: None,
        answers: false,
    }
}

fn opened(session: u128) -> ShuntChange {
    ShuntChange::SessionOpened(SessionOpened {
        session: Uuid::from_u128(session),
        customer: me(),
        conversation: service().id(),
        group: "default".into(),
        shown_name: String::new(),
        app_id: String::new(),
        receive_app_id: String::new(),
    })
}

fn assigned(session: u128, agent: &str) -> ShuntChange {
    ShuntChange::Assigned {
        session: Uuid::from_u128(session),
        customer: me(),
        agent: agent.into(),
        agent_name: format!("Agent {agent}"),
    }
}

fn ended(session: u128) -> ShuntChange {
    ShuntChange::SessionEnded {
        session: Uuid::from_u128(session),
        customer: me(),
        reason: CloseReason::Closed,
    }
}

#[test]
fn own_messages_never_count_and_hide_nothing() {
    let mut told = Told::party(me());
    told.sent(&one_to_one(), 1, &you());
    told.sent(&one_to_one(), 2, &me());
    told.sent(&one_to_one(), 3, &you());
    told.sent(&one_to_one(), 4, &me());
    assert_eq!(told.own_unread(), 2);
    told.read(&one_to_one(), 2);
    assert_eq!(told.own_unread(), 1);
    told.read(&one_to_one(), 1);
    assert_eq!(told.own_unread(), 1);
    told.read(&one_to_one(), 4);
    assert_eq!(told.own_unread(), 0);
}

#[test]
fn a_withdrawn_message_stops_counting_once() {
    let mut told = Told::party(me());
    for seq in 1..=4 {
        told.sent(&one_to_one(), seq, &party_of(seq));
    }
    told.withdrawn(&one_to_one(), 1);
    told.withdrawn(&one_to_one(), 1);
    assert_eq!(told.own_unread(), 2);
    told.withdrawn(&one_to_one(), 2);
    assert_eq!(told.own_unread(), 2);
    told.read(&one_to_one(), 3);
    told.withdrawn(&one_to_one(), 3);
    assert_eq!(told.own_unread(), 1);
    told.withdrawn(&one_to_one(), 4);
    assert_eq!(told.own_unread(), 0);
}

#[test]
fn the_newest_message_shows_that_it_was_withdrawn() {
    let mut told = Told::party(me());
    told.sent(&one_to_one(), 1, &you());
    told.sent(&one_to_one(), 2, &you());
    told.withdrawn(&one_to_one(), 1);
    let shown = |told: &Told| told.inbox.show(&View::Owner, &[one_to_one().id()])[0].clone();
    assert_eq!(shown(&told).last.unwrap().preview.text, "text 2");
    told.withdrawn(&one_to_one(), 2);
    let last = shown(&told).last.unwrap();
    assert!(last.withdrawn && last.preview.text.is_empty());
    assert_eq!(shown(&told).last_at, 2, "withdrawing is no activity");
}

#[test]
fn conversations_that_share_a_millisecond_are_all_listed() {
    let mut told = Told::party(me());
    let keys: Vec<_> = (10..20).map(|n| ConversationKey::one_to_one(me(), Address::user(n))).collect();
    for key in &keys {
        told.tell_at(5, key, sent(1, &you()));
    }
    let mut expected: Vec<_> = keys.iter().map(ConversationKey::id).collect();
    expected.sort();
    assert_eq!(told.listed(&Filter::default()), expected);
    let page = told.inbox.list(&View::Owner, &Filter::default(), Some(3));
    assert_eq!((page.entries.len(), page.total), (3, 10));
    told.tell_at(6, &keys[7], sent(2, &you()));
    assert_eq!(told.listed(&Filter::default())[0], keys[7].id());
}

#[test]
fn an_empty_inbox_answers_everything() {
    let told = Told::party(me());
    assert_eq!(told.own_unread(), 0);
    assert!(told.listed(&Filter::default()).is_empty());
    assert!(told.listed(&Filter { unread: true, ..Filter::default() }).is_empty());
    assert!(told.inbox.groups().is_empty() && told.inbox.open_sessions().is_empty());
    assert_eq!(Told::desk().unread(&by_agent("5", true)), 0);
    assert_eq!(Told::desk().inbox.list(&by_agent("5", true), &Filter::default(), None).total, 0);
}

#[test]
fn times_are_half_open() {
    let mut told = Told::party(me());
    told.tell_at(100, &one_to_one(), sent(1, &you()));
    let within = |from, until| {
        let filter = Filter { from: Some(from), until: Some(until), ..Filter::default() };
        told.listed(&filter).len()
    };
    assert_eq!(within(100, 101), 1);
    assert_eq!(within(99, 100), 0);
    assert_eq!(within(101, 200), 0);
    assert_eq!(within(100, 100), 0);
    assert_eq!(within(200, 100), 0);
    assert_eq!(within(Millis::MIN, Millis::MIN), 0);
    assert_eq!(within(Millis::MIN, Millis::MAX), 1);
}

#[test]
fn kinds_and_people_are_chosen_and_counted() {
    let mut told = Told::party(me());
    told.sent(&one_to_one(), 1, &you());
    told.sent(&service(), 1, &Address::agent(5));
    told.sent(&ConversationKey::Notice(me()), 1, &Address::new(PartyType::System, "bell"));
    let only = |kind| told.listed(&Filter { kind: Some(kind), ..Filter::default() }).len();
    assert_eq!((only(Kind::OneToOne), only(Kind::Service), only(Kind::Notice)), (1, 1, 1));
    assert_eq!(only(Kind::Group), 0);
    assert_eq!(told.listed(&Filter { people: true, ..Filter::default() }).len(), 2);
    let totals = told.inbox.count(&View::Owner, &[one_to_one().id()]);
    assert_eq!(totals, Totals { one_to_one: 0, service: 1, notice: 1 });
    assert_eq!(told.inbox.peer_types(), [PartyType::User]);
}

#[test]
fn a_group_row_keeps_only_what_is_the_readers_own() {
    let mut told = Told::party(me());
    told.sent(&group(), 1, &me());
    assert!(told.inbox.groups().is_empty(), "only joining gives a group a row");
    told.tell(&group(), ConversationEvent::Joined { member: me(), head: 7 });
    told.sent(&group(), 8, &me());
    told.sent(&group(), 10, &me());
    let row = told.inbox.group(group().id()).unwrap();
    assert_eq!((row.mark, row.own.iter().collect::<Vec<_>>()), (7, vec![8, 10]));
    told.read(&group(), 8);
    let row = told.inbox.group(group().id()).unwrap();
    assert_eq!((row.mark, row.own.iter().collect::<Vec<_>>()), (8, vec![10]));
    assert_eq!(told.own_unread(), 0);
    told.tell(&group(), ConversationEvent::Left { member: me() });
    assert!(told.inbox.groups().is_empty());
    told.tell(&group(), ConversationEvent::Joined { member: me(), head: 12 });
    assert_eq!(told.inbox.group(group().id()).unwrap().mark, 12);
    told.tell(&group(), ConversationEvent::GroupDeleted { members: vec![me(), you()] });
    assert!(told.inbox.groups().is_empty());
}

#[test]
fn a_customers_message_counts_for_the_agent_who_owns_the_open_session() {
    let mut told = Told::desk();
    let (five, six) = (by_agent("5", true), by_agent("6", true));
    told.shunt(vec![opened(1)]);
    told.sent(&service(), 1, &me());
    assert_eq!((told.unread(&five), told.unread(&six)), (0, 0), "nobody's while queued");
    told.shunt(vec![assigned(1, "5")]);
    assert_eq!((told.unread(&five), told.unread(&six)), (1, 0));
    told.sent(&service(), 2, &Address::agent(5));
    told.sent(&service(), 3, &Address::new(PartyType::Bot, "b"));
    told.sent(&service(), 4, &me());
    assert_eq!(told.unread(&five), 2, "everyone but the customer is the desk's own side");
    told.shunt(vec![assigned(1, "6")]);
    assert_eq!((told.unread(&five), told.unread(&six)), (0, 2), "assignment moves it");
    told.read(&service(), 1);
    assert_eq!(told.unread(&six), 1);
    told.shunt(vec![ended(1)]);
    assert_eq!((told.unread(&five), told.unread(&six)), (0, 0));
    told.shunt(vec![opened(2), assigned(2, "5")]);
    assert_eq!(told.unread(&five), 1, "one mark per conversation, whoever serves");
    for view in [&five, &six] {
        assert_eq!(told.inbox.list(view, &Filter::default(), None).total, 1, "served once is listed");
    }
    assert_eq!(told.inbox.list(&by_agent("7", true), &Filter::default(), None).total, 0);
    assert_eq!(told.inbox.list(&by_agent("7", false), &Filter::default(), None).total, 1);
}

#[test]
fn a_customer_sees_its_session_and_whoever_serves() {
    let mut told = Told::party(me());
    told.shunt(vec![opened(1)]);
    let shown = |told: &Told| told.inbox.show(&View::Owner, &[service().id()])[0].clone();
    assert_eq!(shown(&told).session.unwrap().state, SessionState::Queued);
    assert_eq!(shown(&told).peer, None);
    assert_eq!(told.inbox.open_sessions(), [(service(), Uuid::from_u128(1))]);
    let activity = shown(&told).last_at;
    told.shunt(vec![assigned(1, "5")]);
    let serving = shown(&told);
    assert_eq!(serving.peer, Some(Address::agent(5)));
    assert_eq!(serving.session.unwrap().shown_name, "Agent 5");
    told.shunt(vec![ended(1)]);
    assert!(told.inbox.open_sessions().is_empty());
    assert_eq!((shown(&told).peer, shown(&told).last_at), (None, activity));
    assert_eq!(told.own_unread(), 0, "a session's changes are never messages");
}

#[test]
fn another_customers_session_changes_nothing() {
    let mut told = Told::party(you());
    told.shunt(vec![opened(1), assigned(1, "5"), ended(1)]);
    assert!(told.inbox.rows.is_empty());
}

#[test]
fn sessions_are_chosen_by_their_state() {
    let mut told = Told::party(me());
    told.sent(&one_to_one(), 1, &you());
    let chosen = |told: &Told, session| {
        told.listed(&Filter { session: Some(session), ..Filter::default() }) == [service().id()]
    };
    let states = |told: &Told| {
        [SessionIs::Queued, SessionIs::Serving, SessionIs::Ended, SessionIs::WithBot]
            .map(|state| chosen(told, state))
    };
    told.shunt(vec![opened(1)]);
    assert_eq!(states(&told), [true, false, false, false]);
    told.shunt(vec![assigned(1, "5")]);
    assert_eq!(states(&told), [false, true, false, false]);
    let human = |told: &Told, human| told.listed(&Filter { human: Some(human), ..Filter::default() }).len();
    assert_eq!((human(&told, true), human(&told, false)), (1, 1));
    told.shunt(vec![ended(1)]);
    assert_eq!(states(&told), [false, false, true, false]);
    assert_eq!((human(&told, true), human(&told, false)), (0, 2));
}

#[test]
fn unread_survives_every_interleaving_of_send_read_and_withdraw() {
    // Messages 1 to 4 (2 is one's own); then reading up to r and withdrawing w in either order, or w first.
    for read in 0..=4_u64 {
        for withdraw in 1..=4_u64 {
            for withdraw_after in withdraw..=5 {
                let mut told = Told::party(me());
                for seq in 1..=4_u64 {
                    told.sent(&one_to_one(), seq, &party_of(seq));
                    if withdraw_after == seq {
                        told.withdrawn(&one_to_one(), withdraw);
                    }
                    if read == seq {
                        told.read(&one_to_one(), read);
                    }
                }
                if withdraw_after == 5 {
                    told.withdrawn(&one_to_one(), withdraw);
                }
                let counts = |seq: &u64| *seq > read && *seq != 2 && *seq != withdraw;
                let expected = (1..=4_u64).filter(counts).count() as u64;
                assert_eq!(told.own_unread(), expected, "{read} {withdraw} {withdraw_after}");
            }
        }
    }
}

#[test]
fn a_random_life_equals_its_recount_and_its_pages() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let keys: Vec<_> = (0..100)
        .map(|n| ConversationKey::one_to_one(me(), Address::user(n + 10)))
        .chain([service(), group(), ConversationKey::Notice(me())])
        .collect();
    let mut heads: HashMap<Uuid, u64> = HashMap::new();
    let mut told = Told::party(me());
    let mut saved: BTreeMap<u64, Vec<(Uuid, Row)>> = BTreeMap::new();
    // Seqs that count, per conversation but the group: what unread means, kept the slow way.
    let mut counting: HashMap<Uuid, BTreeSet<u64>> = HashMap::new();
    for step in 0..20_000 {
        let key = keys.choose(&mut rng).unwrap();
        let head = heads.entry(key.id()).or_default();
        match rng.random_range(0..12) {
            0..6 => {
                *head += 1;
                let from = if rng.random_bool(0.4) { me() } else { you() };
                let at = rng.random_range(0..2_000);
                told.tell_at(at, key, sent(*head, &from));
                if from == you() && key.kind() != Kind::Group {
                    counting.entry(key.id()).or_default().insert(*head);
                }
            }
            6..8 if *head > 0 => {
                let seq = rng.random_range(1..=*head);
                told.read(key, seq);
                counting.entry(key.id()).or_default().retain(|unread| *unread > seq);
            }
            8..10 if *head > 0 => {
                let seq = rng.random_range(1..=*head);
                told.withdrawn(key, seq);
                counting.entry(key.id()).or_default().remove(&seq);
            }
            10 if key.kind() == Kind::Group => {
                told.tell(key, ConversationEvent::Joined { member: me(), head: *head });
            }
            11 if key.kind() == Kind::Group => {
                told.tell(key, ConversationEvent::Left { member: me() });
            }
            _ => told.shunt(vec![[opened(1), assigned(1, "5"), ended(1)].choose(&mut rng).unwrap().clone()]),
        }
        let expected: usize = counting.values().map(BTreeSet::len).sum();
        assert_eq!(told.own_unread(), expected as u64, "step {step}");
        if step % 997 == 0 {
            told.inbox.check();
            let pages = told.inbox.pages().take_dirty();
            saved.extend(pages);
            let json = serde_json::to_value(saved.iter().collect::<Vec<_>>()).unwrap();
            let pages: Vec<PageRows<Uuid, Row>> = serde_json::from_value(json).unwrap();
            let rebuilt = Inbox::from_pages(told.inbox.key.clone(), pages, Sides::default());
            assert_eq!(rebuilt.rows, told.inbox.rows);
            assert_eq!(rebuilt.totals, told.inbox.totals);
            assert_eq!(rebuilt.order, told.inbox.order);
        }
    }
    let all = told.inbox.list(&View::Owner, &Filter::default(), None);
    assert_eq!(all.total as usize, all.entries.len());
    assert!(all.entries.is_sorted_by_key(|entry| (Reverse(entry.last_at), entry.conversation)));
    for limit in [1, 7, 50] {
        let page = told.inbox.list(&View::Owner, &Filter::default(), Some(limit));
        assert_eq!(page.entries, all.entries[..limit]);
        assert_eq!(page.total, all.total);
    }
}
