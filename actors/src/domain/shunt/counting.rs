//! Figures kept in step with what happens: each change is counted just before it takes effect, while the state
//! still says how long somebody waited or was served.

use std::sync::Arc;

use uuid::Uuid;

use super::figures::{Days, Figures};
use super::records::Session;
use super::state::{LastAgent, State};
use super::tally::Span;
use crate::domain::event::{CloseReason, Credit, Presence, RequeueCause, ShuntChange};
use crate::domain::ids::Millis;

impl State {
    /// Counts a change that is about to take effect. Never while changes are only tried.
    pub(super) fn count(&mut self, at: Millis, change: &ShuntChange) {
        match change {
            ShuntChange::AgentPut { agent, .. } | ShuntChange::PresenceSet { agent, .. } => {
                self.count_places(at, agent);
            }
            ShuntChange::AgentDeleted { agent } | ShuntChange::Leased { agent, .. } => {
                self.count_places(at, agent);
            }
            ShuntChange::LeaseEnded { lease, .. } => {
                if let Some(agent) = self.leases.get(lease).map(|lease| lease.agent.clone()) {
                    self.count_places(at, &agent);
                }
            }
            ShuntChange::SessionOpened(opened) => {
                self.book.group(&Arc::from(opened.group.as_str()), at).opened += 1;
            }
            ShuntChange::Offered { session, agent, .. } => {
                self.count_places(at, agent);
                self.count_both(*session, agent, at, |figures| figures.offers += 1);
            }
            ShuntChange::Assigned { session, agent, .. } => self.count_assigned(at, *session, agent),
            ShuntChange::Requeued { session, agent, cause, .. } => {
                self.count_places(at, agent);
                self.count_handled(at, *session);
                self.count_both(*session, agent, at, |figures| match cause {
                    RequeueCause::Rejected => figures.rejects += 1,
                    RequeueCause::Lapsed => figures.lapses += 1,
                    RequeueCause::Disconnected => figures.disconnects += 1,
                    RequeueCause::Withdrawn => {}
                });
            }
            ShuntChange::Moved { session, .. } => self.count_moved(at, *session),
            ShuntChange::Replied { session } => self.count_replied(at, *session),
            ShuntChange::SessionEnded { session, reason, .. } => self.count_ended(at, *session, *reason),
            ShuntChange::Rated { agent, up, down } => self.count_votes(at, agent, None, [*up, *down]),
            ShuntChange::GroupPut { .. }
            | ShuntChange::GroupDeleted { .. }
            | ShuntChange::BotTook { .. }
            | ShuntChange::IdleWarned { .. }
            | ShuntChange::Promoted { .. }
            | ShuntChange::Decided { .. }
            | ShuntChange::LeaseDecided { .. } => {}
        }
    }

    /// An agent's places up to now; it is about to get another number of them. What the process tallies begins with
    /// its start.
    fn count_places(&mut self, at: Millis, id: &Arc<str>) {
        let (used, places) = self.places_of(id);
        let days = self.book.agents.entry(id.clone()).or_default();
        let from = days.counted_to;
        count_stretch(days, at, used, places);
        let (busy, available) = filled(from.max(self.awake_since), at, used, places);
        if from != 0 {
            self.tally.busy += busy;
            self.tally.available += available;
        }
    }

    /// Filled places, and places while it is online.
    pub(super) fn places_of(&self, id: &str) -> (u64, u64) {
        let Some(agent) = self.agents.get(id) else { return (0, 0) };
        let online = agent.presence == Presence::Online && agent.record.is_some();
        let capacity = if online { agent.capacity(0) as u64 } else { 0 };
        (agent.places.len() as u64, capacity)
    }

    fn count_both(&mut self, session: Uuid, agent: &Arc<str>, at: Millis, count: impl Fn(&mut Figures)) {
        if let Some(group) = self.sessions.get(&session).map(|open| open.group.clone()) {
            count(self.book.group(&group, at));
        }
        count(self.book.agent(agent, at));
    }

    fn count_assigned(&mut self, at: Millis, id: Uuid, agent: &Arc<str>) {
        let Some(session) = self.sessions.get(&id).cloned() else { return };
        self.count_places(at, agent);
        if session.serving.is_some() {
            self.count_moved(at, id);
        } else if let Some(holder) = session.holder().filter(|holder| *holder != agent).cloned() {
            self.count_places(at, &holder);
        }
        let accepted = session.offer.as_ref().is_some_and(|offer| offer.agent == *agent);
        self.tally.accepts += u64::from(accepted);
        let waited = (session.serving.is_none() && !session.bot).then(|| at - session.waiting_since);
        if let Some(waited) = waited {
            self.tally.add(Span::Wait, waited);
        }
        self.count_both(id, agent, at, |figures| {
            figures.served += 1;
            figures.accepts += u64::from(accepted);
            if let Some(waited) = waited {
                figures.wait.add(waited);
            }
        });
    }

    /// A session leaves its agent for another agent or group.
    fn count_moved(&mut self, at: Millis, id: Uuid) {
        let Some(holder) = self.sessions.get(&id).and_then(|open| open.holder().cloned()) else { return };
        self.count_places(at, &holder);
        self.count_handled(at, id);
        self.count_both(id, &holder, at, |figures| figures.transfers += 1);
    }

    /// The time an agent served a session that it serves no more.
    fn count_handled(&mut self, at: Millis, id: Uuid) {
        let serving = self.sessions.get(&id).and_then(|open| open.serving.clone());
        if let Some(serving) = serving {
            let handled = at - serving.since;
            self.tally.add(Span::Handling, handled);
            self.count_both(id, &serving.agent, at, |figures| figures.handling.add(handled));
        }
    }

    pub(super) fn count_replied(&mut self, at: Millis, id: Uuid) {
        let Some(session) = self.sessions.get(&id).filter(|open| !open.replied) else { return };
        let Some(serving) = session.serving.clone() else { return };
        let took = at - serving.since;
        self.tally.add(Span::FirstResponse, took);
        self.count_both(id, &serving.agent, at, |figures| figures.first_response.add(took));
    }

    /// A vote for a message of an agent: the agent's, and its group's as long as that is known.
    pub(super) fn count_vote(&mut self, at: Millis, credit: &Credit) {
        let group = credit.session.and_then(|id| {
            let open = self.sessions.get(&id).map(|open| open.group.clone());
            open.or_else(|| self.book.group_of(id))
        });
        self.count_votes(at, &credit.agent, group, [credit.up, credit.down].map(i32::from));
    }

    fn count_votes(&mut self, at: Millis, agent: &Arc<str>, group: Option<Arc<str>>, [up, down]: [i32; 2]) {
        let count = |figures: &mut Figures| {
            figures.up += i64::from(up);
            figures.down += i64::from(down);
        };
        count(self.book.agent(agent, at));
        if let Some(group) = group {
            count(self.book.group(&group, at));
        }
        self.tally.votes[0] += i64::from(up);
        self.tally.votes[1] += i64::from(down);
    }

    fn count_ended(&mut self, at: Millis, id: Uuid, reason: CloseReason) {
        let Some(session) = self.sessions.get(&id).cloned() else { return };
        if let Some(holder) = session.holder() {
            self.count_places(at, holder);
        }
        self.count_handled(at, id);
        let Some(serving) = &session.serving else {
            let figures = self.book.group(&session.group, at);
            match reason {
                CloseReason::LeftQueue => figures.abandoned += 1,
                _ if session.bot => figures.closed += 1,
                _ => figures.turned_away += 1,
            }
            return;
        };
        self.count_both(id, &serving.agent, at, |figures| figures.closed += 1);
        self.book.note_ended(id, &session.group);
        self.remember_agent(at, &session, &serving.agent);
    }

    /// Only where the group brings customers back: nothing is kept for others.
    fn remember_agent(&mut self, at: Millis, session: &Session, agent: &Arc<str>) {
        if self.definition(&session.group).sticky > 0 {
            let customer = self.person(&session.customer).clone();
            self.note_last_agent(LastAgent { customer, agent: agent.clone(), at });
        }
    }
}

/// Adds the stretch of time since the last with so many places filled and available. The first begins there.
pub(super) fn count_stretch(days: &mut Days, at: Millis, used: u64, places: u64) {
    let from = days.counted_to;
    days.counted_to = from.max(at);
    let (busy, available) = filled(if from == 0 { at } else { from }, at, used, places);
    let figures = days.at(at);
    figures.busy += busy;
    figures.available += available;
}

/// Places filled and available in a stretch of time, in place-milliseconds.
fn filled(from: Millis, to: Millis, used: u64, places: u64) -> (u64, u64) {
    let stretch = to.saturating_sub(from).max(0).unsigned_abs();
    (used * stretch, places.max(used) * stretch)
}
