//! A customer-service desk at work: the pure routing of one enterprise, whose agents serve two groups.

use std::hint::black_box;
use std::sync::Arc;

use messagecenter_actors::api::{Obtain, OpenSession, Opener, Wish};
use messagecenter_actors::domain::event::{AgentRecord, Presence, ShuntChange};
use messagecenter_actors::domain::ids::Address;
use messagecenter_actors::domain::shunt::{Command, Decision, Numbers, State};
use uuid::Uuid;

const ENT: i64 = 900;
const AT: i64 = 1_767_225_600_000;

/// Places of each agent.
pub const PLACES: u32 = 5;

/// See the module's head.
pub struct Desk {
    pub state: State,
    /// Ids given to sessions and reservations.
    ids: u128,
}

impl Desk {
    /// A desk whose `agents` are online, with as many `customers` served or waiting.
    pub fn new(agents: u32, customers: u32) -> Self {
        let mut desk = Self::of(agents, PLACES);
        for customer in 0..customers {
            desk.ask(&open(customer));
        }
        desk
    }

    /// A desk whose `agents`, with so many places each, are online.
    pub fn of(agents: u32, places: u32) -> Self {
        let mut state = State::new(ENT);
        state.woke(AT, &Numbers::DEFAULT);
        let mut desk = Self { state, ids: 0 };
        for agent in 0..agents {
            let record = AgentRecord {
                name: format!("Agent {agent}"),
                groups: vec!["sales".to_owned(), "support".to_owned()],
                capacity: places,
                weight: 1,
                skills: Vec::new(),
            };
            let agent: Arc<str> = agent.to_string().into();
            desk.ask(&Command::PutAgent { agent: Arc::clone(&agent), record });
            desk.ask(&Command::SetPresence { agent, presence: Presence::Online });
        }
        desk
    }

    /// Decides and forgets what was decided.
    pub fn consider(&mut self, command: &Command) -> Decision {
        self.ids += 1;
        self.state.decide(AT, Uuid::from_u128(self.ids), command, &Numbers::DEFAULT)
    }

    /// Decides and applies; gives what changed.
    pub fn ask(&mut self, command: &Command) -> Vec<ShuntChange> {
        let decision = self.consider(command);
        for change in &decision.changes {
            self.state.apply(AT, change);
        }
        black_box(decision.outcome).unwrap();
        decision.changes
    }
}

/// A customer asks for service.
pub fn open(customer: u32) -> Command {
    Command::Open(Box::new(OpenSession {
        ent: ENT,
        customer: Address::user(customer),
        opener: Opener::Customer(Wish::Anyone),
        group: "sales".to_owned(),
        shown_name: String::new(),
        app_id: "app".to_owned(),
        receive_app_id: String::new(),
    }))
}

/// Somebody asks for a place.
pub fn obtain(customer: Option<Address>) -> Command {
    Command::Obtain(Obtain { ent: ENT, group: "sales".to_owned(), customer, client: None })
}
