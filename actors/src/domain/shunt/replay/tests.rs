//! Under its own rules a course repeats itself; under better ones nobody is worse off than the rules say.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::domain::event::{AgentRecord, Presence};

const ENT: EntId = 4;
const MINUTE: Millis = 60_000;

/// A real course: `agents` with one place each, a customer a minute, each served for three minutes.
fn course(agents: u32) -> Vec<(Millis, ShuntChange)> {
    course_in("", agents, |_| Vec::new())
}

/// The same in a group, with agents of these groups.
fn course_in(group: &str, agents: u32, groups: fn(u32) -> Vec<String>) -> Vec<(Millis, ShuntChange)> {
    let mut state = State::new(ENT);
    let numbers = Numbers { heartbeat_lapse: Millis::MAX / 4, ..Numbers::default() };
    let mut changes = Vec::new();
    let mut ids = 1u128 << 64;
    let mut ask = |at: Millis, command: &Command| {
        ids += 1;
        let fresh = Uuid::from_u128(ids);
        let decided = state.decide(at, fresh, command, &numbers).changes;
        for change in &decided {
            state.apply(at, change);
            changes.push((at, change.clone()));
        }
        (fresh, decided)
    };
    for agent in 0..agents {
        let groups = groups(agent);
        let agent: Arc<str> = Arc::from(agent.to_string());
        let record = AgentRecord { name: String::new(), groups, capacity: 1, weight: 1, skills: vec![] };
        ask(0, &Command::PutAgent { agent: agent.clone(), record });
        ask(0, &Command::SetPresence { agent, presence: Presence::Online });
    }
    let mut ends: BinaryHeap<Reverse<(Millis, Uuid)>> = BinaryHeap::new();
    let mut served = std::collections::HashSet::new();
    for customer in 0..120i64 {
        let now = customer * MINUTE;
        let mut happened = Vec::new();
        while let Some(Reverse((at, session))) = ends.pop_if_due(now) {
            happened.push((at, ask(at, &Command::Close { session, by: Closer::Nobody }).1));
        }
        let open = OpenSession {
            ent: ENT,
            customer: Address::user(customer),
            opener: Opener::Customer(Wish::Anyone),
            group: group.to_owned(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        happened.push((now, ask(now, &Command::Open(Box::new(open))).1));
        for (at, decided) in happened {
            for change in decided {
                if let ShuntChange::Assigned { session, .. } = change
                    && served.insert(session)
                {
                    ends.push(Reverse((at + 3 * MINUTE, session)));
                }
            }
        }
    }
    changes
}

trait PopIfDue {
    fn pop_if_due(&mut self, now: Millis) -> Option<Reverse<(Millis, Uuid)>>;
}

impl PopIfDue for BinaryHeap<Reverse<(Millis, Uuid)>> {
    fn pop_if_due(&mut self, now: Millis) -> Option<Reverse<(Millis, Uuid)>> {
        let due = self.peek().is_some_and(|Reverse((at, _))| *at <= now);
        if due { self.pop() } else { None }
    }
}

#[test]
fn under_the_same_rules_what_would_have_been_is_what_was() {
    let changes = course(3);
    let report = replay(ENT, &changes, 0, &Scenario::default());
    assert_eq!(report.real.came, 120);
    assert_eq!(report.real, report.what_if);
    assert!(report.real.spread.unwrap() <= 1.0, "{report:?}");
}

#[test]
fn more_places_shorten_the_wait_and_fewer_fill_them_more() {
    let changes = course(2); // three are needed
    let report = replay(ENT, &changes, 0, &Scenario { capacity: Some(2), policy: None });
    assert!(report.real.wait_p95 > Some(10 * MINUTE), "{report:?}");
    assert_eq!(report.what_if.wait_p95, Some(0), "four places for three customers at once");
    assert!(report.what_if.served > report.real.served);
    assert!(report.what_if.load < report.real.load);
}

#[test]
fn another_policy_serves_as_many_in_another_order() {
    let changes = course(4);
    let scenario = Scenario { capacity: None, policy: Some(Policy::RoundRobin) };
    let report = replay(ENT, &changes, 0, &scenario);
    assert_eq!(report.what_if.served, report.real.served);
    let served: Vec<u64> = report.what_if.by_agent.values().copied().collect();
    let spread = served.iter().max().unwrap() - served.iter().min().unwrap();
    assert!(spread <= 1, "{served:?}");
}

#[test]
fn who_is_served_or_waits_at_the_beginning_fills_places_and_queues_as_it_did() {
    let changes = course(2); // three are needed: dozens wait by then
    let report = replay(ENT, &changes, 60 * MINUTE, &Scenario::default());
    assert!(report.real.wait_p50 > Some(10 * MINUTE), "{report:?}");
    assert_eq!(report.real, report.what_if);
    assert_eq!(report.real.came, 60);
    assert!(report.real.load > Some(0.99), "{report:?}");
    let more = replay(ENT, &changes, 60 * MINUTE, &Scenario { capacity: Some(4), policy: None });
    assert!(more.what_if.wait_p95 < more.real.wait_p50, "{more:?}");
    assert!(more.what_if.wait_p95 > Some(0), "those who waited before are served first: {more:?}");
    assert_eq!(replay(ENT, &[], 0, &Scenario::default()).real, Outcome::default());
}

#[test]
fn a_customer_who_is_offered_at_the_beginning_is_its_agents() {
    let mut changes = course(1);
    let (at, session, customer, agent) = changes
        .iter()
        .find_map(|(at, change)| match change {
            ShuntChange::Assigned { session, customer, agent, .. } => {
                Some((*at, *session, customer.clone(), agent.clone()))
            }
            _ => None,
        })
        .unwrap();
    let agent_name = String::new();
    let offered = ShuntChange::Offered { session, customer, agent, agent_name, until: at + 10 * MINUTE };
    changes
        .retain(|(_, change)| !matches!(change, ShuntChange::Assigned { session: of, .. } if *of == session));
    let place =
        changes.iter().position(|(_, change)| matches!(change, ShuntChange::SessionOpened(_))).unwrap();
    changes.insert(place + 1, (at, offered));
    let report = replay(ENT, &changes, at + 1, &Scenario::default());
    assert!(report.what_if.load > Some(0.9), "{report:?}");
}

#[test]
fn the_policy_is_that_of_groups_which_only_agents_name_too() {
    let changes = course_in("vip", 4, |agent| vec![format!("vip;priority={agent}"), "other".to_owned()]);
    let scenario = Scenario { capacity: Some(3), policy: Some(Policy::Priority) };
    let report = replay(ENT, &changes, 0, &scenario);
    let served: Vec<u64> = report.what_if.by_agent.values().copied().collect();
    assert_eq!(served, [120, 0, 0, 0], "three places of the first are enough: {report:?}");
    let mut left = changes.clone();
    let (at, last) = (left.last().unwrap().0, Arc::<str>::from("0"));
    left.push((at, ShuntChange::AgentDeleted { agent: last }));
    assert_eq!(replay(ENT, &left, 0, &scenario).what_if.came, 120);
}

#[test]
fn an_agent_and_a_group_of_one_name_are_both_there() {
    let mut state = State::new(ENT);
    let numbers = Numbers::default();
    let name: Arc<str> = Arc::from("vip");
    let record = AgentRecord { name: String::new(), groups: vec![], capacity: 1, weight: 1, skills: vec![] };
    let put_agent = Command::PutAgent { agent: name.clone(), record };
    let put_group = Command::PutGroup { group: name.to_string(), definition: Box::default() };
    let mut puts = Vec::new();
    for command in [put_agent, put_group] {
        for change in state.decide(1, Uuid::nil(), &command, &numbers).changes {
            state.apply(1, &change);
            puts.push((1, change));
        }
    }
    let [agent, group] = &puts[..] else { panic!("{puts:?}") };
    assert!(matches!(
        &state.staff_missing_in(std::slice::from_ref(agent))[..],
        [ShuntChange::GroupPut { .. }]
    ));
    let missing = state.staff_missing_in(std::slice::from_ref(group));
    assert!(matches!(&missing[..], [ShuntChange::AgentPut { .. }, ShuntChange::PresenceSet { .. }]));
    assert_eq!(state.staff_missing_in(&puts), []);
}
