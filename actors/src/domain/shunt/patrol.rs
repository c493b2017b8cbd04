//! The guarantees of [`super`], checked a little at a time beside the work.
//!
//! Every check looks at one agent, session, reservation or place in a queue as things stand at that moment, so whatever
//! changes between two slices makes no false alarm; time must have taken effect just before a slice. A round looks at
//! everything that was there all along.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use uuid::Uuid;

use super::Numbers;
use super::audit::{Violation, is_free};
use super::queue::Due;
use super::records::{Agent, Lease, Place, Session};
use super::state::State;
use crate::domain::ids::Millis;

/// What is looked at next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Next {
    /// The session after this one.
    Session(Option<Uuid>),
    /// The reservation after this one.
    Lease(Option<Uuid>),
    /// The place behind this one of this group's queue, or the head of the next group's.
    Queued(Option<(Arc<str>, u8, Due)>),
    /// The agent after this one.
    Agent(Option<Arc<str>>),
    /// A round is over, or none began.
    #[default]
    Nothing,
}

/// One round of checks, on its way.
#[derive(Debug, Clone, Default)]
pub struct Patrol {
    next: Next,
}

impl Patrol {
    /// Begins a round.
    pub fn begin(&mut self) {
        self.next = Next::Session(None);
    }

    /// Whether a round is on its way.
    pub fn is_on(&self) -> bool {
        self.next != Next::Nothing
    }

    /// Looks at `most` more sessions, reservations, places in queues and agents.
    pub fn go_on(&mut self, state: &State, now: Millis, numbers: &Numbers, most: usize) -> Vec<Violation> {
        let mut found = Vec::new();
        for _ in 0..most {
            self.next = match &self.next {
                Next::Session(last) => match after(&state.sessions, last.as_ref()) {
                    Some((id, session)) => {
                        check_session(state, *id, session, &mut found);
                        Next::Session(Some(*id))
                    }
                    None => Next::Lease(None),
                },
                Next::Lease(last) => match after(&state.leases, last.as_ref()) {
                    Some((id, lease)) => {
                        check_lease(state, *id, lease, &mut found);
                        Next::Lease(Some(*id))
                    }
                    None => Next::Queued(None),
                },
                Next::Queued(last) => match next_queued(state, last.as_ref()) {
                    Some((group, class, due, id)) => {
                        check_queued(state, group, (class, due, id), &mut found);
                        Next::Queued(Some((group.clone(), class, due)))
                    }
                    None => Next::Agent(None),
                },
                Next::Agent(last) => match after(&state.agents, last.as_ref()) {
                    Some((id, agent)) => {
                        check_agent(state, id, agent, (now, numbers), &mut found);
                        Next::Agent(Some(id.clone()))
                    }
                    None => Next::Nothing,
                },
                Next::Nothing => break,
            };
        }
        found
    }
}

fn after<'a, K: Ord, V>(all: &'a BTreeMap<K, V>, last: Option<&K>) -> Option<(&'a K, &'a V)> {
    let from = last.map_or(Bound::Unbounded, Bound::Excluded);
    all.range((from, Bound::Unbounded)).next()
}

fn next_queued<'a>(
    state: &'a State,
    last: Option<&(Arc<str>, u8, Due)>,
) -> Option<(&'a Arc<str>, u8, Due, Uuid)> {
    let from = last.map_or(Bound::Unbounded, |(group, ..)| Bound::Included(group));
    state.queues.range::<Arc<str>, _>((from, Bound::Unbounded)).find_map(|(group, queue)| {
        let here = last.filter(|(last, ..)| last == group);
        let (class, due, id) = queue.behind(here.map(|(_, class, due)| (*class, *due)))?;
        Some((group, class, due, id))
    })
}

/// It is the place of an open session that waits in this group.
fn check_queued(
    state: &State,
    group: &Arc<str>,
    (class, due, id): (u8, Due, Uuid),
    found: &mut Vec<Violation>,
) {
    let is_its =
        |open: &Session| open.waits() && open.group == *group && open.class == class && open.due() == due;
    if !state.sessions.get(&id).is_some_and(|open| is_its(open)) {
        found.push(Violation::QueueDiffers(group.clone()));
    }
}

/// It is at one stage, is its customer's only one, fills a place of its holder, and waits in its queue or in none.
fn check_session(state: &State, id: Uuid, session: &Session, found: &mut Vec<Violation>) {
    if session.serving.is_some() && session.offer.is_some() {
        found.push(Violation::TwoStages(id));
    }
    if state.session_of(&session.customer) != Some(id) {
        found.push(Violation::TwoOpenSessions);
    }
    if let Some(holder) = session.holder() {
        let fills = |agent: &Agent| agent.places.contains(&Place::Session(id));
        if !state.agents.get(holder).is_some_and(fills) {
            found.push(Violation::PlacesDiffer(holder.clone()));
        }
    }
    let queue = state.queues.get(&session.group);
    if queue.is_some_and(|queue| queue.holds(session.class, session.due(), id)) != session.waits() {
        found.push(Violation::QueueDiffers(session.group.clone()));
    }
}

fn check_lease(state: &State, id: Uuid, lease: &Lease, found: &mut Vec<Violation>) {
    let fills = |agent: &Agent| agent.places.contains(&Place::Lease(id));
    if !state.agents.get(&lease.agent).is_some_and(fills) {
        found.push(Violation::PlacesDiffer(lease.agent.clone()));
    }
}

/// Each of its places is filled by what says so too, it is not above its capacity, and nobody waits beside it.
fn check_agent(
    state: &State,
    id: &Arc<str>,
    agent: &Agent,
    (now, numbers): (Millis, &Numbers),
    found: &mut Vec<Violation>,
) {
    let filled = |place: &Place| match place {
        Place::Session(session) => state.sessions.get(session).and_then(|open| open.holder()) == Some(id),
        Place::Lease(lease) => state.leases.get(lease).is_some_and(|held| held.agent == *id),
    };
    if !agent.places.iter().all(filled) {
        found.push(Violation::PlacesDiffer(id.clone()));
    }
    if agent.is_above_capacity() {
        found.push(Violation::AboveCapacity(id.clone()));
    }
    for membership in agent.memberships().iter() {
        if !is_free(state, id, agent, &membership.group, (now, numbers)) {
            continue;
        }
        for group in state.queues.keys() {
            if waits_for(state, group, id, &membership.group, now) {
                found.push(Violation::WaitingBesideFree(group.clone()));
            }
        }
    }
}

/// Whether somebody waits in `group` whom this free agent of `own` may be given.
fn waits_for(state: &State, group: &Arc<str>, agent: &str, own: &Arc<str>, now: Millis) -> bool {
    let rules = state.definition(group);
    let helps = group != own;
    if helps && !rules.overflow.contains(own) {
        return false;
    }
    let Some(queue) = state.queues.get(group) else { return false };
    let mut lanes = queue.lanes();
    lanes.any(|lane| {
        for (_, id) in lane {
            let Some(session) = state.sessions.get(&id) else { continue };
            if helps && now.saturating_sub(session.opened_at) < rules.overflow_delay {
                return false; // those behind it came later
            }
            if session.admits(agent, now) {
                return true;
            }
        }
        false
    })
}
