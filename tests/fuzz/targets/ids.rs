//! `ids` under libFuzzer; the target itself is `src/ids.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| messagecenter_fuzz::ids::run(data));
