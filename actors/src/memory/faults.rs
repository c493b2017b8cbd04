//! Faults on purpose: what a store may do to the journal, one call at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::ports::StoreError;

/// What one append does instead of succeeding.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub error: StoreError,
    /// Whether it writes all the same.
    pub write: bool,
}

/// The faults of one store. Clones share them.
#[derive(Clone)]
pub struct Faults {
    appends: Arc<Mutex<VecDeque<Fault>>>,
    away: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
    appends_held: Arc<watch::Sender<bool>>,
    loads_held: Arc<watch::Sender<bool>>,
    saves_held: Arc<watch::Sender<bool>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            appends: Arc::default(),
            away: Arc::default(),
            full: Arc::default(),
            appends_held: Arc::new(watch::Sender::new(false)),
            loads_held: Arc::new(watch::Sender::new(false)),
            saves_held: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Faults {
    /// The next append fails with `error` and writes nothing.
    pub fn fail_append(&self, error: StoreError) {
        self.appends.lock().push_back(Fault { error, write: false });
    }

    /// The next append writes, and says that its outcome is unknown.
    pub fn lose_answer(&self) {
        let error = StoreError::Unknown("the answer was lost".to_owned());
        self.appends.lock().push_back(Fault { error, write: true });
    }

    /// Forgets the failures planned for appends.
    pub fn clear(&self) {
        self.appends.lock().clear();
    }

    /// While `away`, every call fails with `Unavailable`.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// While `full`, every write fails with `Unavailable`.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// While `held`, appends wait before they write.
    pub fn hold_appends(&self, held: bool) {
        self.appends_held.send_replace(held);
    }

    /// While `held`, reads of snapshots wait.
    pub fn hold_loads(&self, held: bool) {
        self.loads_held.send_replace(held);
    }

    /// While `held`, snapshots wait before they are written.
    pub fn hold_saves(&self, held: bool) {
        self.saves_held.send_replace(held);
    }

    /// How many snapshots wait for that.
    pub fn saves_held(&self) -> usize {
        self.saves_held.receiver_count()
    }

    pub(super) async fn before_append(&self) -> Option<Fault> {
        let _ = self.appends_held.subscribe().wait_for(|held| !held).await; // the sender lives in `self`
        let planned = self.appends.lock().pop_front();
        if planned.is_some() {
            return planned;
        }
        self.before_write().err().map(|error| Fault { error, write: false })
    }

    pub(super) async fn before_load(&self) {
        let _ = self.loads_held.subscribe().wait_for(|held| !held).await; // the sender lives in `self`
    }

    pub(super) async fn before_save(&self) {
        let _ = self.saves_held.subscribe().wait_for(|held| !held).await; // the sender lives in `self`
    }

    pub(super) fn before_write(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("full on purpose".to_owned()));
        }
        self.before_read()
    }

    pub(super) fn before_read(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("away on purpose".to_owned()));
        }
        Ok(())
    }
}
