//! What is kept and counted of the past, and for how long.

use super::*;
use crate::domain::event::GroupDefinition;

const DAY: Millis = 86_400_000;

impl Desk {
    /// An agent with one place in these groups, who says online.
    fn one_place(&mut self, id: &str, groups: &[&str]) {
        self.put(id, 1, groups);
        self.says(id, Presence::Online);
    }

    fn sticky(&mut self, group: &str) {
        let definition = Box::new(GroupDefinition { sticky: DAY, ..GroupDefinition::default() });
        self.ask(Command::PutGroup { group: group.to_owned(), definition }).unwrap();
    }

    /// A customer is served by an agent in a group and leaves; another who waited meanwhile, too.
    fn two_are_served(&mut self, group: &str) {
        let first = self.try_open(1, group, Opener::Customer(Wish::Anyone)).unwrap().session;
        let second = self.try_open(2, group, Opener::Customer(Wish::Anyone)).unwrap().session;
        self.now += 1_000;
        self.close(first, Closer::Customer);
        self.now += 1_000;
        self.close(second, Closer::Customer);
    }
}

#[test]
fn pace_and_turns_of_a_group_that_exists_nowhere_are_forgotten_and_of_others_kept() {
    let mut desk = Desk::new();
    desk.one_place("a", &["vip"]);
    desk.two_are_served("vip");
    desk.one_place("b", &["default"]);
    desk.two_are_served("");
    desk.state.forget_old();
    let kept = |desk: &Desk| {
        let names = |all: Vec<&Arc<str>>| all.into_iter().map(ToString::to_string).collect::<Vec<_>>();
        (names(desk.state.paces.keys().collect()), names(desk.state.turns.keys().collect()))
    };
    let (both, one) = (vec!["default".to_owned(), "vip".to_owned()], vec!["default".to_owned()]);
    assert_eq!(kept(&desk), (both.clone(), both.clone()));
    let waits = desk.try_open(3, "vip", Opener::Customer(Wish::Anyone)).unwrap();
    assert_eq!(waits.agent.as_deref(), Some("a"));
    desk.put("a", 1, &["default"]);
    desk.state.forget_old();
    assert_eq!(kept(&desk), (both.clone(), both), "somebody is served in it still");
    desk.close(waits.session, Closer::Customer);
    desk.state.forget_old();
    assert_eq!(kept(&desk), (one.clone(), one));
    assert_eq!(audit(&desk.state, desk.now, &NUMBERS), []);
}

#[test]
fn the_time_of_an_agent_who_is_online_for_days_without_anything_to_do_is_counted() {
    let mut desk = Desk::with_agents(&[("a", 1), ("b", 1)]);
    desk.says("b", Presence::Offline);
    let started = desk.now;
    desk.now += 3 * DAY;
    desk.ask(Command::Settle).unwrap();
    desk.state.forget_old();
    let stats = desk.state.stats_view("default");
    let available: Vec<u64> = stats.agents.iter().map(|(_, (today, _))| today.available).collect();
    assert_eq!(available, [(desk.now - started).unsigned_abs(), 0]);
    assert!(!desk.state.book.agents.contains_key("b"), "whose time is not counted is forgotten");
}

#[test]
fn last_agents_are_kept_once_for_each_customer_or_twice() {
    let mut desk = Desk::new();
    desk.sticky("");
    desk.one_place("a", &[]);
    for round in 0..50 {
        desk.state.heard(&Arc::from("a"), desk.now);
        desk.two_are_served("");
        assert!(desk.state.last_agents.len() <= 4, "{:?} in round {round}", desk.state.last_agents);
    }
    for _ in 0..50 {
        desk.state.heard(&Arc::from("a"), desk.now);
        let session = desk.open(7, Wish::Anyone).session;
        desk.now += 1_000;
        desk.close(session, Closer::Customer);
    }
    let newest: Vec<_> = desk.state.last_agents.iter().rev().take(2).map(|last| &last.customer).collect();
    assert_eq!(newest, [&Address::user(7), &Address::user(2)]);
    for customer in [1, 2, 7] {
        assert!(desk.state.last_agent_of.contains_key(&Address::user(customer)));
    }
}

#[test]
fn the_time_that_the_process_was_away_is_no_part_of_what_it_tallies() {
    let mut desk = Desk::with_agents(&[("a", 3)]);
    desk.open(1, Wish::Anyone);
    desk.state.take_tally();
    desk.now += 1_000;
    desk.open(2, Wish::Anyone);
    let tally = desk.state.take_tally();
    assert_eq!((tally.busy, tally.available), (1_000, 3_000));
    let bytes = desk.state.encode().unwrap();
    desk.state = State::decode(ENT, &bytes).unwrap();
    desk.now += DAY / 24;
    desk.state.woke(desk.now, &NUMBERS);
    desk.now += 5_000;
    desk.open(3, Wish::Anyone);
    let tally = desk.state.take_tally();
    assert_eq!((tally.busy, tally.available), (2 * 5_000, 3 * 5_000));
    let (today, _) = &desk.state.stats_view("default").agents[0].1;
    assert_eq!(today.available, 3 * (DAY / 24 + 6_000).unsigned_abs(), "the figures are those of the desk");
}
