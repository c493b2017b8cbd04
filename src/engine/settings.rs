//! What opening an engine takes. Nothing here is read from the environment.

use std::time::Duration;

/// How an engine is opened.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The address as SurrealDB writes it: `rocksdb://…`, `mem://`, `ws://…`, `wss://…`.
    pub url: String,
    /// SurrealDB's namespace.
    pub namespace: String,
    /// SurrealDB's database.
    pub database: String,
    /// Who signs in to a server; empty = nobody.
    pub username: String,
    /// The password of `username`.
    pub password: String,
    /// The longest wait for a server's first answer.
    pub connect_timeout: Duration,
    /// RocksDB's block cache, in bytes. SurrealDB's own default is half of the machine's memory.
    pub block_cache_bytes: u64,
    /// One memtable, in bytes: how much is written before RocksDB sorts it into files.
    pub memtable_bytes: u64,
    /// Threads of the runtime that the engine is asked on.
    pub threads: usize,
    /// How many of them never run blocking calls.
    pub reserved_threads: usize,
}
