//! Figures of requests, and `GET /metrics`. Labels are bounded: operations and error names of the tables.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::call::{Answer, Call, HandlerResult};
use super::errors::{DEFECT, Problem};

/// The operation of a request that matches no endpoint.
pub const NO_OPERATION: &str = "none";

/// The outcome of a request that was done.
pub const DONE: &str = "ok";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

/// Requests by operation and outcome. Cheap to clone; clones share their figures.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    requests: Family<Outcome, Counter>,
    seconds: Family<Operation, Histogram>,
}

impl RequestMetrics {
    /// New figures, registered under `messagecenter_`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics =
            Self { requests: Family::default(), seconds: Family::new_with_constructor(new_histogram) };
        registry.register(
            "messagecenter_requests",
            "Requests answered, by operation and by error name",
            metrics.requests.clone(),
        );
        registry.register(
            "messagecenter_request_seconds",
            "Time from the head of a request to its answer",
            metrics.seconds.clone(),
        );
        metrics
    }

    /// Counts one answered request.
    pub fn count(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.requests.get_or_create(&Outcome { operation, outcome }).inc();
        self.seconds.get_or_create(&Operation { operation }).observe(took.as_secs_f64());
    }
}

/// From a read of memory (250 µs) over a commit (a few ms) to the request timeout and beyond.
fn new_histogram() -> Histogram {
    Histogram::new([
        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0,
    ])
}

/// `GET /metrics`.
pub async fn metrics(call: Call) -> HandlerResult {
    Ok(page(&call.app.registry))
}

/// The figures as they are sent.
pub fn page(registry: &Registry) -> Answer {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => Answer::plain("application/openmetrics-text; version=1.0.0; charset=utf-8", text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            Answer::problem(&Problem::plain(&DEFECT), crate::config::settings::BusinessStatus::Ok)
        }
    }
}
