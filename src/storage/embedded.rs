//! Opening an engine in this process: bounded caches, no idle work, one process per directory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use surrealdb::Surreal;
use surrealdb::engine::local::Db;
use surrealdb_cnf::ConfigMap;
use surrealdb_core::kvs::Datastore;
use surrealdb_core::options::EngineOptions;

use super::engine::{Client, Engine, StorageRuntime};
use super::options::{OpenError, StorageOptions};

/// SurrealDB's periodic tasks (heartbeat of the node, change feeds, index builds, live queries) serve features
/// that are not used here, and each costs commits of its own; once a day is as good as never.
const IDLE: Duration = Duration::from_secs(86_400);

/// Opens the embedded store that `options` name.
pub(super) async fn open(options: &StorageOptions) -> Result<Engine, OpenError> {
    if let Some(directory) = options.url.directory() {
        std::fs::create_dir_all(directory)
            .map_err(|cause| OpenError::Directory { directory: directory.to_path_buf(), cause })?;
    }
    let runtime = StorageRuntime::start(options.threads).map_err(OpenError::Threads)?;
    let settings = options.clone();
    let started = runtime.run(async move { start(&settings).await }).await;
    let (datastore, client) = match started {
        Some(Ok(parts)) => parts,
        Some(Err(cause)) => return Err(refusal(options, cause)),
        None => return Err(refusal(options, "the engine's start panicked".to_owned())),
    };
    Ok(Engine::new(Client::Embedded(Arc::new(client)), Some(datastore), runtime, options.timeout))
}

async fn start(options: &StorageOptions) -> Result<(Arc<Datastore>, Surreal<Db>), String> {
    let datastore = Datastore::builder()
        .with_config(tuning(options))
        .with_runtime_worker_threads(options.threads)
        .with_engine_options(quiet())
        .without_maintenance_tasks() // the version check comes first
        .build_with_path(&options.url.to_string())
        .await
        .map_err(|error| error.to_string())?;
    match prepare(&datastore, options).await {
        Ok(client) => Ok((datastore, client)),
        Err(cause) => {
            if let Err(error) = datastore.shutdown().await {
                tracing::warn!(%error, "the storage engine did not close cleanly");
            }
            Err(cause)
        }
    }
}

async fn prepare(datastore: &Arc<Datastore>, options: &StorageOptions) -> Result<Surreal<Db>, String> {
    datastore.check_version().await.map_err(|error| error.to_string())?;
    datastore.bootstrap().await.map_err(|error| error.to_string())?;
    datastore.start_maintenance_tasks();
    let client = Surreal::<Db>::unstable_from_datastore(Arc::clone(datastore), None)
        .await
        .map_err(|error| error.to_string())?;
    let StorageOptions { namespace, database, .. } = options;
    let define = format!(
        "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; USE NS `{namespace}`; \
         DEFINE DATABASE IF NOT EXISTS `{database}`;"
    );
    let defined = client.query(define).await.and_then(surrealdb::IndexedResults::check);
    defined.map_err(|error| error.to_string())?;
    client.use_ns(namespace.as_str()).use_db(database.as_str()).await.map_err(|error| error.to_string())?;
    Ok(client)
}

fn tuning(options: &StorageOptions) -> ConfigMap {
    ConfigMap::empty()
        .with_key_value("rocksdb_block_cache_size", options.block_cache_bytes.to_string())
        .with_key_value("rocksdb_write_buffer_size", options.memtable_bytes.to_string())
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

fn refusal(options: &StorageOptions, cause: String) -> OpenError {
    match options.url.directory() {
        Some(directory) if is_lock_refusal(&cause) => OpenError::Held { directory: directory.to_path_buf() },
        Some(directory) => OpenError::Engine { url: shown(directory), cause },
        None => OpenError::Engine { url: options.url.to_string(), cause },
    }
}

fn shown(directory: &Path) -> String {
    format!("the store in {}", directory.display())
}

/// RocksDB holds `LOCK` in its directory for as long as it is open. It says "While lock file" when another
/// process has it and "lock hold by current process" when this one does.
fn is_lock_refusal(cause: &str) -> bool {
    let cause = cause.to_ascii_lowercase();
    cause.contains("lock file") || cause.contains("lock hold by")
}
