//! Opening a store: one process at a time, directories made, schema brought up to date or refused.

use messagecenter::storage::schema::known_version;
use messagecenter::storage::{OpenError, SurrealStore};
use messagecenter_actors::ports::{DirectoryStore, Entry, JournalStore};
use serde_json::json;

use super::stores::{on_disk, options};

#[tokio::test]
async fn a_second_opening_is_refused_while_the_first_lasts() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("rocksdb://{}", directory.path().display());
    let first = SurrealStore::open(&options(&url)).await.unwrap();
    let second = SurrealStore::open(&options(&url)).await.err().unwrap();
    assert!(matches!(second, OpenError::Held { .. }), "{second}");
    let text = second.to_string();
    assert!(text.starts_with("another messagecenter holds the store in"), "{text}");
    first.close().await;
    first.close().await; // repeating it does nothing
    SurrealStore::open(&options(&url)).await.unwrap().close().await;
}

#[tokio::test]
async fn another_process_is_refused_while_this_one_holds_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = on_disk(directory.path()).await;
    let this_binary = std::env::current_exe().unwrap();
    let mut other = tokio::process::Command::new(this_binary);
    other.args(["--exact", "storage::opening::the_other_process", "--ignored", "--nocapture"]);
    let ended = other.env("HELD_STORE", directory.path()).output().await.unwrap();
    let output = String::from_utf8_lossy(&ended.stdout);
    assert!(output.contains("refused: another messagecenter holds the store in"), "{output}");
    store.close().await;
}

#[tokio::test]
#[ignore = "run by the test above in a process of its own"]
async fn the_other_process() {
    let Some(directory) = std::env::var_os("HELD_STORE") else { return };
    let url = format!("rocksdb://{}", std::path::Path::new(&directory).display());
    match SurrealStore::open(&options(&url)).await {
        Ok(_) => println!("opened"),
        Err(error) => println!("refused: {error}"),
    }
}

#[tokio::test]
async fn the_directory_is_made_and_a_file_in_its_place_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a/b/c");
    on_disk(&deep).await.close().await;
    assert!(deep.is_dir());
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = SurrealStore::open(&options(&format!("rocksdb://{}", file.display()))).await.err().unwrap();
    assert!(matches!(refused, OpenError::Directory { .. }), "{refused}");
    assert!(refused.to_string().contains(&file.display().to_string()), "{refused}");
}

#[tokio::test]
async fn bringing_the_schema_up_to_date_twice_keeps_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let store = on_disk(directory.path()).await;
    store.put(Entry::User, "1", &json!({"name": "Li"})).await.unwrap();
    store.close().await;
    for _ in 0..2 {
        let store = on_disk(directory.path()).await;
        let rows = store.get(Entry::User, &["1".to_owned()]).await.unwrap();
        assert_eq!(rows, [("1".to_owned(), json!({"name": "Li"}))]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    on_disk(directory.path()).await.close().await;
    let newer = known_version() + 1;
    raw(directory.path(), &format!("UPDATE meta:schema SET version = {newer}")).await;
    let url = format!("rocksdb://{}", directory.path().display());
    let refused = SurrealStore::open(&options(&url)).await.err().unwrap();
    assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("version {newer}")), "{refused}");
    raw(directory.path(), &format!("UPDATE meta:schema SET version = {}", known_version())).await;
    let store = on_disk(directory.path()).await;
    assert_eq!(store.bounds().await.unwrap().newest, 0);
    store.close().await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let mut settings = options("ws://127.0.0.1:1");
    settings.connect_timeout = std::time::Duration::from_millis(300);
    let refused = SurrealStore::open(&settings).await.err().unwrap();
    assert!(refused.to_string().contains("ws://127.0.0.1:1"), "{refused}");
}

/// Runs one statement on a closed store, past the program.
async fn raw(directory: &std::path::Path, text: &str) {
    let url = format!("rocksdb://{}", directory.display());
    let text = text.to_owned();
    let thread = std::thread::Builder::new().stack_size(32 << 20).spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_stack_size(32 << 20)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let datastore = surrealdb_core::kvs::Datastore::builder().build_with_path(&url).await.unwrap();
            let local = surrealdb::Surreal::<surrealdb::engine::local::Db>::unstable_from_datastore(
                std::sync::Arc::clone(&datastore),
                None,
            );
            let client = local.await.unwrap();
            client.use_ns("main").use_db("main").await.unwrap();
            client.query(text).await.unwrap().check().unwrap();
            drop(client);
            datastore.shutdown().await.unwrap();
        });
    });
    tokio::task::spawn_blocking(|| thread.unwrap().join().unwrap()).await.unwrap();
}
