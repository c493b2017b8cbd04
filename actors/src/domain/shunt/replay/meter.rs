//! Measures a course of changes: waits, those who gave up, load, fairness. The same for what was and for what
//! would have been. Who came before the beginning fills places, and is counted nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::event::{CloseReason, Presence, ShuntChange};
use crate::domain::ids::Millis;

/// Milliseconds of an hour.
const HOUR: f64 = 3_600_000.0;

/// What was measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Customers who came.
    pub came: usize,
    /// Those who were given to an agent.
    pub served: usize,
    /// Those who left while waiting.
    pub abandoned: usize,
    /// Those turned away: closed, full, or out of patience by rule.
    pub turned_away: usize,
    /// Waits of those served, in milliseconds: half of them at most so long.
    pub wait_p50: Option<Millis>,
    /// Nineteen of twenty at most so long.
    pub wait_p95: Option<Millis>,
    /// Filled places by places of agents online, 0 to 1.
    pub load: Option<f64>,
    /// The most customers an agent was given per place and hour online, less the fewest.
    pub spread: Option<f64>,
    /// Customers given to each agent.
    pub by_agent: BTreeMap<Arc<str>, u64>,
}

#[derive(Debug, Clone, Default)]
struct Worker {
    capacity: u32,
    online: bool,
    since: Millis,
    filled: u32,
    busy: f64,
    available: f64,
    served: u64,
}

impl Worker {
    /// Counts the time up to `at`, of which what lies before `from` is nobody's.
    fn count_to(&mut self, at: Millis, from: Millis) {
        let stretch = (at - self.since.max(from)).max(0) as f64;
        self.since = self.since.max(at);
        if self.online {
            self.available += stretch * f64::from(self.capacity);
        }
        self.busy += stretch * f64::from(self.filled);
    }
}

/// Follows changes in their order.
#[derive(Debug, Clone)]
pub struct Meter {
    from: Millis,
    workers: BTreeMap<Arc<str>, Worker>,
    /// When those who are open came, and to whom they were given.
    open: HashMap<Uuid, (Millis, Option<Arc<str>>)>,
    waits: Vec<Millis>,
    outcome: Outcome,
}

impl Meter {
    /// Measures from `from` on.
    pub fn new(from: Millis) -> Self {
        let (workers, open) = (BTreeMap::new(), HashMap::new());
        Self { from, workers, open, waits: Vec::new(), outcome: Outcome::default() }
    }

    /// One change more.
    pub fn follow(&mut self, at: Millis, change: &ShuntChange) {
        match change {
            ShuntChange::AgentPut { agent, record } => {
                let capacity = record.capacity;
                self.worker(at, agent, |worker| worker.capacity = capacity);
            }
            ShuntChange::AgentDeleted { agent } => self.worker(at, agent, |worker| worker.online = false),
            ShuntChange::PresenceSet { agent, presence } => {
                let online = *presence == Presence::Online;
                self.worker(at, agent, |worker| worker.online = online);
            }
            ShuntChange::SessionOpened(opened) => {
                self.open.insert(opened.session, (at, None));
                self.outcome.came += usize::from(at >= self.from);
            }
            ShuntChange::Assigned { session, agent, .. } => self.assigned(at, *session, agent),
            ShuntChange::Requeued { session, .. } | ShuntChange::Moved { session, .. } => {
                self.leave(at, *session);
            }
            ShuntChange::SessionEnded { session, reason, .. } => self.ended(at, *session, *reason),
            _ => {}
        }
    }

    fn worker(&mut self, at: Millis, agent: &Arc<str>, change: impl FnOnce(&mut Worker)) {
        let from = self.from;
        let worker = self.workers.entry(agent.clone()).or_default();
        worker.count_to(at, from);
        change(worker);
    }

    fn assigned(&mut self, at: Millis, session: Uuid, agent: &Arc<str>) {
        let Some((came, holder)) = self.open.get(&session).cloned() else { return };
        if holder.as_ref() == Some(agent) {
            return;
        }
        if holder.is_some() {
            self.leave(at, session);
        } else if came >= self.from {
            self.waits.push(at - came);
            self.outcome.served += 1;
        }
        let counts = u64::from(came >= self.from);
        self.open.insert(session, (came, Some(agent.clone())));
        self.worker(at, agent, |worker| {
            worker.filled += 1;
            worker.served += counts;
        });
    }

    fn leave(&mut self, at: Millis, session: Uuid) {
        let holder = self.open.get_mut(&session).and_then(|(_, holder)| holder.take());
        if let Some(agent) = holder {
            self.worker(at, &agent, |worker| worker.filled = worker.filled.saturating_sub(1));
        }
    }

    fn ended(&mut self, at: Millis, session: Uuid, reason: CloseReason) {
        self.leave(at, session);
        if self.open.remove(&session).is_none_or(|(came, _)| came < self.from) {
            return;
        }
        match reason {
            CloseReason::LeftQueue => self.outcome.abandoned += 1,
            CloseReason::QueueTimeout | CloseReason::QueueFull | CloseReason::Offline => {
                self.outcome.turned_away += 1;
            }
            _ => {}
        }
    }

    /// What was measured up to `end`.
    pub fn outcome(mut self, end: Millis) -> Outcome {
        let from = self.from;
        for worker in self.workers.values_mut() {
            worker.count_to(end, from);
        }
        let busy: f64 = self.workers.values().map(|worker| worker.busy).sum();
        let available: f64 = self.workers.values().map(|worker| worker.available).sum();
        let present = self.workers.values().filter(|worker| worker.available > 0.0);
        let rates: Vec<f64> =
            present.map(|worker| worker.served as f64 / (worker.available / HOUR)).collect();
        let most = rates.iter().copied().reduce(f64::max);
        let fewest = rates.iter().copied().reduce(f64::min);
        self.waits.sort_unstable();
        let by_agent = self.workers.iter().map(|(id, worker)| (id.clone(), worker.served));
        Outcome {
            wait_p50: quantile(&self.waits, 0.5),
            wait_p95: quantile(&self.waits, 0.95),
            load: (available > 0.0).then(|| busy / available),
            spread: most.zip(fewest).map(|(most, fewest)| most - fewest),
            by_agent: by_agent.collect(),
            ..self.outcome
        }
    }
}

fn quantile(sorted: &[Millis], share: f64) -> Option<Millis> {
    let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(place).copied()
}
