//! The journal's encoding: a send's fact written by its actor, a batch of 64 read back by a recovery.

use std::hint::black_box;

use messagecenter_actors::domain::event::Fact;
use messagecenter_actors::journal::encoding;
use messagecenter_actors::ports::Batch;
use uuid::Uuid;

use super::Piece;
use super::people::{AT, CALLER, pair, sent};

/// Writes facts as `Journal::append` does, each into bytes of its own.
pub struct Writing(Fact);

impl Writing {
    pub fn new() -> Self {
        Self(sent(&pair(CALLER, 7), CALLER, 100_000))
    }
}

impl Piece for Writing {
    fn go(&mut self) {
        for _ in 0..Self::OPERATIONS {
            let mut bytes = Vec::with_capacity(256);
            encoding::fact(AT, black_box(&self.0), &mut bytes).unwrap();
            black_box(bytes);
        }
    }
}

/// Reads one batch; an operation is one fact.
pub struct Decoding(Batch);

impl Decoding {
    pub fn new() -> Self {
        let mut parts = Vec::new();
        for user in 0..64 {
            let mut part = Vec::new();
            encoding::fact(AT, &sent(&pair(CALLER, user), CALLER, 100_000), &mut part).unwrap();
            parts.push(part);
        }
        let events = encoding::frame(64, parts.iter().map(Vec::as_slice), 0);
        Self(Batch { first: 1, count: 64, id: Uuid::nil(), epoch: 1, at: AT, events })
    }
}

impl Piece for Decoding {
    fn go(&mut self) {
        black_box(encoding::decode(&self.0).unwrap());
    }
}
