//! What the clients were told, and the comparison with what the service says after a crash.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::CONVERSATIONS;
use super::process::{Process, Told};
use crate::harness::user;

/// Everything acknowledged so far.
#[derive(Default)]
pub struct Ledger(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    /// By conversation: content → where it was told to be.
    sends: BTreeMap<i64, BTreeMap<String, Told>>,
    /// Sends in flight at the kill: committed or not, a retry must end with exactly one message.
    unanswered: Vec<(i64, String)>,
    /// By conversation: message → the vote.
    votes: BTreeMap<i64, BTreeMap<String, i64>>,
}

impl Ledger {
    /// Notes an acknowledged send.
    pub fn acknowledge(&self, pair: i64, content: &str, told: Told) {
        let mut pages = self.0.lock().expect("no panic");
        let before = pages.sends.entry(pair).or_default().insert(content.to_owned(), told);
        assert_eq!(before, None, "every content is sent once");
    }

    /// Notes a send that was in flight when the process was killed.
    pub fn unanswered(&self, pair: i64, content: &str) {
        self.0.lock().expect("no panic").unanswered.push((pair, content.to_owned()));
    }

    /// Retries what was in flight, with the same keys.
    async fn retry(&self, process: &Process) {
        let unanswered = std::mem::take(&mut self.0.lock().expect("no panic").unanswered);
        for (pair, content) in unanswered {
            let told = process.say(pair, &content).await.expect("an answer");
            self.acknowledge(pair, &content, told);
        }
    }

    /// Notes an acknowledged vote.
    pub fn voted(&self, pair: i64, message: &str, vote: i64) {
        self.0.lock().expect("no panic").votes.entry(pair).or_default().insert(message.to_owned(), vote);
    }

    /// The newest acknowledged message of a conversation.
    pub fn newest(&self, pair: i64) -> Option<String> {
        let pages = self.0.lock().expect("no panic");
        let newest = pages.sends.get(&pair)?.values().max_by_key(|told| told.seq)?;
        Some(newest.message.clone())
    }

    /// How many sends were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.0.lock().expect("no panic").sends.values().map(|sends| sends.len() as u64).sum()
    }

    /// Compares in both directions: everything acknowledged is there once with the seq it was told, no seq is
    /// missing or used twice, unread agrees, votes stand, and a retry gives the same message.
    pub async fn check(&self, process: &Process) {
        self.retry(process).await;
        for pair in 0..CONVERSATIONS {
            let (sends, votes) = {
                let pages = self.0.lock().expect("no panic");
                let sends = pages.sends.get(&pair).cloned().unwrap_or_default();
                (sends, pages.votes.get(&pair).cloned().unwrap_or_default())
            };
            if sends.is_empty() {
                continue;
            }
            let rows = process.history(pair).await;
            let seqs: Vec<i64> = rows.iter().filter_map(|row| row["seq"].as_i64()).collect();
            assert_eq!(seqs, (1..=rows.len() as i64).collect::<Vec<i64>>(), "gapless and unique");
            let mut found: BTreeMap<&str, &Value> = BTreeMap::new();
            for row in &rows {
                let content = row["content"].as_str().expect("content");
                assert!(found.insert(content, row).is_none(), "{content} is there twice");
            }
            for (content, told) in &sends {
                let row =
                    found.get(content.as_str()).unwrap_or_else(|| panic!("{content} was lost ({told:?})"));
                assert_eq!(row["messageId"], told.message.as_str());
            }
            for (message, vote) in &votes {
                let row = rows.iter().find(|row| row["messageId"] == message.as_str()).expect("the message");
                assert_eq!(row["appraise"]["mine"].as_i64(), Some(*vote), "the vote on {message}");
            }
            let unread = process.post(&user(2_000 + pair), "messageCount", json!({ "userType": 2 })).await;
            assert_eq!(
                unread.expect("an answer")["count"].as_i64(),
                Some(rows.len() as i64),
                "nothing was read"
            );
            let (content, told) = sends.iter().max_by_key(|(_, told)| told.seq).expect("not empty");
            assert_eq!(
                process.say(pair, content).await.as_ref(),
                Some(told),
                "a retry gives the same message"
            );
        }
    }
}
