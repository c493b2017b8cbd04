//! Agents, what fills their places, and what was promised of them.
//!
//! Guarantee: filling or freeing a place, and undoing it, costs the same however many places the agent has filled: the
//! set of them is changed where it is and never copied, and what a decision asks of it is kept beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::records::{Agent, Lease, Place, Session};
use super::state::{Before, State};
use crate::domain::ids::Millis;

/// What was promised of one agent and is not yet served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promises {
    /// Reservations on it, each with when it was made: the newest last.
    pub leases: BTreeSet<(Millis, Uuid)>,
    /// Sessions offered to it.
    pub offers: BTreeSet<Uuid>,
}

impl State {
    /// Takes in an agent as it was stored.
    pub(super) fn put_stored_agent(&mut self, id: &Arc<str>, agent: Agent) {
        self.agents.insert(id.clone(), agent);
        self.touch(id);
    }

    /// Makes sure that an agent is known, who has no record at first.
    pub(super) fn know_agent(&mut self, id: &Arc<str>, at: Millis) {
        if !self.agents.contains_key(id) {
            self.agents.insert(id.clone(), Agent::unrecorded(at));
            self.touch(id);
            self.remember(|| Before::Agent(id.clone(), None));
        }
    }

    /// Changes a known agent, but not what fills its places.
    pub(super) fn change_agent(&mut self, id: &Arc<str>, change: impl FnOnce(&mut Agent)) {
        let is_trying = self.is_trying();
        let Some(agent) = self.agents.get_mut(id) else { return };
        let before = is_trying.then(|| agent.but_places());
        change(agent);
        self.touch(id);
        self.remember(|| Before::Agent(id.clone(), before));
    }

    /// Something fills a place of an agent, or does no more; what else that changes.
    fn set_place(&mut self, id: &Arc<str>, place: Place, filled: bool, change: impl FnOnce(&mut Agent)) {
        let mut changed = false;
        self.change_agent(id, |agent| {
            changed = if filled { agent.places.insert(place) } else { agent.places.remove(&place) };
            change(agent);
        });
        if changed {
            self.remember(|| Before::Place(id.clone(), place, !filled));
        }
    }

    pub(super) fn fill(&mut self, at: Millis, id: &Arc<str>, place: Place) {
        self.know_agent(id, at);
        self.set_place(id, place, true, |agent| {
            if matches!(place, Place::Session(_)) {
                agent.idle_since = at; // a reservation that nobody uses was no work
            }
        });
    }

    pub(super) fn vacate(&mut self, at: Millis, id: &Arc<str>, place: Place) {
        let mut is_left = false;
        self.set_place(id, place, false, |agent| {
            if matches!(place, Place::Session(_)) {
                agent.idle_since = at;
            }
            agent.allowance = agent.allowance.min(agent.places.len());
            is_left = agent.is_left();
        });
        if is_left {
            self.forget_without_record(id);
        }
    }

    /// An agent without a record is remembered only while something fills its places.
    pub(super) fn forget_without_record(&mut self, id: &Arc<str>) {
        if self.agents.get(id).is_none_or(|agent| !agent.is_left()) {
            return;
        }
        let agent = self.agents.remove(id);
        if !self.is_trying() {
            self.beats.remove(id); // while only tried, the heartbeat must survive the undoing
        }
        self.touch(id);
        self.remember(|| Before::Agent(id.clone(), agent));
    }

    /// Undoes a change of an agent.
    pub(super) fn restore_agent(&mut self, id: &Arc<str>, before: Option<Agent>) {
        match (self.agents.get_mut(id), before) {
            (Some(agent), Some(mut before)) => {
                before.places = std::mem::take(&mut agent.places);
                *agent = before;
            }
            (None, Some(before)) => {
                self.agents.insert(id.clone(), before);
            }
            (_, None) => {
                self.agents.remove(id);
                self.beats.remove(id);
            }
        }
        self.touch(id);
    }

    /// Undoes a change of a place.
    pub(super) fn restore_place(&mut self, id: &Arc<str>, place: Place, filled: bool) {
        self.set_place(id, place, filled, |_| {});
    }

    /// Since when an agent had nothing new to do, reservations included.
    pub(super) fn idle_since(&self, id: &str, agent: &Agent) -> Millis {
        let newest = self.promises.get(id).and_then(|promises| promises.leases.last());
        newest.map_or(agent.idle_since, |(made_at, _)| agent.idle_since.max(*made_at))
    }

    /// How many reservations there are on an agent.
    pub(super) fn leases_on(&self, id: &str) -> usize {
        self.promises.get(id).map_or(0, |promises| promises.leases.len())
    }

    pub(super) fn index_promise(&mut self, id: Uuid, lease: &Lease) {
        let promises = self.promises.entry(lease.agent.clone()).or_default();
        promises.leases.insert((lease.made_at, id));
    }

    pub(super) fn unindex_promise(&mut self, id: Uuid, lease: &Lease) {
        self.change_promises(&lease.agent, |promises| promises.leases.remove(&(lease.made_at, id)));
    }

    pub(super) fn index_offer(&mut self, id: Uuid, session: &Session) {
        if let Some(offer) = &session.offer {
            self.promises.entry(offer.agent.clone()).or_default().offers.insert(id);
        }
    }

    pub(super) fn unindex_offer(&mut self, id: Uuid, session: &Session) {
        if let Some(offer) = &session.offer {
            self.change_promises(&offer.agent, |promises| promises.offers.remove(&id));
        }
    }

    /// Nothing is kept for an agent of whom nothing is promised.
    fn change_promises(&mut self, agent: &Arc<str>, change: impl FnOnce(&mut Promises) -> bool) {
        let Some(promises) = self.promises.get_mut(agent) else { return };
        change(promises);
        if *promises == Promises::default() {
            self.promises.remove(agent);
        }
    }
}
