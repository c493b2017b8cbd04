//! What a routing knows.
//!
//! Guarantee: every change goes through one of the few `set_…` functions, which keep the indexes (see
//! [`super::index`]) in step and can be undone. So a decision may try its effects in place, see what follows
//! from them, and take them all back before anything is journaled.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, LazyLock};

use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::Desk;
use super::figures::Book;
use super::group::Group;
use super::index::{Indexed, Timer};
use super::pace::Pace;
use super::places::Promises;
use super::queue::Queue;
pub use super::records::{Agent, Lease, Place, Serving, Session, group_name};
use super::tally::Tally;
use super::turns::Turns;
use super::{DEFAULT_GROUP, Numbers};
use crate::domain::event::{ConversationEvent, GroupDefinition, Presence};
use crate::domain::ids::{Address, EntId, Millis};

/// Whose last agents are remembered at most, per enterprise: the oldest are forgotten first.
const REMEMBERED_CUSTOMERS: usize = 100_000;

/// The agent of a customer's last session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastAgent {
    /// The customer.
    pub customer: Address,
    /// The agent.
    pub agent: Arc<str>,
    /// When the session ended.
    pub at: Millis,
}

/// What was there before a change.
#[derive(Debug, Clone)]
pub(super) enum Before {
    /// An agent, but for what filled its places.
    Agent(Arc<str>, Option<Agent>),
    /// Whether this filled a place of the agent.
    Place(Arc<str>, Place, bool),
    Session(Uuid, Option<Arc<Session>>),
    Lease(Uuid, Option<Lease>),
    Pace(Arc<str>, Option<Pace>),
    Group(Arc<str>, Option<Arc<GroupDefinition>>),
    /// A group's floor and an agent's tag.
    Turn(Arc<str>, Arc<str>, u64, Option<u64>),
    Promoted(Address, Option<Address>),
    Arrivals(u64),
}

/// The state of one enterprise's routing.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(super) ent: EntId,
    pub(super) agents: BTreeMap<Arc<str>, Agent>,
    pub(super) sessions: BTreeMap<Uuid, Arc<Session>>,
    pub(super) leases: BTreeMap<Uuid, Lease>,
    pub(super) paces: BTreeMap<Arc<str>, Pace>,
    pub(super) groups: BTreeMap<Arc<str>, Group>,
    pub(super) turns: BTreeMap<Arc<str>, Turns>,
    /// The oldest first.
    pub(super) last_agents: VecDeque<LastAgent>,
    /// Visitors who became registered users.
    pub(super) promoted: HashMap<Address, Address>,
    /// Sessions ever opened here.
    pub(super) arrivals: u64,
    pub(super) book: Book,

    // Derived from the above.
    /// Users whom visitors became, and how many did.
    pub(super) became: HashMap<Address, u32>,
    pub(super) session_of: HashMap<Address, Uuid>,
    pub(super) lease_of: HashMap<Address, Uuid>,
    /// Reservations of callers whom nobody vouches for, by client address: apart those for a customer and those for
    /// whoever brings them.
    pub(super) leases_from: HashMap<(Arc<str>, bool), u32>,
    /// Reservations on agents and offers to them. Nothing is kept for who has none.
    pub(super) promises: HashMap<Arc<str>, Promises>,
    pub(super) last_agent_of: HashMap<Address, (Arc<str>, Millis)>,
    pub(super) timers: BTreeSet<(Millis, Timer)>,
    /// Waiting sessions by group. No empty queue is kept.
    pub(super) queues: BTreeMap<Arc<str>, Queue>,
    /// Agents by group. No empty desk is kept.
    pub(super) desks: BTreeMap<Arc<str>, Desk>,
    pub(super) indexed: HashMap<Arc<str>, Indexed>,
    /// Agents that changed since they were last indexed; none between two changes.
    pub(super) touched: Vec<Arc<str>>,

    // Memory only: gone with the process, whose start counts as a sign of life of everybody.
    pub(super) beats: HashMap<Arc<str>, Millis>,
    pub(super) spoken: HashMap<Uuid, Millis>,
    pub(super) awake_since: Millis,
    pub(super) now: Millis,
    pub(super) numbers: Numbers,
    pub(super) tally: Tally,

    trail: Option<Vec<Before>>,
}

/// Equal in all that is journaled; signs of life are not.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.ent == other.ent
            && self.agents == other.agents
            && self.sessions == other.sessions
            && self.leases == other.leases
            && self.paces == other.paces
            && self.groups == other.groups
            && self.turns == other.turns
            && self.last_agents == other.last_agents
            && self.promoted == other.promoted
            && self.arrivals == other.arrivals
            && self.book == other.book
    }
}

/// What a group that was never defined goes by.
static UNDEFINED: LazyLock<Arc<GroupDefinition>> = LazyLock::new(Arc::default);

impl State {
    /// The routing of an enterprise nobody has asked anything of.
    pub fn new(ent: EntId) -> Self {
        Self { ent, ..Self::default() }
    }

    /// Its open sessions.
    pub fn sessions(&self) -> impl Iterator<Item = (&Uuid, &Session)> {
        self.sessions.iter().map(|(id, session)| (id, &**session))
    }

    /// The process started (or the routing woke), with these numbers: a sign of life of everybody.
    pub fn woke(&mut self, at: Millis, numbers: &Numbers) {
        self.numbers = *numbers;
        self.awake_since = self.awake_since.max(at);
        self.now = self.now.max(at);
        self.index_everything();
    }

    /// An agent was heard from; whether it had lapsed, so that it may be given customers again.
    pub fn heard(&mut self, agent: &Arc<str>, at: Millis) -> bool {
        if !self.agents.contains_key(agent) {
            return false; // nothing is kept for those who were never put
        }
        let stale = !self.is_fresh(agent, at, self.numbers.heartbeat_lapse);
        let beat = self.beats.entry(agent.clone()).or_insert(at);
        *beat = at.max(*beat);
        if stale {
            self.now = self.now.max(at);
            self.index_agent(agent);
        }
        stale
    }

    /// Somebody wrote in a session: it is not idle.
    pub fn spoke(&mut self, session: Uuid, at: Millis) {
        let Some(known) = self.sessions.get(&session).cloned() else { return };
        self.unindex_timer(session, &known);
        let last = self.spoken.entry(session).or_insert(at);
        *last = at.max(*last);
        self.index_timer(session, &known);
    }

    /// Takes in what a conversation decided at `at`, of which votes for agents and their first messages matter. Never
    /// while changes are only tried.
    pub fn told(&mut self, at: Millis, event: &ConversationEvent) {
        match event {
            ConversationEvent::Voted { credit: Some(credit), .. } => self.count_vote(at, credit),
            ConversationEvent::Sent { session: Some(session), author, answers: true, .. } => {
                self.answered(at, *session, &author.address.id);
            }
            _ => {}
        }
    }

    fn answered(&mut self, at: Millis, id: Uuid, agent: &str) {
        let Some(open) = self.sessions.get(&id) else { return };
        if open.replied || open.serving.as_ref().is_none_or(|serving| *serving.agent != *agent) {
            return; // it was given to another meanwhile
        }
        self.count_replied(at, id);
        if let Some(open) = self.sessions.get_mut(&id) {
            Arc::make_mut(open).replied = true; // no index looks at it
        }
    }

    /// Whether an agent was heard from less than `lapse` before `now`.
    pub fn is_fresh(&self, agent: &str, now: Millis, lapse: Millis) -> bool {
        now.saturating_sub(self.last_beat(agent)) < lapse
    }

    pub(super) fn last_beat(&self, agent: &str) -> Millis {
        self.beats.get(agent).copied().unwrap_or(self.awake_since).max(self.awake_since)
    }

    /// Whether nothing here has a deadline or anybody to wait for: it may sleep.
    pub fn is_at_rest(&self) -> bool {
        let everybody_gone = self.agents.values().all(|agent| agent.presence == Presence::Offline);
        self.sessions.is_empty() && self.leases.is_empty() && everybody_gone
    }

    /// Whether time passing alone could change anything now: somebody waits, or a deadline has come.
    pub fn awaits_time(&self, now: Millis) -> bool {
        let due = self.timers.first().is_some_and(|(deadline, _)| *deadline <= now);
        due || !self.queues.is_empty()
    }

    /// How many customers wait in all groups.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(Queue::len).sum()
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn waiting_in(&self, group: &str) -> usize {
        self.queues.get(group).map_or(0, Queue::len)
    }

    /// Whether a group exists: the default one, one that is defined, or one named by an agent's record.
    pub(super) fn knows_group(&self, group: &str) -> bool {
        group == DEFAULT_GROUP || self.desks.contains_key(group) || self.groups.contains_key(group)
    }

    /// What a group goes by.
    pub(super) fn definition(&self, group: &str) -> Arc<GroupDefinition> {
        let defined = self.groups.get(group).map(|group| &group.definition);
        defined.unwrap_or_else(|| &UNDEFINED).clone()
    }

    /// The customer behind an address: the user a visitor became.
    pub(super) fn person<'a>(&'a self, customer: &'a Address) -> &'a Address {
        self.promoted.get(customer).unwrap_or(customer)
    }

    /// Whoever is a customer here: with a session, a reservation or an agent to come back to.
    pub fn customers(&self) -> impl Iterator<Item = &Address> {
        let last = self.last_agents.iter().map(|last| &last.customer);
        self.session_of.keys().chain(self.lease_of.keys()).chain(last)
    }

    /// Whether this address is a customer here, and nobody's alias yet.
    pub fn knows_customer(&self, customer: &Address) -> bool {
        let known = self.session_of.contains_key(customer) || self.lease_of.contains_key(customer);
        (known || self.last_agent_of.contains_key(customer)) && !self.promoted.contains_key(customer)
    }

    /// Every visitor who became a registered user, with that user.
    pub fn promotions(&self) -> Vec<(Address, Address)> {
        self.promoted.iter().map(|(visitor, user)| (visitor.clone(), user.clone())).collect()
    }

    /// How many visitors became this user.
    pub(super) fn visitors_of(&self, user: &Address) -> usize {
        self.became.get(user).map_or(0, |visitors| *visitors as usize)
    }

    pub(super) fn session_of(&self, customer: &Address) -> Option<Uuid> {
        self.session_of.get(self.person(customer)).copied()
    }

    pub(super) fn lease_of(&self, customer: &Address) -> Option<Uuid> {
        self.lease_of.get(self.person(customer)).copied()
    }

    pub(super) fn set_session(&mut self, id: Uuid, new: Option<Arc<Session>>) {
        let old = match &new {
            Some(session) => self.sessions.insert(id, Arc::clone(session)),
            None => self.sessions.remove(&id),
        };
        if let Some(old) = &old {
            self.unindex_session(id, old);
        }
        match &new {
            Some(session) => self.index_session(id, session),
            None if !self.is_trying() => drop(self.spoken.remove(&id)),
            None => {}
        }
        self.remember(|| Before::Session(id, old));
    }

    pub(super) fn set_lease(&mut self, id: Uuid, new: Option<Lease>) {
        let old = self.leases.remove(&id);
        let agent = old.as_ref().or(new.as_ref()).map(|lease| lease.agent.clone());
        if let Some(old) = &old {
            self.unindex_lease(id, old);
        }
        if let Some(lease) = new {
            self.index_lease(id, &lease);
            self.leases.insert(id, lease);
        }
        if let Some(agent) = agent {
            self.touch(&agent); // idle since then
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

    /// Defines a group; its sessions and agents go by the new definition from now on, its class included. Costs a
    /// look at every session and agent.
    pub(super) fn set_group(&mut self, code: &Arc<str>, new: Option<Arc<GroupDefinition>>) {
        let mut sessions = std::mem::take(&mut self.sessions);
        for (id, session) in sessions.iter().filter(|(_, session)| session.group == *code) {
            self.unindex_session(*id, session);
        }
        let old = match new {
            Some(definition) => self.groups.insert(code.clone(), Group::new(definition)),
            None => self.groups.remove(code),
        };
        let class = self.definition(code).class;
        for (id, session) in sessions.iter_mut().filter(|(_, session)| session.group == *code) {
            Arc::make_mut(session).class = class;
            self.index_session(*id, session);
        }
        self.sessions = sessions;
        self.index_agents_of(code);
        self.remember(|| Before::Group(code.clone(), old.map(|group| group.definition)));
    }

    /// Moves an agent's tag and the floor of a group.
    pub(super) fn set_turn(&mut self, group: &Arc<str>, agent: &Arc<str>, tag: Option<u64>, floor: u64) {
        let turns = self.turns.entry(group.clone()).or_default();
        let old_floor = std::mem::replace(&mut turns.floor, floor);
        let old_tag = match tag {
            Some(tag) => turns.tags.insert(agent.clone(), tag),
            None => turns.tags.remove(agent),
        };
        if turns.tags.is_empty() && turns.floor == 0 {
            self.turns.remove(group);
        }
        self.touch(agent);
        self.remember(|| Before::Turn(group.clone(), agent.clone(), old_floor, old_tag));
    }

    /// What the visitor has open must be the user's by then: the indexes are by person.
    pub(super) fn set_promoted(&mut self, visitor: &Address, user: Option<Address>) {
        if let Some(user) = &user {
            *self.became.entry(user.clone()).or_default() += 1;
        }
        let old = match user {
            Some(user) => self.promoted.insert(visitor.clone(), user),
            None => self.promoted.remove(visitor),
        };
        if let Some(user) = &old
            && let Some(visitors) = self.became.get_mut(user)
        {
            *visitors -= 1;
            if *visitors == 0 {
                self.became.remove(user);
            }
        }
        self.remember(|| Before::Promoted(visitor.clone(), old));
    }

    pub(super) fn set_arrivals(&mut self, arrivals: u64) {
        let old = std::mem::replace(&mut self.arrivals, arrivals);
        self.remember(|| Before::Arrivals(old));
    }

    /// Remembers whose customer somebody was. Not undone, so never while changes are only tried. At most half of what
    /// is kept is of customers who came again later.
    pub(super) fn note_last_agent(&mut self, last: LastAgent) {
        self.last_agent_of.insert(last.customer.clone(), (last.agent.clone(), last.at));
        match self.last_agents.back_mut() {
            Some(newest) if newest.customer == last.customer => *newest = last,
            _ => self.last_agents.push_back(last),
        }
        if self.last_agents.len() > 2 * self.last_agent_of.len() {
            let newest = &self.last_agent_of;
            self.last_agents.retain(|last| newest.get(&last.customer).is_some_and(|(_, at)| *at == last.at));
        }
        if self.last_agents.len() <= REMEMBERED_CUSTOMERS {
            return;
        }
        if let Some(oldest) = self.last_agents.pop_front()
            && self.last_agent_of.get(&oldest.customer).is_some_and(|(_, at)| *at == oldest.at)
        {
            self.last_agent_of.remove(&oldest.customer);
        }
    }

    /// Forgets figures that nobody asks for any more, but for those of agents whose time is being counted; and the pace
    /// and turns of groups that exist nowhere any more.
    pub fn forget_old(&mut self) {
        let mut agents = std::mem::take(&mut self.book.agents);
        agents.retain(|id, days| !days.is_old(self.now) || self.places_of(id) != (0, 0));
        self.book.agents = agents;
        self.book.forget_old_groups(self.now);
        let (mut paces, mut turns) = (std::mem::take(&mut self.paces), std::mem::take(&mut self.turns));
        paces.retain(|group, _| self.is_in_use(group));
        turns.retain(|group, _| self.is_in_use(group));
        (self.paces, self.turns) = (paces, turns);
    }

    /// Whether a group exists, or anything open still names it.
    fn is_in_use(&self, group: &Arc<str>) -> bool {
        self.knows_group(group)
            || self.sessions.values().any(|session| session.group == *group)
            || self.leases.values().any(|lease| lease.group == *group)
    }

    /// What was counted since the last look.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Whether changes are only tried now.
    pub(super) const fn is_trying(&self) -> bool {
        self.trail.is_some()
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
                Before::Agent(id, agent) => self.restore_agent(&id, agent),
                Before::Place(id, place, filled) => self.restore_place(&id, place, filled),
                Before::Session(id, session) => self.set_session(id, session),
                Before::Lease(id, lease) => self.set_lease(id, lease),
                Before::Pace(group, pace) => self.set_pace(&group, pace),
                Before::Group(code, definition) => self.set_group(&code, definition),
                Before::Turn(group, agent, floor, tag) => self.set_turn(&group, &agent, tag, floor),
                Before::Promoted(visitor, user) => self.set_promoted(&visitor, user),
                Before::Arrivals(arrivals) => self.arrivals = arrivals,
            }
        }
        self.index_touched();
    }

    pub(super) fn remember(&mut self, before: impl FnOnce() -> Before) {
        if let Some(trail) = &mut self.trail {
            trail.push(before());
        }
    }
}
