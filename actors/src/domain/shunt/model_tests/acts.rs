//! What happens at random: one command of any kind, for people, agents and groups that often meet.

use std::sync::Arc;

use rand::Rng;
use rand::seq::{IndexedRandom, IteratorRandom};
use uuid::Uuid;

use super::super::{Closer, Command, Target};
use super::{ENT, Model};
use crate::api::{Obtain, OpenSession, Opener, Wish};
use crate::domain::event::{AgentRecord, ConversationEvent, Credit, GroupDefinition, Policy, Presence};
use crate::domain::ids::{Address, Millis};
use crate::domain::message::Author;

const GROUPS: [&str; 5] = ["", "vip", "night", "skilled", "unknown"];
const POLICIES: [Policy; 5] =
    [Policy::LeastLoaded, Policy::RoundRobin, Policy::LongestIdle, Policy::Weighted, Policy::Priority];

impl Model {
    pub(super) fn agent(&mut self) -> Arc<str> {
        Arc::from(self.rng.random_range(0..8).to_string())
    }

    fn customer(&mut self) -> Address {
        Address::user(self.rng.random_range(0..60))
    }

    fn group(&mut self) -> String {
        (*GROUPS.choose(&mut self.rng).unwrap()).to_owned()
    }

    fn session(&mut self) -> Uuid {
        let mut ids: Vec<Uuid> = self.open.keys().copied().collect();
        ids.sort_unstable(); // so that a seed repeats a run
        ids.into_iter().choose(&mut self.rng).unwrap_or_default()
    }

    /// Mostly the agent who holds it.
    fn agent_of(&mut self, session: Uuid) -> Arc<str> {
        let holder = self.open.get(&session).and_then(|known| known.holder.clone());
        match holder {
            Some(holder) if self.rng.random_bool(0.8) => holder,
            _ => self.agent(),
        }
    }

    /// A first answer of an agent, mostly of who serves the session; or a vote for one, also after its end.
    pub(super) fn told(&mut self) -> ConversationEvent {
        let session = if self.rng.random_bool(0.9) { self.session() } else { Uuid::from_u128(1) };
        let agent = self.agent_of(session);
        if self.rng.random() {
            return ConversationEvent::Sent {
                seq: 1,
                author: Author { address: Address::agent(&agent), own_type: 1 },
                body: Default::default(),
                session: Some(session),
                idempotency: None,
                answers: true,
            };
        }
        let (up, down) = (self.rng.random_range(-1..=1), self.rng.random_range(-1..=1));
        let session = self.rng.random_bool(0.8).then_some(session);
        let credit = Some(Credit { agent, session, up, down });
        ConversationEvent::Voted { seq: 1, voter: self.customer(), vote: up, credit }
    }

    pub(super) fn command(&mut self) -> Command {
        match self.rng.random_range(0..100) {
            0..5 => Command::PutAgent { agent: self.agent(), record: self.record() },
            5..6 => Command::DeleteAgent { agent: self.agent() },
            6..16 => {
                let words = [Presence::Online, Presence::Online, Presence::Away, Presence::Offline];
                let presence = *words.choose(&mut self.rng).unwrap();
                Command::SetPresence { agent: self.agent(), presence }
            }
            16..19 => {
                let definition = Box::new(self.definition());
                Command::PutGroup { group: self.group(), definition }
            }
            19..20 => Command::DeleteGroup { group: self.group() },
            20..32 => {
                let customer = self.rng.random_bool(0.7).then(|| self.customer());
                let client = Some(Arc::from(["a", "b"].choose(&mut self.rng).copied().unwrap()));
                Command::Obtain(Obtain { ent: ENT, group: self.group(), customer, client })
            }
            32..58 => {
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
            58..74 => Command::Close { session: self.session(), by: Closer::Nobody },
            74..80 => {
                let session = self.session();
                Command::Accept { session, agent: self.agent_of(session) }
            }
            80..84 => {
                let session = self.session();
                Command::Reject { session, agent: self.agent_of(session) }
            }
            84..88 => {
                let (agent, itself) = (self.agent(), self.rng.random());
                Command::Transfer { session: self.session(), to: Target::Agent { agent, itself } }
            }
            88..92 => {
                let (group, may_wait) = (self.group(), self.rng.random());
                Command::Transfer { session: self.session(), to: Target::Group { group, may_wait } }
            }
            92..95 => {
                let session = self.session();
                self.state.spoke(session, self.now);
                Command::Transfer { session, to: Target::FromBot { group: self.group() } }
            }
            95..96 => {
                Command::Promote { visitor: self.customer(), user: Address::user(100), most: usize::MAX }
            }
            _ => Command::Settle,
        }
    }

    fn record(&mut self) -> AgentRecord {
        let count = self.rng.random_range(0..3);
        let groups = (0..count).map(|_| {
            let group = GROUPS[self.rng.random_range(0..4)];
            match self.rng.random_range(0..3) {
                0 => format!(
                    "{group};priority={};weight={}",
                    self.rng.random_range(0..3),
                    self.rng.random_range(1..4)
                ),
                _ => group.to_owned(),
            }
        });
        let groups = groups.collect();
        let skills = if self.rng.random() { vec!["en".to_owned()] } else { Vec::new() };
        let capacity = self.rng.random_range(0..6);
        AgentRecord { name: "n".into(), groups, capacity, weight: 1, skills }
    }

    fn definition(&mut self) -> GroupDefinition {
        let wait = |rng: &mut rand::rngs::StdRng, most: Millis| {
            if rng.random() { 0 } else { rng.random_range(1..most) }
        };
        let overflow =
            (0..self.rng.random_range(0..3)).map(|_| Arc::from(GROUPS[self.rng.random_range(1..4)]));
        let overflow = overflow.collect();
        let idle_close = wait(&mut self.rng, 400_000);
        GroupDefinition {
            version: 0,
            policy: *POLICIES.choose(&mut self.rng).unwrap(),
            queue_limit: self.rng.random_range(0..12),
            queue_timeout: wait(&mut self.rng, 600_000),
            sticky: wait(&mut self.rng, 600_000),
            overflow,
            overflow_delay: wait(&mut self.rng, 60_000),
            ramp: wait(&mut self.rng, 300_000),
            hours: if self.rng.random_bool(0.2) { vec!["thu 00:00-00:30".to_owned()] } else { Vec::new() },
            time_zone: "Asia/Shanghai".to_owned(),
            offline_message: String::new(),
            bot: self.rng.random_bool(0.2),
            offer: wait(&mut self.rng, 60_000),
            class: self.rng.random_range(0..10),
            skills: if self.rng.random_bool(0.2) { vec!["en".to_owned()] } else { Vec::new() },
            idle_warning: if idle_close > 1 { idle_close / 2 } else { 0 },
            idle_close,
            lifetime: wait(&mut self.rng, 3_600_000),
        }
    }

    fn opener(&mut self) -> Opener {
        match self.rng.random_range(0..10) {
            0..2 => Opener::Agent(self.agent().to_string()),
            2..4 => Opener::Customer(Wish::Agent(self.agent().to_string())),
            4..6 => {
                Opener::Customer(self.leases.choose(&mut self.rng).map_or(Wish::Anyone, |l| Wish::Lease(*l)))
            }
            _ => Opener::Customer(Wish::Anyone),
        }
    }
}
