//! `messagecenter replay` over a store in which a real desk was recorded.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::process::{Program, run_to_end};

async fn put(program: &Program, path: &str, body: Value) {
    let request = program.client.put(format!("{}{path}", program.base)).body(body.to_string());
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{}", response.text().await.unwrap());
}

/// A customer asks for service; its session.
async fn arrives(program: &Program, customer: &str) -> Value {
    let headers = [("newUserId", customer), ("entId", "7"), ("appId", "web")];
    let body = json!({ "msgType": 2, "userType": 2 });
    let (status, answer) = program.post("/message/createChatSession", &headers, &body).await;
    assert_eq!((status, &answer["error_code"]), (200, &json!(0)), "{answer}");
    answer["data"].clone()
}

async fn leaves(program: &Program, customer: &str, session: &Value) {
    let body = json!({ "sessionId": session["sessionId"] });
    let (status, answer) =
        program.post("/message/closeChatSession", &[("newUserId", customer), ("entId", "7")], &body).await;
    assert_eq!((status, &answer["error_code"]), (200, &json!(0)), "{answer}");
}

/// The rows of the only table: as it was, and what if.
async fn replayed(folder: &Path, arguments: &[&str]) -> BTreeMap<String, (String, String)> {
    let output = run_to_end(folder, &[&["replay"], arguments].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("enterprise 7\n"), "{text}");
    let row = |line: &str| {
        let (name, figures) = line.split_at(24);
        let figures: Vec<&str> = figures.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        (name.trim().to_owned(), (figures[0].to_owned(), figures[1].to_owned()))
    };
    text.lines().skip(2).map(row).collect()
}

/// One agent with one place: the first customer is served, the second waits, the third gives up waiting.
#[tokio::test]
async fn a_recorded_desk_is_played_again_with_more_places() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    put(&program, "/v1/agents/5", json!({ "entId": "7", "name": "Ada", "capacity": 1 })).await;
    put(&program, "/v1/agents/5/presence", json!({ "presence": "online" })).await;
    let first = arrives(&program, "1").await;
    assert_eq!(first["state"], "serving");
    let second = arrives(&program, "2").await;
    let third = arrives(&program, "3").await;
    assert_eq!((&second["state"], &third["state"]), (&json!("queued"), &json!("queued")));
    leaves(&program, "3", &third).await;
    leaves(&program, "1", &first).await;
    leaves(&program, "2", &second).await;
    program.terminate();
    assert_eq!(program.ended().await, Some(0));

    let rows = replayed(folder.path(), &["--capacity", "3"]).await;
    let both = |was: &str, what_if: &str| (was.to_owned(), what_if.to_owned());
    assert_eq!(rows["customers"], both("3", "3"));
    assert_eq!(rows["served"], both("2", "3"));
    assert_eq!(rows["abandoned"], both("1", "0"));
    assert_eq!(rows["wait p95 (s)"].1, "0.0", "with three places nobody waits");
    let rows = replayed(folder.path(), &["--ent", "7"]).await;
    assert!(
        rows.values().all(|(was, what_if)| was == what_if),
        "the same rules give the same course: {rows:?}"
    );
    let other = run_to_end(folder.path(), &["replay", "--ent", "8"]).await;
    assert_eq!(String::from_utf8(other.stdout).unwrap(), "the journal holds no routing of that time\n");
}
