//! The real binary, killed with SIGKILL in the middle of work and started again on the same store, round after
//! round: what was acknowledged is there exactly once, where it was told to be.

mod ledger;
mod process;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::harness::{agent, user};
use ledger::Ledger;
use process::Process;

/// Kills, as the product promises to survive any number of.
const ROUNDS: u64 = 25;

/// Acknowledged sends before each kill.
const ACKNOWLEDGED: u64 = 500;

/// Senders that never pause: each has a request in flight when the kill comes.
const SENDERS: u64 = 24;

/// Settings under which snapshots, passivation and trimming go on all the time, so that kills meet them too.
const BUSY_STORAGE: [&str; 4] = [
    "checkpoint.interval_ms=50",
    "checkpoint.lag_events=100",
    "passivation.idle_after_ms=100",
    "journal.retention_hours=0",
];

/// Every other round runs with [`BUSY_STORAGE`].
fn settings(round: u64) -> &'static [&'static str] {
    if round % 2 == 1 { &BUSY_STORAGE } else { &[] }
}

/// Conversations, so that hot ones are hit by several senders at once.
const CONVERSATIONS: i64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_doubled_or_renumbered_by_kill_9() {
    let seed =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("SEED={seed}");
    let store = tempfile::tempdir().expect("a temporary folder");
    let ledger = Arc::new(Ledger::default());
    let mut routing = Routing::default();
    for round in 0..ROUNDS {
        let process = Process::start(store.path(), settings(round)).await;
        ledger.check(&process).await;
        routing.check(&process).await;
        routing.work(&process, round).await;
        vote(&process, &ledger, round).await;
        send_until_killed(process, &ledger, round, seed).await;
    }
    let process = Process::start(store.path(), &[]).await;
    ledger.check(&process).await;
    routing.check(&process).await;
    assert!(ledger.acknowledged() >= ROUNDS * ACKNOWLEDGED);
}

/// Keeps every sender busy until enough was acknowledged, then kills the process under them.
async fn send_until_killed(process: Process, ledger: &Arc<Ledger>, round: u64, seed: u64) {
    let process = Arc::new(process);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let in_flight = Arc::new(AtomicU64::new(0));
    let senders = (0..SENDERS).map(|sender| {
        let (process, ledger) = (Arc::clone(&process), Arc::clone(ledger));
        let (acknowledged, in_flight) = (Arc::clone(&acknowledged), Arc::clone(&in_flight));
        tokio::spawn(async move {
            for n in 0.. {
                let text = format!("r{round}-s{sender}-n{n}-{seed}");
                let pair = i64::try_from((seed ^ (sender * 31 + n)) % 8).unwrap_or(0) % CONVERSATIONS;
                in_flight.fetch_add(1, Ordering::SeqCst);
                let outcome = process.say(pair, &text).await;
                let Some(sent) = outcome else {
                    return ledger.unanswered(pair, &text); // the process is gone: stays in flight
                };
                in_flight.fetch_sub(1, Ordering::SeqCst);
                ledger.acknowledge(pair, &text, sent);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    while acknowledged.load(Ordering::SeqCst) < ACKNOWLEDGED {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert!(!senders.iter().any(tokio::task::JoinHandle::is_finished), "a sender was refused");
    }
    process.kill();
    let unanswered = in_flight.load(Ordering::SeqCst);
    for sender in senders {
        sender.await.expect("a sender ends when the process is gone");
    }
    assert!(in_flight.load(Ordering::SeqCst) >= 10, "only {unanswered} requests were in flight");
}

/// One vote on the newest acknowledged message of every conversation.
async fn vote(process: &Process, ledger: &Ledger, round: u64) {
    for pair in 0..CONVERSATIONS {
        let Some(message) = ledger.newest(pair) else { continue };
        let vote = if round.is_multiple_of(2) { 1 } else { -1 };
        let body = json!({ "messageId": message, "appraise": vote });
        let reply = process.post(&user(2_000 + pair), "appraiseMessage", body).await.expect("an answer");
        assert_eq!(reply["data"]["mine"], vote, "{reply}");
        ledger.voted(pair, &message, vote);
    }
}

/// What was told about customer service: one agent with two places, customers who come and go.
#[derive(Default)]
struct Routing {
    /// Sessions being served.
    serving: BTreeSet<String>,
    /// Sessions waiting, in order.
    queue: Vec<String>,
    /// Sessions that ended.
    ended: Vec<String>,
}

impl Routing {
    /// Two more customers arrive; every other round one session is closed.
    async fn work(&mut self, process: &Process, round: u64) {
        if round == 0 {
            let record = json!({ "entId": "7", "name": "Agent", "capacity": 2 });
            process.send("PUT", "/v1/agents/50", record).await;
            process.send("PUT", "/v1/agents/50/presence", json!({ "presence": "online" })).await;
        }
        for n in 0..2 {
            let customer = i64::try_from(3_000 + round * 2 + n).unwrap_or(0);
            let body = json!({ "msgType": 2, "userType": 2 });
            let reply =
                process.post(&user(customer).ent(7), "createChatSession", body).await.expect("an answer");
            let session = reply["data"]["sessionId"].as_str().expect("a session").to_owned();
            match reply["data"]["state"].as_str() {
                Some("serving") => assert!(self.serving.insert(session)),
                Some("queued") => self.queue.push(session),
                other => panic!("a new session is {other:?}: {reply}"),
            }
        }
        if round % 2 == 1
            && let Some(session) = self.serving.pop_first()
        {
            let body = json!({ "sessionId": session });
            let reply = process.post(&agent(50).ent(7), "closeChatSession", body).await.expect("an answer");
            assert_eq!(reply["error_code"], 0, "{reply}");
            self.ended.push(session);
            if !self.queue.is_empty() {
                self.serving.insert(self.queue.remove(0));
            }
        }
        assert!(self.serving.len() <= 2, "never above capacity");
        self.check(process).await;
    }

    /// Everything is as it was told.
    async fn check(&self, process: &Process) {
        if self.serving.is_empty() {
            return;
        }
        for session in &self.serving {
            assert_eq!(state(process, session).await, "serving");
        }
        for session in self.ended.iter().rev().take(3) {
            assert_eq!(state(process, session).await, "ended");
        }
        let queue = process.send("GET", "/v1/shunts/7/default/queue", Value::Null).await;
        let waiting = queue["data"]["waiting"].as_array().expect("the queue");
        let waiting: Vec<&str> = waiting.iter().filter_map(|row| row["sessionId"].as_str()).collect();
        assert_eq!(waiting, self.queue, "the queue keeps its order");
    }
}

async fn state(process: &Process, session: &str) -> String {
    let view = process.send("GET", &format!("/v1/sessions/{session}"), Value::Null).await;
    view["data"]["state"].as_str().unwrap_or_default().to_owned()
}
