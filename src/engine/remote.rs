//! Connecting to a SurrealDB server. The first connection is retried until `connect_timeout`; later losses are
//! healed by the client itself, which connects, signs in and selects the database again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use surrealdb::Surreal;
use surrealdb::engine::any::{self, Any};
use surrealdb::opt::Config;
use surrealdb::opt::auth::{Database, Namespace, Root};
use surrealdb_types::{Error, Object};

use crate::{AuthLevel, Client, EngineSettings, OpenFailure, Outcomes, tls};

/// Between two attempts to connect: a server that starts beside us needs a second or two.
const PAUSE: Duration = Duration::from_millis(500);

/// Connects to the server that `settings` name.
///
/// # Errors
/// The sign-in was refused, or nobody answered within `settings.connect_timeout`; what happened last.
pub fn open(settings: EngineSettings) -> BoxFuture<'static, Result<Client, OpenFailure>> {
    Box::pin(async move {
        let config = tls::config(&settings)?;
        let client = connect_patiently(&settings, &config).await.map_err(OpenFailure::Engine)?;
        Ok(Client::Remote(Arc::new(client)))
    })
}

/// Runs one text on the server.
pub(super) async fn query(
    client: &Surreal<Any>,
    text: &'static str,
    binds: Object,
) -> Result<Outcomes, Error> {
    let mut answered = client.query(text).bind(binds).await?;
    let statements = answered.num_statements();
    let mut errors = answered.take_errors();
    let outcome = |index| match errors.remove(&index) {
        Some(error) => Err(error),
        None => answered.take(index),
    };
    Ok((0..statements).map(outcome).collect())
}

async fn connect_patiently(settings: &EngineSettings, config: &Config) -> Result<Surreal<Any>, String> {
    let give_up = Instant::now() + settings.connect_timeout;
    loop {
        let attempt = tokio::time::timeout(settings.connect_timeout, connect(settings, config.clone())).await;
        let cause = match attempt {
            Ok(Ok(client)) => return Ok(client),
            // A refused sign-in stays refused.
            Ok(Err(error)) if error.is_not_allowed() => return Err(error.to_string()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() + PAUSE >= give_up {
            return Err(cause);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connect(settings: &EngineSettings, config: Config) -> surrealdb::Result<Surreal<Any>> {
    let EngineSettings { namespace, database, username, password, .. } = settings;
    let client = any::connect((settings.url.clone(), config)).await?;
    let (username, password) = (username.clone(), password.clone());
    if !username.is_empty() {
        match settings.auth_level {
            AuthLevel::Root => client.signin(Root { username, password }).await?,
            AuthLevel::Namespace => {
                client.signin(Namespace { namespace: namespace.clone(), username, password }).await?
            }
            AuthLevel::Database => {
                let (namespace, database) = (namespace.clone(), database.clone());
                client.signin(Database { namespace, database, username, password }).await?
            }
        };
    }
    let define = match settings.auth_level {
        AuthLevel::Root => format!(
            "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; USE NS `{namespace}`; \
             DEFINE DATABASE IF NOT EXISTS `{database}`;"
        ),
        AuthLevel::Namespace => {
            format!("USE NS `{namespace}`; DEFINE DATABASE IF NOT EXISTS `{database}`;")
        }
        AuthLevel::Database => String::new(),
    };
    if !define.is_empty() {
        // Who may not define it finds it, or is told what is wrong by selecting it.
        let _ = client.query(define).await?.take_errors();
    }
    client.use_ns(namespace.as_str()).use_db(database.as_str()).await?;
    Ok(client)
}
