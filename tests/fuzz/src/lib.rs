//! What is fuzzed, one module per target. Each has a `run` that takes any bytes and panics if a rule is broken.
//!
//! The same modules run their committed seeds on stable Rust as ordinary tests (`actors/tests/seeds.rs` and
//! `tests/seeds.rs`), so they cannot rot. The request reader belongs to the service's crate, which links
//! SurrealDB; here its modules are included by path, without the rest.
#![allow(clippy::unwrap_used, reason = "a broken rule ends the run")]

pub mod cursor;
pub mod ids;
pub mod journal;
pub mod request;
pub mod snapshots;

#[allow(dead_code, reason = "a part of the service's HTTP: what only the rest uses is unused here")]
#[path = "../../../src/http"]
pub mod http {
    pub mod field;
    pub mod json;
    pub mod percent;
    pub mod reading;
    pub mod table;
}
