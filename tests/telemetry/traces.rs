//! Traces over OTLP: a collector of the test's own gets the spans of requests.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{App, nobody, text, user};

const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// What arrived: the request's line and its body.
type Arrived = Arc<Mutex<Vec<(String, String)>>>;

/// Takes whatever is posted, until the test ends.
async fn collector() -> (String, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let arrived = Arrived::default();
    let taken = Arc::clone(&arrived);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, Arc::clone(&taken)));
        }
    });
    (endpoint, arrived)
}

async fn take(mut stream: TcpStream, arrived: Arrived) {
    let mut read = Vec::new();
    loop {
        let whole = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap() {
                arrived.lock().unwrap().push((head.lines().next().unwrap().to_owned(), body.to_owned()));
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
                read.clear();
            }
        }
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

fn spans(arrived: &Arrived) -> Vec<Value> {
    let arrived = arrived.lock().unwrap();
    let bodies = arrived.iter().map(|(_, body)| serde_json::from_str::<Value>(body).unwrap());
    bodies
        .flat_map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone())
        .collect()
}

/// A service that sends the spans of one request in so many to a collector.
async fn traced(endpoint: String, one_in: u64) -> App {
    App::start_with(|settings| {
        settings.telemetry.otlp_endpoint = endpoint;
        settings.telemetry.sample_one_in = one_in;
    })
    .await
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The one span of a name.
#[track_caller]
fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let found: Vec<_> = spans.iter().filter(|span| span["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

fn time(span: &Value, end: &str) -> u64 {
    span[end].as_str().unwrap().parse().unwrap()
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a str {
    let all = span["attributes"].as_array().unwrap();
    let value = &all.iter().find(|attribute| attribute["key"] == key).unwrap()["value"];
    value["stringValue"].as_str().or(value["intValue"].as_str()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_send_is_a_request_a_turn_and_a_commit_without_its_content() {
    let (endpoint, arrived) = collector().await;
    let app = traced(endpoint, 1_000_000_000).await;
    // The first request of all is the one in so many; what follows is sampled only by its caller's word.
    app.send("GET", &nobody(), "/v1/directory/users/424242424242", Value::Null).await;
    let said_no = nobody().with("traceparent", format!("00-{TRACE}-{CALLER}-00"));
    app.send("GET", &said_no, "/v1/directory/users/424242424242", Value::Null).await;
    let twice = app.client.get(format!("{}/v1/directory/users/424242424242", app.base));
    let twice = twice.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let twice = twice.header("traceparent", format!("00-{CALLER}{CALLER}-{CALLER}-01"));
    assert_eq!(twice.send().await.unwrap().status(), 200);
    let sender = user(770_077_770_077).with("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    app.post(&sender, "messageAdd", text(2, 1, "880088880088", "the secret words")).await.ok();
    until("the spans arrive", async || spans(&arrived).len() >= 4).await;

    let all = spans(&arrived);
    assert_eq!(all.len(), 4, "{all:#?}");
    let own = named(&all, "http getUser");
    assert_ne!(own["traceId"], TRACE);
    assert!(own.get("parentSpanId").is_none());
    assert_eq!(attribute(own, "http.route"), "/v1/directory/users/{id}");
    let request = named(&all, "http messageAdd");
    let turn = named(&all, "turn conversation.send");
    let commit = named(&all, "commit");
    assert!([request, turn, commit].iter().all(|span| span["traceId"] == TRACE), "{all:#?}");
    assert_eq!(request["parentSpanId"], CALLER);
    assert_eq!(turn["parentSpanId"], request["spanId"]);
    assert_eq!(commit["parentSpanId"], turn["spanId"]);
    assert_eq!((&request["kind"], &turn["kind"], &commit["kind"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(attribute(request, "http.response.status_code"), "200");
    assert!(attribute(commit, "messagecenter.batch.events").parse::<u64>().unwrap() > 0);
    assert!(attribute(commit, "messagecenter.batch.bytes").parse::<u64>().unwrap() > 0);
    assert!(attribute(turn, "messagecenter.mailbox.wait_us").parse::<u64>().is_ok());
    let (begin, end) = ("startTimeUnixNano", "endTimeUnixNano");
    assert!(time(request, begin) <= time(turn, begin) && time(turn, begin) <= time(commit, begin));
    assert!(time(commit, begin) <= time(turn, end), "facts are appended within the turn");
    assert!(time(turn, end) <= time(request, end) && time(commit, end) <= time(request, end));
    let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(age - Duration::from_nanos(time(request, end)) < PATIENCE);

    let (line, body) = arrived.lock().unwrap()[0].clone();
    assert_eq!(line, "POST /v1/traces HTTP/1.1");
    assert!(body.contains("service.name"));
    for (_, body) in arrived.lock().unwrap().iter() {
        for hidden in ["the secret words", "770077770077", "880088880088", "424242424242"] {
            assert!(!body.contains(hidden), "{hidden} is in {body}");
        }
    }
    until("they are counted", async || app.figure("messagecenter_trace_spans_exported_total").await == 4)
        .await;
    assert_eq!(app.figure("messagecenter_trace_spans_dropped_total").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_its_spans_and_nothing_else() {
    // Nobody listens on port 1.
    let app = traced("http://127.0.0.1:1".to_owned(), 1).await;
    for message in 0..5 {
        app.say(&user(1), "2", &format!("message {message}")).await.ok();
    }
    until("spans are counted", async || app.figure("messagecenter_trace_spans_dropped_total").await >= 15)
        .await;
    assert_eq!(app.figure("messagecenter_trace_spans_exported_total").await, 0);
    app.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_spans_are_sent_when_the_service_stops() {
    let (endpoint, arrived) = collector().await;
    let app = traced(endpoint, 1).await;
    let refused = app.send("GET", &nobody(), "/v1/directory/users/1", Value::Null).await;
    app.service.stop().await;
    let all = spans(&arrived);
    let request = named(&all, "http getUser");
    assert_ne!(refused.code, 0);
    assert!(!attribute(request, "error.type").is_empty());
}
