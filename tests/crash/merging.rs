//! The real binary is killed in the middle of merging a visitor: afterwards the visitor is either not merged at all,
//! or merged with all it had open, without anybody repeating the request.

use std::path::Path;

use serde_json::{Value, json};

use super::engine::Engine;
use super::process::{Process, Said, online, other_program};
use crate::harness::{text, user};

const ENT: i64 = 7;
const USER: i64 = 1_002;

/// A merge is two commits, the alias and what the visitor had open; where each kill falls, and whether it leaves a
/// merged visitor.
const KILLS: [(&str, bool); 6] = [
    ("commit.before=kill@1", false),
    ("commit.after_write=kill@1", true),
    ("commit.before_release=kill@1", true),
    ("commit.before=kill@2", true),
    ("commit.after_write=kill@2", true),
    ("commit.before_release=kill@2", true),
];

/// Nobody lapses, so that the merge is all that is committed.
const SETTINGS: [&str; 1] = ["routing.heartbeat_lapse_ms=86400000"];

async fn start(folder: &Path, armed: &str) -> Process {
    Process::start(&Engine::Rocksdb, folder, &SETTINGS, armed).await.expect("ready")
}

async fn unread(process: &Process, who: i64) -> i64 {
    let counted = process.ask(&user(who), "messageCount", &json!({ "userType": 2 })).await.expect("it lives");
    counted.done()["count"].as_i64().expect("a number")
}

async fn customer(process: &Process, session: &str) -> String {
    let card = process.get(&format!("/v1/sessions/{session}")).await.expect("it lives");
    assert_eq!(card["data"]["state"], "serving", "{card}");
    card["data"]["customer"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_a_merge_it_has_not_happened_or_is_whole() {
    if other_program().is_some() {
        return; // without fail points
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = start(folder.path(), "").await;
    let record = json!({ "entId": ENT.to_string(), "name": "Agent", "capacity": 100 });
    process.put("/v1/agents/50", &record).await.expect("it lives");
    process.put("/v1/agents/50/presence", &online()).await.expect("it lives");
    for (round, (kill, merged)) in KILLS.into_iter().enumerate() {
        let into = USER + round as i64;
        let Said::Done(visitor) = process.act("/v1/visitors", &json!({})).await else { panic!("no visitor") };
        let visitor = visitor["data"]["id"].as_str().expect("an id").to_owned();
        let id: i64 = visitor.parse().expect("a number");
        process.ask(&user(3), "messageAdd", &text(2, 1, &visitor, "hello")).await.expect("it lives").done();
        let service = json!({ "msgType": 2, "userType": 2 });
        let opened = process.ask(&user(id).ent(ENT), "createChatSession", &service).await.expect("it lives");
        let session = opened.done()["data"]["sessionId"].as_str().expect("a session").to_owned();
        process.kill();
        process.end().await;

        process = start(folder.path(), kill).await;
        let (path, body) = (format!("/v1/visitors/{visitor}/merge"), json!({ "userId": into.to_string() }));
        let said = process.act(&path, &body).await;
        assert!(matches!(said, Said::Gone { .. }), "{kill}: {said:?}");
        process.end().await;

        process = start(folder.path(), "").await;
        let whose = if merged { into } else { id };
        assert_eq!(customer(&process, &session).await, whose.to_string(), "{kill}");
        assert_eq!(
            (unread(&process, id).await, unread(&process, into).await),
            (1, i64::from(merged)),
            "{kill}"
        );
        let Said::Done(again) = process.act(&path, &body).await else { panic!("{kill}: not repeated") };
        assert_eq!(again["data"]["alreadyMerged"], merged, "{kill}");
        assert_eq!(customer(&process, &session).await, into.to_string(), "{kill}");
        assert_eq!((unread(&process, id).await, unread(&process, into).await), (1, 1), "{kill}");
        let open =
            process.ask(&user(into).ent(ENT), "createChatSession", &service).await.expect("it lives").done();
        assert_eq!(
            (&open["data"]["sessionId"], &open["data"]["created"]),
            (&json!(session), &Value::Bool(false))
        );
    }
    let agent = process.get("/v1/agents/50").await.expect("it lives");
    assert_eq!(agent["data"]["sessions"], KILLS.len(), "every session has one place");
}
