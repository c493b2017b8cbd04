//! Backups, restores and checks by the real program.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use messagecenter::storage::{StorageOptions, SurrealStore};
use messagecenter_actors::domain::ids::{ActorKey, Address, ConversationKey};
use messagecenter_actors::ports::{Collection, JournalStore, Snapshot, StateStore};
use serde_json::{Value, json};

use super::process::{Program, run_to_end};

const STORE: [&str; 2] = ["--storage", "rocksdb://store"];
const OTHER: [&str; 2] = ["--storage", "rocksdb://other"];

async fn send(program: &Program, from: &str, to: &str, content: &str) -> u64 {
    let body = crate::harness::text(2, 1, to, content);
    let headers = [("newUserId", from), ("appId", "web")];
    let (status, answer) = program.post("/message/messageAdd", &headers, &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"]["seq"].as_u64().unwrap()
}

/// The newest messages between 1 and 2.
async fn history(program: &Program) -> Value {
    let body = json!({ "userType": 2, "msgType": 1, "sendId": "2", "pageSize": 100 });
    let headers = [("newUserId", "1"), ("appId", "web")];
    program.post("/message/findMessage", &headers, &body).await.1
}

async fn run(folder: &Path, arguments: &[&[&str]]) -> (Option<i32>, String, String) {
    let output = run_to_end(folder, &arguments.concat()).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_clients_send_is_whole_and_serves_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let program = Arc::new(Program::start(folder.path(), &STORE).await);
    let mode = folder.path().join("store/CONTROL").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner may ask for a backup");
    let acknowledged = send(&program, "1", "2", "before").await;
    let (_, figures) = program.get("/metrics").await;
    let size = figures.lines().find_map(|line| line.strip_prefix("messagecenter_store_bytes{part=\"log\"} "));
    assert!(size.is_some_and(|bytes| bytes.parse::<u64>().unwrap() > 0), "{figures}");
    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (10..13)
        .map(|from: u32| {
            let (program, stop) = (Arc::clone(&program), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    sent = send(&program, &from.to_string(), &(from + 10).to_string(), "meanwhile").await;
                }
                sent
            })
        })
        .collect();
    let (code, said, complaint) = run(folder.path(), &[&["backup", "copy.backup"], &STORE]).await;
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{said}");
    assert!(said.starts_with("copy.backup as of event "), "{said}");
    let again = run(folder.path(), &[&["backup", "copy.backup"], &STORE]).await;
    assert!(again.0 == Some(1) && again.2.contains("exists"), "{again:?}");
    stop.store(true, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
    let file = folder.path().join("copy.backup");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "it holds what people wrote");

    let restored = run(folder.path(), &[&["restore", "copy.backup"], &OTHER]).await;
    assert_eq!(restored.0, Some(0), "{restored:?}");
    let checked = run(folder.path(), &[&["check"], &OTHER]).await;
    assert!(checked.0 == Some(0) && checked.1.starts_with("checked up to event "), "{checked:?}");
    let copy = Program::start(folder.path(), &OTHER).await;
    let rows = history(&copy).await;
    assert_eq!(rows["data"][0]["seq"].as_u64(), Some(acknowledged), "{rows}");
    assert_eq!(rows["data"][0]["content"], "before");
    assert_eq!(send(&copy, "1", "2", "after").await, acknowledged + 1);
    copy.terminate();
    assert_eq!(copy.ended().await, Some(0));

    let occupied = run(folder.path(), &[&["restore", "copy.backup"], &OTHER]).await;
    assert!(occupied.0 == Some(1) && occupied.2.contains("not empty"), "{occupied:?}");
    let held = run(folder.path(), &[&["check"], &STORE]).await;
    assert!(held.0 == Some(1) && held.2.contains("stop it first"), "{held:?}");
    let program = Arc::into_inner(program).unwrap();
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    assert!(!folder.path().join("store/CONTROL").exists());
    let stopped = run(folder.path(), &[&["backup", "stopped.backup"], &STORE]).await;
    assert_eq!(stopped.0, Some(0), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_cut_short_is_refused_and_a_damaged_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &STORE).await;
    for _ in 0..5 {
        send(&program, "1", "2", "do not show this").await;
    }
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    let whole = run(folder.path(), &[&["check"], &STORE]).await;
    assert_eq!(whole.0, Some(0), "{whole:?}");

    let made = run(folder.path(), &[&["backup", "copy.backup"], &STORE]).await;
    assert_eq!(made.0, Some(0), "{made:?}");
    let bytes = std::fs::read(folder.path().join("copy.backup")).unwrap();
    std::fs::write(folder.path().join("cut.backup"), &bytes[..bytes.len() - 9]).unwrap();
    let cut = run(folder.path(), &[&["restore", "cut.backup"], &OTHER]).await;
    assert!(cut.0 == Some(1) && cut.2.contains("cut short or damaged at byte"), "{cut:?}");
    let unaffected = run(folder.path(), &[&["restore", "copy.backup"], &OTHER]).await;
    assert_eq!(unaffected.0, Some(0), "nothing was written by the refused one: {unaffected:?}");

    let url = format!("rocksdb://{}", folder.path().join("store").display());
    let store = SurrealStore::open(&StorageOptions::new(url.parse().unwrap())).await.unwrap();
    store.acquire().await.unwrap();
    let pair = ConversationKey::one_to_one(Address::user(1), Address::user(2)).id();
    let key = ActorKey::Conversation(pair);
    let mut page = store.page(&key, Collection::History, 0).await.unwrap().unwrap();
    page.content[2]["seq"] = 9.into();
    store.put_pages(&key, &[page]).await.unwrap();
    store.close().await;
    let (code, said, complaint) = run(folder.path(), &[&["check"], &STORE]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("conversation/{pair}: message 3 is missing")), "{said}");
    assert!(complaint.contains("the store is not whole"), "{complaint}");
    assert!(!said.contains("do not show this"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_whose_newest_snapshot_is_damaged_on_disk_goes_on_and_is_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["one", "two"] {
        let program = Program::start(folder.path(), &STORE).await;
        send(&program, "1", "2", text).await;
        program.terminate(); // writes the snapshots
        assert_eq!(program.ended().await, Some(0));
    }
    let url = format!("rocksdb://{}", folder.path().join("store").display());
    let store = SurrealStore::open(&StorageOptions::new(url.parse().unwrap())).await.unwrap();
    store.acquire().await.unwrap();
    let pair = ConversationKey::one_to_one(Address::user(1), Address::user(2)).id();
    let newest = store.load(&ActorKey::Conversation(pair)).await.unwrap().unwrap();
    store.save(&Snapshot { state: vec![0xc1].into(), ..newest }, &[]).await.unwrap();
    store.close().await;
    let (code, said, _) = run(folder.path(), &[&["check"], &STORE]).await;
    assert!(code == Some(1) && said.contains(&format!("conversation/{pair}: snapshot:")), "{said}");

    let program = Program::start(folder.path(), &STORE).await;
    assert_eq!(send(&program, "1", "2", "three").await, 3);
    let told = history(&program).await;
    let texts: Vec<_> =
        told["data"].as_array().unwrap().iter().filter_map(|row| row["content"].as_str()).collect();
    assert_eq!(texts, ["three", "two", "one"], "{told}");
    let (_, figures) = program.get("/metrics").await;
    assert!(figures.contains("messagecenter_snapshot_fallbacks_total 1"), "{figures}");
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    let whole = run(folder.path(), &[&["check"], &STORE]).await;
    assert_eq!(whole.0, Some(0), "{whole:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_store_that_is_not_there_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["check"][..], &["backup", "copy.backup"]] {
        let refused = run(folder.path(), &[command, &STORE]).await;
        assert!(refused.0 == Some(1) && refused.2.contains("storage.url"), "{refused:?}");
        assert!(!folder.path().join("store").exists());
    }
}
