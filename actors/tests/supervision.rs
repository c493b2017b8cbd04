//! Supervision, admission, activation and passivation, proved with a toy actor.

#![allow(missing_docs, reason = "tests are named by what they prove")]

#[path = "supervision/admission.rs"]
mod admission;
#[path = "supervision/kept.rs"]
mod kept;
#[path = "supervision/panics.rs"]
mod panics;
#[path = "supervision/passivation.rs"]
mod passivation;
#[path = "supervision/quarantine.rs"]
mod quarantine;
#[path = "supervision/recovery.rs"]
mod recovery;
#[path = "supervision/restarts.rs"]
mod restarts;
#[path = "supervision/toy.rs"]
mod toy;
