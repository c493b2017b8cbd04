//! The journal as its users see it, on storage in memory that fails on purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod checkpoint;
mod encoding;
mod fallback;
mod gate;
mod outage;
mod promises;
mod recovery;
mod world;
