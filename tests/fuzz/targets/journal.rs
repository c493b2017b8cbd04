//! `journal` under libFuzzer; the target itself is `src/journal.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| messagecenter_fuzz::journal::run(data));
