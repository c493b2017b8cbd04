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
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use messagecenter_actors::backup::{BackupError, Contents};
use messagecenter_actors::fail_point;
use messagecenter_actors::ports::{Store, StoreError, WallClock};
use messagecenter_actors::router::Router;
use messagecenter_actors::router::lifecycle::{Running, Startup};
use messagecenter_actors::router::operating::Hang;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::admin::audit::AuditLog;
use crate::admin::hot::Looks;
use crate::admin::live::LiveSettings;
use crate::admin::tokens::Tokens;
use crate::admin::{self, Admin};
use crate::config::Config;
use crate::control::{self, Control};
use crate::http::call::AppState;
use crate::http::clients::Clients;
use crate::http::health::Readiness;
use crate::http::metrics::RequestMetrics;
use crate::http::server::{self, HttpSettings};
use crate::storage::{OpenError, SurrealStore};
use crate::store_size::StoreSize;
use crate::telemetry::traces::Exporter;

/// How often readiness follows the journal's state: a load balancer does not look more often.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);

/// What readiness calls the journal, the actors' threads and the end of the service.
const JOURNAL: &str = "journal";
const SHARDS: &str = "shards";
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
    #[error("cannot listen on {key} = {address}: {cause}; stop what listens there or choose another")]
    Listen {
        /// Which setting names it.
        key: &'static str,
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
    /// `None` when there are no tokens: then nobody may ask.
    admin: Option<Listening>,
    /// `None` when no collector is named.
    exporter: Option<Exporter>,
}

/// The admin listener.
struct Listening {
    address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Service {
    /// Opens the store, recovers, and answers requests. Needs a tokio runtime. Commits, checkpoints and the
    /// sweep run on the store's own threads.
    ///
    /// # Errors
    /// The store is held by another process, cannot be read, or the address is taken.
    pub async fn start(config: impl Into<Config>, wall: Arc<dyn WallClock>) -> Result<Self, StartError> {
        let config = config.into();
        let directory = config.settings.storage.url.directory().map(Path::to_path_buf);
        let engine = Arc::new(SurrealStore::open(&config.settings.storage_options()).await?);
        let background = engine.runtime().unwrap_or_else(Handle::current);
        match Self::assemble(config, wall, engine.clone(), engine.durability(), background).await {
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
        config: impl Into<Config>,
        wall: Arc<dyn WallClock>,
        store: Arc<dyn Store>,
        durability: &str,
    ) -> Result<Self, StartError> {
        Self::assemble(config.into(), wall, store, durability, Handle::current()).await
    }

    /// `background`: where commits, checkpoints and the sweep run.
    async fn assemble(
        config: Config,
        wall: Arc<dyn WallClock>,
        store: Arc<dyn Store>,
        durability: &str,
        background: Handle,
    ) -> Result<Self, StartError> {
        let url = config.settings.storage.url.to_string();
        let unreadable = |cause| StartError::Recover { url: url.clone(), cause };
        let live = Arc::new(LiveSettings::load(config, Arc::clone(&store)).await.map_err(unreadable)?);
        let effective = live.effective().await;
        let settings = effective.settings.clone();
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
        let running = Running::start(startup, &mut registry).await.map_err(unreadable)?;
        running.router.tune(effective.tuning());
        let readiness = Readiness::default();
        let state = Arc::new(AppState {
            router: Arc::clone(&running.router),
            requests: RequestMetrics::new(&mut registry),
            registry: Arc::new(registry),
            readiness: readiness.clone(),
            clients: Clients::new(settings.admission.client_capacity),
            crashed: Arc::default(),
        });
        let tracer = Arc::clone(running.router.observation().tracer());
        let http = HttpSettings::from(&settings);
        let listening = match server::serve(http.clone(), Arc::clone(&state)) {
            Ok(listening) => listening,
            Err(cause) => {
                running.stop().await;
                return Err(StartError::Listen { key: "server.address", address: http.address, cause });
            }
        };
        let router = Arc::clone(&running.router);
        let store = Arc::clone(&router.world().store);
        let tokens = Tokens::parse(settings.admin.tokens.reveal()).unwrap_or_default(); // checked with the settings
        let mut service = Self {
            address: listening.address,
            description: format!("{}, {}", settings.storage.url, durability),
            health: tokio::spawn(watch(Arc::clone(&router), readiness.clone())),
            readiness,
            running,
            engine: None,
            control: None,
            http: listening.handle,
            serving: tokio::spawn(listening.server),
            admin: None,
            exporter: Exporter::start(&settings.telemetry.otlp_endpoint, tracer),
        };
        if !tokens.is_empty() {
            let audit = match AuditLog::open(store).await {
                Ok(audit) => audit,
                Err(error) => {
                    service.stop().await;
                    return Err(unreadable(error));
                }
            };
            let began_at = router.world().clock.now();
            let (began, looks) = (Instant::now(), Looks::default());
            let admin = Admin { app: state, http, live, audit, tokens, began_at, began, looks };
            let address = settings.admin.address;
            match admin::server::serve(address, Arc::new(admin)) {
                Ok(listening) => service.admin = Some(Listening::from(listening)),
                Err(cause) => {
                    service.stop().await;
                    return Err(StartError::Listen { key: "admin.address", address, cause });
                }
            }
        }
        Ok(service)
    }

    /// Where operators are answered; `None` when there are no tokens.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|admin| admin.address)
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
        if let Some(admin) = self.admin {
            admin.handle.stop(true).await;
            ended(admin.serving.await);
        }
        // HTTP goes first: a request that takes several steps must find every actor until it is answered.
        self.http.stop(true).await;
        ended(self.serving.await);
        if let Some(control) = self.control {
            control.close();
        }
        self.running.stop().await;
        if let Some(exporter) = self.exporter {
            exporter.stop().await;
        }
        fail_point!(DrainBeforeStoreClose);
        if let Some(engine) = self.engine {
            engine.close().await;
        }
    }
}

impl From<server::Serving> for Listening {
    fn from(serving: server::Serving) -> Self {
        let server::Serving { address, handle, server } = serving;
        Self { address, handle, serving: tokio::spawn(server) }
    }
}

fn ended(outcome: Result<io::Result<()>, tokio::task::JoinError>) {
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "an HTTP server ended badly"),
        Err(error) => tracing::error!(%error, "an HTTP server ended badly"),
    }
}

/// Keeps readiness in step with the journal and the actors' threads.
async fn watch(router: Arc<Router>, readiness: Readiness) {
    let journal = &router.world().journal;
    let mut interval = tokio::time::interval(HEALTH_INTERVAL);
    let mut hung = false;
    loop {
        interval.tick().await;
        let hangs = router.hangs();
        let began = hangs.is_some() && !hung;
        hung = hangs.is_some();
        match hangs {
            None => readiness.arrived(SHARDS),
            Some(Hang { what, who }) => {
                if began {
                    // A turn that never ends is counted nowhere else.
                    let who = who.join(", ");
                    tracing::error!(%what, %who, "a thread of actors hangs");
                    router.observation().events().note("hang", "", String::new(), format!("{what}: {who}"));
                }
                readiness.wait_for(SHARDS, what);
            }
        }
        match journal.healthy() {
            Ok(()) => readiness.arrived(JOURNAL),
            Err(why) => readiness.wait_for(JOURNAL, why),
        }
    }
}
