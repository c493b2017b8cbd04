//! The real binary is killed in the middle of routing, round after round on one store: no session is lost or
//! doubly owned, the queue keeps its order, reservations keep their deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::engine::Engine;
use super::process::{Final, Gone, Process, online};
use crate::harness::user;

const ENT: i64 = 4_711;
const AGENTS: std::ops::Range<i64> = 70..73;
const PLACES: u64 = 3;

/// An agent whose places are only ever reserved, in a group of its own, so that it never fills up.
const RESERVED: i64 = 80;

/// Kills of a normal run; `ROUNDS` says more.
const ROUNDS: u64 = 25;

/// Reservations outlive the whole run, and nobody lapses: whatever changes was asked for.
const SETTINGS: [&str; 4] = [
    "routing.lease_ms=86400000",
    "routing.heartbeat_lapse_ms=86400000",
    "routing.client_leases=1000000", // all customers come from one address
    "checkpoint.interval_ms=100",
];

/// What clients were told of one customer.
#[derive(Debug, Clone, Default)]
struct Told {
    session: Option<String>,
    /// Reservation and deadline.
    lease: Option<(String, i64)>,
    /// A request is out, so nothing is known for certain.
    doubt: bool,
}

#[derive(Default)]
struct Book {
    customers: BTreeMap<i64, Told>,
    ended: Vec<String>,
}

type Shared = Arc<Mutex<Book>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_routing_no_session_is_lost_or_doubly_owned() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("SEED").unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder");
    let book = Shared::default();
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed_at = Vec::new();
    for round in 0..number("ROUNDS").unwrap_or(ROUNDS) {
        let process = Process::start(&Engine::Rocksdb, folder.path(), &SETTINGS, "").await.expect("ready");
        let process = Arc::new(process);
        if round == 0 {
            staff(&process).await.expect("staffed");
        }
        compare(&process, &book, &killed_at).await.expect("it lives on");
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let random = StdRng::seed_from_u64(seed ^ (round * 4 + client));
                tokio::spawn(work(process.clone(), book.clone(), (round * 4 + client) as i64, random))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(20..200))).await;
        killed_at = queue(&process).await.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
        process.kill();
        process.end().await;
        for client in clients {
            let Gone = client.await.expect("no panic");
        }
    }
    let process = Process::start(&Engine::Rocksdb, folder.path(), &SETTINGS, "").await.expect("ready");
    compare(&process, &book, &killed_at).await.expect("it lives on");
    let book = book.lock().expect("no panic");
    println!("{} customers, {} sessions ended", book.customers.len(), book.ended.len());
    let reserved = book.customers.values().filter(|told| told.lease.is_some()).count();
    assert!(
        book.customers.len() > 25 && !book.ended.is_empty() && reserved > 5,
        "the rounds did nothing: {reserved} reservations"
    );
}

async fn staff(process: &Process) -> Result<(), Gone> {
    process.put(&format!("/v1/shunts/{ENT}/default"), &json!({ "policy": "round_robin" })).await?;
    for agent in AGENTS {
        let record = json!({ "entId": ENT.to_string(), "name": "Agent", "capacity": PLACES });
        process.put(&format!("/v1/agents/{agent}"), &record).await?;
        process.put(&format!("/v1/agents/{agent}/presence"), &online()).await?;
    }
    let record =
        json!({ "entId": ENT.to_string(), "name": "Agent", "groups": ["reserved"], "capacity": 1_000 });
    process.put(&format!("/v1/agents/{RESERVED}"), &record).await?;
    process.put(&format!("/v1/agents/{RESERVED}/presence"), &online()).await?;
    Ok(())
}

async fn queue(process: &Process) -> Result<Vec<String>, Gone> {
    let mut sessions = Vec::new();
    for page in 1.. {
        let queue = process.get(&format!("/v1/shunts/{ENT}/default/queue?page={page}")).await?;
        let rows = queue["data"]["waiting"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() {
            break;
        }
        sessions.extend(rows.iter().filter_map(|row| Some(row["sessionId"].as_str()?.to_owned())));
    }
    Ok(sessions)
}

/// One client: its own customers, one request at a time, until the process is gone.
async fn work(process: Arc<Process>, book: Shared, client: i64, mut random: StdRng) -> Gone {
    for n in 0.. {
        let id = (client + 1) * 100_000 + n;
        if let Err(gone) = live(&process, &book, id, &mut random).await {
            return gone;
        }
    }
    Gone
}

/// A customer's life, or the beginning of it.
async fn live(process: &Process, book: &Shared, id: i64, random: &mut StdRng) -> Result<(), Gone> {
    let tell = |change: &dyn Fn(&mut Told)| {
        change(book.lock().expect("no panic").customers.entry(id).or_default());
    };
    let who = user(id).ent(ENT);
    if random.random_bool(0.1) {
        tell(&|told| told.doubt = true);
        let lease = reserve(process, id, "reserved").await?.expect("a place is free");
        tell(&|told| *told = Told { lease: Some(lease.clone()), ..Told::default() });
        return Ok(());
    }
    if random.random_bool(0.3) {
        tell(&|told| told.doubt = true);
        reserve(process, id, "").await?;
        tell(&|told| told.doubt = false);
    }
    tell(&|told| told.doubt = true);
    let opened =
        process.ask(&who, "createChatSession", &json!({ "msgType": 2, "userType": 2 })).await?.done();
    let session = opened["data"]["sessionId"].as_str().expect("a session").to_owned();
    tell(&|told| *told = Told { session: Some(session.clone()), ..Told::default() });
    if random.random_bool(0.3) {
        return Ok(());
    }
    tell(&|told| told.doubt = true);
    match process.ask(&who, "closeChatSession", &json!({ "sessionId": session })).await? {
        Final::Done(_) => {}
        Final::Refused(code) => panic!("{session} could not be closed: {code}"),
    }
    let mut book = book.lock().expect("no panic");
    book.customers.remove(&id);
    book.ended.push(session);
    Ok(())
}

/// A customer's reservation and its deadline, if there is a place.
async fn reserve(process: &Process, id: i64, group: &str) -> Result<Option<(String, i64)>, Gone> {
    let who = user(id).ent(ENT);
    let place = process.ask(&who, "obtainShunt", &json!({ "type": group })).await?.done();
    let lease = place["data"]["reservationId"].as_str().map(str::to_owned);
    Ok(lease.zip(place["data"]["expiresAt"].as_i64()))
}

/// Everything that was told is so, and every session has one place: one agent, or the queue.
async fn compare(process: &Process, book: &Shared, killed_at: &[String]) -> Result<(), Gone> {
    let customers = book.lock().expect("no panic").customers.clone();
    let waiting = queue(process).await?;
    let distinct: BTreeSet<&String> = waiting.iter().collect();
    assert_eq!(distinct.len(), waiting.len(), "nobody waits twice");
    let kept: Vec<&String> = killed_at.iter().filter(|session| distinct.contains(session)).collect();
    let now: Vec<&String> = waiting.iter().filter(|session| killed_at.contains(session)).collect();
    assert_eq!(kept, now, "the queue keeps its order");
    let mut by_agent: BTreeMap<String, u64> = BTreeMap::new();
    for (id, told) in &customers {
        let who = user(*id).ent(ENT);
        if let Some(lease) = &told.lease {
            let again = reserve(process, *id, "reserved").await?;
            assert_eq!(again.as_ref(), Some(lease), "customer {id} keeps its place and its deadline");
            continue;
        }
        let Some(session) = &told.session else { continue };
        let card = process.get(&format!("/v1/sessions/{session}")).await?["data"].clone();
        if told.doubt && card["state"] == "ended" {
            book.lock().expect("no panic").customers.remove(id); // the close was not told, but happened
            continue;
        }
        match card["state"].as_str() {
            Some("queued") => assert!(distinct.contains(session), "{card} is in no queue"),
            Some("serving") => {
                assert!(!distinct.contains(session), "{card} is served and waits");
                let agent = card["agentId"].as_str().expect("an agent").to_owned();
                *by_agent.entry(agent).or_default() += 1;
            }
            _ => panic!("customer {id}: {card} of {told:?}"),
        }
        let again = json!({ "msgType": 2, "userType": 2 });
        let again = process.ask(&who, "createChatSession", &again).await?.done()["data"].clone();
        assert_eq!((&again["sessionId"], &again["created"]), (&json!(session), &json!(false)), "{card}");
    }
    let untold =
        customers.values().filter(|told| told.session.is_none() && told.lease.is_none()).count() as u64;
    for agent in AGENTS {
        let card = process.get(&format!("/v1/agents/{agent}")).await?["data"].clone();
        let (sessions, leases) = (count(&card["sessions"]), count(&card["leases"]));
        let known = by_agent.get(&agent.to_string()).copied().unwrap_or(0);
        assert!(known <= sessions && sessions <= known + untold, "{known} known, {untold} untold: {card}");
        assert!(sessions + leases <= PLACES, "{card}");
        assert!(waiting.is_empty() || sessions + leases == PLACES, "somebody waits beside {card}");
    }
    let ended: Vec<_> = book.lock().expect("no panic").ended.iter().rev().take(20).cloned().collect();
    for session in ended {
        let card = process.get(&format!("/v1/sessions/{session}")).await?;
        assert_eq!(card["data"]["state"], "ended", "{card}");
    }
    let group = process.get(&format!("/v1/shunts/{ENT}/default")).await?;
    assert!(
        book.lock().expect("no panic").customers.is_empty() || group["data"]["policy"] == "round_robin",
        "{group}"
    );
    Ok(())
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}
