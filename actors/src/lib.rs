//! The actors of messagecenter: everything but HTTP and the database.
//!
//! Read in this order: [`domain`] (the rules, pure), [`journal`] (the order of facts and the gate),
//! [`runtime`] (supervision, admission, activation), then the actors that join them, and [`router`], the door.

pub mod api;
pub mod clock;
pub mod conversation;
pub mod directory;
pub mod domain;
pub mod heads;
pub mod inbox;
pub mod journal;
pub mod log;
pub mod memory;
pub mod ports;
pub mod router;
pub mod runtime;
pub mod session;
pub mod shunt;
pub mod signal;
pub mod store_contract;
pub mod world;
