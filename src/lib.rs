//! The service around the actors: configuration, command line, HTTP in front, SurrealDB behind.
//!
//! Start reading at [`service`], which puts the parts together; [`config`] says what can be set.

pub mod admin;
pub mod backup_cli;
pub mod check_cli;
pub mod cli;
pub mod config;
pub mod config_cli;
pub mod console;
pub mod control;
pub mod http;
pub mod journal_cli;
pub mod program;
pub mod replay_cli;
pub mod service;
pub mod store_size;
pub mod telemetry;
pub mod top;
pub use messagecenter_storage as storage;
