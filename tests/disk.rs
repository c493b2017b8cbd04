//! The disk under the real program: that every acknowledgement follows a sync of its record, what is left of a
//! store after the power was cut, and what happens when the disk is full or may not be written.

mod calls;
mod full;
mod power;
mod synced;
mod tuned;
pub mod writer;
