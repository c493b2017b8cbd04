//! Every endpoint of the service, declared once each. Handlers are attached in [`super::routes`].

pub mod contract;
pub mod operation;
pub mod v1;

use super::field::Endpoint;

/// Every endpoint: the contract's, then `/v1`, then those for operators.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    contract::ENDPOINTS
        .iter()
        .chain(v1::ENDPOINTS.iter())
        .chain(operation::ENDPOINTS.iter())
        .copied()
}
