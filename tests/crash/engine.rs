//! The storage engines that the ledger runs on; `ENGINE` names one, `rocksdb` is the default.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use crate::remote::server::Server;

/// Where the service under test keeps its facts.
#[derive(Clone)]
pub enum Engine {
    /// Embedded, one fsync per commit.
    Rocksdb,
    /// A SurrealDB server on RocksDB, one fsync per commit; see `make test-remote`.
    Remote(Arc<Server>),
}

impl Engine {
    /// The engine that the environment asks for; a server has its data in `folder`.
    pub async fn from_environment(folder: &Path) -> Self {
        match std::env::var("ENGINE").as_deref() {
            Err(_) | Ok("" | "rocksdb") => Self::Rocksdb,
            Ok("remote") => Self::Remote(Arc::new(Server::start(folder).await)),
            Ok(other) => panic!("ENGINE={other} is unknown: rocksdb or remote"),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rocksdb => "rocksdb",
            Self::Remote(_) => "remote",
        }
    }

    /// The arguments that name the store of `folder`: on a server that is a database of its own.
    pub fn arguments(&self, folder: &Path) -> Vec<String> {
        match self {
            Self::Rocksdb => {
                let url = format!("rocksdb://{}?sync=every", folder.join("store").display());
                vec!["--storage".to_owned(), url]
            }
            Self::Remote(server) => {
                let name = folder.file_name().expect("a name").to_string_lossy();
                let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
                let settings = [
                    format!("storage.database=d{plain}"),
                    "storage.auth_level=namespace".to_owned(),
                    "storage.username=head".to_owned(),
                    "storage.password=secret".to_owned(),
                    "storage.connect_timeout_ms=180000".to_owned(),
                ];
                let settings = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]);
                ["--storage".to_owned(), server.url()].into_iter().chain(settings).collect()
            }
        }
    }

    /// Something happens to the server under load, in some rounds; afterwards it serves again. Its name.
    pub async fn disturb(&self, random: &mut StdRng) -> Option<&'static str> {
        let Self::Remote(server) = self else { return None };
        tokio::time::sleep(Duration::from_millis(random.random_range(200..800))).await;
        let what = match random.random_range(0..5) {
            0 => {
                server.kill();
                server.restart().await;
                "server killed"
            }
            1 => {
                server.kill();
                tokio::time::sleep(Duration::from_millis(random.random_range(500..4_000))).await;
                server.restart().await;
                "server killed and away"
            }
            2 => {
                server.pause();
                tokio::time::sleep(Duration::from_millis(random.random_range(300..8_000))).await;
                server.resume();
                "server paused"
            }
            3 => {
                server.slow(Duration::from_millis(random.random_range(1_000..4_000))).await;
                "server slow"
            }
            _ => return None,
        };
        Some(what)
    }
}
