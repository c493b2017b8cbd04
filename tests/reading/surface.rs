//! Paths, methods, and what is there for operators.

use std::time::Duration;

use messagecenter::http::field::{Family, Place};
use messagecenter::http::table;
use serde_json::Value;

use crate::harness::App;
use crate::reading::wire::{request, slowly};

#[tokio::test]
async fn paths_are_cleaned_as_go_cleans_them() {
    let app = App::start().await;
    let body = br#"{"userType":2}"#;
    for path in [
        "/message/messageCount",
        "//message/./messageCount/",
        "/message//messageCount///",
        "/x/../message/messageCount",
        "/../message/messageCount",
        "/message/message%43ount",
        "/message/messageCount?x=1",
    ] {
        let answer = request(&app, &format!("POST {path}"), &["newUserId: 1"], body).await;
        assert_eq!((answer.status, answer.code()), (200, 0), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let app = App::start().await;
    for path in
        ["/", "/message", "/message/messagecount", "/message/messageCount/x", "/v1", "/%00", "/%ff%fe"]
    {
        let answer = request(&app, &format!("POST {path}"), &[], b"").await;
        assert_eq!((answer.status, answer.code()), (404, 40400), "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"] {
        let answer = request(&app, &format!("{method} /message/messageCount"), &[], b"").await;
        assert_eq!((answer.status, answer.code()), (405, 40500), "{method}");
        assert!(
            answer.head.contains("allow: post\r\n") || answer.head.ends_with("allow: post"),
            "{answer:?}"
        );
    }
    let answer = request(&app, "POST /v1/groups/team", &[], b"").await;
    assert!(answer.head.contains("allow: put, get, head, delete"), "{answer:?}");
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let app = App::start().await;
    let answer = request(&app, "HEAD /healthz", &[], b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let answer = request(&app, "HEAD /message/messageCount", &[], b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (405, ""));
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let app = App::start().await;
    assert_eq!(request(&app, "GET /healthz", &[], b"").await.envelope()["data"]["alive"], true);
    let ready = request(&app, "GET /readyz", &["newUserId: not-a-number"], b"").await;
    assert_eq!((ready.status, ready.envelope()["data"]["ready"].clone()), (200, Value::Bool(true)));
    request(&app, "POST /message/messageCount", &["newUserId: 1"], br#"{"userType":2}"#).await;
    request(&app, "POST /message/messageCount", &["newUserId: 1"], b"{}").await;
    request(&app, "POST /nowhere", &[], b"").await;
    let metrics = request(&app, "GET /metrics", &[], b"").await;
    for line in [
        "messagecenter_requests_total{operation=\"messageCount\",outcome=\"ok\"} 1",
        "messagecenter_requests_total{operation=\"messageCount\",outcome=\"FIELD_NOT_SET\"} 1",
        "messagecenter_requests_total{operation=\"none\",outcome=\"UNKNOWN_PATH\"} 1",
        "messagecenter_request_seconds_count{operation=\"messageCount\"} 2",
    ] {
        assert!(metrics.body.contains(line), "{line}\n{}", metrics.body);
    }
}

#[tokio::test]
async fn the_api_describes_itself() {
    let app = App::start().await;
    let answer = request(&app, "GET /openapi.json", &[], b"").await;
    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
    for endpoint in table::all() {
        let operation = &document["paths"][endpoint.path][endpoint.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], endpoint.operation);
    }
    let headers =
        document["paths"]["/message/appraiseMessage"]["post"]["parameters"].as_array().expect("a list");
    let required: Vec<&str> = headers
        .iter()
        .filter(|header| header["required"] == true)
        .filter_map(|header| header["name"].as_str())
        .collect();
    assert_eq!(required, ["appId", "newUserId"]);
}

#[tokio::test]
async fn every_endpoint_refuses_its_own_headers_when_they_are_no_integers() {
    let app = App::start().await;
    for endpoint in table::all().iter().filter(|endpoint| endpoint.family != Family::Operation) {
        let path = endpoint.path.replace("{entId}", "1").replace(['{', '}'], "");
        let integers =
            endpoint.all_fields().filter(|field| field.place == Place::Header && field.name.ends_with("Id"));
        for field in integers.filter(|field| field.name != "appId") {
            let others: Vec<String> = endpoint
                .all_fields()
                .filter(|other| other.place == Place::Header && other.required && other.name != field.name)
                .map(|other| format!("{}: 1", other.name))
                .collect();
            let bad = format!("{}: seven", field.name);
            let mut headers: Vec<&str> = others.iter().map(String::as_str).collect();
            headers.push(&bad);
            let answer =
                request(&app, &format!("{} {path}", endpoint.method.as_str()), &headers, b"{}").await;
            assert_eq!(
                (answer.status, answer.code()),
                (400, 40008),
                "{} {bad}: {answer:?}",
                endpoint.operation
            );
            assert!(answer.text().contains(field.name));
        }
    }
}

#[tokio::test]
async fn the_head_of_a_first_request_may_take_seconds() {
    let app = App::start().await;
    let answer = slowly(
        &app,
        "GET /healthz HTTP/1.1\r\nHost: x\r\n",
        Duration::from_secs(7),
        "Connection: close\r\n\r\n",
    );
    assert_eq!(answer.await.status, 200);
}
