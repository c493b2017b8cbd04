//! How long the HTTP side of a request takes without the network: finding its route, scanning its JSON, reading
//! its fields, writing its answer.
//!
//! `make bench-micro`, or `cargo bench --bench reading -- NAME` for those whose name contains NAME. The pieces
//! behind the router are in `actors/benches/hot.rs`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

use std::hint::black_box;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use criterion::Criterion;
use messagecenter::http::reading::{Parts, Reader};
use messagecenter::http::routes::{self, Found};
use messagecenter::http::{envelope, json};
use serde::Serialize;

/// A message as an application sends it: some text, one receiver.
const MESSAGE: &str = r#"{"ownType":2,"title":"","content":"Good morning, is order 20260714-0042 on its way? 您好，请问什么时候发货？ Thanks a lot!","item":20260714,"type":1,"link":"","itemType":1,"sendId":"1000001","receiveId":"1000002","receiverIds":[],"groupIds":null}"#;

const COUNT: &str = r#"{"userType":2}"#;

fn main() {
    // Short, because these vary little; the command line has the last word.
    let short = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    let mut criterion = short.configure_from_args();
    find(&mut criterion);
    scan(&mut criterion);
    read(&mut criterion);
    write(&mut criterion);
    criterion.final_summary();
}

fn find(criterion: &mut Criterion) {
    let paths = [
        ("first", "POST", "/message/messageAdd"),
        ("last", "GET", "/openapi.json"),
        ("with_parameter", "GET", "/v1/groups/summer/members"),
        ("to_be_cleaned", "POST", "//message/./messageAdd"),
        ("unknown", "GET", "/favicon.ico"),
    ];
    for (name, method, path) in paths {
        criterion.bench_function(&format!("routes/find_{name}"), |bencher| {
            bencher.iter(|| routes::find(black_box(method), black_box(path)));
        });
    }
}

fn scan(criterion: &mut Criterion) {
    let long = format!(r#"{{"content":"{}"}}"#, "4 KiB of text, ".repeat(274));
    let escaped = format!(r#"{{"content":"{}"}}"#, r"\u4f60\u597d\n".repeat(293));
    for (name, body) in [("message", MESSAGE), ("4_kib_of_text", &long), ("4_kib_of_escapes", &escaped)] {
        criterion.bench_function(&format!("json/scan_{name}"), |bencher| {
            bencher
                .iter(|| json::read_object(black_box(body.as_bytes()), |key, raw| _ = black_box((key, raw))));
        });
    }
}

/// The reader of an endpoint.
fn reader(path: &str) -> &'static Reader {
    let Found::Route(route, _) = routes::find("POST", path) else { panic!("no {path}") };
    &route.reader
}

/// What a client's library sends along.
fn headers() -> HeaderMap {
    let sent = [
        ("host", "127.0.0.1:8888"),
        ("user-agent", "okhttp/4.12.0"),
        ("accept-encoding", "gzip"),
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "264"),
        ("newuserid", "1000001"),
        ("appid", "app"),
    ];
    let pairs = sent.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    pairs.into_iter().collect()
}

fn read(criterion: &mut Criterion) {
    let headers = headers();
    let requests = [
        ("message_add", "/message/messageAdd", MESSAGE),
        ("message_count", "/message/messageCount", COUNT),
        ("refused", "/message/messageAdd", COUNT),
    ];
    for (name, path, body) in requests {
        let reader = reader(path);
        let parts = Parts { path: &[], query: "", headers: &headers, body: body.as_bytes() };
        assert_eq!(reader.read(&parts).is_err(), name == "refused");
        criterion.bench_function(&format!("reader/read_{name}"), |bencher| {
            bencher.iter(|| reader.read(black_box(&parts)));
        });
    }
    let parts = Parts { path: &[], query: "", headers: &headers, body: MESSAGE.as_bytes() };
    let values = reader("/message/messageAdd").read(&parts).unwrap();
    criterion.bench_function("reader/take_fields_of_message_add", |bencher| {
        bencher.iter(|| {
            let values = black_box(&values);
            for name in ["ownType", "item", "type", "itemType"] {
                black_box(values.int(name));
            }
            for name in ["title", "content", "link", "appId", "sendId", "receiveId", "Idempotency-Key"] {
                black_box(values.text(name));
            }
            black_box((values.texts("receiverIds"), values.texts("groupIds"), values.identity()));
        });
    });
}

/// As large as the answer to `messageAdd` with one target.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    message_id: String,
    conversation_id: String,
    seq: u64,
    sent_at: i64,
    results: Vec<Delivered>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    target: String,
    conversation_id: Option<String>,
    message_id: Option<String>,
    seq: Option<u64>,
    sent_at: Option<i64>,
    #[serde(rename = "error_code")]
    error_code: u32,
    #[serde(rename = "error_msg")]
    error_msg: String,
}

fn write(criterion: &mut Criterion) {
    let (conversation, seq, sent_at) =
        ("6d657373-6167-5563-8e6e-7465725f7631".to_owned(), 42, 1_700_000_000_000);
    let message = format!("{conversation}.{seq}");
    let delivered = Delivered {
        target: "1000002".to_owned(),
        conversation_id: Some(conversation.clone()),
        message_id: Some(message.clone()),
        seq: Some(seq),
        sent_at: Some(sent_at),
        error_code: 0,
        error_msg: "ok".to_owned(),
    };
    let delivery = Delivery {
        message_id: message,
        conversation_id: conversation,
        seq,
        sent_at,
        results: vec![delivered],
    };
    criterion.bench_function("envelope/done", |bencher| {
        bencher.iter(|| envelope::done(black_box(&delivery), 1).unwrap());
    });
    criterion.bench_function("envelope/not_done", |bencher| {
        bencher.iter(|| envelope::not_done(black_box(40_003), black_box("no target and no open session")));
    });
}
