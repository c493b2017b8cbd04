//! `docs/metrics.md` lists what `GET /metrics` answers, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;

use super::process::Program;

/// Families of the page, and whether they appear only with their first occurrence.
fn documented() -> BTreeMap<String, bool> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| (row.split('`').next().unwrap().to_owned(), row.contains("` †"))).collect()
}

#[tokio::test]
async fn every_family_is_documented_and_every_documented_one_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--storage", "mem://"]).await;
    let body = json!({
        "ownType": 2, "type": 1, "receiveId": "1002", "title": "", "content": "x", "link": "", "item": 0,
        "itemType": 0
    });
    let (status, answer) = program.post("/message/messageAdd", &[("newUserId", "1001")], &body).await;
    assert_eq!(status, 200, "{answer}");
    let (status, page) = program.get("/metrics").await;
    assert_eq!(status, 200);
    let shown: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let documented = documented();
    for family in &shown {
        assert!(documented.contains_key(*family), "{family} is not in docs/metrics.md");
    }
    for (family, later) in &documented {
        assert!(*later || shown.contains(family.as_str()), "{family} is documented, but not there");
    }
}
