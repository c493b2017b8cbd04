//! Indexes over what a routing knows: who can be taken, who waits, what is due. Derived and in memory only;
//! rebuilt from nothing they are the same (the audit compares).
//!
//! An agent's place in the indexes depends on the time (it lapses, it grows into its capacity), so each has a
//! time at which it is looked at again; a heartbeat of an agent who has not lapsed costs nothing here.

use std::sync::Arc;

use uuid::Uuid;

use super::desk::{Candidate, Entry};
use super::records::{Agent, Lease, Place, Session};
use super::state::State;
use crate::domain::event::{GroupDefinition, Presence, Skipped};
use crate::domain::ids::Millis;

/// What is due at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A reservation lapses.
    Lease(Uuid),
    /// A session's next deadline: an offer, the queue's patience, silence, its lifetime.
    Session(Uuid),
    /// An agent is looked at again.
    Agent(Arc<str>),
}

/// How an agent is indexed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexed {
    entries: Vec<Entry>,
    look_again: Option<Millis>,
}

impl Indexed {
    fn groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entries.iter().map(|entry| &entry.group)
    }
}

impl State {
    /// An agent changed: [`State::index_touched`] brings its place in the indexes up to date, once for all of a change
    /// and once for all that is undone.
    pub(super) fn touch(&mut self, id: &Arc<str>) {
        if self.touched.last() != Some(id) {
            self.touched.push(id.clone());
        }
    }

    pub(super) fn index_touched(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for id in touched.drain(..) {
            self.index_agent(&id);
        }
        self.touched = touched;
    }

    /// Brings an agent's place in the indexes up to date.
    pub(super) fn index_agent(&mut self, id: &Arc<str>) {
        let new = self.agents.get(id).map(|agent| self.indexed_now(id, agent));
        if self.indexed.get(id) == new.as_ref() {
            return;
        }
        let known = new.is_some();
        let (old, new) = (self.indexed.remove(id).unwrap_or_default(), new.unwrap_or_default());
        if old.look_again != new.look_again {
            let timer = |at: Millis| (at, Timer::Agent(id.clone()));
            old.look_again.map(|at| self.timers.remove(&timer(at)));
            self.timers.extend(new.look_again.map(timer));
        }
        if old.groups().eq(new.groups()) {
            for (was, is) in old.entries.iter().zip(&new.entries) {
                self.put_in_desk(&is.group, Some(was), Some(is));
            }
        } else {
            for was in &old.entries {
                self.put_in_desk(&was.group, Some(was), None);
            }
            for is in &new.entries {
                self.put_in_desk(&is.group, None, Some(is));
            }
        }
        if known {
            self.indexed.insert(id.clone(), new);
        }
    }

    fn put_in_desk(&mut self, group: &Arc<str>, was: Option<&Entry>, is: Option<&Entry>) {
        let desk = self.desks.entry(group.clone()).or_default();
        desk.put(was, is);
        if desk.members == 0 {
            self.desks.remove(group);
        }
    }

    fn indexed_now(&self, id: &Arc<str>, agent: &Agent) -> Indexed {
        let last_beat = self.last_beat(id);
        let lapses_at = last_beat.saturating_add(self.numbers.heartbeat_lapse);
        let online = agent.presence == Presence::Online && self.now < lapses_at;
        let mut look_again = online.then_some(lapses_at);
        let mut again = |at: Millis| look_again = Some(look_again.map_or(at, |other: Millis| other.min(at)));
        // Sessions sort before reservations.
        let serves = matches!(agent.places.first(), Some(Place::Session(_)));
        if serves {
            again(last_beat.saturating_add(self.grace()).max(self.now.saturating_add(1)));
        }
        let free = agent.capacity(self.numbers.default_capacity).saturating_sub(agent.places.len());
        let idle_since = self.idle_since(id, agent);
        let mut entries = Vec::with_capacity(agent.memberships().len());
        for membership in agent.memberships().iter() {
            let definition = self.definition(&membership.group);
            let (allowed, more_at) = ramped(agent, &definition, self.now);
            let used = agent.places.len();
            let skipped = match agent.presence {
                Presence::Offline => Some(Skipped::Offline),
                Presence::Away => Some(Skipped::Away),
                Presence::Online if !online => Some(Skipped::Lapsed),
                Presence::Online if !has_skills(agent, &definition) => Some(Skipped::Unskilled),
                Presence::Online if free == 0 => Some(Skipped::Full),
                Presence::Online if used >= allowed => Some(Skipped::Ramping),
                Presence::Online => None,
            };
            if skipped == Some(Skipped::Ramping) {
                again(more_at);
            }
            let turn = self.turns.get(&membership.group).map_or(0, |turns| turns.tag(id));
            entries.push(Entry {
                skipped,
                online,
                free_slots: if online { free as u64 } else { 0 },
                turn: (agent.presence == Presence::Online).then_some(turn),
                candidate: Candidate::new(id, agent, definition.policy, membership, turn, idle_since),
                group: membership.group.clone(),
            });
        }
        Indexed { entries, look_again }
    }

    /// When an agent who is not heard from any more loses its sessions.
    pub(super) fn gone_at(&self, id: &str) -> Millis {
        self.last_beat(id).saturating_add(self.grace())
    }

    fn grace(&self) -> Millis {
        self.numbers.disconnect_grace.max(self.numbers.heartbeat_lapse)
    }

    /// What keeps an agent from being taken for a group; `None` also when nothing does. An agent that does not
    /// serve the group is offline to it.
    pub(super) fn skipped_in(&self, agent: &str, group: &str) -> Option<Skipped> {
        let entry = self.indexed.get(agent).and_then(|i| i.entries.iter().find(|e| *e.group == *group));
        entry.map_or(Some(Skipped::Offline), |entry| entry.skipped)
    }

    pub(super) fn index_agents_of(&mut self, group: &str) {
        let agents = self.indexed.iter().filter(|(_, at)| at.entries.iter().any(|e| *e.group == *group));
        let agents: Vec<Arc<str>> = agents.map(|(id, _)| id.clone()).collect();
        for id in agents {
            self.index_agent(&id);
        }
    }

    pub(super) fn index_everything(&mut self) {
        let agents: Vec<Arc<str>> = self.agents.keys().cloned().collect();
        for id in agents {
            self.index_agent(&id);
        }
        let sessions = std::mem::take(&mut self.sessions);
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Session(_)));
        for (id, session) in &sessions {
            self.index_timer(*id, session);
        }
        self.sessions = sessions;
    }

    pub(super) fn index_session(&mut self, id: Uuid, session: &Session) {
        self.session_of.insert(session.customer.clone(), id);
        if session.waits() {
            let queue = self.queues.entry(session.group.clone()).or_default();
            queue.insert(session.class, session.due(), id);
        }
        self.index_offer(id, session);
        self.index_timer(id, session);
    }

    pub(super) fn unindex_session(&mut self, id: Uuid, session: &Session) {
        if self.session_of.get(&session.customer) == Some(&id) {
            self.session_of.remove(&session.customer);
        }
        if session.waits()
            && let Some(queue) = self.queues.get_mut(&session.group)
        {
            queue.remove(session.class, session.due());
            if queue.is_empty() {
                self.queues.remove(&session.group);
            }
        }
        self.unindex_offer(id, session);
        self.unindex_timer(id, session);
    }

    pub(super) fn index_timer(&mut self, id: Uuid, session: &Session) {
        if let Some(at) = self.deadline(id, session) {
            self.timers.insert((at, Timer::Session(id)));
        }
    }

    pub(super) fn unindex_timer(&mut self, id: Uuid, session: &Session) {
        if let Some(at) = self.deadline(id, session) {
            self.timers.remove(&(at, Timer::Session(id)));
        }
    }

    /// When nobody has written in a session since.
    pub(super) fn quiet_since(&self, id: Uuid, session: &Session) -> Millis {
        let spoken = self.spoken.get(&id).copied().unwrap_or(session.opened_at);
        let served = session.serving.as_ref().map_or(session.opened_at, |serving| serving.since);
        spoken.max(served).max(self.awake_since)
    }

    /// The next time at which time alone changes a session.
    fn deadline(&self, id: Uuid, session: &Session) -> Option<Millis> {
        let offer = session.offer.as_ref().map(|offer| offer.until);
        let Some(group) = self.groups.get(&session.group) else { return offer };
        let rules = &group.definition;
        let after = |from: Millis, wait: Millis| (wait > 0).then(|| from.saturating_add(wait));
        let patience = if session.waits() { after(session.waiting_since, rules.queue_timeout) } else { None };
        let next = [offer, patience, after(session.opened_at, rules.lifetime)];
        let mut silence = [None, None];
        if session.serving.is_some() || session.bot {
            let quiet = self.quiet_since(id, session);
            let warned = session.warned_at.is_some_and(|at| at >= quiet);
            silence[0] = if warned { None } else { after(quiet, rules.idle_warning) };
            silence[1] = after(quiet, rules.idle_close);
        }
        next.into_iter().chain(silence).flatten().min()
    }

    pub(super) fn index_lease(&mut self, id: Uuid, lease: &Lease) {
        self.timers.insert((lease.expires_at, Timer::Lease(id)));
        self.index_promise(id, lease);
        if let Some(customer) = &lease.customer {
            self.lease_of.insert(customer.clone(), id);
        }
        if let Some(client) = &lease.client {
            *self.leases_from.entry((client.clone(), lease.customer.is_some())).or_default() += 1;
        }
    }

    pub(super) fn unindex_lease(&mut self, id: Uuid, lease: &Lease) {
        self.timers.remove(&(lease.expires_at, Timer::Lease(id)));
        self.unindex_promise(id, lease);
        if let Some(customer) = &lease.customer
            && self.lease_of.get(customer) == Some(&id)
        {
            self.lease_of.remove(customer);
        }
        if let Some(client) = &lease.client {
            let counted = (client.clone(), lease.customer.is_some());
            if let Some(count) = self.leases_from.get_mut(&counted) {
                *count -= 1;
                if *count == 0 {
                    self.leases_from.remove(&counted);
                }
            }
        }
    }
}

/// How many places an agent may fill now as far as the group's ramp goes, and when one more.
fn ramped(agent: &Agent, definition: &GroupDefinition, now: Millis) -> (usize, Millis) {
    let capacity = agent.record.as_ref().map_or(0, |record| Millis::from(record.capacity));
    let elapsed = now.saturating_sub(agent.online_since).max(0);
    if definition.ramp <= 0 || elapsed >= definition.ramp {
        return (usize::MAX, Millis::MAX);
    }
    let allowed = (capacity.saturating_mul(elapsed) / definition.ramp).max(1);
    let next = (allowed + 1).saturating_mul(definition.ramp);
    let rounded_up = next.saturating_add(capacity - 1).checked_div(capacity);
    let more_at = rounded_up.map_or(definition.ramp, |wait| wait.min(definition.ramp));
    let more_at = agent.online_since.saturating_add(more_at).max(now.saturating_add(1));
    (usize::try_from(allowed).unwrap_or(usize::MAX), more_at)
}

fn has_skills(agent: &Agent, definition: &GroupDefinition) -> bool {
    let skills = agent.record.as_ref().map(|record| record.skills.as_slice()).unwrap_or_default();
    definition.skills.iter().all(|needed| skills.contains(needed))
}
