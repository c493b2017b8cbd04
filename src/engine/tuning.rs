//! What SurrealDB and RocksDB are told to do otherwise than by themselves, and why. RocksDB's side was measured:
//! docs/performance.md.

use std::time::Duration;

use surrealdb_cnf::ConfigMap;
use surrealdb_core::options::EngineOptions;

use crate::EngineSettings;

/// SurrealDB's periodic tasks (heartbeat of the node, change feeds, index builds, live queries) serve features
/// that are not used here, and each costs commits of its own; once a day is as good as never.
const IDLE: Duration = Duration::from_secs(86_400);

/// Files of new records that are let gather before they are merged with all others. A merge keeps a core busy, and syncs
/// of the journal wait while its result is brought to the disk: rare is better than small. SurrealDB's own 2 is made for scans of whole tables; here every access is by id or short range.
const MERGED_AT: u32 = 8;

/// From so many such files on RocksDB slows writes down, and from so many on it stops them, until they are merged: its
/// own defaults, as SurrealDB's lie too close to [`MERGED_AT`].
const SLOWED_AT: u32 = 20;
const STOPPED_AT: u32 = 36;

/// From so many bytes on a value is kept out of the files that are merged, in files of values only. A merge would read and
/// write it again each time: pages of messages, rows of an inbox, commits of a busy service. SurrealDB's own is 4,096.
const APART_FROM: u32 = 1_024;

/// Such a value is compressed as it is written, since no merge does it later.
const APART_COMPRESSION: &str = "lz4";

/// What part of the files of values, the oldest, a merge clears of values that were overwritten or deleted, by copying
/// those that were not. SurrealDB's own 0.5 copies half of the store with each merge: most of it is kept for ever.
const CLEARED: f64 = 0.05;

/// How many of these must be garbage before that alone makes RocksDB merge: never.
const CLEARED_AT_ONCE: f64 = 1.0;

/// From so many transactions on that wait for the same sync, SurrealDB waits up to 5 ms for more of them: never. They are
/// a commit and snapshots, and the commit's callers wait.
const AWAITED_FROM: usize = usize::MAX;

/// The engine's numbers.
pub(crate) fn tuning(settings: &EngineSettings) -> ConfigMap {
    ConfigMap::empty()
        .with_key_value("rocksdb_block_cache_size", settings.block_cache_bytes.to_string())
        .with_key_value("rocksdb_write_buffer_size", settings.memtable_bytes.to_string())
        .with_key_value("rocksdb_file_compaction_trigger", MERGED_AT.to_string())
        .with_key_value("rocksdb_level0_slowdown_writes_trigger", SLOWED_AT.to_string())
        .with_key_value("rocksdb_level0_stop_writes_trigger", STOPPED_AT.to_string())
        .with_key_value("rocksdb_min_blob_size", APART_FROM.to_string())
        .with_key_value("rocksdb_blob_compression_type", APART_COMPRESSION)
        .with_key_value("rocksdb_blob_gc_age_cutoff", CLEARED.to_string())
        .with_key_value("rocksdb_blob_gc_force_threshold", CLEARED_AT_ONCE.to_string())
        .with_key_value("rocksdb_grouped_commit_wait_threshold", AWAITED_FROM.to_string())
        // Threads that SurrealDB keeps free of blocking calls. Its own 2 would leave none of our few for them:
        // then every call hops to another pool, whose threads spin. One keeps timers and answers going while
        // the disk hangs.
        .with_key_value("rocksdb_runtime_reserve", settings.reserved_threads.to_string())
}

/// No idle work.
pub(crate) fn quiet() -> EngineOptions {
    EngineOptions::default()
        .with_node_membership_refresh_interval(IDLE)
        .with_node_membership_check_interval(IDLE)
        .with_node_membership_cleanup_interval(IDLE)
        .with_changefeed_gc_interval(IDLE)
        .with_index_compaction_interval(IDLE)
        .with_index_build_resume_interval(IDLE)
        .with_graph_fold_interval(IDLE)
        .with_event_processing_interval(IDLE)
        .with_live_query_router_interval(IDLE)
}
