//! A real SurrealDB server: `make test-remote` builds one (tests/surreal), names it in SURREAL_SERVER and runs
//! these tests, which are otherwise left out.

mod contract;
mod outages;
pub mod server;
mod signing;
mod surrealkv;
