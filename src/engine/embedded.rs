//! An engine in this process: bounded caches, no idle work, one process per directory, and every text read
//! once.
//!
//! After a write that failed in the engine itself (a full disk, an I/O error) the engine is opened anew. RocksDB
//! would refuse every later write even when there is space again; and worse, what it could not sync it still
//! shows to readers, so reading back a batch of unknown outcome would find what is not on disk. Until the engine
//! is open again, every statement is refused as unavailable; opening reads back what the disk really holds.
//!
//! Statements go to the datastore itself. SurrealDB's client would parse each text anew and copy its session
//! for each, which costs more than what most of our statements do.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::RwLock;
use surrealdb_core::dbs::Session;
use surrealdb_core::kvs::Datastore;
use surrealdb_core::syn;
use surrealdb_sql::Ast;
use surrealdb_types::{ConnectionError, Error, Object, Value};
use tokio::runtime::Handle;

use crate::mark::{FILE, Known, Mark, cut_garbage};
use crate::tuning::{quiet, tuning};
use crate::{Client, EngineSettings, OpenFailure, Outcomes};

/// The longest wait for one of SurrealDB's own first steps: it tries for minutes what cannot succeed.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that the disk must take before a failed engine is opened anew: two of the largest commits. With less, it
/// would open, fail at the next write, and readiness would flicker.
const ROOM: usize = 8 << 20;

/// Before each attempt to open a failed engine anew: the disk is not asked more often than that.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);

/// An engine of this process.
pub struct Embedded {
    settings: EngineSettings,
    session: Session,
    /// Absent while it is opened anew. A statement holds the read half, opening the write half.
    datastore: tokio::sync::RwLock<Option<Arc<Datastore>>>,
    /// A write failed in the engine: no statement may run on it.
    failed: AtomicBool,
    /// The store is being closed: it is not opened again.
    closing: AtomicBool,
    /// What the next start must find; only where every commit is synced.
    mark: RwLock<Option<Arc<Mark>>>,
    /// Each text as it was read the first time. The texts are the program's constants, so there are few.
    read: RwLock<HashMap<&'static str, Ast>>,
}

/// Why the engine did not start.
enum Refusal {
    /// What the engine says.
    Engine(String),
    /// The disk holds less than was acknowledged.
    Damaged(String),
}

impl Embedded {
    /// Runs one constant text; gives an outcome for each of its statements.
    pub(super) async fn query(&self, text: &'static str, binds: Object) -> Result<Outcomes, Error> {
        let ast = self.ast(text)?;
        // Asked first, so that nobody queues behind the opening.
        if self.failed.load(Ordering::Acquire) {
            return Err(away());
        }
        let datastore = self.datastore.read().await;
        match datastore.as_ref() {
            Some(datastore) if !self.failed.load(Ordering::Acquire) => {
                let results = datastore.process(ast, &self.session, Some(binds.into())).await?;
                Ok(results.into_iter().map(|result| result.result).collect())
            }
            _ => Err(away()),
        }
    }

    /// What the next start must find, if the engine keeps that.
    pub(super) fn mark(&self) -> Option<Arc<Mark>> {
        self.mark.read().clone()
    }

    /// A write ended without a verdict of the database: from now on no statement runs until the engine was opened
    /// anew. Does nothing for an engine in memory, which has no failing disk and would forget everything.
    pub(super) fn distrust(self: &Arc<Self>, runtime: &Handle, cause: &str) {
        if self.settings.directory.is_none() || self.failed.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::error!(cause, "a write failed in the storage engine: opening it anew");
        let engine = Arc::clone(self);
        runtime.spawn(async move { engine.reopen().await });
    }

    async fn reopen(&self) {
        // Waits for the statements under way.
        if let Some(datastore) = self.datastore.write().await.take() {
            shut(&datastore).await;
        }
        loop {
            tokio::time::sleep(REOPEN_PAUSE).await;
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            let directory = self.settings.directory.clone();
            let room =
                tokio::task::spawn_blocking(move || directory.as_deref().map_or(Ok(()), has_room)).await;
            if let Ok(Err(cause)) = room {
                tracing::warn!(%cause, "the storage engine is not opened: the disk does not take {ROOM} bytes");
                continue;
            }
            match start(&self.settings).await {
                Ok((datastore, _, mark)) => {
                    *self.mark.write() = mark.map(Arc::new);
                    *self.datastore.write().await = Some(datastore);
                    self.failed.store(false, Ordering::Release);
                    tracing::info!("the storage engine is open again");
                    return;
                }
                Err(Refusal::Engine(cause) | Refusal::Damaged(cause)) => {
                    tracing::warn!(cause, "the storage engine does not open");
                }
            }
        }
    }

    /// From now on a failed engine is not opened again.
    pub(super) fn closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Writes out what is in memory and gives the files back.
    pub(super) async fn shut_down(&self) -> Result<(), String> {
        let Some(datastore) = self.datastore.write().await.take() else { return Ok(()) };
        let shut = datastore.shutdown().await.map_err(|error| error.to_string());
        if let Some(mark) = self.mark() {
            mark.sync();
        }
        shut
    }

    fn ast(&self, text: &'static str) -> Result<Ast, Error> {
        if let Some(ast) = self.read.read().get(text) {
            return Ok(ast.clone());
        }
        let ast = syn::parse(text).map_err(|error| Error::validation(error.to_string(), None))?;
        self.read.write().insert(text, ast.clone());
        Ok(ast)
    }
}

/// Whether the disk takes [`ROOM`] bytes: they are written, synced and removed.
fn has_room(directory: &Path) -> io::Result<()> {
    let path = directory.join("ROOM");
    let written = File::create(&path).and_then(|mut file| {
        let block = [1; 64 << 10];
        for _ in 0..ROOM / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path); // also what was half written: it takes the space that is needed
    written.and(removed)
}

/// The engine is not there now, and nothing was written.
fn away() -> Error {
    Error::connection("the storage engine is being opened anew".to_owned(), ConnectionError::Uninitialised)
}

async fn shut(datastore: &Datastore) {
    if let Err(error) = datastore.shutdown().await {
        tracing::warn!(%error, "the storage engine did not close cleanly");
    }
}

/// Opens the engine that `settings` name, on the runtime that polls this: at least `settings.threads` threads with
/// deep stacks.
///
/// # Errors
/// What the engine said: its directory is held by another process, cannot be read, …; or how the disk holds less
/// than was acknowledged.
pub fn open(settings: EngineSettings) -> BoxFuture<'static, Result<Client, OpenFailure>> {
    Box::pin(async move {
        let (datastore, session, mark) =
            start(&settings).await.map_err(|refusal| failure(&settings, refusal))?;
        Ok(Client::Embedded(Arc::new(Embedded {
            settings,
            session,
            datastore: tokio::sync::RwLock::new(Some(datastore)),
            failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            mark: RwLock::new(mark.map(Arc::new)),
            read: RwLock::default(),
        })))
    })
}

fn failure(settings: &EngineSettings, refusal: Refusal) -> OpenFailure {
    match (refusal, &settings.directory) {
        (Refusal::Damaged(what), Some(directory)) => {
            OpenFailure::Damaged { what, mark: directory.join(FILE) }
        }
        (Refusal::Damaged(what) | Refusal::Engine(what), _) => OpenFailure::Engine(what),
    }
}

async fn start(settings: &EngineSettings) -> Result<(Arc<Datastore>, Session, Option<Mark>), Refusal> {
    let scope = format!("{}/{}", settings.namespace, settings.database);
    let synced = settings.directory.as_ref().filter(|_| settings.synced);
    let known = synced.and_then(|directory| Known::read(directory, &scope));
    if let (Some(directory), Some(known)) = (synced, &known)
        && let Some(damage) = known.damage(directory)
    {
        return Err(Refusal::Damaged(damage));
    }
    if let Some(directory) = &settings.directory {
        cut_garbage(directory, known.as_ref());
    }
    let datastore = Datastore::builder()
        .with_config(tuning(settings))
        .with_runtime_worker_threads(settings.threads)
        .with_engine_options(quiet())
        .without_maintenance_tasks() // the version check comes first
        .build_with_path(&settings.url)
        .await
        .map_err(|error| Refusal::Engine(error.to_string()))?;
    match prepare(&datastore, settings, known.as_ref()).await {
        Ok(session) => match synced.map(|directory| Mark::open(directory, &scope, known)).transpose() {
            Ok(mark) => {
                if let (None, Some(directory)) = (&mark, &settings.directory) {
                    Mark::forget(directory);
                }
                Ok((datastore, session, mark))
            }
            Err(error) => {
                shut(&datastore).await;
                Err(Refusal::Engine(format!("{FILE}: {error}")))
            }
        },
        Err(cause) => {
            shut(&datastore).await;
            Err(cause)
        }
    }
}

async fn prepare(
    datastore: &Arc<Datastore>,
    settings: &EngineSettings,
    known: Option<&Known>,
) -> Result<Session, Refusal> {
    let engine = |error: Error| Refusal::Engine(error.to_string());
    // Read first: what is damaged is then named at once.
    for result in datastore.execute("INFO FOR ROOT;", &Session::owner(), None).await.map_err(engine)? {
        result.result.map_err(engine)?;
    }
    let late = |_| Refusal::Engine(format!("it is not ready after {} s", START_PATIENCE.as_secs()));
    let version = tokio::time::timeout(START_PATIENCE, datastore.check_version()).await.map_err(late)?;
    version.map_err(|error| Refusal::Engine(error.to_string()))?;
    let bootstrap = tokio::time::timeout(START_PATIENCE, datastore.bootstrap()).await.map_err(late)?;
    bootstrap.map_err(|error| Refusal::Engine(error.to_string()))?;
    datastore.start_maintenance_tasks();
    let EngineSettings { namespace, database, .. } = settings;
    let define = format!(
        "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; USE NS `{namespace}`; \
         DEFINE DATABASE IF NOT EXISTS `{database}`;"
    );
    for result in datastore.execute(&define, &Session::owner(), None).await.map_err(engine)? {
        result.result.map_err(engine)?;
    }
    let session = Session::owner().with_ns(namespace).with_db(database);
    if let Some(known) = known.filter(|known| known.first > 0) {
        journal_reaches(datastore, &session, known.first).await?;
    }
    Ok(session)
}

/// Whether the batch that was acknowledged last is there, or was trimmed.
async fn journal_reaches(datastore: &Datastore, session: &Session, first: u64) -> Result<(), Refusal> {
    let text = format!(
        "RETURN record::exists(journal:[0, {first}]); SELECT VALUE next FROM ONLY meta:['journal', 0];"
    );
    let lost = |why: &str| {
        Refusal::Damaged(format!("the journal ends before position {first}, which was acknowledged{why}"))
    };
    let answered = datastore.execute(&text, session, None).await;
    let mut values = answered
        .map_err(|error| lost(&format!(" ({error})")))?
        .into_iter()
        .map(|result| result.result.unwrap_or_default());
    let there = matches!(values.next(), Some(Value::Bool(true)));
    let next = match values.next() {
        Some(Value::Number(number)) => number.to_int().and_then(|next| u64::try_from(next).ok()),
        _ => None,
    };
    if there || next.is_some_and(|next| next > first) { Ok(()) } else { Err(lost("")) }
}
