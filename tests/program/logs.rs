//! No log line holds what people wrote, a phone number or a token, whatever is asked and however much is logged.

use std::fs::File;

use serde_json::{Value, json};

use super::process::Program;

const CONTENT: &str = "what-people-wrote";
const PHONE: &str = "13912345678";
const TOKEN: &str = "a-bearer-token";

/// Everything that takes such texts, well formed and not, and what is logged meanwhile.
async fn logged(format: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_messagecenter"));
    command.stderr(File::create(&log).unwrap());
    let format = format!("log.format={format}");
    let arguments = ["--storage", "rocksdb://store", "--set", "log.level=trace", "--set", &format];
    let program = Program::start_by(command, folder.path(), &arguments).await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("newUserId", "1"),
        ("appId", "web"),
        ("Authorization", bearer.as_str()),
        ("Idempotency-Key", TOKEN),
    ];
    let message = |content: Value| {
        json!({
            "ownType": 2, "type": 1, "receiveId": "2", "title": CONTENT, "content": content, "item": 0,
            "link": CONTENT, "itemType": 1,
        })
    };
    let (status, sent) = program.post("/message/messageAdd", &headers, &message(json!(CONTENT))).await;
    assert_eq!(status, 200, "{sent}");
    // The same key with another content, another type, a text that is no JSON.
    program.post("/message/messageAdd", &headers, &message(json!(format!("{CONTENT}!")))).await;
    assert_eq!(program.post("/message/messageAdd", &headers, &message(json!([CONTENT]))).await.0, 400);
    let broken =
        program.client.post(format!("{}/message/messageAdd", program.base)).body(format!("{{{CONTENT}"));
    assert_eq!(broken.header("newUserId", "1").send().await.unwrap().status(), 400);
    let person = json!({ "name": CONTENT, "phone": PHONE });
    for body in [person.to_string(), format!("{{\"phone\": \"{PHONE}\"")] {
        let put = program.client.put(format!("{}/v1/directory/users/1", program.base)).body(body);
        put.bearer_auth(TOKEN).send().await.unwrap();
    }
    let list = json!({ "userType": 2, "phone": PHONE, "nameSearch": CONTENT });
    assert_eq!(program.post("/message/userList", &headers, &list).await.0, 200);
    let odd = program.client.get(format!("{}/{CONTENT}?{TOKEN}", program.base));
    assert_eq!(odd.send().await.unwrap().status(), 404);
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    std::fs::read_to_string(log).unwrap()
}

#[track_caller]
fn holds_no_secret(log: &str) {
    assert!(log.contains("journal open") && log.contains("stopped"), "it was logged: {log}");
    for secret in [CONTENT, PHONE, TOKEN] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn the_log_as_text_holds_no_content_no_phone_and_no_token() {
    holds_no_secret(&logged("text").await);
}

#[tokio::test]
async fn the_log_as_json_holds_none_either_and_every_line_is_an_object() {
    let log = logged("json").await;
    holds_no_secret(&log);
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target"] {
            assert!(object[field].is_string(), "{field} in {line}");
        }
    }
}
