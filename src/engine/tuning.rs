//! What SurrealDB and RocksDB are told to do otherwise than by themselves, and why. RocksDB's side was measured:
//! docs/performance.md.

use std::time::Duration;

use surrealdb_cnf::ConfigMap;
use surrealdb_core::options::EngineOptions;

use crate::EngineSettings;

/// SurrealDB's periodic tasks (heartbeat of the node, change feeds, index builds, live queries) serve features
/// that are not used here, and each costs commits of its own; once a day is as good as never.
const IDLE: Duration = Duration::from_secs(86_400);

/// Files of level 0 that gather before a compaction merges them with all others. A compaction keeps a core busy, and syncs
/// of the journal wait while its result is brought to the disk: rare is better than small. SurrealDB's own 2 is made for
/// scans of whole tables; here every access is by id or short range.
const L0_COMPACTION_TRIGGER: u32 = 8;

/// From so many files of level 0 on RocksDB slows writes down, and from so many on it stops them, until they are merged:
/// its own defaults, as SurrealDB's lie too close to [`L0_COMPACTION_TRIGGER`].
const L0_SLOWDOWN_TRIGGER: u32 = 20;
const L0_STOP_TRIGGER: u32 = 36;

/// From so many bytes on a value goes to a blob file, which compactions leave alone but for garbage collection; a smaller
/// one is read and written again by each. So large are pages of messages, long rows of an inbox, and commits from some 5,000
/// sends a second on. SurrealDB's own is 4,096, with which the commits were merged for as long as the journal keeps them.
const MIN_BLOB_BYTES: u32 = 1_024;

/// Blobs are compressed as they are written, since no compaction does it later.
const BLOB_COMPRESSION: &str = "lz4";

/// What part of the blob files, the oldest, a compaction collects garbage in, by copying what is not. SurrealDB's own 0.5
/// copies half of the store each time, most of which is kept for ever: 125 MB after a million messages, with 0.05 it is 10
/// to 20. Twenty compactions go over all, so garbage is at most what these write.
const BLOB_GC_AGE_CUTOFF: f64 = 0.05;

/// What part of those files must be garbage before that alone starts a compaction: never.
const BLOB_GC_FORCE_THRESHOLD: f64 = 1.0;

/// From so many transactions on that wait for the same sync, SurrealDB waits up to 5 ms for more of them: never. They are
/// a commit and snapshots, and the commit's callers wait.
const GROUPED_COMMIT_WAIT_THRESHOLD: usize = usize::MAX;

/// The engine's numbers.
pub(crate) fn tuning(settings: &EngineSettings) -> ConfigMap {
    ConfigMap::empty()
        .with_key_value("rocksdb_block_cache_size", settings.block_cache_bytes.to_string())
        .with_key_value("rocksdb_write_buffer_size", settings.memtable_bytes.to_string())
        .with_key_value("rocksdb_file_compaction_trigger", L0_COMPACTION_TRIGGER.to_string())
        .with_key_value("rocksdb_level0_slowdown_writes_trigger", L0_SLOWDOWN_TRIGGER.to_string())
        .with_key_value("rocksdb_level0_stop_writes_trigger", L0_STOP_TRIGGER.to_string())
        .with_key_value("rocksdb_min_blob_size", MIN_BLOB_BYTES.to_string())
        .with_key_value("rocksdb_blob_compression_type", BLOB_COMPRESSION)
        .with_key_value("rocksdb_blob_gc_age_cutoff", BLOB_GC_AGE_CUTOFF.to_string())
        .with_key_value("rocksdb_blob_gc_force_threshold", BLOB_GC_FORCE_THRESHOLD.to_string())
        .with_key_value("rocksdb_grouped_commit_wait_threshold", GROUPED_COMMIT_WAIT_THRESHOLD.to_string())
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
