//! The service: storage, journal and actors, HTTP in front, put together in that order and taken apart in the
//! opposite one.
//!
//! [`Service::start`] returns when requests are answered. [`Service::stop`] loses nothing that was admitted: it
//! is not ready any more, then HTTP takes no new request and finishes those it has, then the actors write their
//! snapshots, then the journal and the store are closed. Every step is bounded, so a request that hangs does
//! not keep the process. A service that is killed instead loses nothing that was acknowledged either: the next
//! start replays what no snapshot holds.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use messagecenter_actors::backup::{BackupError, Contents};
use messagecenter_actors::fail_point;
use messagecenter_actors::journal::Journal;
use messagecenter_actors::ports::{Store, StoreError, WallClock};
use messagecenter_actors::router::Router;
use messagecenter_actors::router::lifecycle::{Running, Startup};
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::control::{self, Control};
use crate::http::call::AppState;
use crate::http::clients::Clients;
use crate::http::health::Readiness;
use crate::http::metrics::RequestMetrics;
use crate::http::server::{self, HttpSettings};
use crate::storage::{OpenError, SurrealStore};
use crate::store_size::StoreSize;

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
    /// Closed last; `None` when whoever started the service gave it a store of its own.
    engine: Option<Arc<SurrealStore>>,
    http: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    health: JoinHandle<()>,
    control: Option<Control>,
}

impl Service {
    /// Opens the store, recovers, and answers requests. Needs a tokio runtime. Commits, checkpoints and the
    /// sweep run on the store's own threads.
    ///
    /// # Errors
    /// The store is held by another process, cannot be read, or the address is taken.
    pub async fn start(settings: Settings, wall: Arc<dyn WallClock>) -> Result<Self, StartError> {
        let directory = settings.storage.url.directory().map(Path::to_path_buf);
        let engine = Arc::new(SurrealStore::open(&settings.storage_options()).await?);
        let background = engine.runtime().unwrap_or_else(Handle::current);
        match Self::assemble(settings, wall, engine.clone(), engine.durability(), background).await {
            Ok(service) => {
                let control = directory.and_then(|directory| service.control_in(&directory));
                Ok(Self { engine: Some(engine), control, ..service })
            }
            Err(error) => {
                engine.close().await;
                Err(error)
            }
        }
    }

    /// As [`Service::start`], on a store that is open already and that the caller closes.
    ///
    /// # Errors
    /// The store cannot be read, or the address is taken.
    pub async fn start_on(
        settings: Settings,
        wall: Arc<dyn WallClock>,
        store: Arc<dyn Store>,
        durability: &str,
    ) -> Result<Self, StartError> {
        Self::assemble(settings, wall, store, durability, Handle::current()).await
    }

    /// `background`: where commits, checkpoints and the sweep run.
    async fn assemble(
        settings: Settings,
        wall: Arc<dyn WallClock>,
        store: Arc<dyn Store>,
        durability: &str,
        background: Handle,
    ) -> Result<Self, StartError> {
        let mut registry = Registry::default();
        if let Some(directory) = settings.storage.url.directory() {
            registry.register_collector(Box::new(StoreSize::of(directory)));
        }
        let startup = Startup {
            store,
            wall,
            policy: settings.policy(),
            rules: settings.rules(),
            journal: settings.journal_settings(),
            handle: background,
        };
        let running = Running::start(startup, &mut registry)
            .await
            .map_err(|cause| StartError::Recover { url: settings.storage.url.to_string(), cause })?;
        let readiness = Readiness::default();
        let state = AppState {
            router: Arc::clone(&running.router),
            requests: RequestMetrics::new(&mut registry),
            registry: Arc::new(registry),
            readiness: readiness.clone(),
            clients: Clients::new(settings.admission.client_capacity),
        };
        let listening = match server::serve(HttpSettings::from(&settings), state) {
            Ok(listening) => listening,
            Err(cause) => {
                running.stop().await;
                return Err(StartError::Listen { address: settings.server.address, cause });
            }
        };
        let journal = Arc::clone(&running.router.world().journal);
        Ok(Self {
            address: listening.address,
            description: format!("{}, {}", settings.storage.url, durability),
            health: tokio::spawn(watch_journal(journal, readiness.clone())),
            readiness,
            running,
            engine: None,
            control: None,
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

    /// Copies the store into a new file, as of one position of the journal, while requests are answered.
    ///
    /// # Errors
    /// The file exists or cannot be written; the store cannot be read. No file of that name is there then.
    pub async fn backup(&self, path: &Path) -> Result<Contents, BackupError> {
        control::backup(self.running.router.world(), path).await
    }

    /// The door for this machine; without it the service runs all the same.
    fn control_in(&self, directory: &Path) -> Option<Control> {
        match Control::open(directory, Arc::clone(self.running.router.world())) {
            Ok(control) => Some(control),
            Err(error) => {
                tracing::warn!(%error, "no control socket: `messagecenter backup` needs the service stopped");
                None
            }
        }
    }

    /// Returns once another process has taken the store: the service can only be stopped then.
    pub async fn fenced(&self) {
        self.running.router.world().journal.fenced().await;
    }

    /// Drains and ends: not ready, requests finished and answered, snapshots, journal, store.
    pub async fn stop(self) {
        self.health.abort();
        self.readiness.wait_for(DRAIN, "the service is shutting down");
        // HTTP goes first: a request that takes several steps must find every actor until it is answered.
        self.http.stop(true).await;
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the HTTP server ended badly"),
            Err(error) => tracing::error!(%error, "the HTTP server ended badly"),
        }
        if let Some(control) = self.control {
            control.close();
        }
        self.running.stop().await;
        fail_point!(DrainBeforeStoreClose);
        if let Some(engine) = self.engine {
            engine.close().await;
        }
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
