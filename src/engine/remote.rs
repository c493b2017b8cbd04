//! Connecting to a SurrealDB server. The first connection is retried until `connect_timeout`; later losses are
//! healed by the client itself, which connects, signs in and selects the database again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use surrealdb::Surreal;
use surrealdb::engine::any::{self, Any};
use surrealdb::opt::auth::Root;
use surrealdb_types::{Error, Object};

use crate::{Client, EngineSettings, Outcomes};

/// Between two attempts to connect: a server that starts beside us needs a second or two.
const PAUSE: Duration = Duration::from_millis(500);

/// Connects to the server that `settings` name.
///
/// # Errors
/// The sign-in was refused, or nobody answered within `settings.connect_timeout`; what happened last.
pub fn open(settings: EngineSettings) -> BoxFuture<'static, Result<Client, String>> {
    Box::pin(async move { Ok(Client::Remote(Arc::new(connect_patiently(&settings).await?))) })
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

async fn connect_patiently(settings: &EngineSettings) -> Result<Surreal<Any>, String> {
    let give_up = Instant::now() + settings.connect_timeout;
    loop {
        let attempt = tokio::time::timeout(settings.connect_timeout, connect(settings)).await;
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

async fn connect(settings: &EngineSettings) -> surrealdb::Result<Surreal<Any>> {
    let client = any::connect(settings.url.as_str()).await?;
    if !settings.username.is_empty() {
        let root = Root { username: settings.username.clone(), password: settings.password.clone() };
        client.signin(root).await?;
    }
    let EngineSettings { namespace, database, .. } = settings;
    let define = format!(
        "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; USE NS `{namespace}`; \
         DEFINE DATABASE IF NOT EXISTS `{database}`;"
    );
    // A user of this one database may not define it: then it exists, or selecting it says what is wrong.
    let _ = client.query(define).await?.take_errors();
    client.use_ns(namespace.as_str()).use_db(database.as_str()).await?;
    Ok(client)
}
