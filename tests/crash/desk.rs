//! Customer service under kills: clerks who open, reserve, talk and close for customers of their own, and the
//! comparison of sessions, queue, places and reservations with what they were told.
//!
//! Clerks act at once, so what one customer's act does to another is not told to anybody. It follows all the
//! same: every free place is filled from the queue, in the order of arrival where that order is known, and an
//! agent's places are exactly the sessions and reservations on it. With one clerk that order is always known.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::figures::Fault;
use super::ledger::Ledger;
use super::ledger::acts::How;
use super::process::{Final, Gone, Process, online};
use super::scene::{Author, Place};
use crate::harness::user;

/// Customers of one clerk at a time: more than there are places, so that some wait.
const CUSTOMERS: usize = 6;

/// How many ended sessions are looked at after each start.
const ENDED: usize = 10;

#[derive(Debug, Clone, PartialEq)]
struct Lease {
    id: String,
    agent: String,
    expires_at: i64,
}

#[derive(Debug, Clone)]
struct Session {
    id: String,
    /// Who serves it; once known it stays so.
    agent: Option<String>,
    by_lease: bool,
    /// Ticks of the clerks' common clock: when it was asked for, and when that was answered.
    asked: u64,
    answered: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Open,
    Close,
    Obtain,
}

#[derive(Debug, Clone)]
struct Customer {
    clerk: usize,
    session: Option<Session>,
    lease: Option<Lease>,
    /// Asked for and not answered.
    doubt: Option<Act>,
    asked: u64,
}

#[derive(Default)]
struct Book {
    staffed: bool,
    tick: u64,
    newest: i64,
    customers: BTreeMap<i64, Customer>,
    ended: Vec<String>,
}

/// One enterprise.
pub struct Desk {
    ent: i64,
    agents: RangeInclusive<i64>,
    capacity: u64,
    pub clerks: usize,
    ledger: Arc<Ledger>,
    book: Mutex<Book>,
}

impl Desk {
    pub fn new(ent: i64, agents: i64, capacity: u64, clerks: usize, ledger: Arc<Ledger>) -> Self {
        let agents = ent * 100..=ent * 100 + agents - 1;
        Self { ent, agents, capacity, clerks, ledger, book: Mutex::default() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.book.lock().expect("no panic"))
    }

    fn customer<T>(&self, id: i64, change: impl FnOnce(&mut Customer) -> T) -> T {
        self.with(|book| change(book.customers.get_mut(&id).expect("a customer of ours")))
    }

    fn fault(&self, fault: Fault, what: String) {
        self.ledger.figures.fault(fault, format!("enterprise {}: {what}", self.ent));
    }

    /// The conversations of the customers who are here.
    pub fn places(&self) -> Vec<Place> {
        let customers = self.with(|book| book.customers.keys().copied().collect::<Vec<_>>());
        customers.into_iter().map(|customer| Place::Service { ent: self.ent, customer }).collect()
    }

    /// Works until the process is gone.
    pub async fn work(self: Arc<Self>, process: Arc<Process>, clerk: usize, mut random: StdRng) -> Gone {
        for n in 0_u64.. {
            if let Err(gone) = self.work_once(&process, clerk, n, &mut random).await {
                return gone;
            }
        }
        Gone
    }

    async fn work_once(
        &self,
        process: &Process,
        clerk: usize,
        n: u64,
        random: &mut StdRng,
    ) -> Result<(), Gone> {
        let mine: Vec<(i64, Customer)> = self.with(|book| {
            let mine = book.customers.iter().filter(|(_, customer)| customer.clerk == clerk);
            mine.map(|(id, customer)| (*id, customer.clone())).collect()
        });
        if mine.len() < CUSTOMERS && random.random_bool(0.5) {
            let arrived = self.arrives(clerk);
            let act = if random.random_bool(0.3) { Act::Obtain } else { Act::Open };
            return self.act(process, arrived, act).await;
        }
        let Some((id, customer)) = mine.choose(random) else { return Ok(()) };
        let Some(session) = &customer.session else { return self.act(process, *id, Act::Open).await };
        if random.random_bool(0.3) {
            return self.act(process, *id, Act::Close).await;
        }
        let author = match &session.agent {
            Some(agent) if random.random_bool(0.5) => Author::Agent(agent.clone()),
            _ => Author::User(*id),
        };
        let place = Place::Service { ent: self.ent, customer: *id };
        let content = format!("{}-{clerk}-{n}-{}", self.ent, random.random::<u64>());
        let how = How { keyed: true, hangs_up: None };
        self.ledger.send(process, &place, &author, &content, how).await.map(drop)
    }

    fn arrives(&self, clerk: usize) -> i64 {
        self.with(|book| {
            book.newest += 1;
            let id = self.ent * 1_000_000 + book.newest;
            let customer = Customer { clerk, session: None, lease: None, doubt: None, asked: 0 };
            book.customers.insert(id, customer);
            id
        })
    }

    /// Does what a customer wants until it is known to be done.
    async fn act(&self, process: &Process, id: i64, act: Act) -> Result<(), Gone> {
        let before = self.with(|book| {
            book.tick += 1;
            let tick = book.tick;
            let customer = book.customers.get_mut(&id).expect("a customer of ours");
            if customer.doubt.replace(act).is_none() {
                customer.asked = tick; // a repeat arrived when its first attempt did
            }
            customer.clone()
        });
        let who = user(id).ent(self.ent);
        match act {
            Act::Open => {
                let wish = before.lease.as_ref().map_or("", |lease| lease.id.as_str());
                let body = json!({ "msgType": 2, "userType": 2, "receiveId": wish });
                let answer = process.ask(&who, "createChatSession", &body).await?.done();
                self.opened(id, &before, &answer["data"]);
            }
            Act::Close => {
                let session = before.session.expect("a session to close").id;
                let body = json!({ "sessionId": session });
                match process.ask(&who, "closeChatSession", &body).await? {
                    Final::Done(answer) if answer["data"]["state"] == "ended" => {}
                    other => self.fault(Fault::Lost, format!("{session} is closed: {other:?}")),
                }
                self.with(|book| {
                    book.customers.remove(&id);
                    book.ended.push(session);
                });
                self.ledger.figures.acknowledged("closings");
            }
            Act::Obtain => {
                let body = json!({ "type": "default" });
                let answer = process.ask(&who, "obtainShunt", &body).await?.done();
                self.obtained(id, &before, &answer["data"]);
            }
        }
        Ok(())
    }

    fn opened(&self, id: i64, before: &Customer, data: &Value) {
        let session = data["sessionId"].as_str().expect("a session").to_owned();
        let agent = data["agentId"].as_str().map(str::to_owned);
        if let Some(known) = &before.session {
            if session != known.id || data["created"] != false {
                self.fault(Fault::Duplicated, format!("{id} has {known:?} open, and was given {data}"));
            }
            return self.customer(id, |customer| customer.doubt = None);
        }
        if let Some(lease) = &before.lease
            && agent.as_ref() != Some(&lease.agent)
        {
            self.fault(Fault::Lost, format!("{id} brought {lease:?}, and was given {data}"));
        }
        self.with(|book| {
            book.tick += 1;
            let answered = book.tick;
            let customer = book.customers.get_mut(&id).expect("a customer of ours");
            let by_lease = customer.lease.take().is_some();
            customer.session =
                Some(Session { id: session, agent, by_lease, asked: customer.asked, answered });
            customer.doubt = None;
        });
        self.ledger.figures.acknowledged("openings");
    }

    fn obtained(&self, id: i64, before: &Customer, data: &Value) {
        let lease = data["reservationId"].as_str().map(|reservation| Lease {
            id: reservation.to_owned(),
            agent: data["agentId"].as_str().unwrap_or_default().to_owned(),
            expires_at: data["expiresAt"].as_i64().unwrap_or_default(),
        });
        if before.lease.is_some() && lease != before.lease {
            self.fault(Fault::Lost, format!("{id} held {:?}, and was given {data}", before.lease));
        }
        self.customer(id, |customer| {
            customer.lease = lease;
            customer.doubt = None;
        });
        self.ledger.figures.acknowledged("reservations");
    }

    /// Staffs the desk the first time, asks again for what is in doubt, then compares.
    pub async fn check(&self, process: &Process) -> Result<(), Gone> {
        if !self.with(|book| book.staffed) {
            for id in self.agents.clone() {
                let record =
                    json!({ "entId": self.ent.to_string(), "name": "Agent", "capacity": self.capacity });
                process.put(&format!("/v1/agents/{id}"), &record).await?;
                process.put(&format!("/v1/agents/{id}/presence"), &online()).await?;
            }
            self.with(|book| book.staffed = true);
        }
        let doubts = self.with(|book| {
            let doubts = book.customers.iter().filter_map(|(id, customer)| Some((*id, customer.doubt?)));
            doubts.collect::<Vec<_>>()
        });
        for (id, act) in doubts {
            self.act(process, id, act).await?;
        }
        let (serving, waiting) = self.check_customers(process).await?;
        self.check_queue(process, &serving, &waiting).await?;
        self.check_agents(process, &serving, waiting.len()).await?;
        let ended = self.with(|book| book.ended.iter().rev().take(ENDED).cloned().collect::<Vec<_>>());
        for session in ended {
            let card = process.get(&format!("/v1/sessions/{session}")).await?;
            if card["data"]["state"] != "ended" {
                self.fault(Fault::Lost, format!("{session} was closed: {card}"));
            }
        }
        Ok(())
    }

    /// Sessions and reservations are what was told; gives who is served and who waits.
    async fn check_customers(&self, process: &Process) -> Result<(Vec<Session>, Vec<Session>), Gone> {
        let customers = self.with(|book| book.customers.clone());
        let (mut serving, mut waiting) = (Vec::new(), Vec::new());
        for (id, customer) in customers {
            if customer.lease.is_some() {
                self.act(process, id, Act::Obtain).await?; // gives the same one
            }
            let Some(mut session) = customer.session else { continue };
            self.act(process, id, Act::Open).await?; // gives the same one
            let card = process.get(&format!("/v1/sessions/{}", session.id)).await?;
            let (state, agent) = (&card["data"]["state"], card["data"]["agentId"].as_str());
            if session.agent.is_some() && session.agent.as_deref() != agent {
                self.fault(Fault::Lost, format!("{session:?} is now {card}"));
            }
            session.agent = agent.map(str::to_owned);
            self.customer(id, |customer| customer.session = Some(session.clone()));
            match state.as_str() {
                Some("serving") => serving.push(session),
                Some("queued") => waiting.push(session),
                _ => self.fault(Fault::Lost, format!("{session:?} is open, but {card}")),
            }
        }
        Ok((serving, waiting))
    }

    /// The queue holds exactly those who wait, in the order of arrival, and nobody who came later is served.
    async fn check_queue(
        &self,
        process: &Process,
        serving: &[Session],
        waiting: &[Session],
    ) -> Result<(), Gone> {
        let queue = process.get(&format!("/v1/shunts/{}/default/queue", self.ent)).await?;
        let rows = queue["data"]["waiting"].as_array().expect("the queue");
        let ids: Vec<&str> = rows.iter().filter_map(|row| row["sessionId"].as_str()).collect();
        let known: BTreeSet<&str> = waiting.iter().map(|session| session.id.as_str()).collect();
        if ids.len() != known.len() || !ids.iter().all(|id| known.contains(id)) {
            self.fault(Fault::Wrong, format!("{known:?} wait, but {queue}"));
        }
        let of = |id: &str| waiting.iter().find(|session| session.id == id);
        for (place, id) in ids.iter().enumerate() {
            let Some(session) = of(id) else { continue };
            let later = ids.iter().skip(place + 1).filter_map(|later| of(later));
            for overtaken in later.filter(|later| later.answered < session.asked) {
                self.fault(Fault::Wrong, format!("{session:?} waits before {overtaken:?}"));
            }
            let overtakes = |served: &&Session| !served.by_lease && session.answered < served.asked;
            for served in serving.iter().filter(overtakes) {
                self.fault(Fault::Wrong, format!("{served:?} is served before {session:?}"));
            }
        }
        Ok(())
    }

    /// An agent's places are the sessions and reservations on it, and none is free while somebody waits.
    async fn check_agents(&self, process: &Process, serving: &[Session], waiting: usize) -> Result<(), Gone> {
        let leases: Vec<Lease> =
            self.with(|book| book.customers.values().filter_map(|customer| customer.lease.clone()).collect());
        for agent in self.agents.clone() {
            let name = agent.to_string();
            let card = process.get(&format!("/v1/agents/{agent}")).await?;
            let sessions = serving.iter().filter(|session| session.agent.as_ref() == Some(&name)).count();
            let reserved = leases.iter().filter(|lease| lease.agent == name).count();
            let data = &card["data"];
            if data["sessions"] != json!(sessions) || data["leases"] != json!(reserved) {
                self.fault(Fault::Wrong, format!("{sessions} sessions, {reserved} reservations: {card}"));
            }
            let filled = (sessions + reserved) as u64;
            if filled > self.capacity || (waiting > 0 && filled < self.capacity) {
                self.fault(Fault::Wrong, format!("{filled} places filled, {waiting} wait: {card}"));
            }
            if data["accepting"] != true {
                self.fault(Fault::Lost, format!("it said it was online: {card}"));
            }
        }
        Ok(())
    }
}
