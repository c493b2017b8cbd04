//! How an actor recovers: from its newest snapshot or, if that cannot be understood, from the one before it.

#[cfg(test)]
mod tests;

use futures::future::BoxFuture;

use crate::domain::ids::ActorKey;
use crate::journal::{Journal, Loaded};
use crate::ports::StoreError;
use crate::runtime::behaviour::RecoverError;

/// Puts an actor together by `build`. `restart`: see [`Behaviour::recover`](crate::runtime::behaviour::Behaviour::recover).
///
/// # Errors
/// `Retry` while storage is away; `Broken`, with what is wrong with the newest snapshot, if nothing can be understood.
pub(crate) async fn recover<T>(
    journal: &Journal,
    key: &ActorKey,
    restart: bool,
    build: impl Fn(Loaded) -> BoxFuture<'static, Result<T, StoreError>> + Send + Sync,
) -> Result<T, RecoverError> {
    let newest = match journal.load(key, restart).await {
        Ok(loaded) => build(loaded).await,
        Err(error) => Err(error),
    };
    let problem = match newest {
        Ok(actor) => return Ok(actor),
        Err(StoreError::Corrupt(problem)) => problem,
        Err(other) => return Err(RecoverError::Retry(other.to_string())),
    };
    let before = match journal.load_previous(key).await {
        Ok(Some(loaded)) => build(loaded).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match before {
        Ok(Some(actor)) => {
            journal.metrics().snapshot_fallbacks.inc();
            tracing::error!(%key, problem, "recovered without the newest snapshot");
            Ok(actor)
        }
        Ok(None) | Err(StoreError::Corrupt(_)) => Err(RecoverError::Broken(problem)),
        Err(other) => Err(RecoverError::Retry(other.to_string())),
    }
}
