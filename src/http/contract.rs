//! The thirteen endpoints of the contract: each reads its fields, asks the router, and writes the contract's
//! answer. What the fields mean is in `docs/semantics.md`.

pub mod caller;
pub mod counting;
pub mod finding;
pub mod listing;
pub mod marking;
pub mod seats;
pub mod sending;
pub mod serving;
