//! `snapshots` under libFuzzer; the target itself is `src/snapshots.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| messagecenter_fuzz::snapshots::run(data));
