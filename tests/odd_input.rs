//! Odd input in every field of every endpoint: never a panic, never a 5xx, always the envelope.

use messagecenter::http::field::{Kind, Place};
use messagecenter::http::table;
use serde_json::{Value, json};

use crate::harness::{App, Who, user};

/// Ids and texts that break naive key building, parsing or storing.
fn odd_texts() -> Vec<Value> {
    vec![
        json!("a:b"),
        json!("user:"),
        json!("user:a:b"),
        json!(":"),
        json!("a@b"),
        json!("~"),
        json!("a~b.c/d\\e"),
        json!("nul\u{0}inside"),
        json!("👩‍👩‍👧‍👦"),
        json!("-1"),
        json!("-9223372036854775808"),
        json!("9223372036854775807"),
        json!("9223372036854775808"),
        json!("lease:nonsense"),
        json!("01890000-0000-7000-8000-000000000000"),
        json!("⟨x⟩`'\";--"),
        json!(" "),
        Value::from("x".repeat(300)),
        Value::from("y".repeat(1 << 20)),
        json!({"deep": [[[[]]]]}),
        json!(true),
        Value::Null,
    ]
}

fn odd_integers() -> Vec<Value> {
    vec![
        json!(i64::MIN),
        json!(i64::MAX),
        json!(-1),
        json!(u64::MAX),
        json!(1.5),
        json!("1"),
        json!([]),
        Value::Null,
    ]
}

/// A request that would be fine: every field of the endpoint with a plain value.
fn plain(endpoint: &table::Endpoint) -> Value {
    let mut body = json!({});
    for field in endpoint.fields.iter().filter(|field| field.place == Place::Json) {
        body[field.name] = match field.kind {
            Kind::Int => json!(1),
            Kind::Text => json!("2"),
            Kind::TextList => json!(["3"]),
            Kind::Bool => json!(true),
            Kind::Object => json!({}),
        };
    }
    body
}

#[tokio::test]
async fn no_odd_value_in_any_body_field_makes_a_5xx_or_a_panic() {
    let app = App::start().await;
    for endpoint in table::all().iter().filter(|endpoint| endpoint.path.starts_with("/message/")) {
        let operation = endpoint.path.trim_start_matches("/message/");
        for field in endpoint.fields.iter().filter(|field| field.place == Place::Json) {
            let odd = if field.kind == Kind::Int { odd_integers() } else { odd_texts() };
            for value in odd {
                let mut body = plain(endpoint);
                body[field.name] =
                    if field.kind == Kind::TextList { json!([value.clone(), "5"]) } else { value.clone() };
                let who = user(1).with("entUserId", 4).with("positionId", 6);
                let reply = app.post(&who, operation, body).await;
                let shown: String = value.to_string().chars().take(60).collect();
                assert!(reply.status < 500, "{operation} {} = {shown}: {reply:?}", field.name);
            }
        }
    }
    assert_eq!(crashes(&app).await, 0, "no command made an actor panic");
}

#[tokio::test]
async fn no_odd_value_in_any_path_or_body_under_v1_makes_a_5xx_or_a_panic() {
    let app = App::start().await;
    for endpoint in table::all().iter().filter(|endpoint| endpoint.path.starts_with("/v1/")) {
        let method = endpoint.method.as_str();
        for odd in odd_texts() {
            let id: String =
                odd.as_str().unwrap_or("9").bytes().take(2_000).map(|b| format!("%{b:02X}")).collect();
            let path: Vec<&str> = endpoint
                .path
                .split('/')
                .map(|part| if part.starts_with('{') { id.as_str() } else { part })
                .collect();
            let body = if method == "PUT" { plain(endpoint) } else { Value::Null };
            let reply = app.send(method, &user(1), &path.join("/"), body).await;
            assert!(reply.status < 500, "{method} {} with {odd}: {reply:?}", endpoint.path);
        }
        for field in endpoint.fields.iter().filter(|field| field.place == Place::Json) {
            let odd = if field.kind == Kind::Int { odd_integers() } else { odd_texts() };
            for value in odd {
                let mut body = plain(endpoint);
                body[field.name] = value;
                let path = endpoint.path.replace("{id}", "7").replace("{entUserId}", "7");
                let reply = app.send(method, &user(1), &path, body).await;
                assert!(reply.status < 500, "{method} {path} {}: {reply:?}", field.name);
            }
        }
    }
    assert_eq!(crashes(&app).await, 0, "no command made an actor panic");
}

#[tokio::test]
async fn no_odd_header_makes_a_5xx() {
    let app = App::start().await;
    let texts =
        ["", "0", "-1", "+5", "007", "9223372036854775807", "9223372036854775808", "1.0", "abc", "~", "a:b"];
    for endpoint in table::all().iter().filter(|endpoint| endpoint.path.starts_with("/message/")) {
        let operation = endpoint.path.trim_start_matches("/message/");
        for header in ["newUserId", "entUserId", "positionId", "entId", "appId", "Idempotency-Key"] {
            for text in texts {
                let who = Who::default().app("web").with(header, text);
                let reply = app.post(&who, operation, plain(endpoint)).await;
                assert!(reply.status < 500, "{operation} with {header}: {text:?}: {reply:?}");
            }
        }
    }
    assert_eq!(crashes(&app).await, 0, "no command made an actor panic");
}

#[tokio::test]
async fn odd_ids_name_distinct_conversations_and_come_back_as_sent() {
    let app = App::start().await;
    let odd = ["a:b", "a@b", "nul\u{0}inside", "👩‍👩‍👧‍👦", "x y", "⟨x⟩`'\";--", "-1"];
    let mut conversations = std::collections::BTreeSet::new();
    for id in odd {
        let sent = app.say(&user(1), id, id).await.ok();
        assert!(conversations.insert(sent.text("conversationId")), "{id:?} is a party of its own");
        let history = app.history(&user(1), id).await;
        assert_eq!(history, vec![(1, id.to_owned())]);
    }
    let list = app.post(&user(1), "conversationList", json!({ "userType": 2 })).await.ok();
    assert_eq!(list.count, odd.len() as i64);
}

/// Commands that made an actor panic, as `/metrics` counts them.
async fn crashes(app: &App) -> u64 {
    app.figure("messagecenter_dead_letters_total").await
}
