//! The program's own views for operators: `top`, and the live layer in `config --explain`.

use serde_json::json;

use super::process::{Program, run_to_end};

const TOKEN: &str = "operator-0123456789";

/// The address of the admin listener: what the program says on standard error is not read here, so it is fixed by asking
/// the system for a free port first.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn top_shows_a_page_of_a_running_service_and_explain_names_the_live_layer() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let explain = ["config", "--storage", "rocksdb://data", "--explain", "passivation.idle_after_ms"];
    let before = run_to_end(folder, &explain).await;
    let text = String::from_utf8(before.stdout).unwrap();
    assert!(text.contains("set by      built-in default") && text.contains("no store at data yet"), "{text}");
    assert!(!folder.join("data").exists(), "explaining makes no store");

    std::fs::write(folder.join("tokens"), format!("# desk\noperator ann {TOKEN}\n")).unwrap();
    std::fs::write(folder.join("token"), format!("{TOKEN}\n")).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let admin = format!("admin.address={address}");
    let serve = ["--storage", "rocksdb://data", "--set", &admin, "--set", "admin.tokens_file=tokens"];
    let program = Program::start(folder, &serve).await;
    let change = program
        .client
        .patch(format!("http://{address}/admin/settings"))
        .bearer_auth(TOKEN)
        .header("If-Match", "0")
        .body(json!({ "values": { "passivation.idle_after_ms": 4_000 } }).to_string());
    let changed = change.send().await.unwrap();
    let status = changed.status().as_u16();
    assert_eq!(status, 200, "{}", changed.text().await.unwrap());

    let page = run_to_end(folder, &["top", "--once", "--admin", &address, "--token-file", "token"]).await;
    let page = String::from_utf8(page.stdout).unwrap();
    for part in ["ready", "settings v1", "role operator", "conversation", "HOT BY RATE"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let in_use = run_to_end(folder, &explain).await;
    let text = String::from_utf8(in_use.stdout).unwrap();
    assert!(text.contains("not known") && text.contains("GET /admin/settings"), "{text}");
    program.terminate();
    assert_eq!(program.ended().await, Some(0));

    let after = run_to_end(folder, &explain).await;
    let text = String::from_utf8(after.stdout).unwrap();
    assert!(text.starts_with("passivation.idle_after_ms = 4000\n"), "{text}");
    assert!(text.contains("live (version 1)") && text.contains("120000, built-in default"), "{text}");
    let refused = run_to_end(folder, &["top", "--once", "--admin", &address, "--token-file", "token"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("does not answer"));
}
