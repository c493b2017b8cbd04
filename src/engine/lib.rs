//! The way to a SurrealDB engine: one that runs in this process, or a server.
//!
//! - [`embedded`]: an engine of this process;
//! - [`remote`]: a client of a server;
//! - `mark` and `log_check`: what an engine on disk must still hold at its next start;
//! - `tls`: encryption on the way to a server;
//! - `tuning`: what an engine of this process is told to do otherwise than by itself;
//! - [`settings`]: what either needs to be opened.
//!
//! Every future that leaves this package is boxed and owns what it needs. SurrealDB's executor is a deep nest of
//! futures that is compiled in whichever package awaits it, which takes minutes: here that happens once, since
//! nothing here changes when the rules, the actors or the statements do.
//!
//! Cancel safety: dropping the future of a statement aborts it. Callers run each as a task of a runtime that
//! outlives its caller.

// SurrealDB's executor is a deep nest of futures, which the embedded engine holds by value.
#![recursion_limit = "256"]

pub mod embedded;
mod log_check;
mod mark;
pub mod remote;
pub mod settings;
mod tls;
mod tuning;

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use surrealdb::Surreal;
use surrealdb::engine::any::Any;
pub use surrealdb_types::Error;
use surrealdb_types::{Object, Value};
use tokio::runtime::Handle;

use self::embedded::Embedded;
use self::mark::Mark;
pub use self::settings::{AuthLevel, EngineSettings};

/// What each statement of a text answered, in order.
pub type Outcomes = Vec<Result<Value, Error>>;

/// Why an engine did not open.
#[derive(Debug)]
pub enum OpenFailure {
    /// What the engine, or the way to it, says.
    Engine(String),
    /// The disk holds less than was acknowledged.
    Damaged {
        /// What is missing or not as it was written.
        what: String,
        /// The file that says what must be there.
        mark: PathBuf,
    },
    /// The file of a certificate authority cannot be used.
    Authority {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: String,
    },
}

/// How long the log was when a write began; for [`Client::synced`].
#[derive(Debug, Clone, Copy)]
pub struct Seen(mark::Synced);

/// The way to an open engine. Clones share it. (Cloning `Surreal` would open a session each time.)
#[derive(Clone)]
pub enum Client {
    /// The engine runs in this process.
    Embedded(Arc<Embedded>),
    /// The engine is a server.
    Remote(Arc<Surreal<Any>>),
}

impl Client {
    /// Runs one constant text; gives an outcome for each of its statements.
    ///
    /// # Errors
    /// The text as a whole did not run: it cannot be read, or the engine did not answer.
    pub fn query(&self, text: &'static str, binds: Object) -> BoxFuture<'static, Result<Outcomes, Error>> {
        match self {
            Self::Embedded(engine) => {
                let engine = Arc::clone(engine);
                Box::pin(async move { engine.query(text, binds).await })
            }
            Self::Remote(client) => {
                let client = Arc::clone(client);
                Box::pin(async move { remote::query(&client, text, binds).await })
            }
        }
    }

    /// A write ended in an error that is no verdict. An engine in this process on a disk is then opened anew, on
    /// `runtime`, and refuses every statement as unavailable until it is: see [`embedded`].
    pub fn distrust(&self, runtime: &Handle, cause: &str) {
        if let Self::Embedded(engine) = self {
            engine.distrust(runtime, cause);
        }
    }

    fn mark(&self) -> Option<Arc<Mark>> {
        match self {
            Self::Embedded(engine) => engine.mark(),
            Self::Remote(_) => None,
        }
    }

    /// Asked before a write begins; `None` where nothing is noted.
    pub fn look(&self) -> Option<Seen> {
        self.mark()?.look().map(Seen)
    }

    /// A write that began after `seen` is synced: the next start must find the log that long.
    pub fn synced(&self, seen: Seen) {
        if let Some(mark) = self.mark() {
            mark.synced(seen.0);
        }
    }

    /// The journal's batch that begins at `first` is committed: the next start must find it.
    pub fn committed(&self, first: u64) {
        if let Some(mark) = self.mark() {
            mark.committed(first);
        }
    }

    /// Brings what the next start must find to the disk. Blocks.
    pub fn sync_mark(&self) {
        if let Some(mark) = self.mark() {
            mark.sync();
        }
    }

    /// The store is being closed: a failed engine is not opened again.
    pub fn closing(&self) {
        if let Self::Embedded(engine) = self {
            engine.closing();
        }
    }

    /// How many clones there are, this one included, and statements under way.
    pub fn sharers(&self) -> usize {
        match self {
            Self::Embedded(engine) => Arc::strong_count(engine),
            Self::Remote(client) => Arc::strong_count(client),
        }
    }

    /// Writes out what is in memory and gives the files back; nothing for a server.
    ///
    /// # Errors
    /// What the engine said.
    pub fn shut_down(&self) -> BoxFuture<'static, Result<(), String>> {
        match self {
            Self::Embedded(engine) => {
                let engine = Arc::clone(engine);
                Box::pin(async move { engine.shut_down().await })
            }
            Self::Remote(_) => Box::pin(std::future::ready(Ok(()))),
        }
    }
}
