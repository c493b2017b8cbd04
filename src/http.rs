//! HTTP in front of the router: tables of endpoints, one reader, one envelope, one table of errors.
//!
//! Read [`field`] and [`table`] for what can be asked, [`reading`] for how a request is read, [`errors`] for
//! every way to say no, [`server`] for the life of a request. [`contract`] and [`v1`] hold the handlers: each
//! asks the router and nothing below it.

pub mod body;
pub mod call;
pub mod clients;
pub mod contract;
pub mod crashed;
pub mod envelope;
pub mod errors;
pub mod field;
pub mod health;
pub mod json;
pub mod metrics;
pub mod openapi;
pub mod percent;
pub mod reading;
pub mod routes;
pub mod server;
pub mod table;
pub mod v1;
