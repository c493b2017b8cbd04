//! The stages of a run, in order. Each starts services of its own on fresh stores, so each can run alone.

mod cold;
mod cores;
mod depth;
mod desk;
mod groups;
mod heap;
mod lists;
mod overload;
mod pairs;
mod people;
mod wide;

use super::run::Run;

/// A stage: its name on the command line, and what it does.
pub struct Stage {
    pub name: &'static str,
    pub run: fn(&mut Run),
}

/// The headline figures come first, on a machine that has done nothing else yet.
pub const STAGES: &[Stage] = &[
    Stage { name: "pairs", run: pairs::run },
    Stage { name: "people", run: people::run },
    Stage { name: "groups", run: groups::run },
    Stage { name: "lists", run: lists::run },
    Stage { name: "desk", run: desk::run },
    Stage { name: "cores", run: cores::run },
    Stage { name: "overload", run: overload::run },
    Stage { name: "heap", run: heap::run },
    Stage { name: "depth", run: depth::run },
    Stage { name: "cold", run: cold::run },
    Stage { name: "wide", run: wide::run },
];
