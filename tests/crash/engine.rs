//! The storage engines that the ledger runs on; `ENGINE` names one, `rocksdb` is the default.

use std::path::Path;

/// Where the service under test keeps its facts.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    /// Embedded, one fsync per commit.
    Rocksdb,
}

impl Engine {
    /// The engine that the environment asks for.
    pub fn from_environment() -> Self {
        match std::env::var("ENGINE").as_deref() {
            Err(_) | Ok("" | "rocksdb") => Self::Rocksdb,
            Ok(other) => panic!("ENGINE={other} is unknown: rocksdb is what there is"),
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rocksdb => "rocksdb",
        }
    }

    /// `storage.url` of the store in `folder`.
    pub fn url(self, folder: &Path) -> String {
        match self {
            Self::Rocksdb => format!("rocksdb://{}?sync=every", folder.join("store").display()),
        }
    }
}
