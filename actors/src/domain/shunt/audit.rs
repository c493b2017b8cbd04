//! The guarantees of [`super`], checked from scratch. One pass over everything: for tests and for operators who ask;
//! [`super::patrol`] checks beside the work.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::Numbers;
use super::index::Timer;
use super::queue::{Due, Queue};
use super::state::{Agent, Place, Session, State};
use crate::domain::ids::Millis;

/// A guarantee that does not hold; names ids, never names or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// An agent's places are not the sessions it serves and the reservations on it.
    #[error("agent {0}: places differ from sessions served and reservations held")]
    PlacesDiffer(Arc<str>),
    /// An agent was given more than its capacity.
    #[error("agent {0}: above capacity")]
    AboveCapacity(Arc<str>),
    /// A session is offered and served at once.
    #[error("session {0}: offered and served at once")]
    TwoStages(Uuid),
    /// A customer has two open sessions.
    #[error("a customer has two open sessions")]
    TwoOpenSessions,
    /// A queue does not hold exactly the waiting sessions of its group, in the order of arrival.
    #[error("group {0}: queue differs from the sessions that wait")]
    QueueDiffers(Arc<str>),
    /// A customer waits although an eligible agent of the group has a free place.
    #[error("group {0}: a customer waits beside a free agent")]
    WaitingBesideFree(Arc<str>),
    /// An index does not say what the state says.
    #[error("index {0} differs from the state")]
    IndexDiffers(&'static str),
}

/// Checks every guarantee at `now`; empty when all hold. A reservation past its deadline holds no place. For
/// tests and for whoever asks: it also rebuilds every index.
pub fn audit(state: &State, now: Millis, numbers: &Numbers) -> Vec<Violation> {
    let mut found = guarantees(state, now, numbers);
    indexes(state, &mut found);
    found
}

/// The guarantees about people, without rebuilding indexes.
pub fn guarantees(state: &State, now: Millis, numbers: &Numbers) -> Vec<Violation> {
    let mut found = structure(state);
    waiting_beside_free(state, now, numbers, &mut found);
    found
}

/// The guarantees that do not depend on the time: what must hold of a state that is only stored.
pub fn structure(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    places(state, &mut found);
    customers(state, &mut found);
    queues(state, &mut found);
    found
}

fn places(state: &State, found: &mut Vec<Violation>) {
    let mut filled: BTreeMap<&Arc<str>, BTreeSet<Place>> = BTreeMap::new();
    for (id, session) in &state.sessions {
        if session.serving.is_some() && session.offer.is_some() {
            found.push(Violation::TwoStages(*id));
        }
        if let Some(holder) = session.holder() {
            filled.entry(holder).or_default().insert(Place::Session(*id));
        }
    }
    for (id, lease) in &state.leases {
        filled.entry(&lease.agent).or_default().insert(Place::Lease(*id));
    }
    for (id, agent) in &state.agents {
        let expected = filled.remove(id).unwrap_or_default();
        if expected != agent.places {
            found.push(Violation::PlacesDiffer(id.clone()));
        }
        if agent.is_above_capacity() {
            found.push(Violation::AboveCapacity(id.clone()));
        }
    }
    found.extend(filled.into_keys().map(|id| Violation::PlacesDiffer(id.clone())));
}

fn customers(state: &State, found: &mut Vec<Violation>) {
    let mut seen = HashSet::new();
    for session in state.sessions.values() {
        if !seen.insert(state.person(&session.customer)) {
            found.push(Violation::TwoOpenSessions);
        }
    }
}

/// Each queue holds exactly those who wait, so nobody waits and is served; and in the order of their arrival.
fn queues(state: &State, found: &mut Vec<Violation>) {
    let mut expected: BTreeMap<Arc<str>, Vec<(Due, Uuid)>> = BTreeMap::new();
    for (id, session) in state.sessions.iter().filter(|(_, session)| session.waits()) {
        expected.entry(session.group.clone()).or_default().push((session.due(), *id));
    }
    let groups: BTreeSet<Arc<str>> = expected.keys().chain(state.queues.keys()).cloned().collect();
    for group in groups {
        let mut waiting = expected.remove(&group).unwrap_or_default();
        waiting.sort_unstable();
        let queued = state.queues.get(&group).into_iter().flat_map(Queue::in_order);
        if !waiting.into_iter().map(|(_, id)| id).eq(queued) {
            found.push(Violation::QueueDiffers(group));
        }
    }
}

/// Judged from the records alone, without any index.
fn waiting_beside_free(state: &State, now: Millis, numbers: &Numbers, found: &mut Vec<Violation>) {
    let waiting = state.sessions.values().filter(|session| session.waits());
    let mut groups: BTreeMap<&Arc<str>, Vec<&Session>> = BTreeMap::new();
    for session in waiting {
        groups.entry(&session.group).or_default().push(session);
    }
    for (group, sessions) in groups {
        let rules = state.definition(group);
        let own = free_agents(state, group, now, numbers);
        let helping = rules.overflow.iter().flat_map(|helping| free_agents(state, helping, now, numbers));
        let helping: BTreeSet<&Arc<str>> = helping.collect();
        let beside = sessions.iter().any(|session| {
            let helped = now.saturating_sub(session.opened_at) >= rules.overflow_delay;
            own.iter().any(|agent| session.admits(agent, now))
                || (helped && helping.iter().any(|agent| session.admits(agent, now)))
        });
        if beside {
            found.push(Violation::WaitingBesideFree(group.clone()));
        }
    }
}

fn free_agents<'a>(state: &'a State, group: &str, now: Millis, numbers: &Numbers) -> BTreeSet<&'a Arc<str>> {
    let free = state.agents.iter().filter(|(id, agent)| is_free(state, id, agent, group, (now, numbers)));
    free.map(|(id, _)| id).collect()
}

/// Whether an agent can be given a customer of a group, by the records alone.
pub(super) fn is_free(
    state: &State,
    id: &str,
    agent: &Agent,
    group: &str,
    (now, numbers): (Millis, &Numbers),
) -> bool {
    let Some(record) = &agent.record else { return false };
    let rules = state.definition(group);
    let holds = |place: &&Place| match place {
        Place::Session(_) => true,
        Place::Lease(id) => state.leases.get(id).is_some_and(|lease| lease.expires_at > now),
    };
    let filled = agent.places.iter().filter(holds).count();
    let age = now.saturating_sub(agent.online_since);
    let grown = if rules.ramp > 0 && age < rules.ramp {
        ((Millis::from(record.capacity) * age / rules.ramp) as usize).max(1)
    } else {
        usize::MAX
    };
    agent.serves(group)
        && rules.skills.iter().all(|skill| record.skills.contains(skill))
        && state.is_accepting(id, agent, now, numbers)
        && filled < agent.capacity(numbers.default_capacity).min(grown)
}

#[cfg(test)]
impl State {
    /// Forgets what fills an agent's places, which no change can do: for tests of those who must notice.
    pub(crate) fn corrupt_places_of(&mut self, agent: &str) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.places.clear();
        }
    }
}

/// Rebuilds the indexes and compares.
fn indexes(state: &State, found: &mut Vec<Violation>) {
    let rebuilt = state.encode().ok().and_then(|bytes| State::decode(state.ent, &bytes).ok());
    let Some(mut rebuilt) = rebuilt.filter(|rebuilt| rebuilt == state) else {
        found.push(Violation::IndexDiffers("encoding"));
        return;
    };
    rebuilt.beats = state.beats.clone();
    rebuilt.spoken = state.spoken.clone();
    rebuilt.numbers = state.numbers;
    rebuilt.now = state.now;
    rebuilt.awake_since = state.awake_since;
    rebuilt.index_everything();
    // Agents are looked at again no later than anything changes, but perhaps sooner.
    let timers = |state: &State| {
        let timers = state.timers.iter().filter(|(_, timer)| !matches!(timer, Timer::Agent(_)));
        timers.cloned().collect::<Vec<_>>()
    };
    let same = [
        ("became", rebuilt.became == state.became),
        ("session_of", rebuilt.session_of == state.session_of),
        ("lease_of", rebuilt.lease_of == state.lease_of),
        ("leases_from", rebuilt.leases_from == state.leases_from),
        ("promises", rebuilt.promises == state.promises),
        ("last_agent_of", rebuilt.last_agent_of == state.last_agent_of),
        ("timers", timers(&rebuilt) == timers(state)),
        ("queues", rebuilt.queues == state.queues),
        ("desks", rebuilt.desks == state.desks),
        ("touched", state.touched.is_empty()),
    ];
    found.extend(same.iter().filter(|(_, same)| !same).map(|(name, _)| Violation::IndexDiffers(name)));
}
