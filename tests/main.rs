//! The tests of the whole service, one binary: every module is a subject, every test a sentence.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod config {
    mod layers;
    mod pages;
    mod values;
}
mod program {
    mod refusals;
    mod showing;
}
mod storage {
    mod contract;
    mod failures;
    mod journal;
    mod opening;
    mod printing;
    mod state;
    mod stores;
    mod urls;
}
