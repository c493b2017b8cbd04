//! The settings of section `telemetry`.

use crate::config::rules;
use crate::config::setting::{Setting, integer, text};

pub(super) const OTLP_ENDPOINT: Setting = text(
    "telemetry.otlp_endpoint",
    "",
    "http://HOST[:PORT][/PATH] without user, query and fragment; empty means none",
    rules::collector,
    "The OpenTelemetry collector that gets traces, by OTLP over HTTP with JSON, at PATH/v1/traces; its usual port is \
     4318. https:// is not spoken: put a collector on this machine in between.",
);

pub(super) const SAMPLE_ONE_IN: Setting = integer(
    "telemetry.sample_one_in",
    "100",
    (1, 1_000_000_000),
    "Of how many requests one is traced. The traceparent header of a request goes before: its sampled flag decides.",
)
.live();
