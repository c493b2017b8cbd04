//! What follows from a choice: its reasons, its figures, and what it leaves to the next.

use super::*;
use crate::domain::conversation::{ConversationState, Limits};
use crate::domain::event::{ConversationEvent, Credit, GroupDefinition, Policy, Reasons, Step};
use crate::domain::message::Author;
use crate::domain::shunt::Target;
use crate::domain::shunt::turns::Turns;

impl Desk {
    fn rules(&mut self, group: &str, definition: GroupDefinition) {
        let definition = Box::new(definition);
        self.ask(Command::PutGroup { group: group.to_owned(), definition }).unwrap();
    }

    fn open_in(&mut self, customer: i64, group: &str) -> SessionView {
        self.try_open(customer, group, Opener::Customer(Wish::Anyone)).unwrap()
    }

    fn transfer(&mut self, session: Uuid, to: Target) -> Result<Answer, Refusal> {
        self.ask(Command::Transfer { session, to })
    }

    fn obtain_from(&mut self, client: &str, customer: Option<i64>) -> Shunt {
        let customer = customer.map(Address::user);
        let client = Some(Arc::from(client));
        match self.ask(Command::Obtain(Obtain { ent: ENT, group: String::new(), customer, client })) {
            Ok(Answer::Shunt(shunt)) => *shunt,
            other => panic!("{other:?}"),
        }
    }

    /// The agent's first message after it was given the session, as its conversation tells it.
    fn answers(&mut self, session: Uuid, agent: &str) {
        let author = Author { address: Address::agent(agent), own_type: 1 };
        let (body, idempotency) = (Arc::default(), None);
        let event = ConversationEvent::Sent {
            seq: 1,
            author,
            body,
            session: Some(session),
            idempotency,
            answers: true,
        };
        self.state.told(self.now, &event);
    }

    fn votes(&mut self, session: Uuid, agent: &str, [up, down]: [i8; 2]) {
        let credit = Some(Credit { agent: Arc::from(agent), session: Some(session), up, down });
        let event = ConversationEvent::Voted { seq: 1, voter: Address::user(1), vote: 1, credit };
        self.state.told(self.now, &event);
    }
}

fn reasons(changes: &[ShuntChange]) -> Vec<Reasons> {
    let why = |change: &ShuntChange| match change {
        ShuntChange::Decided { why, .. } | ShuntChange::LeaseDecided { why, .. } => {
            Some(why.as_ref().clone())
        }
        _ => None,
    };
    changes.iter().filter_map(why).collect()
}

fn stands_at(turns: &Turns, agent: &str) -> u64 {
    turns.tag(agent).max(turns.floor)
}

fn group_to(group: &str, may_wait: bool) -> Target {
    Target::Group { group: group.to_owned(), may_wait }
}

#[test]
fn a_newcomer_starts_where_those_present_are_and_not_where_the_last_turn_began() {
    let mut desk = Desk::with_agents(&[("a", 99), ("b", 99)]);
    desk.rules("", GroupDefinition { policy: Policy::RoundRobin, ..Default::default() });
    for customer in 0..4 {
        desk.open(customer, Wish::Anyone); // a b a b: both stand after two turns
    }
    desk.put("c", 99, &[]);
    desk.says("c", Presence::Online);
    let taken: Vec<_> = (4..10).map(|customer| desk.open(customer, Wish::Anyone).agent.unwrap()).collect();
    let of = |agent: &str| taken.iter().filter(|by| *by == agent).count();
    assert_eq!((of("a"), of("b"), of("c")), (2, 2, 2), "{taken:?}");
    let stands = |desk: &Desk, agent: &str| stands_at(&desk.state.turns["default"], agent);
    assert_eq!(stands(&desk, "c"), stands(&desk, "a"));
}

#[test]
fn who_comes_back_catches_up_on_nothing() {
    let mut desk = Desk::with_agents(&[("a", 99), ("b", 99), ("c", 99)]);
    desk.rules("", GroupDefinition { policy: Policy::RoundRobin, ..Default::default() });
    desk.says("c", Presence::Away);
    for customer in 0..8 {
        desk.open(customer, Wish::Anyone);
    }
    desk.says("c", Presence::Online);
    let turns = &desk.state.turns["default"];
    assert_eq!((stands_at(turns, "c"), turns.tag("c")), (stands_at(turns, "a"), stands_at(turns, "a")));
}

#[test]
fn a_reservation_that_lapses_is_no_work_and_one_that_holds_is() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5)]);
    desk.rules("", GroupDefinition { policy: Policy::LongestIdle, ..Default::default() });
    desk.now += 10;
    assert_eq!(desk.obtain(None).agent.unwrap().0, "a");
    assert_eq!(desk.obtain(None).agent.unwrap().0, "b", "a has something to do now");
    desk.now += 1;
    assert_eq!(desk.obtain(None).agent.unwrap().0, "a", "b's is as new, and a is before it by name");
    desk.now += NUMBERS.lease;
    desk.ask(Command::Settle).unwrap();
    let idle = |desk: &Desk, agent: &str| desk.state.agents[agent].idle_since;
    assert_eq!((idle(&desk, "a"), idle(&desk, "b")), (1_000, 1_000), "as if nothing had been reserved");
}

#[test]
fn an_unused_reservation_returns_its_turn_in_the_group_that_gave_it_only() {
    let mut desk = Desk::new();
    desk.put("h", 9, &["help", "other"]);
    desk.put("i", 9, &["help", "other"]);
    desk.says("h", Presence::Online);
    desk.says("i", Presence::Online);
    desk.rules("vip", GroupDefinition { overflow: vec!["help".into()], ..Default::default() });
    for group in ["help", "other"] {
        desk.rules(group, GroupDefinition { policy: Policy::RoundRobin, ..Default::default() });
    }
    desk.open_in(1, "other");
    let before = desk.state.turns.clone();
    assert_eq!(desk.obtain_in("vip", None).agent.unwrap().0, "h");
    assert_eq!(desk.state.turns["other"], before["other"], "another group's turns are none of its business");
    assert_eq!(desk.state.turns["help"].tag("h"), crate::domain::shunt::turns::stride(1));
    desk.put("h", 9, &["other", "third"]); // it leaves the group meanwhile
    desk.now += NUMBERS.lease;
    desk.ask(Command::Settle).unwrap();
    assert_eq!(desk.state.turns["other"], before["other"]);
}

#[test]
fn a_reservation_keeps_its_reasons_for_the_session_that_uses_it() {
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 1)]);
    desk.says("b", Presence::Away);
    let obtain = Obtain { ent: ENT, group: String::new(), customer: Some(Address::user(1)), client: None };
    let (changes, outcome) = desk.ask_changes(Command::Obtain(obtain));
    let [why] = &reasons(&changes)[..] else { panic!("{changes:?}") };
    assert_eq!((why.step, why.agent.as_deref(), why.considered), (Step::Policy, Some("a"), 2));
    assert_eq!(why.skipped, [(Skipped::Away, 1)]);
    let Ok(Answer::Shunt(shunt)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(shunt.reasons, *why, "what is answered is what is recorded");
    let open = OpenSession {
        ent: ENT,
        customer: Address::user(1),
        opener: Opener::Customer(Wish::Anyone),
        group: String::new(),
        shown_name: String::new(),
        app_id: String::new(),
        receive_app_id: String::new(),
    };
    let (changes, _) = desk.ask_changes(Command::Open(Box::new(open)));
    let told = reasons(&changes);
    assert_eq!(told.iter().map(|why| why.step).collect::<Vec<_>>(), [Step::Policy, Step::Reserved]);
    assert_eq!(told[0], *why);
}

#[test]
fn who_helps_out_is_explained_by_the_group_that_helped() {
    let mut desk = Desk::new();
    desk.put("h", 2, &["help"]);
    desk.put("g", 2, &["help"]);
    desk.says("h", Presence::Online);
    desk.rules("help", GroupDefinition { policy: Policy::Priority, ..Default::default() });
    desk.rules("vip", GroupDefinition { overflow: vec!["help".into()], ..Default::default() });
    let reserved = desk.obtain_in("vip", None);
    let why = &reserved.reasons;
    assert_eq!(
        (why.step, &*why.group, why.policy, why.considered),
        (Step::Overflow, "help", Policy::Priority, 2)
    );
    assert_eq!(why.skipped, [(Skipped::Offline, 1)]);
    assert_eq!(reserved.group, "vip");
}

#[test]
fn one_address_has_a_bound_whatever_ids_it_makes_up_and_they_keep_no_caller_without_an_id_out() {
    let most = NUMBERS.client_leases as usize;
    let mut desk = Desk::with_agents(&[("a", 500)]);
    let made_up = (0..200).filter(|id| desk.obtain_from("x", Some(*id)).lease.is_some()).count();
    assert_eq!(made_up, 20 * most);
    for _ in 0..most {
        assert_eq!(desk.obtain_from("x", None).state, ShuntState::Assigned);
    }
    let refused = desk.obtain_from("x", None);
    assert_eq!((refused.state, refused.lease), (ShuntState::Busy, None));
    assert!(refused.reasons.skipped.contains(&(Skipped::ClientLimit, 1)));
    assert_eq!(desk.obtain_from("y", None).state, ShuntState::Assigned, "another address has its own");
    assert_eq!(desk.obtain(Some(777)).state, ShuntState::Assigned, "nor is who is vouched for bounded");
}

#[test]
fn a_session_takes_the_class_of_the_group_it_comes_to_and_a_group_that_of_its_rules_at_once() {
    let mut desk = Desk::new();
    desk.put("a", 1, &["plain"]);
    desk.rules("plain", GroupDefinition::default());
    desk.rules("gold", GroupDefinition { class: 3, ..Default::default() });
    let first = desk.open_in(1, "plain").session;
    desk.now += 60_000;
    let second = desk.open_in(2, "plain").session;
    let gold = desk.open_in(3, "gold").session;
    assert_eq!(desk.queue("plain"), [first, second]);
    desk.transfer(gold, group_to("plain", true)).unwrap();
    assert_eq!(desk.queue("plain"), [first, second, gold], "it is as good as anybody there");
    desk.transfer(second, group_to("gold", true)).unwrap();
    desk.transfer(first, group_to("gold", true)).unwrap();
    desk.now += 60_000;
    let late = desk.open_in(4, "gold").session;
    desk.rules("gold", GroupDefinition { class: 9, ..Default::default() });
    assert!(desk.state.sessions.values().filter(|open| &*open.group == "gold").all(|open| open.class == 9));
    assert_eq!(desk.queue("gold"), [first, second, late]);
    desk.ask(Command::DeleteGroup { group: "gold".to_owned() }).unwrap();
    assert_eq!(desk.state.sessions[&late].class, 0);
}

#[test]
fn nobody_is_transferred_to_a_group_that_is_closed_or_full() {
    let mut desk = Desk::with_agents(&[("a", 9)]);
    desk.put("v", 1, &["vip"]);
    let session = desk.open(1, Wish::Anyone).session;
    desk.rules("night", GroupDefinition { hours: vec!["mon 03:00-03:01".into()], ..Default::default() });
    assert_eq!(desk.transfer(session, group_to("night", true)), Err(Refusal::GroupClosed));
    desk.rules("vip", GroupDefinition { queue_limit: 1, ..Default::default() });
    desk.open_in(2, "vip");
    assert_eq!(desk.transfer(session, group_to("vip", false)), Err(Refusal::NobodyFree));
    assert_eq!(desk.transfer(session, group_to("vip", true)), Err(Refusal::QueueFull { limit: 1 }));
    assert_eq!(desk.agent_of(session).as_deref(), Some("a"), "it stays where it is");
    desk.rules("vip", GroupDefinition { queue_limit: 2, ..Default::default() });
    desk.transfer(session, group_to("vip", true)).unwrap();
    assert_eq!(desk.queue("vip").len(), 2);
}

#[test]
fn a_customer_moves_itself_from_a_bot_only() {
    let mut desk = Desk::new();
    desk.put("a", 1, &["people"]);
    desk.rules("", GroupDefinition { bot: true, ..Default::default() });
    let session = desk.open(1, Wish::Anyone).session;
    let asks = || Target::FromBot { group: "people".to_owned() };
    desk.transfer(session, asks()).unwrap();
    assert_eq!(desk.transfer(session, asks()), Err(Refusal::UnknownSession), "no bot has it any more");
    desk.says("a", Presence::Online);
    assert_eq!(desk.agent_of(session).as_deref(), Some("a"));
    assert_eq!(desk.transfer(session, asks()), Err(Refusal::UnknownSession));
}

#[test]
fn after_a_transfer_the_first_answer_is_that_of_the_new_agent() {
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 1)]);
    let session = desk.open(1, Wish::Anyone).session;
    desk.now += 3_000;
    desk.answers(session, "a");
    desk.answers(session, "a");
    desk.transfer(session, Target::Agent { agent: "b".into(), itself: true }).unwrap();
    desk.now += 2_000;
    desk.answers(session, "a"); // written before, told late
    assert!(!desk.state.sessions[&session].replied);
    desk.answers(session, "b");
    let stats = desk.state.stats_view("default");
    let number = |agent: usize| stats.agents[agent].1.0.first_response.number();
    assert_eq!((number(0), number(1), stats.days.0.first_response.number()), (1, 1, 2));
}

#[test]
fn a_group_has_its_votes_and_the_utilisation_of_its_agents() {
    let mut desk = Desk::with_agents(&[("a", 2)]);
    let session = desk.open(1, Wish::Anyone).session;
    desk.now += 10_000;
    desk.votes(session, "a", [1, 0]);
    desk.close(session, Closer::Agent);
    desk.votes(session, "a", [-1, 1]); // changed its mind after the end
    desk.votes(Uuid::from_u128(999), "a", [1, 0]); // of a session nobody remembers
    let stats = desk.state.stats_view("default");
    let today = &stats.days.0;
    assert_eq!((today.up, today.down), (0, 1));
    assert_eq!((stats.agents[0].1.0.up, stats.agents[0].1.0.down), (1, 1));
    assert_eq!(today.utilisation(), Some(0.5));
    let tally = desk.state.take_tally();
    assert_eq!((tally.votes, tally.busy, tally.available), ([1, 1], 10_000, 20_000));
    assert_eq!(tally.spans.len(), 2, "one wait, one handling: {tally:?}");
}

#[test]
fn no_other_device_lifts_what_an_agent_said() {
    let mut desk = Desk::with_agents(&[("a", 3)]);
    for said in [Presence::Offline, Presence::Away] {
        desk.says("a", said);
        for _ in 0..3 {
            desk.now += 5_000;
            desk.state.heard(&Arc::from("a"), desk.now); // a second device asks something
            desk.ask(Command::Settle).unwrap();
        }
        desk.try_open(1, "", Opener::Agent("a".into())).unwrap(); // and opens a session itself
        desk.state.woke(desk.now, &NUMBERS);
        let view = desk.state.agent_view("a", desk.now, &NUMBERS).unwrap();
        assert_eq!((view.presence, view.accepting), (said, false));
        assert_eq!(desk.obtain(None).state, ShuntState::Offline);
    }
}

#[test]
fn figures_that_nobody_asks_for_any_more_are_forgotten() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let session = desk.open(1, Wish::Anyone).session;
    desk.close(session, Closer::Agent);
    desk.state.forget_old();
    assert_eq!((desk.state.book.agents.len(), desk.state.book.groups.len()), (1, 1));
    desk.now += 2 * 86_400_000;
    desk.ask(Command::DeleteAgent { agent: "a".into() }).unwrap();
    desk.now += 2 * 86_400_000;
    desk.ask(Command::Settle).unwrap();
    desk.state.forget_old();
    assert_eq!((desk.state.book.agents.len(), desk.state.book.groups.len()), (0, 0));
}

#[test]
fn a_conversation_says_which_message_of_an_agent_is_its_first_and_whom_votes_are_for() {
    let limits = Limits {
        withdraw_window: 0,
        withdraw_window_agent: 0,
        groups_open: true,
        idempotency_age: 0,
        idempotency_count: 0,
        retention: Default::default(),
    };
    let key = crate::domain::ids::ConversationKey::Service(ENT, Address::user(1));
    let mut talk = ConversationState::new(key.id(), key);
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 1)]);
    let open = OpenSession {
        ent: ENT,
        customer: Address::user(1),
        opener: Opener::Customer(Wish::Agent("a".into())),
        group: String::new(),
        shown_name: String::new(),
        app_id: String::new(),
        receive_app_id: String::new(),
    };
    let (changes, outcome) = desk.ask_changes(Command::Open(Box::new(open)));
    let Ok(Answer::Session(view)) = outcome else { panic!("{outcome:?}") };
    let session = view.session;
    talk.told(&crate::domain::event::ShuntFact { ent: ENT, changes }, 1);
    let says = |talk: &mut ConversationState, author: Address, own_type| {
        let send = crate::domain::conversation::sending::Send {
            key: None,
            ent: ENT,
            author: Author { address: author, own_type },
            aliases: Vec::new(),
            body: Arc::default(),
            idempotency: None,
            session: Some(session),
            at: 2,
        };
        let (_, events) = talk.sent(send, false, Some(session));
        for event in &events {
            talk.apply(event, 2, &limits);
        }
        matches!(events.last(), Some(ConversationEvent::Sent { answers: true, .. }))
    };
    assert!(!says(&mut talk, Address::user(1), 2));
    assert!(!says(&mut talk, Address::agent("b"), 1), "a colleague who does not serve it");
    assert!(says(&mut talk, Address::agent("a"), 1));
    assert!(!says(&mut talk, Address::agent("a"), 1));
    let to = Target::Agent { agent: "b".into(), itself: true };
    let (changes, _) = desk.ask_changes(Command::Transfer { session, to });
    talk.told(&crate::domain::event::ShuntFact { ent: ENT, changes }, 3);
    assert!(says(&mut talk, Address::agent("b"), 1));
    assert!(!says(&mut talk, Address::agent("a"), 1));
}
