//! The rules of routing, one sentence each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::sync::Arc;

use uuid::Uuid;

use super::audit::{Violation, audit};
use super::state::State;
use super::{Answer, Closer, Command, MAX_VISITORS, Numbers};
use crate::api::{Obtain, OpenSession, Opener, SessionState, SessionView, Shunt, ShuntState, Wish};
use crate::domain::event::{AgentRecord, CloseReason, Presence, ShuntChange, Skipped};
use crate::domain::ids::{Address, EntId, Millis};
use crate::domain::refusal::Refusal;

mod choosing;
mod consequences;
mod fairness;
mod forgetting;
mod patrolling;
mod reservations;

const NUMBERS: Numbers = Numbers { default_capacity: 2, ..Numbers::DEFAULT };
const ENT: EntId = 9;

/// A routing with a clock; every step is audited.
struct Desk {
    state: State,
    now: Millis,
    ids: u128,
}

impl Desk {
    fn new() -> Self {
        let mut state = State::new(ENT);
        state.woke(1_000, &NUMBERS);
        Self { state, now: 1_000, ids: 0 }
    }

    /// One agent per (id, capacity), online, in the default group.
    fn with_agents(agents: &[(&str, u32)]) -> Self {
        let mut desk = Self::new();
        for (id, capacity) in agents {
            desk.put(id, *capacity, &[]);
            desk.says(id, Presence::Online);
        }
        desk
    }

    fn ask(&mut self, command: Command) -> Result<Answer, Refusal> {
        self.ask_changes(command).1
    }

    fn ask_changes(&mut self, command: Command) -> (Vec<ShuntChange>, Result<Answer, Refusal>) {
        self.ids += 1;
        let before = self.state.clone();
        let decision = self.state.decide(self.now, Uuid::from_u128(self.ids), &command, &NUMBERS);
        assert!(self.state == before, "deciding changed the state");
        for change in &decision.changes {
            self.state.apply(self.now, change);
        }
        assert_eq!(audit(&self.state, self.now, &NUMBERS), [], "after {command:?}");
        (decision.changes, decision.outcome)
    }

    fn put(&mut self, id: &str, capacity: u32, groups: &[&str]) {
        let groups = groups.iter().map(ToString::to_string).collect();
        let record = AgentRecord { name: format!("Agent {id}"), groups, capacity, weight: 1, skills: vec![] };
        self.ask(Command::PutAgent { agent: Arc::from(id), record }).unwrap();
    }

    fn says(&mut self, id: &str, presence: Presence) {
        self.ask(Command::SetPresence { agent: Arc::from(id), presence }).unwrap();
    }

    fn try_open(&mut self, customer: i64, group: &str, opener: Opener) -> Result<SessionView, Refusal> {
        let open = OpenSession {
            ent: ENT,
            customer: Address::user(customer),
            opener,
            group: group.to_owned(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        match self.ask(Command::Open(Box::new(open)))? {
            Answer::Session(view) => Ok(*view),
            other => panic!("{other:?}"),
        }
    }

    fn open(&mut self, customer: i64, wish: Wish) -> SessionView {
        self.try_open(customer, "", Opener::Customer(wish)).unwrap()
    }

    fn close(&mut self, session: Uuid, by: Closer) -> Answer {
        self.ask(Command::Close { session, by }).unwrap()
    }

    fn obtain_in(&mut self, group: &str, customer: Option<i64>) -> Shunt {
        let customer = customer.map(Address::user);
        match self
            .ask(Command::Obtain(Obtain { ent: ENT, group: group.to_owned(), customer, client: None }))
            .unwrap()
        {
            Answer::Shunt(shunt) => *shunt,
            other => panic!("{other:?}"),
        }
    }

    fn obtain(&mut self, customer: Option<i64>) -> Shunt {
        self.obtain_in("", customer)
    }

    fn lease(&mut self, customer: Option<i64>) -> Uuid {
        self.obtain(customer).lease.unwrap().0
    }

    fn view(&self, session: Uuid) -> SessionView {
        self.state.session_view(session, false).unwrap()
    }

    fn agent_of(&self, session: Uuid) -> Option<String> {
        self.view(session).agent
    }

    fn queue(&self, group: &str) -> Vec<Uuid> {
        self.state.queue_view(group, 0, usize::MAX).waiting.iter().map(|waiting| waiting.session).collect()
    }

    fn places(&self, id: &str) -> (u64, u64) {
        let view = self.state.agent_view(id, self.now, &NUMBERS).unwrap();
        (view.sessions, view.leases)
    }
}

#[test]
fn a_new_agent_is_offline_until_it_says_online() {
    let mut desk = Desk::new();
    desk.put("a", 1, &[]);
    let waiting = desk.open(1, Wish::Anyone);
    assert_eq!(waiting.state, SessionState::Queued);
    desk.says("a", Presence::Online);
    assert_eq!(desk.agent_of(waiting.session).as_deref(), Some("a"), "saying online takes the queue's head");
}

#[test]
fn the_least_loaded_agent_is_taken_by_exact_share_of_capacity() {
    let mut desk = Desk::with_agents(&[("a", 3), ("b", 6)]);
    let order: Vec<_> = (0..9).map(|n| desk.open(n, Wish::Anyone).agent.unwrap()).collect();
    assert_eq!(order.iter().filter(|agent| *agent == "a").count(), 3);
    assert_eq!(desk.open(100, Wish::Anyone).state, SessionState::Queued);
}

#[test]
fn among_equally_loaded_agents_the_longest_idle_is_taken() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5), ("c", 5)]);
    let mut taken = Vec::new();
    for customer in 0..4 {
        desk.now += 10;
        let session = desk.open(customer, Wish::Anyone);
        taken.push(session.agent.unwrap());
        desk.now += 10;
        desk.close(session.session, Closer::Customer);
    }
    assert_eq!(taken, ["a", "b", "c", "a"]);
}

#[test]
fn nobody_is_routed_to_an_agent_who_is_away_or_offline_or_was_not_heard_from() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5), ("c", 5)]);
    desk.says("a", Presence::Away);
    desk.says("b", Presence::Offline);
    desk.now += NUMBERS.heartbeat_lapse;
    let shunt = desk.obtain(Some(1));
    assert_eq!((shunt.state, shunt.online, shunt.reasons.considered), (ShuntState::Offline, 0, 3));
    let skipped = [(Skipped::Away, 1), (Skipped::Lapsed, 1), (Skipped::Offline, 1)];
    assert_eq!(shunt.reasons.skipped, skipped);
    assert_eq!(desk.open(1, Wish::Agent("c".into())).state, SessionState::Queued);
}

#[test]
fn an_agent_heard_from_again_takes_the_queue_at_the_next_turn() {
    let mut desk = Desk::with_agents(&[("a", 5)]);
    desk.now += NUMBERS.heartbeat_lapse;
    let waiting = desk.open(1, Wish::Anyone).session;
    assert_eq!(desk.agent_of(waiting), None);
    desk.state.heard(&Arc::from("a"), desk.now);
    desk.ask(Command::Settle).unwrap();
    assert_eq!(desk.agent_of(waiting).as_deref(), Some("a"));
}

#[test]
fn waking_up_is_a_heartbeat_of_everybody() {
    let mut desk = Desk::with_agents(&[("a", 5)]);
    let bytes = desk.state.encode().unwrap();
    desk.now += 10 * NUMBERS.heartbeat_lapse;
    desk.state = State::decode(ENT, &bytes).unwrap();
    desk.state.woke(desk.now, &NUMBERS);
    assert_eq!(desk.open(1, Wish::Anyone).agent.as_deref(), Some("a"));
}

#[test]
fn a_customer_has_one_open_session_however_often_it_asks() {
    let mut desk = Desk::with_agents(&[("a", 5)]);
    let first = desk.open(1, Wish::Anyone);
    let again = desk.open(1, Wish::Agent("a".into()));
    assert!(first.created && !again.created);
    assert_eq!(first.session, again.session);
    assert_eq!(desk.places("a"), (1, 0));
}

#[test]
fn a_wish_that_cannot_be_met_falls_back_to_routing() {
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 1)]);
    desk.open(1, Wish::Agent("b".into()));
    assert_eq!(desk.open(2, Wish::Agent("b".into())).agent.as_deref(), Some("a"));
    assert_eq!(desk.open(3, Wish::Agent("nobody".into())).state, SessionState::Queued);
}

#[test]
fn an_agent_wished_for_brings_its_own_group_when_none_is_named() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    desk.put("v", 1, &["vip", "gold"]);
    desk.says("v", Presence::Online);
    assert_eq!(desk.open(1, Wish::Agent("v".into())).agent.as_deref(), Some("v"));
    let named = desk.try_open(2, "default", Opener::Customer(Wish::Agent("v".into()))).unwrap();
    assert_eq!(named.agent.as_deref(), Some("a"), "a named group outranks the wish");
}

#[test]
fn closing_frees_exactly_one_place_for_the_head_of_the_queue_in_the_same_turn() {
    let mut desk = Desk::with_agents(&[("a", 2)]);
    let served = desk.open(1, Wish::Anyone).session;
    desk.open(2, Wish::Anyone);
    let (head, next) = (desk.open(3, Wish::Anyone).session, desk.open(4, Wish::Anyone).session);
    desk.now += 5_000;
    let (changes, outcome) = desk.ask_changes(Command::Close { session: served, by: Closer::Agent });
    let [
        ShuntChange::SessionEnded { .. },
        ShuntChange::Assigned { session, .. },
        ShuntChange::Decided { .. },
    ] = &changes[..]
    else {
        panic!("{changes:?}")
    };
    assert_eq!(*session, head);
    let Ok(Answer::Closed(closed)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((closed.reason, closed.duration_seconds), (CloseReason::ClosedByAgent, 5));
    assert_eq!(desk.close(served, Closer::Agent), Answer::NotOpen);
    assert_eq!(desk.queue("default"), [next]);
    assert_eq!(desk.places("a"), (2, 0));
}

#[test]
fn closing_a_queued_session_is_leaving_the_queue() {
    let mut desk = Desk::new();
    let (first, second) = (desk.open(1, Wish::Anyone), desk.open(2, Wish::Anyone));
    assert_eq!(second.ahead, 1);
    let Answer::Closed(closed) = desk.close(first.session, Closer::Customer) else { panic!("not closed") };
    assert_eq!(closed.reason, CloseReason::LeftQueue);
    assert_eq!(desk.view(second.session).ahead, 0);
}

#[test]
fn a_customer_with_a_session_opens_a_new_one_once_it_has_ended() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let first = desk.open(1, Wish::Anyone);
    desk.close(first.session, Closer::Nobody);
    let second = desk.open(1, Wish::Anyone);
    assert!(second.created && second.session != first.session);
}

#[test]
fn an_agent_opens_against_its_own_capacity() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let opened = desk.try_open(1, "", Opener::Agent("a".into())).unwrap();
    assert_eq!(opened.agent.as_deref(), Some("a"));
    let refused = desk.try_open(2, "", Opener::Agent("a".into()));
    assert_eq!(refused, Err(Refusal::AtCapacity { capacity: 1 }));
    let existing = desk.try_open(1, "", Opener::Agent("b".into())).unwrap();
    assert_eq!((existing.agent.as_deref(), existing.created), (Some("a"), false));
}

#[test]
fn an_agent_without_a_record_opens_up_to_the_default_capacity_and_is_never_routed_to() {
    let mut desk = Desk::new();
    desk.try_open(1, "", Opener::Agent("x".into())).unwrap();
    let last = desk.try_open(2, "", Opener::Agent("x".into())).unwrap();
    let refused = desk.try_open(3, "", Opener::Agent("x".into()));
    assert_eq!(refused, Err(Refusal::AtCapacity { capacity: NUMBERS.default_capacity }));
    desk.close(last.session, Closer::Agent);
    assert_eq!(desk.open(4, Wish::Agent("x".into())).state, SessionState::Queued);
    let unknown = desk.ask(Command::SetPresence { agent: Arc::from("x"), presence: Presence::Online });
    assert_eq!(unknown, Err(Refusal::UnknownAgent));
}

#[test]
fn an_agent_with_a_place_left_takes_the_customer_who_waits() {
    let mut desk = Desk::new();
    desk.put("a", 1, &[]);
    let first = desk.open(1, Wish::Anyone);
    let second = desk.open(2, Wish::Anyone);
    let taken = desk.try_open(2, "", Opener::Agent("a".into())).unwrap();
    assert_eq!((taken.session, taken.created), (second.session, false));
    assert_eq!(taken.state, SessionState::Serving);
    let full = desk.try_open(1, "", Opener::Agent("a".into())).unwrap();
    assert_eq!((full.session, full.state), (first.session, SessionState::Queued));
}

#[test]
fn lowering_the_capacity_takes_nothing_away_and_gives_nothing_new() {
    let mut desk = Desk::with_agents(&[("a", 3)]);
    let sessions: Vec<_> = (0..2).map(|n| desk.open(n, Wish::Anyone).session).collect();
    let lease = desk.lease(Some(5));
    desk.put("a", 1, &[]);
    assert_eq!(desk.places("a"), (2, 1));
    assert_eq!(desk.open(5, Wish::Lease(lease)).state, SessionState::Serving, "a promise is kept");
    let waiting = desk.open(6, Wish::Anyone).session;
    desk.close(sessions[0], Closer::Agent);
    desk.close(sessions[1], Closer::Agent);
    assert_eq!(desk.agent_of(waiting), None);
    desk.put("a", 2, &[]);
    assert_eq!(desk.agent_of(waiting).as_deref(), Some("a"), "raising it takes the queue's head");
}

#[test]
fn an_agent_of_two_groups_takes_the_customer_who_came_first() {
    let mut desk = Desk::new();
    desk.put("a", 1, &["x", "y"]);
    let early = desk.try_open(1, "y", Opener::Customer(Wish::Anyone)).unwrap().session;
    desk.try_open(2, "x", Opener::Customer(Wish::Anyone)).unwrap();
    desk.says("a", Presence::Online);
    assert_eq!(desk.agent_of(early).as_deref(), Some("a"));
}

#[test]
fn the_wait_is_estimated_from_measured_departures_only() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let mut served = desk.open(0, Wish::Anyone).session;
    let waiting: Vec<_> = (1..=5).map(|n| desk.open(n, Wish::Anyone).session).collect();
    assert_eq!(desk.view(waiting[4]).estimated_wait_seconds, None);
    for next in &waiting[..3] {
        desk.now += 20_000;
        desk.state.heard(&Arc::from("a"), desk.now);
        desk.close(served, Closer::Agent);
        served = *next;
    }
    let last = desk.view(waiting[4]);
    assert_eq!((last.ahead, last.estimated_wait_seconds), (1, Some(40)));
}

#[test]
fn repeating_what_is_so_already_records_nothing() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    let record = (*desk.state.agents["a"].record.clone().unwrap()).clone();
    let put = desk.ask_changes(Command::PutAgent { agent: Arc::from("a"), record });
    let says = desk.ask_changes(Command::SetPresence { agent: Arc::from("a"), presence: Presence::Online });
    assert!(put.0.is_empty() && says.0.is_empty());
}

#[test]
fn a_routing_rests_only_when_nobody_waits_is_served_or_online() {
    let mut desk = Desk::with_agents(&[("a", 1)]);
    assert!(!desk.state.is_at_rest());
    desk.says("a", Presence::Offline);
    assert!(desk.state.is_at_rest());
    desk.open(1, Wish::Anyone);
    assert!(!desk.state.is_at_rest());
}
