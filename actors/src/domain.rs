//! The rules, pure: no actor framework, no clock, no randomness, no storage. A command is judged against
//! state at a given time (`decide`, giving events or a [`refusal::Refusal`]); events change state (`apply`,
//! total and small).

pub mod conversation;
pub mod event;
pub mod group_head;
pub mod history;
pub mod identity;
pub mod ids;
pub mod inbox;
pub mod members;
pub mod message;
pub mod paged;
pub mod refusal;
pub mod seq_set;
pub mod session;
pub mod shadow;
pub mod shunt;
