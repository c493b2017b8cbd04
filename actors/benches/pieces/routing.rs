//! Routing of one enterprise with 100 agents of 5 places, half of them taken: a reservation decided, a session
//! opened and closed.

use std::hint::black_box;
use std::sync::Arc;

use messagecenter_actors::api::{Obtain, OpenSession, Opener, Wish};
use messagecenter_actors::domain::event::{AgentRecord, Presence};
use messagecenter_actors::domain::ids::Address;
use messagecenter_actors::domain::shunt::{Closer, Command, Numbers, State};
use messagecenter_actors::world::Rules;
use uuid::Uuid;

use super::Piece;
use super::people::AT;

const ENT: i64 = 900;
const AGENTS: u32 = 100;
const PLACES: u32 = 5;

/// A desk at work.
struct Desk {
    state: State,
    numbers: Numbers,
    /// Ids given to sessions and reservations.
    ids: u128,
}

impl Desk {
    fn new() -> Self {
        let mut state = State::new(ENT);
        state.woke(AT);
        let mut desk = Self { state, numbers: Numbers::from(&Rules::default()), ids: 0 };
        for agent in 0..AGENTS {
            let record = AgentRecord {
                name: format!("Agent {agent}"),
                groups: vec!["sales".to_owned(), "support".to_owned()],
                capacity: PLACES,
                weight: 1,
                skills: Vec::new(),
            };
            let agent: Arc<str> = agent.to_string().into();
            desk.ask(&Command::PutAgent { agent: Arc::clone(&agent), record });
            desk.ask(&Command::SetPresence { agent, presence: Presence::Online });
        }
        for customer in 0..AGENTS * PLACES / 2 {
            desk.ask(&open(customer));
        }
        desk
    }

    fn ask(&mut self, command: &Command) -> Uuid {
        self.ids += 1;
        let fresh = Uuid::from_u128(self.ids);
        let decision = self.state.decide(AT, fresh, command, &self.numbers);
        for change in &decision.changes {
            self.state.apply(AT, change);
        }
        black_box(decision.outcome).unwrap();
        fresh
    }
}

fn open(customer: u32) -> Command {
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

/// Decides reservations; none is applied, so each meets the same desk.
pub struct Obtaining(Desk, Command);

impl Obtaining {
    pub fn new() -> Self {
        let customer = Some(Address::user(2_000_000));
        Self(
            Desk::new(),
            Command::Obtain(Obtain { ent: ENT, group: "sales".to_owned(), customer, client: None }),
        )
    }
}

impl Piece for Obtaining {
    fn go(&mut self) {
        let Self(desk, obtain) = self;
        for _ in 0..Self::OPERATIONS {
            desk.ids += 1;
            black_box(desk.state.decide(AT, Uuid::from_u128(desk.ids), obtain, &desk.numbers));
        }
    }
}

/// Opens a session and closes it again.
pub struct Serving(Desk, Command);

impl Serving {
    pub fn new() -> Self {
        Self(Desk::new(), open(2_000_000))
    }
}

impl Piece for Serving {
    fn go(&mut self) {
        let Self(desk, open) = self;
        for _ in 0..Self::OPERATIONS {
            let session = desk.ask(open);
            desk.ask(&Command::Close { session, by: Closer::Agent });
        }
    }
}
