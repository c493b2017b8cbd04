//! What opening a store takes, and why it can fail. Nothing here is read from the environment: a store behaves
//! as its settings say, wherever it runs.

use std::path::PathBuf;
use std::time::Duration;

use messagecenter_actors::ports::StoreError;
pub use messagecenter_engine::AuthLevel;
use messagecenter_engine::EngineSettings;

use super::url::{StorageUrl, Sync};

/// Threads of the storage runtime that are kept free of blocking calls: with one, what waits for a hanging disk
/// can still be told in time.
pub const RESERVED_THREADS: usize = 1;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// Which engine and where.
    pub url: StorageUrl,
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
    /// The longest wait for one statement; afterwards a write's outcome is unknown and a read is unavailable.
    pub timeout: Duration,
    /// The longest wait for a server's first answer.
    pub connect_timeout: Duration,
    /// RocksDB's block cache, in bytes. SurrealDB's own default is half of the machine's memory.
    pub block_cache_bytes: u64,
    /// One memtable, in bytes: how much is written before RocksDB sorts it into files. While one is written out, syncs
    /// wait for the disk: with 64 MiB up to 400 ms, with 16 MiB some 30 (measured beside a full load).
    pub memtable_bytes: u64,
    /// Threads of the storage runtime, at least 1; [`RESERVED_THREADS`] of them never run blocking calls.
    pub threads: usize,
    /// Whether each write checks in its own transaction who holds the lease. Needed where several processes can
    /// write to one store; an embedded store is fenced by its process lock.
    pub lease_in_commits: bool,
}

impl StorageOptions {
    /// The defaults for `url`: namespace and database `main`, no sign-in, 5 s per statement, 30 s to connect,
    /// 256 MiB of block cache, 16 MiB memtables, one thread per core between 2 and 8 beside the reserved ones,
    /// the lease checked in commits where the engine is a server.
    pub fn new(url: StorageUrl) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            lease_in_commits: !url.is_embedded(),
            url,
            namespace: "main".to_owned(),
            database: "main".to_owned(),
            username: String::new(),
            password: String::new(),
            auth_level: AuthLevel::default(),
            ca_file: None,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(30),
            block_cache_bytes: 256 << 20,
            memtable_bytes: 16 << 20,
            threads: cores.clamp(2, 8) + RESERVED_THREADS,
        }
    }

    /// What the engine itself needs of them.
    pub(super) fn engine(&self) -> EngineSettings {
        EngineSettings {
            url: self.url.to_string(),
            directory: self.url.directory().map(Into::into),
            synced: matches!(self.url, StorageUrl::Rocksdb { sync: Sync::Every, .. }),
            namespace: self.namespace.clone(),
            database: self.database.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            auth_level: self.auth_level,
            ca_file: self.ca_file.clone(),
            connect_timeout: self.connect_timeout,
            block_cache_bytes: self.block_cache_bytes,
            memtable_bytes: self.memtable_bytes,
            threads: self.threads,
            reserved_threads: RESERVED_THREADS,
        }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An embedded store is open in another process, or twice in this one.
    #[error(
        "another messagecenter holds the store in {}: stop it first, or give this one its own storage.url",
        directory.display()
    )]
    Held {
        /// The store's directory.
        directory: PathBuf,
    },
    /// The directory of an embedded store cannot be made.
    #[error("storage.url: cannot create {}: {cause}", directory.display())]
    Directory {
        /// The store's directory.
        directory: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The disk holds less than was acknowledged.
    #[error(
        "the store in {} is damaged: {what}; restore a backup, or remove {} to go on without what is missing",
        mark.parent().unwrap_or(mark).display(),
        mark.display()
    )]
    Damaged {
        /// What is missing or not as it was written.
        what: String,
        /// The file that says what must be there.
        mark: PathBuf,
    },
    /// The file of a certificate authority cannot be used.
    #[error("storage.ca_file: cannot use {}: {cause}", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: String,
    },
    /// The storage runtime did not start.
    #[error("cannot start the storage threads: {0}")]
    Threads(std::io::Error),
    /// The embedded engine did not start.
    #[error("cannot open {url}: {cause}")]
    Engine {
        /// Which store.
        url: String,
        /// What the engine said.
        cause: String,
    },
    /// The server did not answer, or refused the sign-in.
    #[error("cannot reach the SurrealDB server at {address}: {cause}")]
    Server {
        /// Its address.
        address: String,
        /// What happened last.
        cause: String,
    },
    /// The store was written by a newer program.
    #[error(
        "the store's schema is version {found}, this program knows up to {known}: run the newer program, or \
         restore a backup made before the upgrade"
    )]
    Newer {
        /// The version in the store.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// An earlier program wrote the store last, and it is only to be read.
    #[error(
        "the store's schema is version {found}, this program reads version {known}: start the service once"
    )]
    Older {
        /// The version in the store; 0 when it is new.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// The schema could not be read or brought up to date.
    #[error("cannot prepare the schema: {0}")]
    Schema(#[from] StoreError),
}
