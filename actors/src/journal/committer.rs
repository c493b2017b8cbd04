//! The committer: one durable batch after another, each of what queued while the last one was written.
//!
//! Guarantees: a batch is delivered, then its answers are let go, before those of the next; nothing is written
//! after a batch whose outcome is not known. While one batch is written the one before it is delivered.
//!
//! An unknown outcome is decided by reading the record back: the same batch id means committed, another id
//! means another writer (stop), no record means it may be written again. A write that lands after its batch
//! was given up for lost is met by the next batch as a record with another id at its position: the journal
//! then stops, because actors have forgotten those facts; the next start reads what is really there.
//!
//! The committer is also who asks storage while the breaker is open: one question at a time, whoever opened it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::backpressure::Throttle;
use super::queue::{Drained, Due, Mode};
use super::{Deliver, Journal};
use crate::domain::ids::ActorKey;
use crate::fail_point;
use crate::ports::{Batch, StoreError};
use crate::runtime::failure::{Failure, SOON};
use crate::runtime::spans::What;

/// First pause before a failed write is tried again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// How long a write that does not return is waited for after its callers were told: abandoning it earlier
/// could let it land after its facts were given up.
const ABANDON_AFTER: Duration = Duration::from_secs(60);

type Write = JoinHandle<Result<(), StoreError>>;

/// How a commit ended within its time.
enum Resolved {
    Committed,
    Fenced {
        in_doubt: bool,
        reason: String,
    },
    /// No outcome in time. `in_doubt`: it may be on disk, or land there through `running`.
    Undecided {
        in_doubt: bool,
        running: Option<Write>,
    },
}

/// How a commit ended after its callers were told that it had not.
enum Outlasted {
    Committed,
    Absent,
    Fenced(String),
    Closing,
}

/// What the store has at a batch's position.
enum Found {
    Mine,
    Another,
    Nothing,
    NoAnswer,
}

/// Runs one callback of another part: its panic must not end the committer.
pub(super) fn guarded(what: &str, callback: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(callback)).is_err() {
        tracing::error!(what, "a callback of the journal panicked");
    }
}

pub(super) fn let_go(due: Vec<Due>) {
    for (release, outcome) in due {
        guarded("release", || release(outcome));
        fail_point!(AnswerReleased);
    }
}

/// Commits until the journal is closed or fenced.
pub(super) async fn run(journal: Arc<Journal>, deliver: Arc<dyn Deliver>) {
    let mut unpublished: Option<Drained> = None;
    let mut throttle = Throttle::new(journal.index.lock().noted());
    let mut pause = Duration::ZERO;
    loop {
        if !pause.is_zero() {
            if let Some(previous) = unpublished.take() {
                journal.publish(&*deliver, previous);
            }
            journal.throttle(std::mem::take(&mut pause)).await;
        }
        let drained = if let Some(drained) = journal.take() {
            drained
        } else {
            if let Some(previous) = unpublished.take() {
                journal.publish(&*deliver, previous);
            }
            let Some(drained) = journal.next().await else { break };
            drained
        };
        let batch = Arc::new(Batch {
            first: drained.first,
            count: drained.events.len() as u32,
            id: Uuid::new_v4(),
            epoch: journal.epoch,
            at: drained.at,
            events: drained.encoded.clone(),
        });
        let started = Instant::now();
        let write = journal.begin(&batch);
        if let Some(previous) = unpublished.take() {
            journal.publish(&*deliver, previous);
        }
        match journal.resolve(&batch, write).await {
            Resolved::Committed => {
                journal.breaker.close();
                journal.measure(&drained, started);
                let noted = journal.index.lock().noted();
                pause = throttle.pause(&journal.backpressure, noted, started, Instant::now());
                unpublished = Some(drained);
            }
            Resolved::Fenced { in_doubt, reason } => {
                journal.trace(&drained, false);
                journal.stop_fenced(drained.last, in_doubt, &reason);
                break;
            }
            Resolved::Undecided { in_doubt, running } => {
                let last = drained.last;
                journal.stall(last, in_doubt);
                match journal.outlast(&batch, running).await {
                    Outlasted::Committed => {
                        journal.breaker.close();
                        journal.measure(&drained, started);
                        journal.publish(&*deliver, drained);
                    }
                    Outlasted::Absent => {
                        journal.breaker.probed(true);
                        journal.trace(&drained, false);
                    }
                    Outlasted::Fenced(reason) => {
                        journal.trace(&drained, false);
                        journal.stop_fenced(last, in_doubt, &reason);
                        break;
                    }
                    Outlasted::Closing => {
                        journal.trace(&drained, false);
                        break;
                    }
                }
                journal.roll_back(&*deliver);
            }
        }
    }
    let due = journal.queue.lock().end();
    let_go(due);
    journal.report();
}

impl Journal {
    /// What is queued now, as far as one commit may hold it.
    fn take(&self) -> Option<Drained> {
        let settings = self.settings.load();
        let drained = self.queue.lock().drain(settings.max_events, settings.max_bytes)?;
        self.metrics.queue_events.dec_by(drained.events.len() as i64);
        Some(drained)
    }

    /// What is queued next; `None` once the journal is closing and nothing is left.
    async fn next(&self) -> Option<Drained> {
        loop {
            if let Some(drained) = self.take() {
                return Some(drained);
            }
            if self.queue.lock().mode() != Mode::Open {
                return None;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.breaker.probe_due() => self.probe().await,
            }
        }
    }

    /// Lets snapshots go first for so long, unless the journal closes.
    async fn throttle(&self, pause: Duration) {
        self.metrics.throttled_seconds.inc_by(pause.as_secs_f64());
        let mut closing = self.closing.subscribe();
        let _ = timeout(pause, closing.wait_for(|closing| *closing)).await; // either way it goes on
    }

    /// Asks storage anything, so that the breaker closes when it answers.
    async fn probe(&self) {
        let mut closing = self.closing.subscribe();
        let answered = tokio::select! {
            answered = self.answers() => answered,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        self.breaker.probed(answered);
        self.report();
    }

    /// Whether storage answers a read in time.
    async fn answers(&self) -> bool {
        let answer = timeout(self.settings().resolve_timeout, self.direct.bounds()).await;
        !matches!(answer, Err(_) | Ok(Err(StoreError::Unavailable(_) | StoreError::Unknown(_))))
    }

    /// For as long as a commit hangs: asks whether storage is read meanwhile.
    async fn watch_reads(&self) {
        loop {
            self.breaker.probe_due().await;
            self.breaker.probed_meanwhile(self.answers().await);
        }
    }

    fn begin(&self, batch: &Arc<Batch>) -> Write {
        let (store, batch) = (Arc::clone(&self.direct), Arc::clone(batch));
        self.handle.spawn(async move {
            fail_point!(CommitBefore);
            let outcome = store.append(&batch).await;
            fail_point!(CommitAfterWrite);
            outcome
        })
    }

    fn measure(&self, drained: &Drained, started: Instant) {
        self.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.metrics.commit_events.observe(drained.events.len() as f64);
        self.metrics.commit_bytes.observe(drained.encoded.len() as f64);
        self.trace(drained, true);
    }

    /// Ends the commit's span of each traced turn.
    fn trace(&self, drained: &Drained, committed: bool) {
        let Some(tracer) = self.tracer.get().filter(|_| !drained.traced.is_empty()) else { return };
        let what = What::Commit { events: drained.events.len(), bytes: drained.encoded.len(), committed };
        for traced in &drained.traced {
            tracer.end(traced.turn.child(), Some(traced.turn.span()), what, traced.appended);
        }
    }

    /// Tries until `resolve_timeout` to get the batch written, or to learn that it is.
    async fn resolve(&self, batch: &Arc<Batch>, mut write: Write) -> Resolved {
        let deadline = Instant::now() + self.settings().resolve_timeout;
        let mut pause = FIRST_PAUSE;
        let mut in_doubt = false;
        loop {
            let Ok(joined) = timeout_at(deadline, &mut write).await else {
                return Resolved::Undecided { in_doubt: true, running: Some(write) };
            };
            let error = match joined {
                Ok(Ok(())) => return Resolved::Committed,
                Ok(Err(error)) => error,
                Err(panicked) => StoreError::Unknown(panicked.to_string()),
            };
            self.metrics.commit_failed(&error);
            tracing::warn!(first = batch.first, count = batch.count, %error, "a commit failed");
            match error {
                StoreError::Fenced(reason) => return Resolved::Fenced { in_doubt, reason },
                StoreError::Conflict(_) | StoreError::Unavailable(_) => {}
                StoreError::Exists | StoreError::Unknown(_) | StoreError::Corrupt(_) => {
                    match timeout_at(deadline, self.read_back(batch)).await.unwrap_or(Found::NoAnswer) {
                        Found::Mine => return Resolved::Committed,
                        Found::Another => {
                            return Resolved::Fenced { in_doubt: false, reason: another(batch) };
                        }
                        // What was unknown once stays so until the end: a slow write may still land.
                        Found::Nothing | Found::NoAnswer => in_doubt = true,
                    }
                }
            }
            if Instant::now() + pause >= deadline {
                tokio::time::sleep_until(deadline).await;
                return Resolved::Undecided { in_doubt, running: None };
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            write = self.begin(batch);
        }
    }

    /// Asks until the store answers whether the batch is there.
    async fn outlast(&self, batch: &Arc<Batch>, running: Option<Write>) -> Outlasted {
        let mut closing = self.closing.subscribe();
        if let Some(write) = running {
            tokio::select! {
                ended = timeout(ABANDON_AFTER, write) => match ended {
                    Ok(Ok(Ok(()))) => return Outlasted::Committed,
                    Ok(Ok(Err(StoreError::Fenced(reason)))) => return Outlasted::Fenced(reason),
                    _ => {}
                },
                () = self.watch_reads() => {} // never ends
                _ = closing.wait_for(|closing| *closing) => return Outlasted::Closing,
            }
        }
        loop {
            let answer = async {
                self.breaker.probe_due().await;
                timeout(self.settings().resolve_timeout, self.read_back(batch)).await
            };
            let found = tokio::select! {
                found = answer => found.unwrap_or(Found::NoAnswer),
                _ = closing.wait_for(|closing| *closing) => return Outlasted::Closing,
            };
            match found {
                Found::Mine => return Outlasted::Committed,
                Found::Another => return Outlasted::Fenced(another(batch)),
                Found::Nothing => return Outlasted::Absent,
                Found::NoAnswer => self.breaker.probed(false),
            }
        }
    }

    async fn read_back(&self, batch: &Batch) -> Found {
        match self.direct.read(batch.first).await {
            Ok(Some(found)) if found.id == batch.id => Found::Mine,
            Ok(Some(_)) => Found::Another,
            Ok(None) => Found::Nothing,
            Err(error) => {
                tracing::warn!(first = batch.first, %error, "a batch could not be read back");
                Found::NoAnswer
            }
        }
    }

    /// Tells everyone whom a committed batch concerns, then lets its answers go.
    fn publish(&self, deliver: &dyn Deliver, drained: Drained) {
        let audiences: Vec<Vec<ActorKey>> =
            drained.events.iter().map(|event| event.fact.audience()).collect();
        {
            let mut index = self.index.lock();
            for (event, audience) in drained.events.iter().zip(&audiences) {
                index.note(drained.first, event, audience);
            }
            self.metrics.dirty_actors.set(index.len() as i64);
        }
        let bytes = drained.encoded.len();
        self.cache.insert(drained.first, Arc::clone(&drained.events), bytes);
        self.milestones.lock().note(drained.first, drained.at, bytes as u64);
        fail_point!(CommitBeforeDelivery);
        for (event, audience) in drained.events.iter().zip(&audiences) {
            for key in audience {
                guarded("deliver", || deliver.deliver(key, event));
            }
        }
        for event in drained.events.iter() {
            guarded("observe", || deliver.observe(event));
        }
        fail_point!(CommitBeforeRelease);
        let due = self.advance(drained.last);
        let_go(due);
    }

    fn stall(&self, last: u64, in_doubt: bool) {
        tracing::error!(last, in_doubt, "storage does not commit: refusing commands until it answers");
        self.breaker.trip();
        let down = Failure::StorageDown(self.storage_wait());
        let failure = if in_doubt { Failure::OutcomeUnknown } else { down };
        let due = self.queue.lock().stall(last, failure, down);
        self.metrics.queue_events.set(0);
        self.report();
        let_go(due);
    }

    fn stop_fenced(&self, last: u64, in_doubt: bool, reason: &str) {
        tracing::error!(last, reason, "another process owns the store: this one stops writing");
        let down = Failure::StorageDown(SOON);
        let failure = if in_doubt { Failure::OutcomeUnknown } else { down };
        let due = self.queue.lock().fence(last, failure, down);
        self.metrics.queue_events.set(0);
        self.report();
        let_go(due);
    }

    /// Storage answers again: what it does not hold is lost, and whoever holds such facts must recover.
    fn roll_back(&self, deliver: &dyn Deliver) {
        self.cut();
        self.metrics.rollbacks.inc();
        guarded("rolled_back", || deliver.rolled_back());
        self.queue.lock().resume();
        self.report();
        tracing::info!(committed = self.committed(), "storage answers again");
    }
}

fn another(batch: &Batch) -> String {
    format!("position {} holds a batch of another writer", batch.first)
}
