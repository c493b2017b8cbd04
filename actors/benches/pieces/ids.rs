//! Naming a conversation: a UUIDv5 of both addresses, computed for every request that names it by its parties.

use std::hint::black_box;

use messagecenter_actors::domain::ids::ConversationKey;

use super::Piece;
use super::people::{CALLER, pair};

/// Computes ids of one-to-one conversations.
pub struct ConversationId(Vec<ConversationKey>);

impl ConversationId {
    pub fn new() -> Self {
        Self((0..64).map(|user| pair(CALLER, user)).collect())
    }
}

impl Piece for ConversationId {
    fn go(&mut self) {
        for key in &self.0 {
            black_box(black_box(key).id());
        }
    }
}
