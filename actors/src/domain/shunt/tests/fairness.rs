//! Nobody is favoured: not by an order of names, not by a restart, not by coming or going.

use std::collections::BTreeSet;

use super::*;
use crate::domain::event::{GroupDefinition, Policy};

impl Desk {
    fn policy(&mut self, policy: Policy) {
        let definition = Box::new(GroupDefinition { policy, ..GroupDefinition::default() });
        self.ask(Command::PutGroup { group: String::new(), definition }).unwrap();
    }

    /// The process dies and comes back.
    fn restart(&mut self) {
        self.state = State::decode(ENT, &self.state.encode().unwrap()).unwrap();
        self.state.woke(self.now, &NUMBERS);
    }

    /// Everybody is heard from.
    fn lives(&mut self, agents: &[String]) {
        for agent in agents {
            self.state.heard(&Arc::from(agent.as_str()), self.now);
        }
    }

    /// A customer comes, is served and leaves at once; by whom.
    fn pass(&mut self, customer: i64) -> String {
        let open = self.open(customer, Wish::Anyone);
        self.close(open.session, Closer::Agent);
        open.agent.unwrap()
    }
}

fn counts(served: &[String], agents: &[&str]) -> Vec<usize> {
    agents.iter().map(|agent| served.iter().filter(|by| by == agent).count()).collect()
}

#[test]
fn in_turn_everybody_gets_as_many_also_across_restarts() {
    let agents = ["a", "b", "c", "d", "e", "f", "g"];
    let mut desk = Desk::with_agents(&agents.map(|agent| (agent, 3)));
    desk.policy(Policy::RoundRobin);
    let mut served = Vec::new();
    for customer in 0..140 {
        desk.now += 7;
        served.push(desk.pass(customer));
        if customer % 5 == 4 {
            desk.restart();
        }
        let counts = counts(&served, &agents);
        let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
        assert!(spread <= 1, "after {customer}: {counts:?}");
    }
}

#[test]
fn whoever_joins_or_comes_back_starts_at_the_present_minimum() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5), ("c", 5)]);
    desk.policy(Policy::RoundRobin);
    for customer in 0..60 {
        desk.pass(customer);
    }
    desk.says("c", Presence::Away);
    for customer in 60..100 {
        assert_ne!(desk.pass(customer), "c");
    }
    desk.put("z", 5, &[]);
    desk.says("z", Presence::Online);
    desk.says("c", Presence::Online);
    let served: Vec<String> = (100..140).map(|customer| desk.pass(customer)).collect();
    let counts = counts(&served, &["a", "b", "c", "z"]);
    assert!(counts.iter().all(|count| (9..=11).contains(count)), "{counts:?}");
}

#[test]
fn weights_are_kept_within_one_customer_at_any_time() {
    let mut desk = Desk::new();
    for (id, weight) in [("a", 1), ("b", 2), ("c", 5)] {
        let record = AgentRecord { name: id.into(), groups: vec![], capacity: 9, weight, skills: vec![] };
        desk.ask(Command::PutAgent { agent: Arc::from(id), record }).unwrap();
        desk.says(id, Presence::Online);
    }
    desk.policy(Policy::Weighted);
    let mut served = Vec::new();
    for customer in 1..=160 {
        served.push(desk.pass(customer));
        for (id, weight) in [("a", 1.0), ("b", 2.0), ("c", 5.0)] {
            let share = weight / 8.0 * customer as f64;
            let got = served.iter().filter(|by| *by == id).count() as f64;
            assert!((got - share).abs() <= 1.5, "{id} got {got} of {customer}, not {share}");
        }
    }
    assert_eq!(counts(&served, &["a", "b", "c"]), [20, 40, 100]);
}

#[test]
fn a_reservation_that_nobody_uses_is_no_turn() {
    let mut desk = Desk::with_agents(&[("a", 5), ("b", 5)]);
    desk.policy(Policy::RoundRobin);
    assert_eq!(desk.pass(1), "a");
    desk.lease(None); // on b
    desk.now += NUMBERS.lease;
    desk.lives(&["a".into(), "b".into()]);
    assert_eq!(desk.pass(2), "b", "it is still its turn");
}

/// A day at a desk whose places are filled to some part: how many customers each agent got per place and hour.
fn rates_of_a_day(mut desk: Desk, agents: &[(&str, u32)], every: Millis) -> Vec<f64> {
    let names: Vec<String> = agents.iter().map(|(agent, _)| (*agent).to_owned()).collect();
    let hours = 24;
    let ends_at = desk.now + hours * 3_600_000;
    let mut ends: BTreeSet<(Millis, Uuid)> = BTreeSet::new();
    let mut served = vec![0u32; agents.len()];
    let mut customer = 0;
    let mut next_arrival = desk.now;
    while desk.now < ends_at {
        match ends.first().copied().filter(|(at, _)| *at <= next_arrival) {
            Some((at, session)) => {
                ends.remove(&(at, session));
                desk.now = desk.now.max(at);
                desk.lives(&names);
                desk.close(session, Closer::Agent);
            }
            None => {
                desk.now = next_arrival;
                desk.lives(&names);
                customer += 1;
                let open = desk.open(customer, Wish::Anyone);
                let agent = open.agent.unwrap();
                served[names.iter().position(|name| *name == agent).unwrap()] += 1;
                // Six to nine minutes, whoever serves; arrivals do not keep step with them.
                ends.insert((desk.now + 360_000 + (customer * 7_919) % 180_000, open.session));
                next_arrival += every + (customer * 104_729) % (every / 2);
            }
        }
    }
    let rate =
        |((_, places), served): (&(&str, u32), &u32)| f64::from(*served) / f64::from(*places) / hours as f64;
    agents.iter().zip(&served).map(rate).collect()
}

fn spread(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(f64::MIN, f64::max) - rates.iter().copied().fold(f64::MAX, f64::min)
}

/// Twelve places, of which some seven are filled: there is always a choice.
const TEAM: [(&str, u32); 4] = [("a", 3), ("b", 3), ("c", 3), ("d", 3)];
const EVERY: Millis = 52_000;

#[test]
fn per_place_and_hour_nobody_gets_more_than_one_customer_more() {
    for policy in [Policy::LeastLoaded, Policy::RoundRobin, Policy::LongestIdle, Policy::Weighted] {
        let mut desk = Desk::with_agents(&TEAM);
        desk.policy(policy);
        let rates = rates_of_a_day(desk, &TEAM, EVERY);
        assert!(spread(&rates) <= 1.0, "{policy:?}: {rates:?}");
    }
}

#[test]
fn an_order_that_prefers_somebody_shows_in_the_rates() {
    let mut desk = Desk::new();
    for (priority, (id, places)) in TEAM.iter().enumerate() {
        desk.put(id, *places, &[format!("default;priority={priority}").as_str()]);
        desk.says(id, Presence::Online);
    }
    desk.policy(Policy::Priority);
    let rates = rates_of_a_day(desk, &TEAM, EVERY);
    assert!(spread(&rates) > 1.0, "the measure tells fair from unfair: {rates:?}");
}
