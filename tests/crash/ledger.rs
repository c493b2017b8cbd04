//! What the clients were told: every acknowledgement, every request whose answer never came, and every message
//! that a read showed. [`compare`] holds it against what the service says after a crash.
//!
//! One client at a time acts for an author's withdrawal, a voter or a reader, so what they leave in doubt is at
//! most one value each.

pub mod acts;
pub mod compare;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::Value;

use super::figures::Figures;
use super::scene::{Author, Place, Row};

/// Where an acknowledged message was told to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub message: String,
    pub seq: u64,
    pub sent_at: i64,
}

impl Told {
    fn of(answer: &Value) -> Self {
        let data = &answer["data"];
        Self {
            message: data["messageId"].as_str().expect("messageId").to_owned(),
            seq: data["seq"].as_u64().expect("seq"),
            sent_at: data["sentAt"].as_i64().expect("sentAt"),
        }
    }
}

/// A send that was asked for.
#[derive(Debug, Clone)]
struct Sent {
    author: Author,
    /// With an idempotency key, which is its content.
    keyed: bool,
    /// `None`: its answer never came.
    told: Option<Told>,
}

/// A value that only one client sets.
#[derive(Debug, Clone)]
struct Mark<T> {
    told: Option<T>,
    doubt: Option<T>,
}

impl<T> Default for Mark<T> {
    fn default() -> Self {
        Self { told: None, doubt: None }
    }
}

/// What was told about one conversation.
#[derive(Debug, Clone, Default)]
struct Page {
    /// By content, which is never used twice.
    sends: BTreeMap<String, Sent>,
    /// What reads showed, by seq.
    seen: BTreeMap<u64, Row>,
    /// Withdrawn messages by seq: whether that was acknowledged.
    withdrawn: BTreeMap<u64, bool>,
    /// By seq and voter.
    votes: BTreeMap<(u64, i64), Mark<i64>>,
    /// Messages that were withdrawn while a vote on them was in doubt: it may count or not.
    unsure_votes: BTreeSet<u64>,
    /// By reader.
    cursors: BTreeMap<i64, Mark<u64>>,
    /// Its id, once known.
    conversation: String,
}

impl Page {
    fn message(&self, seq: u64) -> String {
        format!("{}.{seq}", self.conversation)
    }

    fn cursor(&self, reader: i64) -> u64 {
        self.cursors.get(&reader).and_then(|mark| mark.told).unwrap_or(0)
    }

    fn knows(&mut self, message: &str) {
        if let Some((conversation, _)) = message.rsplit_once('.') {
            conversation.clone_into(&mut self.conversation);
        }
    }
}

/// Everything told so far. Written by all clients at once.
#[derive(Default)]
pub struct Ledger {
    pages: Mutex<BTreeMap<Place, Page>>,
    pub figures: Figures,
}

impl Ledger {
    fn with<T>(&self, place: &Place, change: impl FnOnce(&mut Page) -> T) -> T {
        let mut pages = self.pages.lock().expect("no panic");
        // A clone of the key only for a new page: this is called for every request.
        match pages.get_mut(place) {
            Some(page) => change(page),
            None => change(pages.entry(place.clone()).or_default()),
        }
    }

    /// Every conversation written of.
    pub fn places(&self) -> Vec<Place> {
        self.pages.lock().expect("no panic").keys().cloned().collect()
    }
}
