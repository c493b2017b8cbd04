//! `surreal start …`: the SurrealDB server, as its vendor builds it, with only the engines that tests need.

use std::process::ExitCode;

fn main() -> ExitCode {
    surrealdb_server::init(surrealdb_server::core::CommunityComposer())
}
