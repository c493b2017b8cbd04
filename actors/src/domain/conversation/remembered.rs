//! Idempotency keys: which keyed sends a conversation remembers, and for how long.
//!
//! Guarantees: at most `idempotency_count` are held, none older than `idempotency_age` is answered from.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::Limits;
use crate::domain::event::Idempotency;
use crate::domain::ids::{Address, Millis};

/// A keyed send: what its repeat is answered from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedSend {
    /// Who sent it: keys of different senders are different keys.
    pub sender: Address,
    /// The key as the client gave it.
    pub key: Arc<str>,
    /// The digest of its request.
    pub digest: u64,
    /// The message it became.
    pub seq: u64,
    /// When it was admitted.
    pub at: Millis,
}

/// The keyed sends remembered, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "VecDeque<KeyedSend>", into = "VecDeque<KeyedSend>")]
pub struct Remembered {
    sends: VecDeque<KeyedSend>,
    /// Digest, seq and time of the newest send with a sender's key.
    index: HashMap<(Address, Arc<str>), (u64, u64, Millis)>,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// Nothing, or no more.
    New,
    /// The same request became this message.
    Repeat {
        /// Its place.
        seq: u64,
        /// When it was admitted.
        at: Millis,
    },
    /// Another request used the key.
    Reused,
}

impl Remembered {
    /// Looks a sender's key up, as of `at`.
    pub fn recall(&self, sender: &Address, given: &Idempotency, at: Millis, limits: &Limits) -> Recall {
        let Some(&(digest, seq, sent_at)) = self.index.get(&(sender.clone(), Arc::from(given.key.as_str())))
        else {
            return Recall::New;
        };
        if at.saturating_sub(sent_at) > limits.idempotency_age {
            return Recall::New;
        }
        if digest != given.digest { Recall::Reused } else { Recall::Repeat { seq, at: sent_at } }
    }

    /// Remembers a keyed send and forgets those beyond the limits.
    pub fn add(&mut self, sender: &Address, given: &Idempotency, seq: u64, at: Millis, limits: &Limits) {
        let key: Arc<str> = Arc::from(given.key.as_str());
        self.index.insert((sender.clone(), Arc::clone(&key)), (given.digest, seq, at));
        self.sends.push_back(KeyedSend { sender: sender.clone(), key, digest: given.digest, seq, at });
        let oldest = at.saturating_sub(limits.idempotency_age);
        while self.sends.len() > limits.idempotency_count
            || self.sends.front().is_some_and(|send| send.at < oldest)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(send) = self.sends.pop_front() else {
            return;
        };
        let name = (send.sender, send.key);
        // A later send may have taken the key over.
        if self.index.get(&name).is_some_and(|(_, seq, _)| *seq == send.seq) {
            self.index.remove(&name);
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.sends.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty()
    }
}

impl From<VecDeque<KeyedSend>> for Remembered {
    fn from(sends: VecDeque<KeyedSend>) -> Self {
        let named = |send: &KeyedSend| {
            ((send.sender.clone(), Arc::clone(&send.key)), (send.digest, send.seq, send.at))
        };
        let index = sends.iter().map(named).collect();
        Self { sends, index }
    }
}

impl From<Remembered> for VecDeque<KeyedSend> {
    fn from(remembered: Remembered) -> Self {
        remembered.sends
    }
}
