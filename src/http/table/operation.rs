//! Endpoints for those who run the service. No identity and no body is read.

use crate::http::field::{Endpoint, Family, Method};

const fn endpoint(
    operation: &'static str,
    path: &'static str,
    summary: &'static str,
    data: &'static str,
) -> Endpoint {
    Endpoint {
        operation,
        family: Family::Operation,
        method: Method::Get,
        path,
        summary,
        data,
        count: "always 0",
        fields: &[],
    }
}

/// Liveness.
pub static HEALTHZ: Endpoint =
    endpoint("healthz", "/healthz", "Whether the process answers at all.", "{alive}");

/// Readiness.
pub static READYZ: Endpoint = endpoint(
    "readyz",
    "/readyz",
    "Whether requests are wanted: 200, or 503 with what is not ready and why.",
    "{ready, waiting:[{what, why}]}",
);

/// Metrics.
pub static METRICS: Endpoint = endpoint(
    "metrics",
    "/metrics",
    "Figures in the OpenMetrics text format, without the envelope.",
    "OpenMetrics text",
);

/// The API's description.
pub static OPENAPI: Endpoint =
    endpoint("openapi", "/openapi.json", "This document, without the envelope.", "an OpenAPI 3.1 document");

/// All of them.
pub static ENDPOINTS: [&Endpoint; 4] = [&HEALTHZ, &READYZ, &METRICS, &OPENAPI];
