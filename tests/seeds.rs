//! The seeds of the fuzz target that reads requests, as an ordinary test. `tests/fuzz/README.md` says how to fuzz.

use messagecenter::http;

#[path = "fuzz/src/seeds.rs"]
mod folder;
#[path = "fuzz/src/request.rs"]
mod request;

#[test]
fn requests_of_any_bytes_are_read_or_refused() {
    folder::each(env!("CARGO_MANIFEST_DIR"), "request", request::run);
}
