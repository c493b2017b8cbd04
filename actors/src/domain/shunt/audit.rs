//! The guarantees of [`super`], checked from scratch. One pass over everything: for tests and for operators.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::Numbers;
use super::state::{Place, State};
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

/// Checks every guarantee at `now`; empty when all hold. A reservation past its deadline holds no place.
pub fn audit(state: &State, now: Millis, numbers: &Numbers) -> Vec<Violation> {
    let mut found = Vec::new();
    places(state, numbers, &mut found);
    customers(state, &mut found);
    queues(state, &mut found);
    waiting_beside_free(state, now, numbers, &mut found);
    indexes(state, &mut found);
    found
}

fn places(state: &State, numbers: &Numbers, found: &mut Vec<Violation>) {
    let mut filled: BTreeMap<&Arc<str>, BTreeSet<Place>> = BTreeMap::new();
    for (id, session) in &state.sessions {
        if let Some(serving) = &session.serving {
            filled.entry(&serving.agent).or_default().insert(Place::Session(*id));
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
        let allowed = agent.capacity(numbers.default_capacity).max(agent.allowance);
        if agent.places.len() > allowed {
            found.push(Violation::AboveCapacity(id.clone()));
        }
    }
    found.extend(filled.into_keys().map(|id| Violation::PlacesDiffer(id.clone())));
}

fn customers(state: &State, found: &mut Vec<Violation>) {
    let mut seen = HashSet::new();
    for session in state.sessions.values() {
        if !seen.insert(&session.customer) {
            found.push(Violation::TwoOpenSessions);
        }
    }
}

fn queues(state: &State, found: &mut Vec<Violation>) {
    let mut expected: BTreeMap<Arc<str>, BTreeMap<u64, uuid::Uuid>> = BTreeMap::new();
    for (id, session) in state.sessions.iter().filter(|(_, session)| session.serving.is_none()) {
        expected.entry(session.group.clone()).or_default().insert(session.arrival, *id);
    }
    let groups: BTreeSet<&Arc<str>> = expected.keys().chain(state.queues.keys()).collect();
    for group in groups {
        if expected.get(group) != state.queues.get(group) {
            found.push(Violation::QueueDiffers(group.clone()));
        }
    }
}

fn waiting_beside_free(state: &State, now: Millis, numbers: &Numbers, found: &mut Vec<Violation>) {
    for group in state.queues.keys() {
        let somebody_free = state.agents.iter().any(|(id, agent)| {
            let holds = |place: &&Place| match place {
                Place::Session(_) => true,
                Place::Lease(id) => state.leases.get(id).is_some_and(|lease| lease.expires_at > now),
            };
            let filled = agent.places.iter().filter(holds).count();
            agent.groups().contains(&&**group)
                && state.is_accepting(id, agent, now, numbers)
                && filled < agent.capacity(numbers.default_capacity)
        });
        if somebody_free {
            found.push(Violation::WaitingBesideFree(group.clone()));
        }
    }
}

/// Rebuilds the indexes and compares.
fn indexes(state: &State, found: &mut Vec<Violation>) {
    let rebuilt = state.encode().ok().and_then(|bytes| State::decode(state.ent, &bytes).ok());
    let Some(rebuilt) = rebuilt.filter(|rebuilt| rebuilt == state) else {
        found.push(Violation::IndexDiffers("encoding"));
        return;
    };
    let same = [
        ("session_of", rebuilt.session_of == state.session_of),
        ("lease_of", rebuilt.lease_of == state.lease_of),
        ("deadlines", rebuilt.deadlines == state.deadlines),
        ("queues", rebuilt.queues == state.queues),
        ("members", rebuilt.members == state.members),
        ("free", rebuilt.free == state.free),
    ];
    found.extend(same.iter().filter(|(_, same)| !same).map(|(name, _)| Violation::IndexDiffers(name)));
}
