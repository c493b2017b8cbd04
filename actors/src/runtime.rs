//! All that knows actix: one host actor per domain actor, supervised so that a panic costs one command.
//!
//! - [`behaviour`]: what a domain actor implements, and what it is given during a turn.
//! - [`host`]: the actix actor around it: recovery before the first message, turn budget, restart after a panic.
//! - [`registry`]: key → active actor; activates on demand, admits, passivates.
//! - [`admission`]: permits, the only bound on commands.
//! - [`reply`]: the answer's way back, which never gets lost silently.
//! - [`shards`]: the arbiter threads.
//! - [`observation`]: counters that operators read.
//!
//! It knows no domain word.

pub mod admission;
pub mod behaviour;
pub mod failure;
pub mod host;
pub mod observation;
pub mod policy;
pub mod registry;
pub mod reply;
pub mod shards;
