//! The seeds of the fuzz target that reads requests, as an ordinary test. `tests/fuzz/README.md` says how to fuzz.

use messagecenter::http;

#[path = "fuzz/src/request.rs"]
mod request;
#[path = "fuzz/src/seeds.rs"]
mod seeds;

#[test]
fn requests_of_any_bytes_are_read_or_refused() {
    seeds::each(env!("CARGO_MANIFEST_DIR"), "request", request::run);
}
