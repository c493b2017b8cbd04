//! The contract of the ports, kept by a SurrealDB server over WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use messagecenter::storage::{StorageOptions, SurrealStore};
use messagecenter_actors::ports::Store;
use messagecenter_actors::store_contract::{Stores, check};

use super::server::Server;

/// Databases of one server, one after the other.
struct OnServer {
    server: Server,
    databases: AtomicU32,
}

impl OnServer {
    async fn open(&self, database: u32) -> Arc<dyn Store> {
        let options = StorageOptions {
            database: format!("database_{database}"),
            username: "root".to_owned(),
            password: "root".to_owned(),
            timeout: std::time::Duration::from_secs(120),
            connect_timeout: std::time::Duration::from_secs(180),
            ..StorageOptions::new(self.server.url().parse().unwrap())
        };
        Arc::new(SurrealStore::open(&options).await.unwrap())
    }
}

#[async_trait]
impl Stores for OnServer {
    async fn fresh(&self) -> Arc<dyn Store> {
        self.open(self.databases.fetch_add(1, Ordering::Relaxed) + 1).await
    }

    async fn reopened(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        drop(store);
        Some(self.open(self.databases.load(Ordering::Relaxed)).await)
    }

    async fn beside(&self, _store: &Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        Some(self.open(self.databases.load(Ordering::Relaxed)).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn a_server_keeps_the_contract_of_the_ports() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    check(&OnServer { server, databases: AtomicU32::new(0) }).await;
}
