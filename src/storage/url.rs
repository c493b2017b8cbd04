//! `storage.url`: which engine, where, and how durable. A text that is not understood is refused naming the
//! setting, what came and what is allowed; nothing is guessed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The forms that are understood.
pub const ALLOWED: &str =
    "rocksdb://PATH[?sync=every|never|DURATION], mem://, ws://HOST:PORT or wss://HOST:PORT";

/// Shorter periods are refused by SurrealDB: they cost as much as syncing every commit.
const SHORTEST_SYNC_PERIOD: Duration = Duration::from_millis(100);

/// A text that is not a storage URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("storage.url: got {got:?}: {reason}; allowed: {ALLOWED}")]
pub struct UrlError {
    got: String,
    reason: String,
}

impl UrlError {
    /// Why, without the key, the text and what is allowed.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// When RocksDB's log is forced to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// Before each acknowledgement.
    Every,
    /// When the operating system likes.
    Never,
    /// In the background, this often; as it was written (`1s`).
    Period(String),
}

/// Where facts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// Embedded RocksDB in a directory; relative paths start at the working directory.
    Rocksdb {
        /// The directory; it is created when absent.
        path: PathBuf,
        /// When the log reaches the disk.
        sync: Sync,
    },
    /// In this process's memory.
    Memory,
    /// A SurrealDB server.
    Server {
        /// `ws://…` or `wss://…`.
        address: String,
        /// Whether the connection is encrypted.
        tls: bool,
    },
}

impl StorageUrl {
    /// What an acknowledged write survives, in words.
    pub const fn durability(&self) -> &'static str {
        match self {
            Self::Rocksdb { sync: Sync::Every, .. } => "every acknowledged write is on disk (fsync)",
            Self::Rocksdb { sync: Sync::Never, .. } => {
                "acknowledged writes survive a crash of the process, not of the machine (no fsync)"
            }
            Self::Rocksdb { sync: Sync::Period(_), .. } => {
                "acknowledged writes survive a crash of the process; a crash of the machine loses the last \
                 sync period"
            }
            Self::Memory => "nothing survives the end of the process",
            Self::Server { .. } => "as durable as the SurrealDB server is configured",
        }
    }

    /// The engine's name.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Rocksdb { .. } => "rocksdb",
            Self::Memory => "mem",
            Self::Server { tls: false, .. } => "ws",
            Self::Server { tls: true, .. } => "wss",
        }
    }

    /// Whether the engine runs in this process.
    pub const fn is_embedded(&self) -> bool {
        !matches!(self, Self::Server { .. })
    }

    /// The directory that an embedded store lives in.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Rocksdb { path, .. } => Some(path),
            Self::Memory | Self::Server { .. } => None,
        }
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rocksdb { path, sync } => {
                let sync = match sync {
                    Sync::Every => "every",
                    Sync::Never => "never",
                    Sync::Period(period) => period,
                };
                write!(f, "rocksdb://{}?sync={sync}", path.display())
            }
            Self::Memory => f.write_str("mem://"),
            Self::Server { address, .. } => f.write_str(address),
        }
    }
}

impl FromStr for StorageUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let refuse = |reason: &str| UrlError { got: shown(text), reason: reason.to_owned() };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refuse("not a URL"))?;
        match scheme {
            "rocksdb" => rocksdb(rest).map_err(|reason| refuse(&reason)),
            "mem" if rest.is_empty() => Ok(Self::Memory),
            "mem" => Err(refuse("mem:// takes neither a path nor parameters")),
            "ws" | "wss" if rest.contains('@') => {
                Err(refuse("user and password belong in storage.username and storage.password_file"))
            }
            "ws" | "wss" if rest.is_empty() => Err(refuse("the host is missing")),
            "ws" | "wss" => Ok(Self::Server { address: text.to_owned(), tls: scheme == "wss" }),
            "surrealkv" => Err(refuse(
                "surrealkv (0.21.4) loses an acknowledged, fsynced transaction at a kill -9 after each \
                 memtable rotation",
            )),
            _ => Err(refuse("unknown engine")),
        }
    }
}

/// What an error shows of the text: credentials put into a URL must not reach a log.
fn shown(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => text.to_owned(),
    }
}

fn rocksdb(rest: &str) -> Result<StorageUrl, String> {
    let (path, parameters) = match rest.split_once('?') {
        Some((path, parameters)) => (path, Some(parameters)),
        None => (rest, None),
    };
    if path.is_empty() {
        return Err("the path is missing".to_owned());
    }
    let sync = match parameters {
        None => Sync::Every,
        Some(parameters) => sync_of(parameters)?,
    };
    Ok(StorageUrl::Rocksdb { path: PathBuf::from(path), sync })
}

fn sync_of(parameters: &str) -> Result<Sync, String> {
    let value = match parameters.split_once('=') {
        Some(("sync", value)) => value,
        _ => return Err(format!("unknown parameters {parameters:?}: only sync is known")),
    };
    match value {
        "every" => return Ok(Sync::Every),
        "never" => return Ok(Sync::Never),
        _ => {}
    }
    match surrealdb_cnf::parse_duration(value) {
        Ok(period) if period > SHORTEST_SYNC_PERIOD => Ok(Sync::Period(value.to_owned())),
        Ok(_) => Err(format!("sync={value} is not longer than 100ms")),
        Err(_) => Err(format!("sync={value} is neither every, never nor a duration (1s)")),
    }
}
