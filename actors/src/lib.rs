//! The actors of messagecenter: everything but HTTP and the database.
//!
//! Read in this order: [`domain`] (the rules, pure), [`journal`] (the order of facts and the gate),
//! [`runtime`] (supervision, admission, activation), then the actors that join them, and [`router`], the door.

pub mod aliases;
pub mod api;
pub mod backup;
pub mod breaker;
pub mod check;
pub mod clock;
pub mod conversation;
pub mod directory;
pub mod domain;
#[cfg(feature = "fail-points")]
pub mod fail_point;
pub mod heads;
pub mod inbox;
pub mod journal;
pub mod log;
pub mod memory;
pub mod ports;
mod recovering;
pub mod router;
pub mod runtime;
pub mod session;
pub mod shunt;
pub mod signal;
pub mod store_contract;
pub mod world;

/// Marks a place where a test may let the process die: `fail_point!(CommitBefore)`.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! fail_point {
    ($point:ident) => {
        $crate::fail_point::pass($crate::fail_point::Point::$point)
    };
}

/// Fail points exist in tests only: here the place is not even marked.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! fail_point {
    ($point:ident) => {};
}

#[cfg(all(feature = "fail-points", not(debug_assertions)))]
compile_error!(
    "the feature `fail-points` lets a test end the process: it is for test builds, never for a release"
);
