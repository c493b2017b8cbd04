//! Admission: every command takes a place in its actor and one in the service, and gives both back.

use std::hint::black_box;
use std::sync::Arc;

use messagecenter_actors::runtime::admission::{Admission, Permit};

use super::Piece;

/// Takes and releases permits nobody else wants.
pub struct Admitting {
    actor: Arc<Admission>,
    service: Arc<Admission>,
}

impl Admitting {
    pub fn new() -> Self {
        Self { actor: Admission::new(1_024), service: Admission::new(16_384) }
    }
}

impl Piece for Admitting {
    fn go(&mut self) {
        for _ in 0..Self::OPERATIONS {
            let service = self.service.admit().unwrap();
            let actor = self.actor.admit().unwrap();
            drop(black_box(Permit::new(actor, service, std::time::Instant::now())));
        }
    }
}
