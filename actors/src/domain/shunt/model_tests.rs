//! Hundreds of thousands of random steps: after each the guarantees hold, nobody is overtaken, no session is
//! lost or doubly owned, and replaying the journal, or a snapshot, gives the same state.
//!
//! `SEED=… STEPS=… cargo test model_tests` repeats a run; STEPS is per test, and there are four.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

mod acts;

use std::collections::HashMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::audit::{audit, guarantees};
use super::patrol::Patrol;
use super::queue::{CLASS_AGE, MAX_CLASS};
use super::state::State;
use super::{Command, Numbers};
use crate::domain::event::{ConversationEvent, ShuntChange, Step};
use crate::domain::ids::{EntId, Millis};
use crate::domain::session::machine::{Event, Stage};

const NUMBERS: Numbers = Numbers { default_capacity: 2, client_leases: 3, ..Numbers::DEFAULT };
const ENT: EntId = 3;

/// Steps of one test; there are four.
const STEPS: usize = 50_000;

/// Every index is rebuilt and compared so often; the guarantees are checked after every step.
const REBUILD_EVERY: usize = 25;

/// The journal is kept since the last snapshot, which is taken so often.
const SNAPSHOT_EVERY: usize = 500;

/// An open session as the model knows it, without looking at the state.
#[derive(Debug, Clone)]
struct Known {
    group: Arc<str>,
    class: u8,
    opened_at: Millis,
    arrival: u64,
    holder: Option<Arc<str>>,
    served: bool,
    bot: bool,
    excluded: HashMap<Arc<str>, Millis>,
}

/// One entry of the journal.
enum Entry {
    Decided(ShuntChange),
    /// By a conversation.
    Told(ConversationEvent),
}

struct Model {
    state: State,
    now: Millis,
    rng: StdRng,
    open: HashMap<Uuid, Known>,
    arrivals: u64,
    /// Reservations made, some of them lapsed.
    leases: Vec<Uuid>,
    snapshot: Vec<u8>,
    journal: Vec<(Millis, Entry)>,
    patrol: Patrol,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut state = State::new(ENT);
        state.woke(1_000_000, &NUMBERS);
        let snapshot = state.encode().unwrap();
        Self {
            state,
            now: 1_000_000,
            rng: StdRng::seed_from_u64(seed),
            open: HashMap::new(),
            arrivals: 0,
            leases: Vec::new(),
            snapshot,
            journal: Vec::new(),
            patrol: Patrol::default(),
        }
    }

    fn step(&mut self, number: usize) {
        self.now += *[0, 1, 50, 3_000, 20_000].choose(&mut self.rng).unwrap();
        for _ in 0..self.rng.random_range(0..4) {
            let heard = self.agent();
            self.state.heard(&heard, self.now);
        }
        if self.rng.random_ratio(1, 400) {
            self.crash();
        }
        if self.rng.random_ratio(1, 4) {
            let event = self.told();
            self.state.told(self.now, &event);
            self.journal.push((self.now, Entry::Told(event)));
        }
        let command = self.command();
        let fresh = Uuid::from_u128(self.rng.random());
        let before = (number % REBUILD_EVERY == 1).then(|| self.state.clone());
        let decision = self.state.decide(self.now, fresh, &command, &NUMBERS);
        if let Some(before) = before {
            assert!(self.state == before, "deciding changed the state: {command:?}");
        }
        for (place, change) in decision.changes.iter().enumerate() {
            let step = decision.changes[place..].iter().find_map(|later| match later {
                ShuntChange::Decided { why, .. } => Some(why.step),
                _ => None,
            });
            self.follow(change, step, &command);
            let before = self.stage(change);
            self.state.apply(self.now, change);
            if let (Some(event), Some((session, before))) = (Event::of(change), before) {
                let after = self.state.sessions.get(&session).map_or(Stage::Ended, |open| open.stage());
                assert_eq!(before.after(event), Some(after), "{event:?} after {command:?}");
            }
            self.journal.push((self.now, Entry::Decided(change.clone())));
        }
        let violations = if number.is_multiple_of(REBUILD_EVERY) {
            audit(&self.state, self.now, &NUMBERS)
        } else {
            guarantees(&self.state, self.now, &NUMBERS)
        };
        assert_eq!(violations, [], "after {command:?}");
        if !self.patrol.is_on() {
            self.patrol.begin();
        }
        let patrolled = self.patrol.go_on(&self.state, self.now, &NUMBERS, 7);
        assert_eq!(patrolled, [], "a false alarm between slices, after {command:?}");
        self.compare(&command);
        if number.is_multiple_of(SNAPSHOT_EVERY) {
            self.check_recovery();
        }
    }

    /// The session that a change names, and where it stands.
    fn stage(&self, change: &ShuntChange) -> Option<(Uuid, Stage)> {
        let session = match change {
            ShuntChange::SessionOpened(opened) => return Some((opened.session, Stage::Unopened)),
            ShuntChange::Replied { session } => *session,
            other => other.concerns()?.0,
        };
        Some((session, self.state.sessions.get(&session)?.stage()))
    }

    /// Follows a change in the model, and checks that nobody is passed over by it.
    fn follow(&mut self, change: &ShuntChange, step: Option<Step>, command: &Command) {
        match change {
            ShuntChange::Leased { lease, group, .. } => {
                self.leases.push(*lease);
                let waits = |known: &&Known| known.waits() && *known.group == **group;
                assert!(self.open.values().find(waits).is_none(), "{command:?} overtook a queue");
            }
            // Lapsed reservations stay in the pool for a while: they must be no wish.
            ShuntChange::LeaseEnded { lease, .. } if self.leases.len() > 20 => {
                self.leases.retain(|known| known != lease);
            }
            ShuntChange::SessionOpened(opened) => {
                let group: Arc<str> = Arc::from(opened.group.as_str());
                let known = Known {
                    class: self.state.definition(&group).class,
                    group,
                    opened_at: self.now,
                    arrival: self.arrivals,
                    holder: None,
                    served: false,
                    bot: false,
                    excluded: HashMap::new(),
                };
                self.arrivals += 1;
                assert!(self.open.insert(opened.session, known).is_none());
            }
            ShuntChange::Offered { session, agent, .. } => {
                self.check_order(*session, agent, step, command);
                let known = self.open.get_mut(session).unwrap();
                assert!(known.waits(), "offered what does not wait");
                known.holder = Some(agent.clone());
            }
            ShuntChange::Assigned { session, agent, .. } => {
                if self.open[session].waits() {
                    self.check_order(*session, agent, step, command);
                }
                let known = self.open.get_mut(session).unwrap();
                (known.holder, known.served, known.bot) = (Some(agent.clone()), true, false);
            }
            ShuntChange::BotTook { session, .. } => self.open.get_mut(session).unwrap().bot = true,
            ShuntChange::Requeued { session, agent, not_before, .. } => {
                let known = self.open.get_mut(session).unwrap();
                assert_eq!(known.holder.as_ref(), Some(agent), "only its holder loses a session");
                known.excluded.insert(agent.clone(), *not_before);
                (known.holder, known.served) = (None, false);
            }
            ShuntChange::Moved { session, group, not_before, .. } => {
                let known = self.open.get_mut(session).unwrap();
                if let Some(holder) = known.holder.take() {
                    known.excluded.insert(holder, *not_before);
                }
                (known.served, known.bot) = (false, false);
                known.group = Arc::from(group.as_str());
                known.class = self.state.definition(group).class;
            }
            ShuntChange::GroupPut { group, definition } => self.reclass(group, definition.class),
            ShuntChange::GroupDeleted { group } => self.reclass(group, 0),
            ShuntChange::SessionEnded { session, .. } => {
                assert!(self.open.remove(session).is_some(), "a session ends once");
            }
            _ => {}
        }
    }

    /// A group's class is that of everybody in it from now on.
    fn reclass(&mut self, group: &Arc<str>, class: u8) {
        for known in self.open.values_mut().filter(|known| known.group == *group) {
            known.class = class;
        }
    }

    /// Whoever is taken from a queue by routing is the first of its class whom this agent may have, and nobody
    /// waits who came so much earlier that no class outweighs it.
    fn check_order(&self, session: Uuid, agent: &Arc<str>, step: Option<Step>, command: &Command) {
        let taken = &self.open[&session];
        if !matches!(step, Some(Step::Policy | Step::Overflow | Step::Wanted | Step::LastAgent)) {
            return;
        }
        let bound = CLASS_AGE * Millis::from(MAX_CLASS);
        for (id, other) in &self.open {
            let passed_over = *id != session && other.waits() && other.group == taken.group;
            let barred = other.excluded.get(agent).is_some_and(|until| *until > self.now);
            if !passed_over || barred {
                continue;
            }
            let earlier = other.arrival < taken.arrival;
            assert!(!(earlier && other.class == taken.class), "{session} overtook {id} by {command:?}");
            let much_earlier = taken.opened_at - other.opened_at > bound;
            assert!(!much_earlier, "{session} overtook {id}, who came long before, by {command:?}");
        }
    }

    /// The state knows the same sessions with the same holders.
    fn compare(&self, command: &Command) {
        assert_eq!(self.state.sessions.len(), self.open.len(), "after {command:?}");
        for (id, session) in &self.state.sessions {
            let known = &self.open[id];
            let same = session.holder() == known.holder.as_ref()
                && session.serving.is_some() == known.served
                && session.bot == known.bot
                && session.opened_at == known.opened_at;
            assert!(same, "{id} is {session:?}, not {known:?}, after {command:?}");
        }
    }

    /// The process dies: signs of life are lost, and everything else comes back from snapshot and journal.
    fn crash(&mut self) {
        let mut recovered = State::decode(ENT, &self.snapshot).unwrap();
        recovered.woke(self.now, &NUMBERS);
        for (at, entry) in &self.journal {
            match entry {
                Entry::Decided(change) => recovered.apply(*at, change),
                Entry::Told(event) => recovered.told(*at, event),
            }
        }
        assert!(recovered == self.state, "the journal gives another state");
        self.state = recovered;
    }

    fn check_recovery(&mut self) {
        self.crash();
        self.state.forget_old();
        self.snapshot = self.state.encode().unwrap();
        self.journal.clear();
        let restored = State::decode(ENT, &self.snapshot).unwrap();
        assert!(restored == self.state, "the snapshot gives another state");
    }
}

impl Known {
    fn waits(&self) -> bool {
        self.holder.is_none() && !self.bot
    }
}

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn run() {
    let seed: u64 = from_environment("SEED").unwrap_or_else(rand::random);
    let steps: usize = from_environment("STEPS").unwrap_or(STEPS);
    println!("SEED={seed} STEPS={steps}");
    let mut model = Model::new(seed);
    for number in 0..steps {
        model.step(number);
    }
    model.check_recovery();
}

#[test]
fn random_steps_keep_every_guarantee_and_the_order_of_arrival() {
    run();
}

#[test]
fn random_steps_keep_every_guarantee_and_the_order_of_arrival_again() {
    run();
}

#[test]
fn random_steps_keep_every_guarantee_and_the_order_of_arrival_a_third_time() {
    run();
}

#[test]
fn random_steps_keep_every_guarantee_and_the_order_of_arrival_a_fourth_time() {
    run();
}
