//! Connecting to a SurrealDB server. The first connection is retried until `connect_timeout`; later losses are
//! healed by the client itself, which connects, signs in and selects the database again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use surrealdb::Surreal;
use surrealdb::engine::any::{self, Any};
use surrealdb::opt::auth::Root;

use super::engine::{Client, Engine, StorageRuntime};
use super::options::{OpenError, StorageOptions};

/// Between two attempts to connect: a server that starts beside us needs a second or two.
const PAUSE: Duration = Duration::from_millis(500);

/// Connects to the server that `options` name.
pub(super) async fn open(options: &StorageOptions) -> Result<Engine, OpenError> {
    let runtime = StorageRuntime::start(options.threads).map_err(OpenError::Threads)?;
    let settings = options.clone();
    let connected = runtime.run(async move { connect_patiently(&settings).await }).await;
    let unreachable = |cause: String| OpenError::Server { address: options.url.to_string(), cause };
    let client = match connected {
        Some(Ok(client)) => client,
        Some(Err(cause)) => return Err(unreachable(cause)),
        None => return Err(unreachable("connecting panicked".to_owned())),
    };
    Ok(Engine::new(Client::Remote(Arc::new(client)), runtime, options.timeout))
}

async fn connect_patiently(options: &StorageOptions) -> Result<Surreal<Any>, String> {
    let give_up = Instant::now() + options.connect_timeout;
    loop {
        let attempt = tokio::time::timeout(options.connect_timeout, connect(options)).await;
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

async fn connect(options: &StorageOptions) -> surrealdb::Result<Surreal<Any>> {
    let client = any::connect(options.url.to_string()).await?;
    if !options.username.is_empty() {
        let root = Root { username: options.username.clone(), password: options.password.clone() };
        client.signin(root).await?;
    }
    let StorageOptions { namespace, database, .. } = options;
    let define = format!(
        "DEFINE NAMESPACE IF NOT EXISTS `{namespace}`; USE NS `{namespace}`; \
         DEFINE DATABASE IF NOT EXISTS `{database}`;"
    );
    // A user of this one database may not define it: then it exists, or selecting it says what is wrong.
    let _ = client.query(define).await?.take_errors();
    client.use_ns(namespace.as_str()).use_db(database.as_str()).await?;
    Ok(client)
}
