//! The seeds of the fuzz targets that need no HTTP, as ordinary tests. `tests/fuzz/README.md` says how to fuzz.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken rule ends the test")]

#[path = "../../tests/fuzz/src/cursor.rs"]
mod cursor;
#[path = "../../tests/fuzz/src/ids.rs"]
mod ids;
#[path = "../../tests/fuzz/src/journal.rs"]
mod journal;
#[path = "../../tests/fuzz/src/seeds.rs"]
mod seeds;
#[path = "../../tests/fuzz/src/snapshots.rs"]
mod snapshots;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn ids_are_written_as_they_are_read() {
    seeds::each(ROOT, "ids", ids::run);
}

#[test]
fn a_cursor_leaves_no_message_out() {
    seeds::each(ROOT, "cursor", cursor::run);
}

#[test]
fn batches_of_any_bytes_are_refused_or_understood() {
    seeds::each(ROOT, "journal", journal::run);
}

#[test]
fn snapshots_of_any_bytes_are_refused_or_understood() {
    seeds::each(ROOT, "snapshots", snapshots::run);
}
