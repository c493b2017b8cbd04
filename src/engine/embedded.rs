//! An engine in this process: bounded caches, no idle work, one process per directory, and every text read
//! once.
//!
//! Statements go to the datastore itself. SurrealDB's client would parse each text anew and copy its session
//! for each, which costs more than what most of our statements do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::RwLock;
use surrealdb_cnf::ConfigMap;
use surrealdb_core::dbs::Session;
use surrealdb_core::kvs::Datastore;
use surrealdb_core::options::EngineOptions;
use surrealdb_core::syn;
use surrealdb_sql::Ast;
use surrealdb_types::{Error, Object};

use crate::{Client, EngineSettings, Outcomes};

/// SurrealDB's periodic tasks (heartbeat of the node, change feeds, index builds, live queries) serve features
/// that are not used here, and each costs commits of its own; once a day is as good as never.
const IDLE: Duration = Duration::from_secs(86_400);

/// An open engine of this process.
pub struct Embedded {
    datastore: Arc<Datastore>,
    session: Session,
    /// Each text as it was read the first time. The texts are the program's constants, so there are few.
    read: RwLock<HashMap<&'static str, Ast>>,
}

impl Embedded {
    /// Runs one constant text; gives an outcome for each of its statements.
    pub(super) async fn query(&self, text: &'static str, binds: Object) -> Result<Outcomes, Error> {
        let ast = self.ast(text)?;
        let results = self.datastore.process(ast, &self.session, Some(binds.into())).await?;
        Ok(results.into_iter().map(|result| result.result).collect())
    }

    fn ast(&self, text: &'static str) -> Result<Ast, Error> {
        if let Some(ast) = self.read.read().get(text) {
            return Ok(ast.clone());
        }
        let ast = syn::parse(text).map_err(|error| Error::validation(error.to_string(), None))?;
        self.read.write().insert(text, ast.clone());
        Ok(ast)
    }

    /// Writes out what is in memory and gives the files back.
    pub(super) async fn shut_down(&self) -> Result<(), String> {
        self.datastore.shutdown().await.map_err(|error| error.to_string())
    }
}

/// Opens the engine that `settings` name, on the runtime that polls this: at least `settings.threads` threads with
/// deep stacks.
///
/// # Errors
/// What the engine said: its directory is held by another process, cannot be read, …
pub fn open(settings: EngineSettings) -> BoxFuture<'static, Result<Client, String>> {
    Box::pin(async move { Ok(Client::Embedded(Arc::new(start(&settings).await?))) })
}

async fn start(settings: &EngineSettings) -> Result<Embedded, String> {
    let datastore = Datastore::builder()
        .with_config(tuning(settings))
        .with_runtime_worker_threads(settings.threads)
        .with_engine_options(quiet())
        .without_maintenance_tasks() // the version check comes first
        .build_with_path(&settings.url)
        .await
        .map_err(|error| error.to_string())?;
    match prepare(&datastore, settings).await {
        Ok(session) => Ok(Embedded { datastore, session, read: RwLock::default() }),
        Err(cause) => {
            if let Err(error) = datastore.shutdown().await {
                tracing::warn!(%error, "the storage engine did not close cleanly");
            }
            Err(cause)
        }
    }
}

async fn prepare(datastore: &Arc<Datastore>, settings: &EngineSettings) -> Result<Session, String> {
    datastore.check_version().await.map_err(|error| error.to_string())?;
    datastore.bootstrap().await.map_err(|error| error.to_string())?;
    datastore.start_maintenance_tasks();
    let EngineSettings { namespace, database, .. } = settings;
    let define = format!(
        "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; USE NS `{namespace}`; \
         DEFINE DATABASE IF NOT EXISTS `{database}`;"
    );
    let defined = datastore.execute(&define, &Session::owner(), None).await;
    for result in defined.map_err(|error| error.to_string())? {
        result.result.map_err(|error| error.to_string())?;
    }
    Ok(Session::owner().with_ns(namespace).with_db(database))
}

fn tuning(settings: &EngineSettings) -> ConfigMap {
    ConfigMap::empty()
        .with_key_value("rocksdb_block_cache_size", settings.block_cache_bytes.to_string())
        .with_key_value("rocksdb_write_buffer_size", settings.memtable_bytes.to_string())
        // Threads that SurrealDB keeps free of blocking calls. Its own 2 would leave none of our few for them:
        // then every call hops to another pool, whose threads spin. One keeps timers and answers going while
        // the disk hangs.
        .with_key_value("rocksdb_runtime_reserve", settings.reserved_threads.to_string())
}

fn quiet() -> EngineOptions {
    EngineOptions::default()
        .with_node_membership_refresh_interval(IDLE)
        .with_node_membership_check_interval(IDLE)
        .with_node_membership_cleanup_interval(IDLE)
        .with_changefeed_gc_interval(IDLE)
        .with_index_compaction_interval(IDLE)
        .with_index_build_resume_interval(IDLE)
        .with_graph_fold_interval(IDLE)
        .with_event_processing_interval(IDLE)
        .with_live_query_router_interval(IDLE)
}
