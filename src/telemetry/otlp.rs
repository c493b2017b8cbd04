//! Spans as OTLP has them: `ExportTraceServiceRequest` in its JSON mapping. Ids are hexadecimal, 64-bit integers are
//! strings.

use messagecenter_actors::runtime::spans::{Span, What};
use serde_json::{Value, json};

/// `Span.SpanKind`: within the service, and of a server.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;

/// `Status.StatusCode` of what failed.
const ERROR: u8 = 2;

/// The body of one request.
pub fn request(spans: &[Span]) -> String {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let scope = json!({ "name": "messagecenter", "version": env!("CARGO_PKG_VERSION") });
    let resource = json!({ "attributes": [
        text("service.name", "messagecenter"),
        text("service.version", env!("CARGO_PKG_VERSION")),
    ] });
    json!({ "resourceSpans": [{
        "resource": resource,
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] })
    .to_string()
}

fn span(span: &Span) -> Value {
    let (name, kind, attributes, failed) = match span.what {
        What::Request { operation, method, route, status, error } => {
            let mut attributes = vec![
                text("http.request.method", method),
                text("http.route", route),
                number("http.response.status_code", u64::from(status)),
            ];
            attributes.extend(error.map(|error| text("error.type", error)));
            (format!("http {operation}"), SERVER, attributes, status >= 500)
        }
        What::Turn { kind, operation, waited } => {
            let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
            let attributes = vec![number("messagecenter.mailbox.wait_us", waited)];
            (format!("turn {kind}.{operation}"), INTERNAL, attributes, false)
        }
        What::Commit { events, bytes, committed } => {
            let attributes = vec![
                number("messagecenter.batch.events", events as u64),
                number("messagecenter.batch.bytes", bytes as u64),
            ];
            ("commit".to_owned(), INTERNAL, attributes, !committed)
        }
    };
    let mut written = json!({
        "traceId": format!("{:032x}", u128::from_be_bytes(span.trace.id())),
        "spanId": format!("{:016x}", span.trace.span()),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": span.began.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": attributes,
        "status": if failed { json!({ "code": ERROR }) } else { json!({}) },
    });
    if let Some(parent) = span.parent {
        written["parentSpanId"] = Value::from(format!("{parent:016x}"));
    }
    written
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}
