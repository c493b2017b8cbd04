//! Reservations: places promised for a time.

use std::sync::Arc;

use uuid::Uuid;

use super::{Desk, NUMBERS};
use crate::api::{Opener, SessionState, ShuntState, Wish};
use crate::domain::event::{GroupDefinition, Presence, ShuntChange, Step};
use crate::domain::refusal::Refusal;
use crate::domain::shunt::{Answer, Closer, Command};

#[test]
fn a_reservation_fills_a_place_until_it_lapses() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let first = desk.obtain(None);
    assert_eq!((first.state, first.free_slots), (ShuntState::Assigned, 0));
    assert_eq!(first.lease.unwrap().1, desk.now + NUMBERS.lease);
    assert_eq!(desk.obtain(None).state, ShuntState::Busy);
    desk.now += NUMBERS.lease;
    assert_eq!(desk.obtain(None).state, ShuntState::Assigned);
    assert_eq!(desk.places("a"), (0, 1));
}

#[test]
fn a_lapsed_reservation_gives_its_place_to_the_head_of_the_queue_in_the_same_turn() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.lease(Some(1));
    let second = desk.open(2, Wish::Anyone).session;
    desk.now += NUMBERS.lease;
    let (changes, _) = desk.ask_changes(Command::Settle);
    let [
        ShuntChange::LeaseEnded { consumed: false, .. },
        ShuntChange::Assigned { session, .. },
        ShuntChange::Decided { .. },
    ] = &changes[..]
    else {
        panic!("{changes:?}")
    };
    assert_eq!(*session, second);
}

#[test]
fn who_only_looks_sees_what_was_applied_and_time_takes_no_effect() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let lease = desk.lease(Some(1));
    let second = desk.open(2, Wish::Anyone).session;
    desk.now += NUMBERS.lease;
    let mut look = |command: Command| {
        let decision = desk.state.look(desk.now, &command, &NUMBERS);
        assert_eq!(decision.changes, []);
        decision.outcome.unwrap()
    };
    assert_eq!(look(Command::HasLease { lease }), Answer::HasLease(true));
    let Answer::Queue(queue) = look(Command::Queue { group: String::new(), skip: 0, take: 9 }) else {
        panic!("a queue")
    };
    assert_eq!(queue.waiting.iter().map(|waiting| waiting.session).collect::<Vec<_>>(), [second]);
    assert_eq!(desk.ask(Command::HasLease { lease }), Ok(Answer::HasLease(false)), "until it is decided");
}

#[test]
fn a_known_customer_gets_the_same_reservation_again() {
    let mut desk = Desk::with_agents(&[("a", 5)]);
    let first = desk.obtain(Some(1));
    desk.now += 10;
    let again = desk.obtain(Some(1));
    assert_eq!((first.lease, &first.agent), (again.lease, &again.agent));
    assert_eq!(desk.places("a"), (0, 1));
}

#[test]
fn a_customer_with_an_open_session_gets_its_agent_and_no_reservation() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.open(1, Wish::Anyone);
    let served = desk.obtain(Some(1));
    assert_eq!((served.state, served.lease), (ShuntState::Assigned, None));
    assert_eq!(served.agent, Some(("a".to_owned(), "Agent a".to_owned())));
    desk.open(2, Wish::Anyone);
    desk.open(3, Wish::Anyone);
    let queued = desk.obtain(Some(3));
    assert_eq!((queued.state, queued.ahead, queued.waiting), (ShuntState::Busy, 1, 2));
}

#[test]
fn a_reservation_never_overtakes_the_queue() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let served = desk.open(1, Wish::Anyone).session;
    let waiting = desk.open(2, Wish::Anyone).session;
    desk.close(served, Closer::Agent);
    assert_eq!(desk.agent_of(waiting).as_deref(), Some("a"));
    let busy = desk.obtain(Some(3));
    assert_eq!((busy.state, busy.ahead), (ShuntState::Busy, 0));
    assert_eq!(desk.queue("default").len(), 0, "busy joins no queue");
}

#[test]
fn an_unknown_group_falls_back_to_the_default_and_says_so() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.put("v", 1, &["vip"]);
    desk.says("v", Presence::Online);
    let shunt = desk.obtain_in("nonsense", None);
    assert_eq!((shunt.group.as_str(), shunt.fallback), ("default", true));
    let vip = desk.obtain_in("vip", None);
    assert_eq!((vip.group.as_str(), vip.fallback), ("vip", false));
    assert_eq!(vip.agent.unwrap().0, "v");
    assert!(!desk.obtain_in("default", None).fallback);
}

#[test]
fn a_reservation_becomes_the_session_it_was_made_for() {
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 5)]);
    let shunt = desk.obtain(Some(1));
    let lease = shunt.lease.unwrap().0;
    let session = desk.open(1, Wish::Lease(lease));
    assert_eq!(session.agent, shunt.agent.map(|(id, _)| id));
    assert_eq!(desk.places("a"), (1, 0));
    let repeated = desk.open(1, Wish::Lease(lease));
    assert_eq!((repeated.session, repeated.created), (session.session, false));
}

#[test]
fn an_unbound_reservation_serves_whoever_brings_it_first() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let lease = desk.lease(None);
    assert_eq!(desk.open(1, Wish::Lease(lease)).state, SessionState::Serving);
    assert_eq!(desk.open(2, Wish::Lease(lease)).state, SessionState::Queued, "consumed, so no wish");
}

#[test]
fn a_reservation_of_another_customer_is_refused() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let lease = desk.lease(Some(1));
    let refused = desk.try_open(2, "", Opener::Customer(Wish::Lease(lease)));
    assert_eq!(refused, Err(Refusal::LeaseOfAnother));
    assert_eq!(desk.places("a"), (0, 1));
}

#[test]
fn an_expired_or_unknown_reservation_is_no_wish() {
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 1)]);
    let lease = desk.lease(Some(1));
    desk.now += NUMBERS.lease;
    assert_eq!(desk.open(2, Wish::Lease(lease)).state, SessionState::Serving);
    assert_eq!(desk.open(3, Wish::Lease(Uuid::from_u128(77))).state, SessionState::Serving);
}

#[test]
fn a_queued_session_is_served_from_a_valid_reservation() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let lease = desk.lease(None);
    let earlier = desk.open(1, Wish::Anyone);
    let later = desk.open(2, Wish::Anyone);
    assert_eq!((earlier.ahead, later.ahead), (0, 1));
    let served = desk.open(2, Wish::Lease(lease));
    assert_eq!((served.session, served.created), (later.session, false));
    assert_eq!(served.agent.as_deref(), Some("a"));
    assert_eq!(desk.queue("default"), [earlier.session]);
}

#[test]
fn a_customer_who_forgets_to_name_its_reservation_is_served_from_it_all_the_same() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.lease(Some(1));
    assert_eq!(desk.open(1, Wish::Anyone).agent.as_deref(), Some("a"));
    assert_eq!(desk.places("a"), (1, 0));
}

#[test]
fn a_wished_agent_who_is_eligible_serves_and_frees_the_reservation_on_another() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5)]);
    assert_eq!(desk.obtain(Some(1)).agent.unwrap().0, "a");
    assert_eq!(desk.open(1, Wish::Agent("b".into())).agent.as_deref(), Some("b"));
    assert_eq!((desk.places("a"), desk.places("b")), ((0, 0), (1, 0)));
}

#[test]
fn a_reservation_serves_where_the_agent_wished_for_would_not_since_the_group_is_closed_by_now() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5)]);
    desk.obtain(Some(1));
    // It is midnight.
    let hours = vec!["mon-sun 02:00-03:00".to_owned()];
    let closed = Box::new(GroupDefinition { hours, ..GroupDefinition::default() });
    desk.ask(Command::PutGroup { group: String::new(), definition: closed }).unwrap();
    let served = desk.open(1, Wish::Agent("b".into()));
    assert_eq!((served.state, served.agent.as_deref()), (SessionState::Serving, Some("a")));
}

#[test]
fn whoever_could_help_out_keeps_a_group_from_being_offline() {
    let mut desk = Desk::new();
    desk.put("h", 1, &["help"]);
    desk.put("v", 1, &["vip"]);
    let definition = GroupDefinition { overflow: vec!["help".into()], ..GroupDefinition::default() };
    desk.ask(Command::PutGroup { group: "vip".into(), definition: Box::new(definition) }).unwrap();
    assert_eq!(desk.obtain_in("vip", Some(1)).state, ShuntState::Offline, "nobody is there");
    desk.says("h", Presence::Online);
    assert_eq!(desk.obtain_in("vip", Some(1)).state, ShuntState::Assigned, "h helps at once");
    let shunt = desk.obtain_in("vip", Some(2));
    assert_eq!((shunt.state, shunt.online), (ShuntState::Busy, 0), "h is full, and none of the group's own");
}

#[test]
fn a_deleted_agent_keeps_its_sessions_and_loses_its_reservations() {
    let mut desk = Desk::with_agents(&[("a", 3)]);
    let served = desk.open(1, Wish::Anyone).session;
    let lease = desk.lease(Some(2));
    assert_eq!(desk.ask(Command::DeleteAgent { agent: Arc::from("a") }), Ok(Answer::Deleted(true)));
    assert_eq!(desk.agent_of(served).as_deref(), Some("a"));
    assert_eq!(desk.open(2, Wish::Lease(lease)).state, SessionState::Queued);
    assert_eq!(desk.ask(Command::Agent { agent: Arc::from("a") }), Err(Refusal::UnknownAgent));
    assert_eq!(desk.ask(Command::DeleteAgent { agent: Arc::from("a") }), Ok(Answer::Deleted(false)));
    desk.close(served, Closer::Agent);
    assert!(desk.state.agents.is_empty(), "nothing is remembered of it");
}

#[test]
fn going_away_ends_reservations_and_keeps_sessions() {
    let mut desk = Desk::with_agents(&[("a", 3)]);
    let served = desk.open(1, Wish::Anyone).session;
    desk.lease(Some(2));
    desk.says("a", Presence::Away);
    assert_eq!(desk.places("a"), (1, 0));
    assert_eq!(desk.agent_of(served).as_deref(), Some("a"));
}

#[test]
fn a_customer_who_comes_back_reserves_its_last_agent_within_the_sticky_window_as_long_as_that_is_eligible() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5)]);
    let definition = Box::new(GroupDefinition { sticky: 30_000, ..GroupDefinition::default() });
    desk.ask(Command::PutGroup { group: String::new(), definition }).unwrap();
    let session = desk.open(1, Wish::Agent("b".into())).session;
    desk.close(session, Closer::Customer);
    let shunt = desk.obtain(Some(1));
    assert_eq!((shunt.agent.unwrap().0.as_str(), shunt.reasons.step), ("b", Step::LastAgent));
    assert_eq!(desk.obtain(None).reasons.step, Step::Policy, "nobody knows who that is");
    desk.says("b", Presence::Away);
    let shunt = desk.obtain(Some(1));
    assert_eq!((shunt.agent.unwrap().0.as_str(), shunt.reasons.step), ("a", Step::Policy));
    desk.says("b", Presence::Online);
    desk.now += 30_000; // the reservation has lapsed too
    let shunt = desk.obtain(Some(1));
    assert_eq!(
        (shunt.agent.unwrap().0.as_str(), shunt.reasons.step),
        ("a", Step::Policy),
        "the window is over"
    );
}
