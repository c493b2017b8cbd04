//! `storage.url`: what is understood and what is refused, with the reason.

use std::path::Path;

use messagecenter::storage::StorageUrl;

fn refusal(text: &str) -> String {
    text.parse::<StorageUrl>().unwrap_err().to_string()
}

#[test]
fn rocksdb_syncs_every_commit_unless_told_otherwise() {
    let url: StorageUrl = "rocksdb://data/messagecenter".parse().unwrap();
    assert_eq!(url.to_string(), "rocksdb://data/messagecenter?sync=every");
    assert_eq!(url.directory(), Some(Path::new("data/messagecenter")));
    assert_eq!(url.durability(), "every acknowledged write is on disk (fsync)");
    let absolute: StorageUrl = "rocksdb:///var/lib/mc?sync=1s".parse().unwrap();
    assert_eq!(absolute.to_string(), "rocksdb:///var/lib/mc?sync=1s");
    assert!(absolute.durability().contains("loses the last"));
}

#[test]
fn surrealkv_is_refused_with_the_reason() {
    let text = refusal("surrealkv://data");
    assert!(text.contains("storage.url") && text.contains("surrealkv://data"), "{text}");
    assert!(text.contains("loses an acknowledged, fsynced transaction at a kill -9"), "{text}");
    assert!(text.contains("rocksdb://PATH"), "{text}");
}

#[test]
fn a_refusal_names_the_setting_what_came_and_what_is_allowed() {
    let cases = [
        "postgres://x",
        "rocksdb",
        "rocksdb://",
        "rocksdb://a?sync=sometimes",
        "rocksdb://a?sync=50ms",
        "rocksdb://a?retention=1d",
        "mem://x",
        "ws://",
        "",
    ];
    for text in cases {
        let refused = refusal(text);
        assert!(refused.starts_with(&format!("storage.url: got {text:?}: ")), "{refused}");
        assert!(refused.ends_with("mem://, ws://HOST:PORT or wss://HOST:PORT"), "{refused}");
    }
}

#[test]
fn credentials_in_a_url_are_refused_and_not_repeated() {
    let text = refusal("wss://root:secret@db.example:8000");
    assert!(text.contains("storage.password_file"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn every_engine_says_what_it_promises() {
    for (text, engine, embedded) in
        [("mem://", "mem", true), ("ws://h:1", "ws", false), ("wss://h:1", "wss", false)]
    {
        let url: StorageUrl = text.parse().unwrap();
        assert_eq!((url.engine(), url.is_embedded()), (engine, embedded));
        assert!(!url.durability().is_empty());
    }
}
