//! The service: storage, journal and actors, HTTP in front, put together in that order and taken apart in the
//! opposite one.
//!
//! [`Service::start`] returns when requests are answered. [`Service::stop`] loses nothing that was admitted:
//! from its first moment new commands are refused as draining and readiness says so; what was admitted is
//! finished and answered; then snapshots are written and the store is closed. A service that is killed instead
//! loses nothing that was acknowledged either: the next start replays what no snapshot holds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use messagecenter_actors::journal::Journal;
use messagecenter_actors::ports::{StoreError, WallClock};
use messagecenter_actors::router::Router;
use messagecenter_actors::router::lifecycle::{Running, Startup};
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::http::call::AppState;
use crate::http::health::Readiness;
use crate::http::metrics::RequestMetrics;
use crate::http::server::{self, HttpSettings};
use crate::storage::{OpenError, SurrealStore};

/// How often readiness follows the journal's state: a load balancer does not look more often.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);

/// What readiness calls the journal and the end of the service.
const JOURNAL: &str = "journal";
const DRAIN: &str = "drain";

/// Why the service did not start. Whatever had been started was closed again.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What the store holds cannot be recovered.
    #[error("cannot recover from {url}: {cause}")]
    Recover {
        /// The store.
        url: String,
        /// Why.
        cause: StoreError,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on server.address = {address}: {cause}; stop what listens there or choose another"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        cause: io::Error,
    },
}

/// A service that answers requests.
pub struct Service {
    address: SocketAddr,
    description: String,
    readiness: Readiness,
    running: Running,
    store: Arc<SurrealStore>,
    http: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    health: JoinHandle<()>,
}

impl Service {
    /// Opens the store, recovers, and answers requests. Needs a tokio runtime, which the service's background
    /// work then runs on.
    ///
    /// # Errors
    /// The store is held by another process, cannot be read, or the address is taken.
    pub async fn start(settings: Settings, wall: Arc<dyn WallClock>) -> Result<Self, StartError> {
        let store = Arc::new(SurrealStore::open(&settings.storage_options()).await?);
        let mut registry = Registry::default();
        let startup = Startup {
            store: store.clone(),
            wall,
            policy: settings.policy(),
            rules: settings.rules(),
            journal: settings.journal_settings(),
            handle: Handle::current(),
        };
        let running = match Running::start(startup, &mut registry).await {
            Ok(running) => running,
            Err(cause) => {
                store.close().await;
                return Err(StartError::Recover { url: settings.storage.url.to_string(), cause });
            }
        };
        let readiness = Readiness::default();
        let state = AppState {
            router: Arc::clone(&running.router),
            requests: RequestMetrics::new(&mut registry),
            registry: Arc::new(registry),
            readiness: readiness.clone(),
        };
        let listening = match server::serve(HttpSettings::from(&settings), state) {
            Ok(listening) => listening,
            Err(cause) => {
                running.stop().await;
                store.close().await;
                return Err(StartError::Listen { address: settings.server.address, cause });
            }
        };
        let journal = Arc::clone(&running.router.world().journal);
        Ok(Self {
            address: listening.address,
            description: format!("{}, {}", settings.storage.url, store.durability()),
            health: tokio::spawn(watch_journal(journal, readiness.clone())),
            readiness,
            running,
            store,
            http: listening.handle,
            serving: tokio::spawn(listening.server),
        })
    }

    /// Where it listens, with the port that was chosen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine and what an acknowledged write survives, in words.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The door to the actors, for callers in this process.
    pub fn router(&self) -> &Arc<Router> {
        &self.running.router
    }

    /// Returns once another process has taken the store: the service can only be stopped then.
    pub async fn fenced(&self) {
        self.running.router.world().journal.fenced().await;
    }

    /// Drains and ends: not ready, what was admitted is finished and answered, snapshots, journal, store.
    pub async fn stop(self) {
        self.health.abort();
        self.readiness.wait_for(DRAIN, "the service is shutting down");
        self.running.stop().await;
        self.http.stop(true).await;
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the HTTP server ended badly"),
            Err(error) => tracing::error!(%error, "the HTTP server ended badly"),
        }
        self.store.close().await;
    }
}

/// Keeps readiness in step with the journal.
async fn watch_journal(journal: Arc<Journal>, readiness: Readiness) {
    let mut interval = tokio::time::interval(HEALTH_INTERVAL);
    loop {
        interval.tick().await;
        match journal.healthy() {
            Ok(()) => readiness.arrived(JOURNAL),
            Err(why) => readiness.wait_for(JOURNAL, why),
        }
    }
}
