//! How RocksDB is tuned, as RocksDB itself has written it down: the engine between passes over names it does not know.

use std::path::Path;

use crate::program::process::Program;

/// The newest `OPTIONS-` file of a store.
fn options(store: &Path) -> String {
    let named =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("OPTIONS-"));
    let files = std::fs::read_dir(store).unwrap().map(|file| file.unwrap().path());
    let newest = files.filter(|path| named(path)).max().expect("RocksDB keeps its options");
    std::fs::read_to_string(newest).unwrap()
}

#[tokio::test]
async fn rocksdb_goes_by_the_numbers_that_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--set", "storage.memtable_bytes=3145728"]).await;
    let options = options(&folder.path().join("data/messagecenter"));
    program.killed().await;
    for wanted in [
        "write_buffer_size=3145728",
        "level0_file_num_compaction_trigger=8",
        "level0_slowdown_writes_trigger=20",
        "level0_stop_writes_trigger=36",
        "min_blob_size=1024",
        "blob_compression_type=kLZ4Compression",
        "blob_garbage_collection_age_cutoff=0.050000",
        "blob_garbage_collection_force_threshold=1.000000",
    ] {
        let line = |line: &str| line.trim() == wanted;
        assert!(options.lines().any(line), "RocksDB does not go by {wanted}:\n{options}");
    }
}
