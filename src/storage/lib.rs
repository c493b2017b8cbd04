//! SurrealDB behind the actors' ports: the only place that knows the database.
//!
//! - [`url`]: what `storage.url` may say, and what each engine promises;
//! - [`options`]: what opening takes, and why it can fail;
//! - [`engine`]: the runtime of its own that every statement runs on, and the bound on each wait;
//! - [`failure`]: the one place where SurrealDB's errors get a meaning;
//! - [`schema`]: the tables, by version;
//! - [`lease`]: who may write, and how a former holder is kept out;
//! - [`journal`], [`state`], [`directory`], [`archive`]: the ports.
//!
//! A port call that returns `Ok` has been committed with the durability that [`SurrealStore::durability`]
//! tells. A caller that goes away never aborts a write that has begun.
//!
//! The way to SurrealDB itself is a package of its own, `messagecenter_engine`, which never changes with what is
//! stored: its futures take minutes to compile.

pub mod archive;
pub mod directory;
pub mod engine;
pub mod failure;
pub mod journal;
pub mod lease;
pub mod options;
pub mod schema;
pub mod state;
pub mod url;
pub mod value;

use futures::future::BoxFuture;
use tokio::runtime::Handle;

use self::engine::Engine;
use self::journal::{Head, Tail};
use self::lease::Lease;
pub use self::options::{AuthLevel, OpenError, StorageOptions};
use self::state::Saves;
pub use self::url::StorageUrl;

/// A store on one SurrealDB engine. Share it behind an `Arc`.
pub struct SurrealStore {
    engine: Engine,
    url: StorageUrl,
    /// Who may write.
    lease: Lease,
    /// Where the journal begins, as far as is known. Serialises the statements that write its ends.
    head: tokio::sync::Mutex<Head>,
    /// Where it ends; apart, since commits go on while those statements run.
    tail: parking_lot::Mutex<Tail>,
    /// Snapshots being written.
    saves: Saves,
}

impl SurrealStore {
    /// Opens the store: starts the engine or connects, then brings the schema to this program's version.
    ///
    /// # Errors
    /// Another process holds an embedded store; the directory cannot be made; no server answers; the schema is
    /// newer than this program.
    pub fn open(options: &StorageOptions) -> BoxFuture<'_, Result<Self, OpenError>> {
        Box::pin(Self::open_unboxed(options))
    }

    async fn open_unboxed(options: &StorageOptions) -> Result<Self, OpenError> {
        let engine = Engine::open(options).await?;
        let prepared = schema::migrate(&engine).await;
        Self::prepared(engine, prepared, options).await
    }

    /// Opens the store as it is: to look at one that a service may be running on, whose schema is not this caller's to
    /// change.
    ///
    /// # Errors
    /// Those of [`Self::open`]; the schema is older than this program.
    pub fn open_as_it_is(options: &StorageOptions) -> BoxFuture<'_, Result<Self, OpenError>> {
        Box::pin(async move {
            let engine = Engine::open(options).await?;
            let current = schema::is_current(&engine).await;
            Self::prepared(engine, current, options).await
        })
    }

    async fn prepared(
        engine: Engine,
        schema: Result<(), OpenError>,
        options: &StorageOptions,
    ) -> Result<Self, OpenError> {
        if let Err(error) = schema {
            // The engine is open: closing it gives the store back to whoever can read it.
            engine.close().await;
            return Err(error);
        }
        Ok(Self {
            engine,
            url: options.url.clone(),
            lease: Lease::new(options.lease_in_commits),
            head: tokio::sync::Mutex::new(Head::default()),
            tail: parking_lot::Mutex::default(),
            saves: Saves::new(options.timeout),
        })
    }

    /// What an acknowledged write survives, in words, for the line that says the service is ready.
    pub fn durability(&self) -> &str {
        self.url.durability()
    }

    /// The engine's name: `rocksdb`, `mem`, `ws` or `wss`.
    pub fn engine(&self) -> &'static str {
        self.url.engine()
    }

    /// The runtime that statements run on; `None` once closed. Work that mostly waits for statements, such as
    /// committing, runs best there: elsewhere every statement costs two hops between threads.
    pub fn runtime(&self) -> Option<Handle> {
        self.engine.runtime()
    }

    /// Waits for statements under way, closes the engine and stops its runtime. Afterwards every call is
    /// refused as unavailable. Repeating it does nothing.
    pub fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.engine.close())
    }
}
