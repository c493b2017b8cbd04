//! One engine and the runtime it runs on.
//!
//! SurrealDB runs a query inside its caller's future and aborts it when that future is dropped; it also needs
//! far deeper stacks than an HTTP worker has. So every statement is a task of a runtime of the engine's own:
//! a caller that gives up leaves the statement running to its end, and waits no longer than the timeout.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use messagecenter_actors::ports::StoreError;
use messagecenter_engine::{Client, OpenFailure, embedded, remote};
use parking_lot::Mutex;
use surrealdb_types::{Object, Value};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use super::failure::{self, Operation};
use super::options::{OpenError, StorageOptions};

/// SurrealDB's recursive planner and executor overflow the usual 2 MiB; unoptimised builds need twice as much.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 20 << 20 } else { 10 << 20 };

/// How long closing waits for statements under way before it goes on without them.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

/// A runtime for one engine. Dropping it never blocks, so it may happen anywhere.
pub(super) struct StorageRuntime {
    runtime: Option<Runtime>,
}

impl StorageRuntime {
    /// Starts `threads` named threads.
    pub(super) fn start(threads: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("storage")
            .thread_stack_size(STACK_BYTES)
            // As the actors' threads do, and for the same reason.
            .on_thread_park(std::thread::yield_now)
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs `work` to its end on the runtime's threads; `None` if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.runtime.as_ref()?.spawn(work).await.ok()
    }

    fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }
}

impl Drop for StorageRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Open {
    client: Client,
    runtime: StorageRuntime,
    handle: Handle,
}

/// An engine that is open, until [`Engine::close`].
pub struct Engine {
    open: Mutex<Option<Open>>,
    timeout: Duration,
}

impl Engine {
    /// Starts the runtime, then the engine that `options` name or the connection to it.
    pub(super) async fn open(options: &StorageOptions) -> Result<Self, OpenError> {
        if let Some(directory) = options.url.directory() {
            std::fs::create_dir_all(directory)
                .map_err(|cause| OpenError::Directory { directory: directory.to_path_buf(), cause })?;
        }
        let runtime = StorageRuntime::start(options.threads).map_err(OpenError::Threads)?;
        let settings = options.engine();
        let opening =
            if options.url.is_embedded() { embedded::open(settings) } else { remote::open(settings) };
        let client = match runtime.run(opening).await {
            Some(Ok(client)) => client,
            Some(Err(cause)) => return Err(refusal(options, cause)),
            None => return Err(refusal(options, OpenFailure::Engine("it panicked".to_owned()))),
        };
        let open = runtime.handle().map(|handle| Open { client, runtime, handle });
        Ok(Self { open: Mutex::new(open), timeout: options.timeout })
    }

    /// The runtime that statements run on; `None` once closed.
    pub(super) fn runtime(&self) -> Option<Handle> {
        self.open.lock().as_ref().map(|open| open.handle.clone())
    }

    /// Runs one constant text; `Ok` means that every statement of it succeeded.
    pub(super) async fn query(
        &self,
        operation: Operation,
        text: &'static str,
        binds: Object,
    ) -> Result<Answers, StoreError> {
        self.query_holding(operation, text, binds, ()).await
    }

    /// As [`Engine::query`]; `held` is dropped when the statement has ended, even if the caller went away.
    pub(super) async fn query_holding(
        &self,
        operation: Operation,
        text: &'static str,
        binds: Object,
        held: impl Send + 'static,
    ) -> Result<Answers, StoreError> {
        let (client, handle) = {
            let open = self.open.lock();
            let open =
                open.as_ref().ok_or_else(|| StoreError::Unavailable("the store is closed".to_owned()))?;
            (open.client.clone(), open.handle.clone())
        };
        let runtime = handle.clone();
        let statement = handle.spawn(async move {
            let seen = if operation == Operation::Write { client.look() } else { None };
            let answer = client.query(text, binds).await;
            let outcome = answer
                .map_err(|error| failure::classify(operation, &error))
                .and_then(|outcomes| failure::check(operation, outcomes));
            match (&outcome, seen) {
                (Ok(_), Some(seen)) => client.synced(seen),
                // Before anybody reads back what became of it.
                (Err(StoreError::Unknown(cause)), _) => client.distrust(&runtime, cause),
                _ => {}
            }
            drop(held);
            Ok(Answers(outcome?))
        });
        wait(operation, &handle, self.timeout, statement).await
    }

    /// The journal's batch that begins at `first` is committed: the next start must find it.
    pub(super) fn committed(&self, first: u64) {
        if let Some(open) = self.open.lock().as_ref() {
            open.client.committed(first);
        }
    }

    /// Brings what the next start must find to the disk.
    pub(super) async fn sync_mark(&self) {
        let client = self.open.lock().as_ref().map(|open| open.client.clone());
        if let Some(client) = client {
            let synced = tokio::task::spawn_blocking(move || client.sync_mark());
            let _ = synced.await; // it only makes the next start ask for more
        }
    }

    /// Waits for statements under way, closes the engine, stops the threads.
    pub(super) async fn close(&self) {
        let Some(Open { client, runtime, handle: _ }) = self.open.lock().take() else { return };
        client.closing();
        let shut = runtime.run(async move {
            let patience = tokio::time::Instant::now() + CLOSE_PATIENCE;
            while client.sharers() > 1 && tokio::time::Instant::now() < patience {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if let Err(error) = client.shut_down().await {
                tracing::warn!(%error, "the storage engine did not close cleanly");
            }
        });
        if shut.await.is_none() {
            tracing::warn!("the storage engine's closing ended early");
        }
        stop(runtime).await;
    }
}

fn refusal(options: &StorageOptions, failure: OpenFailure) -> OpenError {
    let cause = match failure {
        OpenFailure::Engine(cause) => cause,
        OpenFailure::Damaged { what, mark } => return OpenError::Damaged { what, mark },
        OpenFailure::Authority { file, cause } => return OpenError::Authority { file, cause },
    };
    match options.url.directory() {
        Some(directory) if is_lock_refusal(&cause) => OpenError::Held { directory: directory.to_path_buf() },
        Some(directory) => OpenError::Engine { url: shown(directory), cause },
        None if options.url.is_embedded() => OpenError::Engine { url: options.url.to_string(), cause },
        None => OpenError::Server { address: options.url.to_string(), cause },
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

/// Waits for a statement's answer, but no longer than `timeout`; the statement goes on either way.
async fn wait<T>(
    operation: Operation,
    handle: &Handle,
    timeout: Duration,
    statement: JoinHandle<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let deadline = {
        // The caller's runtime may have no timer, or a paused one.
        let _inside = handle.enter();
        tokio::time::sleep(timeout)
    };
    tokio::select! {
        biased;
        ended = statement => match ended {
            Ok(answer) => answer,
            Err(_) => Err(operation.undecided("the statement's task ended without an answer")),
        },
        () = deadline => Err(operation.undecided(&format!("no answer within {} ms", timeout.as_millis()))),
    }
}

/// Stops the threads and waits for it: only then has RocksDB given its files back. A runtime must not be
/// waited for on a thread that drives another one, so a plain thread does.
async fn stop(mut runtime: StorageRuntime) {
    let Some(runtime) = runtime.runtime.take() else { return };
    let (stopped, waiting) = tokio::sync::oneshot::channel();
    let waiter = std::thread::Builder::new().name("storage-stop".to_owned()).spawn(move || {
        runtime.shutdown_timeout(CLOSE_PATIENCE);
        let _ = stopped.send(()); // nobody waits any more: it has stopped all the same
    });
    if waiter.is_ok() {
        let _ = waiting.await; // an error is a thread that ended: there is nothing left to wait for
    }
}

/// What the statements of one text answered, none of which failed.
pub(super) struct Answers(Vec<Value>);

impl Answers {
    /// The answer of statement `index`, counting `BEGIN` and `LET`; none twice.
    pub(super) fn value(&mut self, index: usize) -> Value {
        self.0.get_mut(index).map(std::mem::take).unwrap_or_default()
    }

    /// The rows of statement `index`.
    pub(super) fn rows(&mut self, index: usize) -> Vec<Value> {
        match self.value(index) {
            Value::Array(rows) => rows.into_inner(),
            Value::None | Value::Null => Vec::new(),
            row => vec![row],
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    async fn outcome(operation: Operation, work: fn() -> Result<(), StoreError>) -> Result<(), StoreError> {
        let handle = Handle::current();
        let statement = handle.spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            work()
        });
        wait(operation, &handle, Duration::from_millis(1), statement).await
    }

    #[tokio::test]
    async fn a_write_without_an_answer_in_time_is_of_unknown_outcome() {
        let late = outcome(Operation::Write, || Ok(())).await;
        assert_eq!(late, Err(StoreError::Unknown("no answer within 1 ms".to_owned())));
    }

    #[tokio::test]
    async fn a_read_without_an_answer_in_time_may_be_tried_again() {
        let late = outcome(Operation::Read, || Ok(())).await;
        assert_eq!(late, Err(StoreError::Unavailable("no answer within 1 ms".to_owned())));
    }

    #[tokio::test]
    async fn a_write_whose_task_panicked_is_of_unknown_outcome() {
        let handle = Handle::current();
        let statement: JoinHandle<Result<(), StoreError>> = handle.spawn(async { panic!("in the engine") });
        let ended = wait(Operation::Write, &handle, Duration::from_secs(5), statement).await;
        assert!(matches!(ended, Err(StoreError::Unknown(_))), "{ended:?}");
    }
}
