//! The journal: the one ordered record of facts, and the gate that no answer passes before its facts are on
//! disk.
//!
//! - `append` gives each fact its position (queue order) and never waits;
//! - the committer makes one durable batch of everything queued while the previous commit ran;
//! - committed facts are put into the mailboxes of those they concern (in position order), then answers
//!   waiting for them are released.
//!
//! Read on: [`encoding`] (what is written), `queue` (what waits), `committer` (how an outcome is decided),
//! `index`, `recovery` and `fallback` (what an actor replays), `saving`, `checkpointer` and `backpressure` (what bounds
//! it).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::HashMap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::breaker::{Breaker, Guarded};
use crate::clock::Clock;
use crate::domain::event::{Fact, Position, Recorded};
use crate::domain::ids::{ActorKey, Millis};
use crate::fail_point;
use crate::ports::{Snapshot, Store, StoreError};
use crate::runtime::failure::SOON;
use crate::runtime::reply::Release;
use crate::runtime::spans::{Trace, Tracer};

mod backpressure;
mod cache;
mod checkpointer;
mod committer;
pub mod encoding;
mod fallback;
mod index;
mod locks;
mod metrics;
mod milestones;
mod queue;
mod recovery;
mod saving;
mod settings;

pub use metrics::{FailureLabel, JournalMetrics};
pub use recovery::{Unsaved, each_batch, facts_from};
pub use saving::Changes;
use saving::Turns;
pub use settings::JournalSettings;

use backpressure::Backpressure;
use cache::Cache;
use checkpointer::Asked;
use index::Index;
use locks::Locks;
use milestones::Milestones;
use queue::{Due, Mode, Queue};

/// Why facts were not taken. Nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// Storage is away; come back later.
    StorageDown,
    /// Facts this actor appended earlier were lost with a failed commit: it must recover before it decides
    /// again.
    Stale,
    /// The journal is closing.
    Closed,
}

/// Where committed facts go. Implemented by the router.
pub trait Deliver: Send + Sync + 'static {
    /// Puts one committed fact into the mailbox of `key` if that actor is active; else does nothing (the
    /// journal's index keeps it for its recovery).
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>);
    /// Sees every committed fact once, in position order, after deliveries (group heads): what it shows, those
    /// concerned were told before.
    fn observe(&self, event: &Arc<Recorded>);
    /// A commit failed for good: every active actor must check whether it is ahead of the disk.
    fn rolled_back(&self);
    /// Asks the actor (activating it) to write a snapshot: checkpointing.
    fn checkpoint(&self, key: &ActorKey);
}

/// What an actor needs to recover.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its newest snapshot.
    pub snapshot: Option<Snapshot>,
    /// Committed facts it decided or was told that the snapshot does not hold, in position order.
    pub events: Vec<Arc<Recorded>>,
    /// The journal's generation: give it to [`Journal::append`].
    pub generation: u64,
}

/// How far the journal is: whoever waits for it watches this.
#[derive(Debug, Clone, Copy)]
struct Progress {
    committed: Position,
    generation: u64,
    mode: Mode,
}

/// Keeps the journal from being trimmed: see [`Journal::hold`].
#[must_use = "trimming goes on once it is dropped"]
pub struct Hold(#[allow(dead_code, reason = "its being there is what counts")] Arc<()>);

/// The journal of one store. Shared by everyone behind an `Arc`.
pub struct Journal {
    /// Behind the breaker: everyone's but the committer's.
    store: Arc<dyn Store>,
    /// The committer's, who asks while the breaker is open.
    direct: Arc<dyn Store>,
    breaker: Arc<Breaker>,
    clock: Clock,
    /// Replaced when an operator changes them.
    settings: ArcSwap<JournalSettings>,
    /// They were replaced.
    retuned: tokio::sync::Notify,
    handle: Handle,
    metrics: JournalMetrics,
    tracer: OnceLock<Arc<Tracer>>,
    /// Which start of the service this is; part of every batch.
    epoch: u64,
    /// Written by actors (append, wait) and the committer.
    queue: Mutex<Queue>,
    /// Wakes the committer: something was queued, or the journal closes.
    wake: Notify,
    /// Copies of the queue's values, written under its lock: the gate's fast path reads them without it.
    committed: AtomicU64,
    generation: AtomicU64,
    progress: watch::Sender<Progress>,
    closing: watch::Sender<bool>,
    index: Mutex<Index>,
    cache: Cache,
    milestones: Mutex<Milestones>,
    /// Who was asked for a snapshot that is missing still. Written by the checkpointer; locked before the index if both are.
    asked: Mutex<HashMap<ActorKey, Asked>>,
    /// The checkpoint as last recorded; the lock keeps two writers from lowering it.
    checkpoint: tokio::sync::Mutex<Position>,
    /// Everything below was trimmed by this process.
    trimmed: AtomicU64,
    /// Shared with whoever wants the journal kept as it is. Cloned under `checkpoint`, which trimming holds.
    holds: Arc<()>,
    /// Turns of snapshot writes.
    saves: Arc<Turns>,
    /// How far snapshots lag, and what comes of it.
    backpressure: Arc<Backpressure>,
    /// One snapshot write or recovery read per actor at a time.
    writing: Locks,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Journal {
    /// Takes the store for this process and reads what recovery needs. Facts may be appended at once; they are
    /// committed from [`Journal::attach`] on. Background work runs on `handle`.
    ///
    /// # Errors
    /// Those of the store; `Corrupt` if the journal has a gap or cannot be decoded.
    pub async fn start(
        store: Arc<dyn Store>,
        clock: Clock,
        settings: JournalSettings,
        handle: Handle,
    ) -> Result<Arc<Self>, StoreError> {
        let started = std::time::Instant::now();
        let epoch = store.acquire().await?;
        fail_point!(RecoveryLeaseTaken);
        let bounds = store.bounds().await?;
        clock.raise(bounds.at);
        let cache = Cache::new(settings.cache_bytes);
        let replayed = recovery::replay(&*store, bounds, settings.max_events, |first, facts, bytes| {
            cache.insert(first, facts, bytes);
        })
        .await?;
        let metrics = JournalMetrics::default();
        metrics.replayed_events.set(replayed.events as i64);
        metrics.committed_position.set(bounds.newest as i64);
        metrics.checkpoint_position.set(bounds.replay_from as i64);
        metrics.dirty_actors.set(replayed.index.len() as i64);
        tracing::info!(
            epoch,
            newest = bounds.newest,
            replayed = replayed.events,
            dirty_actors = replayed.index.len(),
            millis = started.elapsed().as_millis() as u64,
            "journal open"
        );
        let breaker = Breaker::new(settings.breaker);
        let queue = Queue::new(bounds.newest);
        let progress =
            Progress { committed: bounds.newest, generation: queue.generation(), mode: queue.mode() };
        Ok(Arc::new(Self {
            store: Arc::new(Guarded::new(Arc::clone(&store), Arc::clone(&breaker))),
            direct: store,
            breaker,
            clock,
            settings: ArcSwap::from_pointee(settings),
            retuned: tokio::sync::Notify::new(),
            handle,
            metrics,
            tracer: OnceLock::new(),
            epoch,
            committed: AtomicU64::new(bounds.newest),
            generation: AtomicU64::new(queue.generation()),
            queue: Mutex::new(queue),
            wake: Notify::new(),
            progress: watch::Sender::new(progress),
            closing: watch::Sender::new(false),
            index: Mutex::new(replayed.index),
            cache,
            milestones: Mutex::new(replayed.milestones),
            asked: Mutex::default(),
            checkpoint: tokio::sync::Mutex::new(bounds.replay_from.max(1)),
            trimmed: AtomicU64::new(0),
            holds: Arc::new(()),
            saves: Arc::new(Turns::new()),
            backpressure: Arc::default(),
            writing: Locks::default(),
            tasks: Mutex::new(Vec::new()),
        }))
    }

    /// Starts committing and checkpointing; committed facts go to `deliver`, which is kept until
    /// [`Journal::close`]. Call it once.
    pub fn attach(self: &Arc<Self>, deliver: Arc<dyn Deliver>) {
        let mut tasks = self.tasks.lock();
        if !tasks.is_empty() {
            tracing::error!("the journal is attached already");
            return;
        }
        tasks.push(self.handle.spawn(committer::run(Arc::clone(self), Arc::clone(&deliver))));
        tasks.push(self.handle.spawn(checkpointer::run(Arc::clone(self), deliver)));
    }

    /// Queues facts that one actor decided at `at`; gives them positions. Never waits.
    ///
    /// `generation` and `decided` are the actor's: the generation it recovered in and the position of the last
    /// fact it decided (0 = none).
    ///
    /// # Errors
    /// [`AppendError`]; nothing was queued then.
    pub fn append(
        &self,
        generation: u64,
        decided: Position,
        at: Millis,
        facts: Vec<Fact>,
    ) -> Result<Vec<Arc<Recorded>>, AppendError> {
        self.append_traced(generation, decided, at, facts, None)
    }

    /// As [`Journal::append`], in a turn that has a span if it is part of a sampled request.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_traced(
        &self,
        generation: u64,
        decided: Position,
        at: Millis,
        facts: Vec<Fact>,
        turn: Option<Trace>,
    ) -> Result<Vec<Arc<Recorded>>, AppendError> {
        if self.breaker.is_open() && self.queue.lock().mode() == Mode::Open {
            return Err(AppendError::StorageDown);
        }
        // Encoding needs no position, so it happens on the actor's thread and outside the lock.
        let mut encoded = Vec::with_capacity(256 * facts.len());
        for fact in &facts {
            if let Err(error) = encoding::fact(at, fact, &mut encoded) {
                tracing::error!(%error, fact = fact.name(), "a fact could not be encoded");
                return Err(AppendError::StorageDown);
            }
        }
        let (events, wake) = self.queue.lock().append(generation, decided, at, facts, encoded, turn)?;
        self.metrics.queue_events.inc_by(events.len() as i64);
        if wake {
            self.wake.notify_one();
        }
        Ok(events)
    }

    /// The gate: calls `release` once everything up to `position` is committed (at once if it is), or with the
    /// failure that took it. Positions are the caller's last decided one, so reads pass here as well.
    pub fn release_after(&self, generation: u64, position: Position, release: Release) {
        if self.holds(generation, position) {
            release(Ok(()));
            return;
        }
        let due = self.queue.lock().wait(generation, position, release, self.storage_wait());
        if let Some((release, outcome)) = due {
            release(outcome);
        }
    }

    /// Whether everything up to `position` is committed, as an actor that recovered in `generation` knows it.
    pub fn holds(&self, generation: u64, position: Position) -> bool {
        // In this order: if the generation is still the caller's, no loss came before the position was read.
        let committed = position <= self.committed.load(Ordering::Acquire);
        committed && generation == self.generation.load(Ordering::Acquire)
    }

    /// Where spans of commits go. Call it once.
    pub fn traced_by(&self, tracer: Arc<Tracer>) {
        let _ = self.tracer.set(tracer); // the first one stays
    }

    /// The newest committed position.
    pub fn committed(&self) -> Position {
        self.committed.load(Ordering::Acquire)
    }

    /// The generation that is current now: it rises each time facts are lost.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether an actor that recovered in `generation` and decided up to `decided` holds facts that were lost.
    pub fn lost(&self, generation: u64, decided: Position) -> bool {
        generation != self.generation() && self.queue.lock().lost(generation, decided)
    }

    /// Everything appended before this call is committed or failed.
    pub async fn settled(&self) {
        let mut progress = self.progress.subscribe();
        let (target, generation) = {
            let queue = self.queue.lock();
            (queue.last_given(), queue.generation())
        };
        let settled = |progress: &Progress| {
            progress.committed >= target
                || progress.generation > generation
                || matches!(progress.mode, Mode::Fenced | Mode::Closed)
        };
        let _ = progress.wait_for(settled).await; // the sender lives as long as the journal
    }

    /// Whether facts that concern `key` are above its snapshot.
    pub fn is_dirty(&self, key: &ActorKey) -> bool {
        self.index.lock().is_dirty(key)
    }

    /// Whether commands can be committed now.
    ///
    /// # Errors
    /// Why not, for readiness.
    pub fn healthy(&self) -> Result<(), &'static str> {
        match self.queue.lock().mode() {
            Mode::Open if self.breaker.is_open() => Err("storage does not answer"),
            Mode::Open => Ok(()),
            Mode::Stalled => Err("storage does not commit"),
            Mode::Fenced => Err("another process owns the store"),
            Mode::Closing | Mode::Closed => Err("the journal is closed"),
        }
    }

    /// The storage breaker.
    pub const fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// The store behind the breaker.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// What callers are told to wait when storage is down: until it is asked again.
    pub fn storage_wait(&self) -> Duration {
        self.breaker.remaining().unwrap_or(SOON).max(SOON)
    }

    /// Returns once another process has taken the store: this one can only end. Never returns otherwise.
    pub async fn fenced(&self) {
        let fenced = |progress: &Progress| progress.mode == Mode::Fenced;
        let _ = self.progress.subscribe().wait_for(fenced).await; // the sender lives as long as the journal
    }

    /// Nothing is trimmed until the returned value is dropped: whoever copies the store finds every fact that was
    /// there when it began, or is in a snapshot it reads later.
    pub async fn hold(&self) -> Hold {
        // Waits for a trimming under way.
        let _checkpoint = self.checkpoint.lock().await;
        Hold(Arc::clone(&self.holds))
    }

    /// Goes by other numbers from now on; `cache_bytes` and `save_pages` stay as they were at the start.
    pub fn set_settings(&self, settings: JournalSettings) {
        self.breaker.set_settings(settings.breaker);
        self.settings.store(Arc::new(settings));
        self.retuned.notify_one();
    }

    /// The numbers it goes by.
    fn settings(&self) -> Arc<JournalSettings> {
        self.settings.load_full()
    }

    /// Its figures.
    pub const fn metrics(&self) -> &JournalMetrics {
        &self.metrics
    }

    /// Takes nothing more, commits what is queued, records the checkpoint and ends the background work.
    pub async fn close(&self) {
        let ended = |progress: &Progress| matches!(progress.mode, Mode::Fenced | Mode::Closed);
        if self.closing.send_replace(true) {
            let _ = self.progress.subscribe().wait_for(ended).await; // the sender lives as long as the journal
            return;
        }
        self.queue.lock().close();
        self.wake.notify_one();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        if tasks.is_empty() {
            let due = self.queue.lock().end();
            committer::let_go(due);
            self.report();
        }
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the journal ended badly");
            }
        }
        self.last_checkpoint().await;
    }

    /// Everything up to `last` is committed and delivered: the answers to let go.
    fn advance(&self, last: Position) -> Vec<Due> {
        let mut queue = self.queue.lock();
        let due = queue.advance(last);
        self.committed.store(last, Ordering::Release);
        drop(queue);
        self.metrics.committed_position.set(last as i64);
        self.report();
        due
    }

    /// Starts a new generation without what is not committed.
    fn cut(&self) {
        let mut queue = self.queue.lock();
        queue.cut();
        self.generation.store(queue.generation(), Ordering::Release);
    }

    /// Tells whoever waits how far the journal is.
    fn report(&self) {
        let queue = self.queue.lock();
        self.progress.send_replace(Progress {
            committed: queue.committed(),
            generation: queue.generation(),
            mode: queue.mode(),
        });
    }
}
