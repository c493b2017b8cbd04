//! Recovery: how a host gets its state, first and after every restart, and how long its mailbox waits for it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Task, Poll};
use std::time::{Duration, Instant};

use actix::Context;
use actix::fut::ActorFuture;
use futures::future::LocalBoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

use super::behaviour::{Behaviour, RecoverError};
use super::failure::{Failure, SOON};
use super::host::Host;
use super::jitter::jittered;
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
    outlook: Arc<Outlook>,
    /// Whether this follows a crash, a reload or quarantine.
    restart: bool,
}

/// How a recovery goes. Written by its work, read when commands are refused.
#[derive(Default)]
struct Outlook {
    /// An attempt has failed.
    failed: AtomicBool,
    /// When the next attempt begins; in the past while one is under way.
    again: Mutex<Option<Instant>>,
}

impl Outlook {
    async fn pause(&self, delay: Duration) {
        *self.again.lock() = Instant::now().checked_add(delay);
        tokio::time::sleep(delay).await;
    }

    /// How long it is until the next attempt.
    fn left(&self) -> Duration {
        let again = *self.again.lock();
        again.map_or(Duration::ZERO, |again| again.saturating_duration_since(Instant::now()))
    }
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
    /// Whether a storage that is away ends it.
    pub(super) once: bool,
}

impl<B: Behaviour> Recovery<B> {
    pub(super) fn new(plan: Plan<B>) -> Self {
        let outlook = Arc::new(Outlook::default());
        let restart = plan.after_failure;
        let work = Guarded::new(Box::pin(load(plan, Arc::clone(&outlook))) as LocalBoxFuture<'static, _>);
        Self { work, outlook, restart }
    }

    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Poll<Result<B, String>> {
        match self.work.as_mut() {
            Some(work) => work.as_mut().poll(task),
            None => Poll::Pending,
        }
    }

    /// Whether an attempt has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.outlook.failed.load(Ordering::Relaxed)
    }

    /// What commands that cannot wait are told.
    pub(super) fn refusal(&self) -> Failure {
        let left = self.outlook.left().max(SOON);
        if self.restart && !self.has_failed() {
            Failure::Restarting(left)
        } else {
            Failure::StorageDown(left)
        }
    }
}

/// Tries until the state is there or known to be broken.
async fn load<B: Behaviour>(plan: Plan<B>, outlook: Arc<Outlook>) -> Result<B, String> {
    if !plan.delay.is_zero() {
        outlook.pause(plan.delay).await;
    }
    let mut backoff = plan.policy.backoff_min;
    loop {
        let permit = plan.activations.acquire().await;
        let outcome = B::recover(plan.key.clone(), Arc::clone(&plan.world), plan.restart).await;
        drop(permit);
        match outcome {
            Ok(state) => return Ok(state),
            Err(RecoverError::Broken(reason)) => return Err(reason),
            Err(RecoverError::Retry(reason)) if plan.once => return Err(reason),
            Err(RecoverError::Retry(reason)) => {
                outlook.failed.store(true, Ordering::Relaxed);
                tracing::warn!(kind = B::KIND, key = %plan.key, %reason, "recovery failed, trying again");
            }
        }
        let longest = STORAGE_BACKOFF_MAX.min(plan.policy.backoff_max);
        // While storage is known to be away, trying before it is asked again finds nothing.
        let pause = B::away(&plan.world).map_or(backoff, |away| away.max(plan.policy.backoff_min));
        outlook.pause(jittered(pause, longest)).await;
        backoff = backoff.saturating_mul(2).min(longest);
    }
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
        if host.storage_away() {
            host.recover_beside(context);
            return Poll::Ready(());
        }
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
