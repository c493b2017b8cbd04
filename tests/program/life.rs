//! The life of the real program: ready, in use, drained, started again.

use std::sync::Arc;

use serde_json::{Value, json};

use super::process::{Program, run_to_end};

fn hello(content: &str) -> Value {
    json!({
        "ownType": 2, "title": "", "content": content, "item": 0, "type": 1, "link": "", "itemType": 0,
        "receiveId": "1002"
    })
}

fn history() -> Value {
    json!({"msgType": 1, "userType": 2, "sendId": "1002", "pageSize": 100, "sort": "asc"})
}

#[tokio::test]
async fn it_says_one_line_when_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    let line = &program.ready_line;
    assert!(
        line.starts_with(concat!("messagecenter ", env!("CARGO_PKG_VERSION"), " ready on http://")),
        "{line}"
    );
    assert!(line.contains("rocksdb://data/messagecenter") && line.contains("fsync"), "{line}");
    assert!(folder.path().join("data/messagecenter").is_dir());
    let (status, body) = program.get("/readyz").await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn memory_says_that_nothing_survives() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--storage", "mem://"]).await;
    assert!(program.ready_line.contains("mem://, nothing survives"), "{}", program.ready_line);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_drain_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    let sender = [("newUserId", "1001")];
    let mut told = Vec::new();
    for number in 0..5 {
        let (status, answer) =
            program.post("/message/messageAdd", &sender, &hello(&format!("hello {number}"))).await;
        assert_eq!((status, &answer["error_code"]), (200, &json!(0)), "{answer}");
        told.push((answer["data"]["messageId"].clone(), answer["data"]["seq"].clone()));
    }
    program.terminate();
    assert_eq!(program.ended().await, Some(0));

    let again = Program::start(folder.path(), &[]).await;
    let (_, answer) = again.post("/message/findMessage", &sender, &history()).await;
    let rows = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let found: Vec<_> = rows.iter().map(|row| (row["messageId"].clone(), row["seq"].clone())).collect();
    assert_eq!(found, told);
    let unread = json!({"userType": 2});
    let (_, answer) = again.post("/message/messageCount", &[("newUserId", "1002")], &unread).await;
    assert_eq!(answer["count"], json!(5), "{answer}");
}

#[tokio::test]
async fn a_drain_under_load_answers_every_request_and_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let program = Arc::new(Program::start(folder.path(), &[]).await);
    let mut senders = Vec::new();
    for sender in 0..8 {
        let program = Arc::clone(&program);
        senders.push(tokio::spawn(async move {
            let mut acknowledged = 0_u64;
            for number in 0..10_000 {
                let body = hello(&format!("{sender} {number}")).to_string();
                let request = program
                    .client
                    .post(format!("{}/message/messageAdd", program.base))
                    .header("newUserId", "1001")
                    .body(body);
                let Ok(response) = request.send().await else { break };
                match response.status().as_u16() {
                    200 => acknowledged += 1,
                    other => panic!("status {other}"),
                }
            }
            acknowledged
        }));
    }
    // The drain begins once messages flow.
    let unread = json!({"userType": 2});
    loop {
        let (_, answer) = program.post("/message/messageCount", &[("newUserId", "1002")], &unread).await;
        if answer["count"].as_u64().is_some_and(|count| count >= 50) {
            break;
        }
    }
    program.terminate();
    let mut acknowledged = 0;
    for sender in senders {
        acknowledged += sender.await.unwrap();
    }
    let program = Arc::into_inner(program).unwrap();
    assert_eq!(program.ended().await, Some(0));

    let again = Program::start(folder.path(), &[]).await;
    let (_, answer) = again.post("/message/messageCount", &[("newUserId", "1002")], &unread).await;
    let kept = answer["count"].as_u64().unwrap();
    assert!(kept >= acknowledged, "{acknowledged} acknowledged, {kept} kept");
    assert!(kept <= acknowledged + 8, "at most one message per sender may have lost its answer");
}

#[tokio::test]
async fn a_second_process_on_the_same_store_ends_with_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Program::start(folder.path(), &[]).await;
    for arguments in [&["serve", "--address", "127.0.0.1:0"][..], &["journal"][..]] {
        let output = run_to_end(folder.path(), arguments).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains("another messagecenter holds the store in data/messagecenter"), "{said}");
    }
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run_to_end(folder.path(), &["serve", "--address", &address, "--storage", "mem://"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.lines().last().unwrap_or_default().contains(&address), "{said}");
}

#[tokio::test]
async fn the_journal_can_be_printed_when_the_service_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    for content in ["one", "two"] {
        program.post("/message/messageAdd", &[("newUserId", "1001")], &hello(content)).await;
    }
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    let output = run_to_end(folder.path(), &["journal"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.len() >= 2, "{printed}");
    let positions: Vec<u64> = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert!(positions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "dense: {positions:?}");
    let last = positions.last().unwrap().to_string();
    let tail = run_to_end(folder.path(), &["journal", "--from", &last]).await;
    assert_eq!(String::from_utf8(tail.stdout).unwrap().lines().count(), 1);
}
