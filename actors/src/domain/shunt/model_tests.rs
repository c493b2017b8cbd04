//! Thousands of random steps: the guarantees hold after each, queues are served in the order of arrival, and
//! replaying the journal, or a snapshot, gives the same state.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption fails the test")]

use std::collections::HashMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::audit::audit;
use super::state::State;
use super::{Answer, Closer, Command, Numbers};
use crate::api::{Obtain, OpenSession, Opener, ShuntState, Wish};
use crate::domain::event::{AgentRecord, Presence, ShuntChange};
use crate::domain::ids::{Address, EntId, Millis};

const NUMBERS: Numbers = Numbers { lease: 30_000, heartbeat_lapse: 60_000, default_capacity: 2 };
const ENT: EntId = 3;
const STEPS: usize = 25_000;
const GROUPS: [&str; 4] = ["", "vip", "night", "unknown"];

struct Model {
    state: State,
    now: Millis,
    rng: StdRng,
    /// Waiting sessions by group in the order of arrival, kept without looking at the state.
    queues: HashMap<String, Vec<Uuid>>,
    groups: HashMap<Uuid, String>,
    leases: Vec<Uuid>,
    open: Vec<Uuid>,
    journal: Vec<(Millis, ShuntChange)>,
}

impl Model {
    fn agent(&mut self) -> Arc<str> {
        Arc::from(self.rng.random_range(0..8).to_string())
    }

    fn customer(&mut self) -> Address {
        Address::user(self.rng.random_range(0..60))
    }

    fn group(&mut self) -> String {
        (*GROUPS.choose(&mut self.rng).unwrap()).to_owned()
    }

    fn command(&mut self) -> Command {
        match self.rng.random_range(0..100) {
            0..6 => {
                let count = self.rng.random_range(0..3);
                let groups = (0..count).map(|_| GROUPS[self.rng.random_range(0..3)].to_owned()).collect();
                let capacity = self.rng.random_range(0..6);
                let record =
                    AgentRecord { name: "n".into(), groups, capacity, weight: 1, skills: Vec::new() };
                Command::PutAgent { agent: self.agent(), record }
            }
            6..8 => Command::DeleteAgent { agent: self.agent() },
            8..18 => {
                let presence = *[Presence::Online, Presence::Online, Presence::Away, Presence::Offline]
                    .choose(&mut self.rng)
                    .unwrap();
                Command::SetPresence { agent: self.agent(), presence }
            }
            18..35 => {
                let customer = self.rng.random_bool(0.7).then(|| self.customer());
                Command::Obtain(Obtain { ent: ENT, group: self.group(), customer })
            }
            35..65 => {
                let opener = self.opener();
                Command::Open(Box::new(OpenSession {
                    ent: ENT,
                    customer: self.customer(),
                    opener,
                    group: self.group(),
                    shown_name: String::new(),
                    app_id: String::new(),
                    receive_app_id: String::new(),
                }))
            }
            65..95 => {
                let session = self.open.choose(&mut self.rng).copied().unwrap_or_default();
                Command::Close { session, by: Closer::Nobody }
            }
            _ => Command::Settle,
        }
    }

    fn opener(&mut self) -> Opener {
        match self.rng.random_range(0..10) {
            0..2 => Opener::Agent(self.agent().to_string()),
            2..4 => Opener::Customer(Wish::Agent(self.agent().to_string())),
            4..7 => {
                Opener::Customer(self.leases.choose(&mut self.rng).map_or(Wish::Anyone, |l| Wish::Lease(*l)))
            }
            _ => Opener::Customer(Wish::Anyone),
        }
    }

    fn step(&mut self) {
        self.now += *[0, 1, 50, 3_000, 20_000].choose(&mut self.rng).unwrap();
        if self.rng.random_bool(0.5) {
            let heard = self.agent();
            self.state.heard(&heard, self.now);
        }
        let command = self.command();
        let fresh = Uuid::from_u128(self.rng.random());
        let before = self.state.clone();
        let decision = self.state.decide(self.now, fresh, &command, &NUMBERS);
        assert!(self.state == before, "deciding changed the state: {command:?}");
        for change in decision.changes {
            self.check_order(&command, &change);
            self.state.apply(self.now, &change);
            self.journal.push((self.now, change));
        }
        let violations = audit(&self.state, self.now, &NUMBERS);
        assert_eq!(violations, [], "after {command:?}");
        if let Ok(Answer::Shunt(shunt)) = &decision.outcome {
            assert!(shunt.lease.is_none() || shunt.state == ShuntState::Assigned);
        }
        for (group, queue) in &self.queues {
            let view = self.state.queue_view(group);
            let ids: Vec<_> = view.waiting.iter().map(|waiting| waiting.session).collect();
            assert_eq!(&ids, queue, "queue of {group} after {command:?}");
        }
    }

    /// Only the head of a queue is served, but for those a reservation or an agent took out by name.
    fn check_order(&mut self, command: &Command, change: &ShuntChange) {
        match change {
            ShuntChange::Leased { lease, customer, group, .. } => {
                self.leases.push(*lease);
                assert!(self.queues.get(group).is_none_or(Vec::is_empty), "{customer:?} overtook {group}");
            }
            // Lapsed reservations stay in the pool for a while: they must be no wish.
            ShuntChange::LeaseEnded { lease, .. } if self.leases.len() > 20 => {
                self.leases.retain(|known| known != lease);
            }
            ShuntChange::SessionOpened(opened) => {
                self.open.push(opened.session);
                self.groups.insert(opened.session, opened.group.clone());
                self.queues.entry(opened.group.clone()).or_default().push(opened.session);
            }
            ShuntChange::Assigned { session, customer, .. } => {
                let queue = self.queues.get_mut(&self.groups[session]).unwrap();
                let place = queue.iter().position(|waiting| waiting == session).unwrap();
                let by_name = matches!(command, Command::Open(open) if open.customer == *customer);
                assert!(place == 0 || by_name, "{session} was served past {place} others by {command:?}");
                queue.remove(place);
            }
            ShuntChange::SessionEnded { session, .. } => {
                self.open.retain(|open| open != session);
                if let Some(queue) = self.queues.get_mut(&self.groups[session]) {
                    queue.retain(|waiting| waiting != session);
                }
            }
            _ => {}
        }
    }

    fn check_recovery(&self) {
        let mut replayed = State::new(ENT);
        for (at, change) in &self.journal {
            replayed.apply(*at, change);
        }
        assert!(replayed == self.state, "replaying the journal gives another state");
        let restored = State::decode(ENT, &self.state.encode().unwrap()).unwrap();
        assert!(restored == self.state, "the snapshot gives another state");
    }
}

#[test]
fn random_steps_keep_every_guarantee_and_the_order_of_arrival() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let mut model = Model {
        state: State::new(ENT),
        now: 1_000_000,
        rng: StdRng::seed_from_u64(seed),
        queues: HashMap::new(),
        groups: HashMap::new(),
        leases: Vec::new(),
        open: Vec::new(),
        journal: Vec::new(),
    };
    model.state.woke(model.now);
    for step in 0..STEPS {
        model.step();
        if step % 5_000 == 0 {
            model.check_recovery();
        }
    }
    model.check_recovery();
}
