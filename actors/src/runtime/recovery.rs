//! Recovery: how a host gets its state, first and after every restart, and how long its mailbox waits for it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use actix::Context;
use actix::fut::ActorFuture;
use futures::future::LocalBoxFuture;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

use super::behaviour::{Behaviour, RecoverError};
use super::failure::Failure;
use super::host::Host;
use super::panics::Guarded;
use super::policy::Policy;

/// How long commands wait in the mailbox for a recovery that fails; afterwards they are refused until it is done.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How much longer they wait while storage is only slow: many that activate at once wait for each other. Both
/// together stay under the patience of an HTTP caller (3 s).
const MORE_PATIENCE: Duration = Duration::from_millis(1_500);

/// Longest pause between attempts to load from a storage that is away: it must be noticed soon when back.
const STORAGE_BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A recovery under way.
pub(super) struct Recovery<B: Behaviour> {
    work: Guarded<LocalBoxFuture<'static, Result<B, String>>>,
    /// Set by `work` after a failed attempt, read when commands are refused.
    storage_failed: Arc<AtomicBool>,
    /// Whether this follows a crash, a reload or quarantine.
    restart: bool,
}

/// What a recovery needs of its host.
pub(super) struct Plan<B: Behaviour> {
    pub(super) key: B::Key,
    pub(super) world: Arc<B::World>,
    pub(super) policy: Arc<Policy>,
    /// Bounds how many load at once.
    pub(super) activations: Arc<Semaphore>,
    /// Wait before the first attempt.
    pub(super) delay: Duration,
    /// Whether an earlier incarnation may have uncommitted appends.
    pub(super) restart: bool,
    /// Whether the mailbox's owner fails commands as restarting (else as storage being slow).
    pub(super) after_failure: bool,
}

impl<B: Behaviour> Recovery<B> {
    pub(super) fn new(plan: Plan<B>) -> Self {
        let storage_failed = Arc::new(AtomicBool::new(false));
        let restart = plan.after_failure;
        let work =
            Guarded::new(Box::pin(load(plan, Arc::clone(&storage_failed))) as LocalBoxFuture<'static, _>);
        Self { work, storage_failed, restart }
    }

    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<B, String>> {
        match self.work.as_mut() {
            Some(work) => work.as_mut().poll(task),
            None => Poll::Pending,
        }
    }

    /// Whether an attempt has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.storage_failed.load(Ordering::Relaxed)
    }

    /// What commands that cannot wait are told.
    pub(super) fn refusal(&self) -> Failure {
        if self.restart && !self.has_failed() { Failure::Restarting } else { Failure::StorageDown }
    }
}

/// Tries until the state is there or known to be broken.
async fn load<B: Behaviour>(plan: Plan<B>, storage_failed: Arc<AtomicBool>) -> Result<B, String> {
    if !plan.delay.is_zero() {
        tokio::time::sleep(plan.delay).await;
    }
    let mut backoff = plan.policy.backoff_min;
    loop {
        let permit = plan.activations.acquire().await;
        let outcome = B::recover(plan.key.clone(), Arc::clone(&plan.world), plan.restart).await;
        drop(permit);
        match outcome {
            Ok(state) => return Ok(state),
            Err(RecoverError::Broken(reason)) => return Err(reason),
            Err(RecoverError::Retry(reason)) => {
                storage_failed.store(true, Ordering::Relaxed);
                tracing::warn!(kind = B::KIND, key = %plan.key, %reason, "recovery failed, trying again");
            }
        }
        let longest = STORAGE_BACKOFF_MAX.min(plan.policy.backoff_max);
        tokio::time::sleep(jittered(backoff, longest)).await;
        backoff = backoff.saturating_mul(2).min(longest);
    }
}

/// `delay` and up to half as much again, at most `longest`: actors that failed together restart apart.
pub(super) fn jittered(delay: Duration, longest: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0u8) % 512;
    let random = u32::try_from(random).unwrap_or_default();
    delay.saturating_add(delay.saturating_mul(random) / 1024).min(longest)
}

/// Drives the host's recovery. While its patience lasts it makes the mailbox wait; then it lets go, and the
/// same recovery is driven beside the mailbox.
pub(super) struct Drive {
    patience: Option<Pin<Box<Sleep>>>,
    extended: bool,
}

impl Drive {
    /// The mailbox waits.
    pub(super) fn waiting() -> Self {
        Self { patience: Some(Box::pin(tokio::time::sleep(PATIENCE))), extended: false }
    }

    /// The mailbox goes on.
    pub(super) const fn beside() -> Self {
        Self { patience: None, extended: false }
    }
}

impl<B: Behaviour> ActorFuture<Host<B>> for Drive {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        host: &mut Host<B>,
        context: &mut Context<Host<B>>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        if host.poll_recovery(context, task).is_ready() {
            return Poll::Ready(());
        }
        let Self { patience: Some(patience), extended } = self.get_mut() else { return Poll::Pending };
        while patience.as_mut().poll(task).is_ready() {
            if *extended || host.recovery_failed() {
                host.recover_beside(context);
                return Poll::Ready(());
            }
            *extended = true;
            let until = patience.deadline() + MORE_PATIENCE;
            patience.as_mut().reset(until);
        }
        Poll::Pending
    }
}
