//! The way to a SurrealDB engine: one that runs in this process, or a server.
//!
//! - [`embedded`]: an engine of this process;
//! - [`remote`]: a client of a server;
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
pub mod remote;
pub mod settings;

use std::sync::Arc;

use futures::future::BoxFuture;
use surrealdb::Surreal;
use surrealdb::engine::any::Any;
pub use surrealdb_types::Error;
use surrealdb_types::{Object, Value};

use self::embedded::Embedded;
pub use self::settings::EngineSettings;

/// What each statement of a text answered, in order.
pub type Outcomes = Vec<Result<Value, Error>>;

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
