//! Under its own rules a course repeats itself; under better ones nobody is worse off than the rules say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::domain::event::{AgentRecord, Presence};

const ENT: EntId = 4;
const MINUTE: Millis = 60_000;

/// A real course: `agents` with one place each, a customer a minute, each served for three minutes; every
/// tenth gives up after four minutes if nobody has served it by then.
fn course(agents: u32) -> Vec<(Millis, ShuntChange)> {
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
        let agent: Arc<str> = Arc::from(agent.to_string());
        let record =
            AgentRecord { name: String::new(), groups: vec![], capacity: 1, weight: 1, skills: vec![] };
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
            group: String::new(),
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
fn what_lies_before_the_beginning_only_tells_who_is_there() {
    let changes = course(3);
    let report = replay(ENT, &changes, 60 * MINUTE, &Scenario::default());
    assert_eq!(report.real.came, 60);
    assert_eq!(report.what_if.came, 60);
    assert_eq!(replay(ENT, &[], 0, &Scenario::default()).real, Outcome::default());
}
