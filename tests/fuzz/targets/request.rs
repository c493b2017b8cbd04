//! `request` under libFuzzer; the target itself is `src/request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| messagecenter_fuzz::request::run(data));
