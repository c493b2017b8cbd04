//! What a routing knows of each agent, session and reservation.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::DEFAULT_GROUP;
use super::queue::Due;
use crate::domain::event::{AgentRecord, Presence, Reasons};
use crate::domain::ids::{Address, Millis};
use crate::domain::session::machine::Stage;

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
    /// Its record; `None` = it opened sessions itself, or its record was deleted: nobody is routed to it. Only
    /// [`Agent::set_record`] puts it.
    pub record: Option<Arc<AgentRecord>>,
    /// What it said of itself.
    pub presence: Presence,
    /// When it was last given a session or one left it (at first: when it was put).
    pub idle_since: Millis,
    /// What fills its places.
    pub places: BTreeSet<Place>,
    /// Places filled when its capacity was last set, less those freed since: how far it may be above its
    /// capacity because that was lowered.
    pub allowance: usize,
    /// When it last came online.
    #[serde(default)]
    pub online_since: Millis,
    /// What the record says of groups, read once.
    #[serde(skip)]
    memberships: Arc<[Membership]>,
}

/// An agent's part in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group's code.
    pub group: Arc<str>,
    /// Smaller is asked earlier, under the policy `priority`.
    pub priority: u32,
    /// Its share, under the policy `weighted`.
    pub weight: u32,
}

impl Membership {
    /// The priority of who names none.
    pub const USUAL_PRIORITY: u32 = 100;

    /// Reads `vip;priority=1;weight=3`, in any order; what is no such parameter belongs to the group's code.
    pub fn of(text: &str, usual_weight: u32) -> Self {
        let (mut code, mut priority, mut weight) = (text, Self::USUAL_PRIORITY, usual_weight);
        while let Some((before, parameter)) = code.rsplit_once(';') {
            let Some((name, value)) = parameter.split_once('=') else { break };
            match (name, value.parse()) {
                ("priority", Ok(given)) => priority = given,
                ("weight", Ok(given)) => weight = given,
                _ => break,
            }
            code = before;
        }
        Self { group: Arc::from(group_name(code)), priority, weight: weight.clamp(1, 10_000) }
    }

    /// All of a record, each group once.
    fn all_of(record: &AgentRecord) -> Vec<Self> {
        if record.groups.is_empty() {
            return vec![Self::of(DEFAULT_GROUP, record.weight)];
        }
        let mut all: Vec<Self> = record.groups.iter().map(|text| Self::of(text, record.weight)).collect();
        all.sort_by(|one, other| one.group.cmp(&other.group));
        all.dedup_by(|one, other| one.group == other.group);
        all
    }
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
            online_since: 0,
            memberships: Arc::default(),
        }
    }

    /// All of it but what fills its places.
    pub fn but_places(&self) -> Self {
        Self {
            record: self.record.clone(),
            presence: self.presence,
            idle_since: self.idle_since,
            places: BTreeSet::new(),
            allowance: self.allowance,
            online_since: self.online_since,
            memberships: Arc::clone(&self.memberships),
        }
    }

    /// Whether nothing keeps it: neither a record nor anything that fills its places.
    pub fn is_left(&self) -> bool {
        self.record.is_none() && self.places.is_empty()
    }

    /// Puts its record, or takes it away.
    pub fn set_record(&mut self, record: Option<Arc<AgentRecord>>) {
        self.record = record;
        self.read_memberships();
    }

    /// Reads its groups from the record, which alone is stored.
    pub fn read_memberships(&mut self) {
        self.memberships = self.record.as_deref().map(Membership::all_of).unwrap_or_default().into();
    }

    /// The groups it serves, each once; none without a record.
    pub const fn memberships(&self) -> &Arc<[Membership]> {
        &self.memberships
    }

    /// Whether it serves a group.
    pub fn serves(&self, group: &str) -> bool {
        self.memberships().iter().any(|membership| *membership.group == *group)
    }

    /// How many places it has.
    pub fn capacity(&self, default_capacity: u32) -> usize {
        self.record.as_ref().map_or(default_capacity, |record| record.capacity) as usize
    }

    /// Whether it was given more than its capacity. Who has no record opens sessions itself, each judged by the number
    /// that held at that time.
    pub fn is_above_capacity(&self) -> bool {
        let most = |record: &Arc<AgentRecord>| (record.capacity as usize).max(self.allowance);
        self.record.as_ref().is_some_and(|record| self.places.len() > most(record))
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
    /// The agent that serves it.
    pub serving: Option<Serving>,
    /// The offer that is open; not while it is served.
    #[serde(default)]
    pub offer: Option<Offer>,
    /// Whether the group's bot serves it.
    #[serde(default)]
    pub bot: bool,
    /// Its class in queues.
    #[serde(default)]
    pub class: u8,
    /// When it last began to wait; never before it was opened.
    #[serde(default)]
    pub waiting_since: Millis,
    /// Agents it is not given to, each until when.
    #[serde(default)]
    pub excluded: Vec<(Arc<str>, Millis)>,
    /// When it was last warned of silence.
    #[serde(default)]
    pub warned_at: Option<Millis>,
    /// Whether an agent has written in it.
    #[serde(default)]
    pub replied: bool,
}

impl Session {
    /// Whether it is in its group's queue.
    pub const fn waits(&self) -> bool {
        self.serving.is_none() && self.offer.is_none() && !self.bot
    }

    /// Where it stands.
    pub const fn stage(&self) -> Stage {
        match (&self.serving, &self.offer, self.bot) {
            (Some(_), ..) => Stage::Serving,
            (None, Some(_), _) => Stage::Offered,
            (None, None, true) => Stage::WithBot,
            (None, None, false) => Stage::Queued,
        }
    }

    /// The agent whose place it fills.
    pub fn holder(&self) -> Option<&Arc<str>> {
        let serving = self.serving.as_ref().map(|serving| &serving.agent);
        serving.or_else(|| self.offer.as_ref().map(|offer| &offer.agent))
    }

    /// Its place in the order of its queue.
    pub fn due(&self) -> Due {
        Due::new(self.opened_at, self.class, self.arrival)
    }

    /// It is not given to this agent until `until`.
    pub fn exclude(&mut self, agent: &Arc<str>, now: Millis, until: Millis) {
        self.excluded.retain(|(excluded, until)| excluded != agent && *until > now);
        self.excluded.push((agent.clone(), until));
    }

    /// Whether it may be given to this agent at `now`.
    pub fn admits(&self, agent: &str, now: Millis) -> bool {
        !self.excluded.iter().any(|(excluded, until)| **excluded == *agent && *until > now)
    }
}

/// An offer to one agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The agent's bare id.
    pub agent: Arc<str>,
    /// Its name at that time.
    pub agent_name: String,
    /// When it lapses.
    pub until: Millis,
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
    /// The client address, of a caller whom nobody vouches for.
    #[serde(default)]
    pub client: Option<Arc<str>>,
    /// When it was made. Its agent is not idle since before that, as long as it holds the place.
    #[serde(default)]
    pub made_at: Millis,
    /// The turns it took: each group's, and how far. They are returned when nobody uses it.
    #[serde(default)]
    pub turns: Vec<(Arc<str>, u64)>,
    /// Why its agent was chosen.
    #[serde(default)]
    pub why: Option<Arc<Reasons>>,
}
