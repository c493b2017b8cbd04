//! Routing of one enterprise with 100 agents, half of whose places are taken: a reservation decided, a session
//! opened and closed.

use std::hint::black_box;

use messagecenter_actors::domain::event::ShuntChange;
use messagecenter_actors::domain::ids::Address;
use messagecenter_actors::domain::shunt::{Closer, Command};
use uuid::Uuid;

use super::Piece;
use super::desk::{Desk, PLACES, obtain, open};

const AGENTS: u32 = 100;

fn half_taken() -> Desk {
    Desk::new(AGENTS, AGENTS * PLACES / 2)
}

/// Decides reservations; none is applied, so each meets the same desk.
pub struct Obtaining(Desk, Command);

impl Obtaining {
    pub fn new() -> Self {
        Self(half_taken(), obtain(Some(Address::user(2_000_000))))
    }
}

impl Piece for Obtaining {
    fn go(&mut self) {
        let Self(desk, obtain) = self;
        for _ in 0..Self::OPERATIONS {
            black_box(desk.consider(obtain));
        }
    }
}

fn opened(changes: &[ShuntChange]) -> Uuid {
    let opened = changes.iter().find_map(|change| match change {
        ShuntChange::SessionOpened(opened) => Some(opened.session),
        _ => None,
    });
    opened.unwrap()
}

/// Opens a session and closes it again.
pub struct Serving(Desk, Command);

impl Serving {
    pub fn new() -> Self {
        Self(half_taken(), open(2_000_000))
    }
}

impl Piece for Serving {
    fn go(&mut self) {
        let Self(desk, open) = self;
        for _ in 0..Self::OPERATIONS {
            let session = opened(&desk.ask(open));
            desk.ask(&Command::Close { session, by: Closer::Agent });
        }
    }
}
