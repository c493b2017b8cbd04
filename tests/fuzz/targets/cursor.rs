//! `cursor` under libFuzzer; the target itself is `src/cursor.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| messagecenter_fuzz::cursor::run(data));
