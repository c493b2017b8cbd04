//! Every endpoint of the service, declared once each. Handlers are attached in [`super::routes`].

pub mod contract;
pub mod operation;
pub mod routing;
pub mod v1;

use std::sync::LazyLock;

#[cfg(test)]
mod tests;

pub use super::field::Endpoint;

static ALL: LazyLock<Vec<&'static Endpoint>> = LazyLock::new(|| {
    let families: [&[&'static Endpoint]; 4] =
        [&contract::ENDPOINTS, &v1::ENDPOINTS, &routing::ENDPOINTS, &operation::ENDPOINTS];
    families.concat()
});

/// Every endpoint: the contract's, then `/v1`, then those for operators.
pub fn all() -> &'static [&'static Endpoint] {
    &ALL
}
