//! The tests of the whole service, one binary: every module is a subject, every test a sentence.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod crash;
mod disk;
mod harness;
mod odd_input;
mod remote;
mod seeds;

mod admin {
    mod actors;
    mod browser;
    mod desk;
    mod faults;
    mod settings;
    mod story;
    mod webdriver;
}
mod config {
    mod layers;
    mod pages;
    mod values;
}
mod endpoints {
    mod crowds;
    mod desks;
    mod finding;
    mod keeping;
    mod listing;
    mod marking;
    mod naming;
    mod restart;
    mod routing;
    mod seats;
    mod sending;
    mod serving;
}
mod faults {
    mod bounds;
    mod gate;
    mod outages;
}
mod program {
    mod figures;
    mod keeping;
    mod life;
    mod logs;
    mod operating;
    pub mod process;
    mod refusals;
    mod replay;
    mod runbook;
    mod showing;
    mod tools;
    mod tour;
}
mod reading {
    mod bodies;
    mod fields;
    mod surface;
    mod wire;
}
mod storage {
    mod contract;
    mod failures;
    mod golden;
    mod journal;
    mod opening;
    mod printing;
    mod state;
    mod stores;
    mod urls;
}
mod telemetry {
    mod traces;
}
mod v1 {
    mod resources;
    mod visitors;
}
