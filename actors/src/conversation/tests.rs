//! The actor under its journal: what it acknowledged survives, what it recovers equals what it was.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod keeping;
mod recovering;
mod retaining;
mod stage;

use self::stage::{Stage, agent, by_agent, by_user, user};
use super::{ConversationAnswer, ConversationCommand};
use crate::domain::ids::{Address, ConversationKey, Kind};
use crate::domain::refusal::Refusal;

fn pair() -> ConversationKey {
    ConversationKey::one_to_one(Address::user(1), Address::user(2))
}

fn group() -> ConversationKey {
    ConversationKey::Group("9".into())
}
