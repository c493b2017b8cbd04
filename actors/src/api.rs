//! What callers ask of the [`crate::router::Router`] and what they get: plain values, no wire names.

mod directory;
mod lists;
mod messages;
mod service;

pub use directory::*;
pub use lists::*;
pub use messages::*;
pub use service::*;

use crate::domain::ids::{Address, EntId};
use crate::domain::refusal::Refusal;
use crate::runtime::failure::Failure;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The domain said no.
    Refused(Refusal),
    /// There is no answer.
    Failed(Failure),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Which hat a caller wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hat {
    /// Customer-service agent (`userType` 1).
    Agent,
    /// User (`userType` 2).
    User,
}

/// The caller of a request, resolved from headers by [`crate::domain::identity`].
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// Which hat.
    pub hat: Hat,
    /// The person's or agent's own address (`user:…` or `agent:…`), when the header was sent.
    pub own: Option<Address>,
    /// The seat, when the header was sent.
    pub seat: Option<Address>,
    /// The enterprise: an agent's (record, else header), or the one a user names.
    pub ent: EntId,
    /// Addresses of visitors who became this user.
    pub aliases: Vec<Address>,
}

impl Caller {
    /// Every address of the caller: own first, then the seat, then the aliases. Never empty once resolved.
    pub fn addresses(&self) -> Vec<Address> {
        self.own.iter().chain(&self.seat).chain(&self.aliases).cloned().collect()
    }

    /// The address that acts in kind 1: the seat if there is one.
    pub fn in_kind_1(&self) -> Option<&Address> {
        self.seat.as_ref().or(self.own.as_ref())
    }
}
