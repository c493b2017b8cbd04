//! What a routing knows, and the indexes derived from it.
//!
//! Guarantee: every change goes through one of the few `set_…` functions, which keep the indexes in step and
//! can be undone. So a decision may try its effects in place, see what follows from them, and take them all
//! back before anything is journaled.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::DEFAULT_GROUP;
use super::pace::Pace;
use crate::domain::event::{AgentRecord, Presence};
use crate::domain::ids::{Address, EntId, Millis};

/// One place of an agent: what fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A session it serves.
    Session(Uuid),
    /// A reservation on it.
    Lease(Uuid),
}

/// An agent, as long as it has a record or serves anybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its record; `None` = it opened sessions itself, or its record was deleted: nobody is routed to it.
    pub record: Option<Arc<AgentRecord>>,
    /// What it said of itself.
    pub presence: Presence,
    /// When one of its places was last filled or freed (at first: when it was put).
    pub idle_since: Millis,
    /// What fills its places.
    pub places: BTreeSet<Place>,
    /// Places filled when its capacity was last set, less those freed since: how far it may be above its
    /// capacity because that was lowered.
    pub allowance: usize,
}

impl Agent {
    /// An agent that nothing is known of yet.
    pub fn unrecorded(at: Millis) -> Self {
        Self {
            record: None,
            presence: Presence::Offline,
            idle_since: at,
            places: BTreeSet::new(),
            allowance: 0,
        }
    }

    /// The groups it serves; none without a record.
    pub fn groups(&self) -> Vec<&str> {
        let Some(record) = &self.record else { return Vec::new() };
        if record.groups.is_empty() {
            return vec![DEFAULT_GROUP];
        }
        let mut groups: Vec<&str> = record.groups.iter().map(|name| group_name(name)).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// How many places it has.
    pub fn capacity(&self, default_capacity: u32) -> usize {
        self.record.as_ref().map_or(default_capacity, |record| record.capacity) as usize
    }

    /// Its name as shown to customers; empty without a record.
    pub fn name(&self) -> String {
        self.record.as_ref().map(|record| record.name.clone()).unwrap_or_default()
    }
}

/// The one spelling of a group: `""` is the default group.
pub fn group_name(name: &str) -> &str {
    if name.is_empty() { DEFAULT_GROUP } else { name }
}

/// An open session: waiting, or served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its customer.
    pub customer: Address,
    /// The service conversation it happens in.
    pub conversation: Uuid,
    /// Its reception group.
    pub group: Arc<str>,
    /// The name to show; empty = the agent's own.
    pub shown_name: String,
    /// Its place in the order of arrival, for ever: the queue goes by it.
    pub arrival: u64,
    /// When it was opened.
    pub opened_at: Millis,
    /// Who serves it; `None` = it waits.
    pub serving: Option<Serving>,
}

/// Who serves a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// The agent's bare id.
    pub agent: Arc<str>,
    /// Its name at that time.
    pub agent_name: String,
    /// Since when.
    pub since: Millis,
}

/// A reservation of one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Whose place.
    pub agent: Arc<str>,
    /// The only customer it serves; `None` = whoever brings it.
    pub customer: Option<Address>,
    /// The group it was asked from.
    pub group: Arc<str>,
    /// When it lapses: from then on it holds nothing.
    pub expires_at: Millis,
}

/// An agent with a free place, ordered by who is taken first: least loaded, then longest idle, then id.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    used: usize,
    capacity: usize,
    idle_since: Millis,
    pub(super) agent: Arc<str>,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        // Cross-multiplied, so that 1 of 3 and 2 of 6 are exactly equal; both factors fit 32 bits.
        let mine = self.used as u128 * other.capacity as u128;
        let theirs = other.used as u128 * self.capacity as u128;
        let by_load = mine.cmp(&theirs);
        by_load.then(self.idle_since.cmp(&other.idle_since)).then_with(|| self.agent.cmp(&other.agent))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// What was there before a change.
#[derive(Debug, Clone)]
enum Before {
    Agent(Arc<str>, Option<Agent>),
    Session(Uuid, Option<Session>),
    Lease(Uuid, Option<Lease>),
    Pace(Arc<str>, Option<Pace>),
    Arrivals(u64),
}

/// The state of one enterprise's routing.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(super) ent: EntId,
    pub(super) agents: BTreeMap<Arc<str>, Agent>,
    pub(super) sessions: BTreeMap<Uuid, Session>,
    pub(super) leases: BTreeMap<Uuid, Lease>,
    pub(super) paces: BTreeMap<Arc<str>, Pace>,
    /// Sessions ever opened here.
    pub(super) arrivals: u64,

    // Derived from the above.
    pub(super) session_of: HashMap<Address, Uuid>,
    pub(super) lease_of: HashMap<Address, Uuid>,
    pub(super) deadlines: BTreeSet<(Millis, Uuid)>,
    /// Waiting sessions by group, by arrival; no empty queue is kept.
    pub(super) queues: BTreeMap<Arc<str>, BTreeMap<u64, Uuid>>,
    pub(super) members: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Per group, agents who said online and have a free place. Heartbeats are judged when choosing.
    pub(super) free: BTreeMap<Arc<str>, BTreeSet<Candidate>>,

    // Memory only: gone with the process, whose start counts as a heartbeat of everybody.
    beats: HashMap<Arc<str>, Millis>,
    awake_since: Millis,

    trail: Option<Vec<Before>>,
}

/// A routing as its snapshot holds it, in MessagePack: whole. Once enterprises with tens of thousands of open
/// sessions need it, sessions move into pages of their own and this keeps the rest.
#[derive(Serialize, Deserialize)]
struct Stored {
    agents: Vec<(Arc<str>, Agent)>,
    sessions: Vec<(Uuid, Session)>,
    leases: Vec<(Uuid, Lease)>,
    paces: Vec<(Arc<str>, Pace)>,
    arrivals: u64,
}

/// Equal in all that is journaled; heartbeats are not.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.ent == other.ent
            && self.agents == other.agents
            && self.sessions == other.sessions
            && self.leases == other.leases
            && self.paces == other.paces
            && self.arrivals == other.arrivals
    }
}

impl State {
    /// The routing of an enterprise nobody has asked anything of.
    pub fn new(ent: EntId) -> Self {
        Self { ent, ..Self::default() }
    }

    /// The whole state for a snapshot.
    ///
    /// # Errors
    /// None that this type can cause; the encoder's are passed on.
    pub fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        let stored = Stored {
            agents: self.agents.iter().map(|(id, agent)| (id.clone(), agent.clone())).collect(),
            sessions: self.sessions.iter().map(|(id, session)| (*id, session.clone())).collect(),
            leases: self.leases.iter().map(|(id, lease)| (*id, lease.clone())).collect(),
            paces: self.paces.iter().map(|(group, pace)| (group.clone(), pace.clone())).collect(),
            arrivals: self.arrivals,
        };
        rmp_serde::to_vec(&stored)
    }

    /// Reads what [`State::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn decode(ent: EntId, bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        let stored: Stored = rmp_serde::from_slice(bytes)?;
        let mut state = Self::new(ent);
        for (id, agent) in stored.agents {
            state.set_agent(&id, Some(agent));
        }
        for (id, session) in stored.sessions {
            state.set_session(id, Some(session));
        }
        for (id, lease) in stored.leases {
            state.set_lease(id, Some(lease));
        }
        for (group, pace) in stored.paces {
            state.set_pace(&group, Some(pace));
        }
        state.arrivals = stored.arrivals;
        Ok(state)
    }

    /// The process started (or the routing woke): a heartbeat of everybody.
    pub fn woke(&mut self, at: Millis) {
        self.awake_since = self.awake_since.max(at);
    }

    /// An agent was heard from.
    pub fn heard(&mut self, agent: &Arc<str>, at: Millis) {
        if !self.agents.contains_key(agent) {
            return; // nothing is kept for those who were never put
        }
        let beat = self.beats.entry(agent.clone()).or_insert(at);
        *beat = at.max(*beat);
    }

    /// Whether an agent was heard from less than `lapse` before `now`.
    pub fn is_fresh(&self, agent: &str, now: Millis, lapse: Millis) -> bool {
        let last = self.beats.get(agent).copied().unwrap_or(self.awake_since).max(self.awake_since);
        now.saturating_sub(last) < lapse
    }

    /// Whether nothing here has a deadline or anybody to wait for: it may sleep.
    pub fn is_at_rest(&self) -> bool {
        let everybody_gone = self.agents.values().all(|agent| agent.presence == Presence::Offline);
        self.sessions.is_empty() && self.leases.is_empty() && everybody_gone
    }

    /// Whether time passing alone could change anything now: somebody waits, or a reservation may lapse.
    pub fn awaits_time(&self, now: Millis) -> bool {
        let due = self.deadlines.first().is_some_and(|(deadline, _)| *deadline <= now);
        due || !self.queues.is_empty()
    }

    /// How many customers wait in all groups.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(BTreeMap::len).sum()
    }

    pub(super) fn waiting_in(&self, group: &str) -> usize {
        self.queues.get(group).map_or(0, BTreeMap::len)
    }

    /// Whether a group exists: the default one, or one named by an agent's record.
    pub(super) fn knows_group(&self, group: &str) -> bool {
        group == DEFAULT_GROUP || self.members.contains_key(group)
    }

    pub(super) fn set_agent(&mut self, id: &Arc<str>, new: Option<Agent>) {
        let old = self.agents.remove(id);
        if let Some(old) = &old {
            self.unindex_agent(id, old);
        }
        match new {
            Some(agent) => {
                self.index_agent(id, &agent);
                self.agents.insert(id.clone(), agent);
            }
            None if self.trail.is_none() => {
                self.beats.remove(id);
            }
            None => {} // tried only: the heartbeat must survive the undoing
        }
        self.remember(|| Before::Agent(id.clone(), old));
    }

    pub(super) fn set_session(&mut self, id: Uuid, new: Option<Session>) {
        let old = self.sessions.remove(&id);
        if let Some(old) = &old {
            self.session_of.remove(&old.customer);
            if old.serving.is_none() {
                self.unqueue(old);
            }
        }
        if let Some(session) = new {
            self.session_of.insert(session.customer.clone(), id);
            if session.serving.is_none() {
                self.queues.entry(session.group.clone()).or_default().insert(session.arrival, id);
            }
            self.sessions.insert(id, session);
        }
        self.remember(|| Before::Session(id, old));
    }

    pub(super) fn set_lease(&mut self, id: Uuid, new: Option<Lease>) {
        let old = self.leases.remove(&id);
        if let Some(old) = &old {
            self.deadlines.remove(&(old.expires_at, id));
            if let Some(customer) = &old.customer {
                self.lease_of.remove(customer);
            }
        }
        if let Some(lease) = new {
            self.deadlines.insert((lease.expires_at, id));
            if let Some(customer) = &lease.customer {
                self.lease_of.insert(customer.clone(), id);
            }
            self.leases.insert(id, lease);
        }
        self.remember(|| Before::Lease(id, old));
    }

    pub(super) fn set_pace(&mut self, group: &Arc<str>, new: Option<Pace>) {
        let old = match new {
            Some(pace) => self.paces.insert(group.clone(), pace),
            None => self.paces.remove(group),
        };
        self.remember(|| Before::Pace(group.clone(), old));
    }

    pub(super) fn set_arrivals(&mut self, arrivals: u64) {
        let old = std::mem::replace(&mut self.arrivals, arrivals);
        self.remember(|| Before::Arrivals(old));
    }

    /// From here on changes are only tried: [`State::take_back`] undoes them.
    pub(super) fn try_out(&mut self) {
        self.trail = Some(Vec::new());
    }

    /// Undoes everything since [`State::try_out`].
    pub(super) fn take_back(&mut self) {
        let trail = self.trail.take().unwrap_or_default();
        for before in trail.into_iter().rev() {
            match before {
                Before::Agent(id, Some(agent)) => self.set_agent(&id, Some(agent)),
                Before::Agent(id, None) => self.set_agent(&id, None),
                Before::Session(id, session) => self.set_session(id, session),
                Before::Lease(id, lease) => self.set_lease(id, lease),
                Before::Pace(group, pace) => self.set_pace(&group, pace),
                Before::Arrivals(arrivals) => self.arrivals = arrivals,
            }
        }
    }

    fn remember(&mut self, before: impl FnOnce() -> Before) {
        if let Some(trail) = &mut self.trail {
            trail.push(before());
        }
    }

    fn unqueue(&mut self, session: &Session) {
        let Some(queue) = self.queues.get_mut(&session.group) else { return };
        queue.remove(&session.arrival);
        if queue.is_empty() {
            self.queues.remove(&session.group);
        }
    }

    fn index_agent(&mut self, id: &Arc<str>, agent: &Agent) {
        let candidate = candidate(id, agent);
        for group in agent.groups() {
            let name: Arc<str> = match self.members.get_key_value(group) {
                Some((name, _)) => name.clone(),
                None => Arc::from(group),
            };
            self.members.entry(name.clone()).or_default().insert(id.clone());
            if let Some(candidate) = &candidate {
                self.free.entry(name).or_default().insert(candidate.clone());
            }
        }
    }

    fn unindex_agent(&mut self, id: &Arc<str>, agent: &Agent) {
        let candidate = candidate(id, agent);
        for group in agent.groups() {
            remove_from(&mut self.members, group, id);
            if let Some(candidate) = &candidate {
                remove_from(&mut self.free, group, candidate);
            }
        }
    }
}

/// The agent as a candidate: `None` unless it has a record, said online and has a free place.
fn candidate(id: &Arc<str>, agent: &Agent) -> Option<Candidate> {
    let record = agent.record.as_ref()?;
    let capacity = record.capacity as usize;
    let used = agent.places.len();
    let takes_customers = agent.presence == Presence::Online && used < capacity;
    takes_customers.then(|| Candidate { used, capacity, idle_since: agent.idle_since, agent: id.clone() })
}

fn remove_from<T: Ord>(sets: &mut BTreeMap<Arc<str>, BTreeSet<T>>, group: &str, item: &T) {
    let Some(set) = sets.get_mut(group) else { return };
    set.remove(item);
    if set.is_empty() {
        sets.remove(group);
    }
}
