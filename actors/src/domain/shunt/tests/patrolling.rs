//! What the patrol finds, and what it does not take for broken.

use super::*;
use crate::domain::shunt::audit::guarantees;
use crate::domain::shunt::patrol::Patrol;
use crate::domain::shunt::records::{Offer, Place, Session};

/// What a round of small slices finds.
fn patrolled(desk: &Desk, numbers: &Numbers) -> Vec<Violation> {
    let mut patrol = Patrol::default();
    patrol.begin();
    let mut found = Vec::new();
    while patrol.is_on() {
        found.extend(patrol.go_on(&desk.state, desk.now, numbers, 2));
    }
    found
}

#[test]
fn lowering_the_capacity_of_agents_without_a_record_breaks_no_guarantee() {
    let mut desk = Desk::new();
    for customer in 0..2 {
        desk.try_open(customer, "", Opener::Agent("x".into())).unwrap();
    }
    let lowered = Numbers { default_capacity: 1, ..NUMBERS };
    assert_eq!(audit(&desk.state, desk.now, &lowered), []);
    assert_eq!(patrolled(&desk, &lowered), []);
}

/// What the patrol and the audit both find in a state that `corrupt` broke, which no change can do.
fn broken(mut desk: Desk, corrupt: impl FnOnce(&mut State)) -> Vec<Violation> {
    assert_eq!(patrolled(&desk, &NUMBERS), [], "sound before");
    corrupt(&mut desk.state);
    let mut found = patrolled(&desk, &NUMBERS);
    found.dedup();
    let known = guarantees(&desk.state, desk.now, &NUMBERS);
    assert!(found.iter().all(|violation| known.contains(violation)), "{found:?}, by the audit {known:?}");
    found
}

/// One agent with two places who serves two customers, and two more who wait.
fn busy() -> (Desk, Vec<Uuid>) {
    let mut desk = Desk::with_agents(&[("a", 2)]);
    let sessions = (0..4).map(|customer| desk.open(customer, Wish::Anyone).session).collect();
    (desk, sessions)
}

/// A session, its indexes left as they are.
fn edit(state: &mut State, session: Uuid) -> &mut Session {
    Arc::make_mut(state.sessions.get_mut(&session).unwrap())
}

fn record(capacity: u32) -> Option<Arc<AgentRecord>> {
    Some(Arc::new(AgentRecord {
        name: "Agent a".into(),
        groups: vec![],
        capacity,
        weight: 1,
        skills: vec![],
    }))
}

#[test]
fn a_place_that_nothing_fills_and_a_session_that_fills_none_are_found() {
    let differ = [Violation::PlacesDiffer(Arc::from("a"))];
    let mut desk = Desk::with_agents(&[("a", 2)]);
    desk.open(1, Wish::Anyone);
    assert_eq!(broken(desk, |state| state.corrupt_places_of("a")), differ);
    let (desk, sessions) = busy();
    let more = |state: &mut State| {
        let agent = state.agents.get_mut("a").unwrap();
        agent.places.remove(&Place::Session(sessions[0]));
        agent.places.insert(Place::Session(Uuid::nil()));
    };
    assert_eq!(broken(desk, more), differ);
}

#[test]
fn a_reservation_that_fills_no_place_and_a_place_whose_reservation_is_gone_are_found() {
    let differ = [Violation::PlacesDiffer(Arc::from("a"))];
    let mut desk = Desk::with_agents(&[("a", 2)]);
    desk.lease(Some(1));
    assert_eq!(broken(desk, |state| state.corrupt_places_of("a")), differ);
    let mut desk = Desk::with_agents(&[("a", 2)]);
    let lease = desk.lease(Some(1));
    assert_eq!(broken(desk, |state| drop(state.leases.remove(&lease))), differ);
}

#[test]
fn what_an_agents_promises_are_is_counted_again_by_the_audit() {
    let mut desk = Desk::with_agents(&[("a", 2)]);
    desk.lease(Some(1));
    desk.state.promises.clear();
    let audited = audit(&desk.state, desk.now, &NUMBERS);
    assert_eq!(audited, [Violation::IndexDiffers("promises")]);
}

#[test]
fn an_agent_above_its_capacity_is_found() {
    let (desk, _) = busy();
    let lowered = |state: &mut State| {
        let agent = state.agents.get_mut("a").unwrap();
        agent.set_record(record(1));
        agent.allowance = 0;
    };
    assert_eq!(broken(desk, lowered), [Violation::AboveCapacity(Arc::from("a"))]);
}

#[test]
fn a_session_that_is_offered_and_served_at_once_is_found() {
    let (desk, sessions) = busy();
    let offered = |state: &mut State| {
        let offer = Offer { agent: Arc::from("a"), agent_name: String::new(), until: Millis::MAX };
        edit(state, sessions[0]).offer = Some(offer);
    };
    assert_eq!(broken(desk, offered), [Violation::TwoStages(sessions[0])]);
}

#[test]
fn a_customer_with_two_open_sessions_is_found() {
    let (desk, sessions) = busy();
    let same = |state: &mut State| {
        edit(state, sessions[0]).customer = Address::user(1);
    };
    assert_eq!(broken(desk, same), [Violation::TwoOpenSessions]);
}

#[test]
fn a_session_that_waits_in_no_queue_is_found() {
    let (desk, _) = busy();
    let differs = [Violation::QueueDiffers(Arc::from("default"))];
    assert_eq!(broken(desk, |state| state.queues.clear()), differs);
}

#[test]
fn a_place_in_a_queue_of_who_is_not_open_or_waits_elsewhere_is_found() {
    let differs = Violation::QueueDiffers(Arc::from("default"));
    let (desk, sessions) = busy();
    let gone = broken(desk, |state| drop(state.sessions.remove(&sessions[3])));
    assert_eq!(gone, std::slice::from_ref(&differs));
    let (desk, sessions) = busy();
    let elsewhere = |state: &mut State| {
        edit(state, sessions[3]).group = Arc::from("vip");
    };
    assert!(broken(desk, elsewhere).contains(&differs), "the queue that it left holds it still");
    let (desk, sessions) = busy();
    let later = |state: &mut State| edit(state, sessions[2]).arrival = 70;
    assert!(broken(desk, later).contains(&differs));
}

#[test]
fn a_customer_who_waits_beside_a_free_agent_is_found() {
    let (desk, _) = busy();
    let raised = |state: &mut State| state.agents.get_mut("a").unwrap().set_record(record(3));
    assert_eq!(broken(desk, raised), [Violation::WaitingBesideFree(Arc::from("default"))]);
}
