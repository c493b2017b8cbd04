//! The order of the choice, and what groups add to it.

use super::*;
use crate::api::SessionState;
use crate::domain::event::{Fact, GroupDefinition, Policy, Reasons, ShuntFact, Step, TieBreak};
use crate::domain::ids::{ActorKey, ConversationKey, InboxKey};

const MINUTE: Millis = 60_000;

impl Desk {
    fn group(&mut self, group: &str, definition: GroupDefinition) {
        let definition = Box::new(definition);
        self.ask(Command::PutGroup { group: group.to_owned(), definition }).unwrap();
    }

    fn open_in_group(&mut self, customer: i64, group: &str) -> SessionView {
        self.try_open(customer, group, Opener::Customer(Wish::Anyone)).unwrap()
    }

    /// Opens and says why it went as it did.
    fn why(&mut self, customer: i64, wish: Wish) -> (Option<String>, Reasons) {
        let open = OpenSession {
            ent: ENT,
            customer: Address::user(customer),
            opener: Opener::Customer(wish),
            group: String::new(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        let (changes, outcome) = self.ask_changes(Command::Open(Box::new(open)));
        let why = changes.iter().rev().find_map(|change| match change {
            ShuntChange::Decided { why, .. } => Some(why.as_ref().clone()),
            _ => None,
        });
        let Ok(Answer::Session(view)) = outcome else { panic!("{outcome:?}") };
        (view.agent, why.unwrap())
    }
}

#[test]
fn wish_then_last_agent_then_policy_each_says_so() {
    let mut desk = Desk::with_agents(&[("a", 3), ("b", 3), ("c", 3)]);
    desk.group("", GroupDefinition { sticky: 10 * MINUTE, ..GroupDefinition::default() });
    let (agent, why) = desk.why(1, Wish::Agent("c".into()));
    assert_eq!((agent.as_deref(), why.step), (Some("c"), Step::Wanted));
    let session = desk.state.session_of(&Address::user(1)).unwrap();
    desk.close(session, Closer::Customer);
    desk.now += MINUTE - 1;
    let (agent, why) = desk.why(1, Wish::Anyone);
    assert_eq!((agent.as_deref(), why.step), (Some("c"), Step::LastAgent));
    let session = desk.state.session_of(&Address::user(1)).unwrap();
    desk.close(session, Closer::Customer);
    desk.says("c", Presence::Away);
    let (agent, why) = desk.why(1, Wish::Anyone);
    assert_eq!((agent.as_deref(), why.step, why.tie_break), (Some("a"), Step::Policy, Some(TieBreak::Id)));
    assert_eq!((why.considered, why.skipped, why.policy_version), (3, vec![(Skipped::Away, 1)], 1));
}

#[test]
fn the_sticky_window_ends() {
    let mut desk = Desk::with_agents(&[("a", 3), ("b", 3)]);
    desk.group("", GroupDefinition { sticky: 30_000, ..GroupDefinition::default() });
    let first = desk.open(1, Wish::Agent("b".into()));
    desk.close(first.session, Closer::Customer);
    desk.now += 30_000;
    assert_eq!(desk.why(1, Wish::Anyone).1.step, Step::Policy);
}

#[test]
fn priority_and_weight_are_those_of_the_group() {
    let mut desk = Desk::new();
    desk.put("a", 1, &["vip;priority=2", "default"]);
    desk.put("b", 1, &["vip;priority=1;weight=7", "default"]);
    desk.group("vip", GroupDefinition { policy: Policy::Priority, ..GroupDefinition::default() });
    desk.says("a", Presence::Online);
    desk.says("b", Presence::Online);
    assert_eq!(desk.open_in_group(1, "vip").agent.as_deref(), Some("b"));
    assert_eq!(desk.open_in_group(2, "vip").agent.as_deref(), Some("a"));
    assert_eq!(
        desk.open_in_group(3, "default").state,
        SessionState::Queued,
        "one set of places for all groups"
    );
}

#[test]
fn an_overflow_group_helps_after_its_delay_in_the_order_of_arrival() {
    let mut desk = Desk::new();
    desk.put("h", 1, &["help"]);
    desk.says("h", Presence::Online);
    let rules =
        GroupDefinition { overflow: vec!["help".into()], overflow_delay: 20_000, ..Default::default() };
    desk.group("vip", rules);
    let first = desk.open_in_group(1, "vip").session;
    desk.now += 19_999;
    let second = desk.open_in_group(2, "vip").session;
    assert_eq!(desk.agent_of(first), None);
    desk.now += 1;
    desk.ask(Command::Settle).unwrap();
    assert_eq!(desk.agent_of(first).as_deref(), Some("h"));
    assert_eq!(desk.agent_of(second), None);
}

#[test]
fn only_agents_with_the_skills_of_the_group_are_taken() {
    let mut desk = Desk::with_agents(&[("a", 5)]);
    let record =
        AgentRecord { name: "b".into(), groups: vec![], capacity: 1, weight: 1, skills: vec!["fr".into()] };
    desk.ask(Command::PutAgent { agent: Arc::from("b"), record }).unwrap();
    desk.says("b", Presence::Online);
    desk.group("", GroupDefinition { skills: vec!["fr".into()], ..Default::default() });
    assert_eq!(desk.open(1, Wish::Agent("a".into())).agent.as_deref(), Some("b"));
    let (agent, why) = desk.why(2, Wish::Anyone);
    assert_eq!((agent, why.skipped), (None, vec![(Skipped::Full, 1), (Skipped::Unskilled, 1)]));
    desk.group("", GroupDefinition::default());
    assert!(desk.queue("default").is_empty(), "a change of the rules serves who waits");
}

#[test]
fn an_agent_that_came_online_grows_into_its_capacity() {
    let mut desk = Desk::new();
    desk.put("a", 4, &[]);
    desk.group("", GroupDefinition { ramp: 40_000, ..Default::default() });
    desk.says("a", Presence::Online);
    for customer in 1..=4 {
        desk.open(customer, Wish::Anyone);
    }
    assert_eq!((desk.places("a"), desk.queue("default").len()), ((1, 0), 3));
    for (after, filled) in [(19_999, 1), (1, 2), (9_999, 2), (1, 3), (10_000, 4)] {
        desk.now += after;
        desk.ask(Command::Settle).unwrap();
        assert_eq!(desk.places("a").0, filled, "at {}", desk.now);
    }
}

#[test]
fn classes_are_served_earlier_but_nobody_waits_for_ever() {
    let mut desk = Desk::new();
    desk.put("a", 1, &["default", "vip"]);
    desk.group("vip", GroupDefinition { class: 2, ..Default::default() });
    desk.says("a", Presence::Online);
    let served = desk.open(1, Wish::Anyone).session;
    let plain = desk.open(2, Wish::Anyone).session;
    desk.now += 2 * MINUTE - 10_000;
    desk.state.heard(&Arc::from("a"), desk.now);
    let vip = desk.open_in_group(3, "vip").session;
    desk.now += 10_001;
    desk.state.heard(&Arc::from("a"), desk.now);
    let late_vip = desk.open_in_group(4, "vip").session;
    for (ended, next) in [(served, vip), (vip, plain), (plain, late_vip)] {
        desk.close(ended, Closer::Agent);
        assert_eq!(desk.agent_of(next).as_deref(), Some("a"));
    }
}

#[test]
fn whoever_waits_too_long_is_turned_away_and_a_session_has_its_lifetime() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.group("", GroupDefinition { queue_timeout: 30_000, lifetime: 50_000, ..Default::default() });
    let served = desk.open(1, Wish::Anyone).session;
    let waiting = desk.open(2, Wish::Anyone).session;
    desk.now += 30_000;
    let (changes, _) = desk.ask_changes(Command::Settle);
    let ended = |changes: &[ShuntChange], id, why| {
        changes.iter().any(|change| match change {
            ShuntChange::SessionEnded { session, reason, .. } => (*session, *reason) == (id, why),
            _ => false,
        })
    };
    assert!(ended(&changes, waiting, CloseReason::QueueTimeout), "{changes:?}");
    desk.now += 20_000;
    let (changes, _) = desk.ask_changes(Command::Settle);
    assert!(ended(&changes, served, CloseReason::Lifetime), "{changes:?}");
}

#[test]
fn a_visitor_who_registers_keeps_the_older_session_and_its_place() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.open(9, Wish::Anyone);
    let visitors = desk.open(1, Wish::Anyone).session;
    let users = desk.open(2, Wish::Anyone).session;
    let (visitor, user) = (Address::user(1), Address::user(2));
    let promote = Command::Promote { visitor, user, most: MAX_VISITORS };
    let (changes, _) = desk.ask_changes(promote.clone());
    let [ShuntChange::SessionEnded { session, reason, .. }, ShuntChange::Promoted { .. }] = &changes[..]
    else {
        panic!("{changes:?}")
    };
    assert_eq!((*session, *reason), (users, CloseReason::Merged));
    assert_eq!(desk.open(2, Wish::Anyone).session, visitors);
    assert_eq!(desk.open(1, Wish::Anyone).session, visitors);
    assert_eq!(desk.queue("default"), [visitors]);
    assert_eq!(desk.ask_changes(promote).0, [], "merging twice is merging once");
}

#[test]
fn a_promotion_says_which_session_the_user_has_open_from_then_on() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let session = desk.open(1, Wish::Anyone).session;
    let (visitor, user) = (Address::user(1), Address::user(2));
    let promote = Command::Promote { visitor: visitor.clone(), user: user.clone(), most: MAX_VISITORS };
    let (changes, answer) = desk.ask_changes(promote);
    assert_eq!(answer, Ok(Answer::Promoted));
    let [ShuntChange::Promoted { session: Some(open), .. }] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(
        (open.session, open.agent.as_deref(), open.state),
        (session, Some("a"), SessionState::Serving)
    );
    let fact = ShuntFact { ent: 1, changes };
    for customer in [visitor, user] {
        let key = ConversationKey::Service(1, customer.clone());
        assert_eq!(fact.service_of(key.id()), Some(key.clone()));
        let told = Fact::Shunt(fact.clone()).audience();
        assert!(told.contains(&ActorKey::Conversation(key.id())), "{told:?}");
        assert!(told.contains(&ActorKey::Inbox(InboxKey::Party(customer))), "{told:?}");
    }
}

#[test]
fn nobody_is_promoted_into_a_visitor_into_two_users_or_once_others_became_it() {
    let mut desk = Desk::with_agents(&[]);
    let mut promote = |visitor: i64, user: i64| {
        let (visitor, user) = (Address::user(visitor), Address::user(user));
        desk.ask_changes(Command::Promote { visitor, user, most: MAX_VISITORS }).1
    };
    assert_eq!(promote(1, 1), Err(Refusal::NotRegistered));
    assert_eq!(promote(1, 2), Ok(Answer::Promoted));
    assert_eq!(promote(1, 2), Ok(Answer::Noted));
    assert_eq!(promote(1, 3), Err(Refusal::MergedIntoAnother));
    assert_eq!(promote(4, 1), Err(Refusal::NotRegistered), "no chains");
    assert_eq!(promote(2, 5), Err(Refusal::NotAVisitor), "no chains from the other end");
}

#[test]
fn a_user_takes_so_many_visitors_and_no_more_but_a_merge_that_was_let_in_is_followed() {
    let mut desk = Desk::with_agents(&[]);
    let mut promote = |visitor: i64, user: i64, most: usize| {
        let (visitor, user) = (Address::user(visitor), Address::user(user));
        desk.ask_changes(Command::Promote { visitor, user, most }).1
    };
    for visitor in 1..=3 {
        assert_eq!(promote(visitor, 100, 3), Ok(Answer::Promoted));
    }
    assert_eq!(promote(4, 100, 3), Err(Refusal::TooManyVisitors { most: 3 }));
    assert_eq!(promote(2, 100, 3), Ok(Answer::Noted), "a repeat is no other one");
    assert_eq!(promote(4, 101, 3), Ok(Answer::Promoted), "another user has its own");
    assert_eq!(promote(5, 100, usize::MAX), Ok(Answer::Promoted));
}
