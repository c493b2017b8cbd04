//! All that knows actix: one host actor per domain actor, supervised so that a panic costs one command.
//!
//! - [`behaviour`]: what a domain actor implements, and what it is given during a turn.
//! - [`host`]: the actix actor around it: recovery before the first message, turn budget, restart after a panic.
//! - [`registry`]: key → active actor; activates on demand, admits, passivates.
//! - [`sweep`]: ticks, and who leaves memory when.
//! - [`admission`]: permits, the only bound on commands.
//! - `kept`: answers that are given again without a turn, as long as nothing came.
//! - [`reply`]: the answer's way back, which never gets lost silently.
//! - [`shards`]: the arbiter threads.
//! - [`observation`]: counters that operators read; [`dead_letters`]: what made actors panic; [`storm`]: when
//!   many do at once; [`events`]: what happened to actors, in order.
//! - [`spans`]: what a sampled request cost on its way.
//! - [`inspection`]: what operators see of single actors and do to them; [`vitals`]: what an actor notes for it.
//! - [`panics`]: panics as values, and the optional hook that logs them without content.
//!
//! It knows no domain word.

pub mod admission;
pub mod behaviour;
pub mod dead_letters;
pub mod events;
pub mod failure;
pub mod host;
pub mod inspection;
pub mod jitter;
mod kept;
mod mail;
pub mod observation;
pub mod panics;
pub mod policy;
mod recovery;
pub mod registry;
pub mod reply;
pub mod shards;
pub mod spans;
mod status;
pub mod storm;
mod supervision;
pub mod sweep;
pub mod vitals;
