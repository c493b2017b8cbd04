//! What opening an engine takes. Nothing here is read from the environment.

use std::path::PathBuf;
use std::time::Duration;

/// What a user who signs in to a server belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthLevel {
    /// The whole server.
    #[default]
    Root,
    /// The namespace: it must exist.
    Namespace,
    /// The database: it must exist, and the user needs the role EDITOR in it.
    Database,
}

impl std::str::FromStr for AuthLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "root" => Ok(Self::Root),
            "namespace" => Ok(Self::Namespace),
            "database" => Ok(Self::Database),
            _ => Err(format!("got {text:?}, allowed: root, namespace, database")),
        }
    }
}

/// How an engine is opened.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The address as SurrealDB writes it: `rocksdb://…`, `mem://`, `ws://…`, `wss://…`.
    pub url: String,
    /// The directory of an engine on disk.
    pub directory: Option<PathBuf>,
    /// Whether each commit is synced before it returns.
    pub synced: bool,
    /// SurrealDB's namespace.
    pub namespace: String,
    /// SurrealDB's database.
    pub database: String,
    /// Who signs in to a server; empty = nobody.
    pub username: String,
    /// The password of `username`.
    pub password: String,
    /// What `username` is a user of.
    pub auth_level: AuthLevel,
    /// PEM certificates that a `wss://` server's certificate is checked against; `None` = those of the web.
    pub ca_file: Option<PathBuf>,
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
