//! The reader of requests, for every endpoint: any path, query, headers and body are read or refused, and a body
//! that is JSON by a second parser is no syntax error here and gives the same texts and integers.

use std::sync::LazyLock;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::http::field::{Endpoint, Kind, Place};
use super::http::reading::{Parts, ReadError, Reader};
use super::http::table;

static READERS: LazyLock<Vec<(&'static Endpoint, Reader)>> =
    LazyLock::new(|| table::all().iter().map(|endpoint| (*endpoint, Reader::new(endpoint))).collect());

/// A byte for the endpoint; then lines: the path's parameter, the query, headers as `name: value`, an empty
/// line, and the rest is the body.
pub fn run(data: &[u8]) {
    let [chosen, rest @ ..] = data else { return };
    let readers: &'static [_] = &READERS;
    let (endpoint, reader) = &readers[usize::from(*chosen) % readers.len()];
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let path = [String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned()];
    let query = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (headers, body) = headers_and_body(lines.next().unwrap_or_default());
    let parts = Parts { path: &path, query: &query, headers: &headers, body };
    let outcome = reader.read(&parts);
    if !reader.reads_body() {
        return;
    }
    // Where the second parser gives up (depth, huge numbers, bytes after the value) nothing is compared.
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(body) else { return };
    match outcome {
        Err(ReadError::Syntax(_) | ReadError::NotAnObject(_)) => {
            panic!("a JSON object was refused: {outcome:?}")
        }
        Err(_) => {}
        Ok(values) => {
            for field in endpoint.all_fields().filter(|field| field.place == Place::Json) {
                match (field.kind, object.get(field.name)) {
                    (Kind::Text, Some(Value::String(text))) => assert_eq!(values.text(field.name), text),
                    (Kind::Int, Some(Value::Number(number))) => {
                        assert_eq!(Some(values.int(field.name)), number.as_i64(), "{}", field.name);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn headers_and_body(rest: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = rest;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        if line.is_empty() {
            return (headers, rest);
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
}
