//! Time takes effect: what lapsed ends, and whoever waits beside a free agent is served.

use std::sync::Arc;

use uuid::Uuid;

use super::choose::Choice;
use super::decide::Deciding;
use super::index::Timer;
use super::queue::Due;
use super::records::Place;
use crate::domain::event::{CloseReason, Reasons, RequeueCause, ShuntChange, Step};
use crate::domain::ids::Millis;

impl Deciding<'_> {
    /// Lets everything that is due happen, then gives free places to those who wait, until neither is left.
    pub(super) fn settle(&mut self) {
        while let Some((deadline, timer)) = self.state.timers.first().cloned() {
            if deadline > self.at {
                break;
            }
            match timer {
                Timer::Lease(lease) => self.change(ShuntChange::LeaseEnded { lease, consumed: false }),
                Timer::Session(session) => self.session_is_due(session),
                Timer::Agent(agent) => self.look_at_agent(&agent),
            }
        }
        while let Some((session, choice)) = self.next_to_serve() {
            self.give(session, &choice, choice.step);
        }
    }

    /// A deadline of a session has come: exactly one of its rules applies, the earliest.
    fn session_is_due(&mut self, id: Uuid) {
        let Some(session) = self.state.sessions.get(&id).cloned() else { return };
        let rules = self.state.definition(&session.group);
        let past = |from: Millis, wait: Millis| wait > 0 && from.saturating_add(wait) <= self.at;
        let customer = session.customer.clone();
        let ended = |reason| ShuntChange::SessionEnded { session: id, customer: customer.clone(), reason };
        let change = if past(session.opened_at, rules.lifetime) {
            ended(CloseReason::Lifetime)
        } else if let Some(offer) = session.offer.as_ref().filter(|offer| offer.until <= self.at) {
            self.requeued(id, &offer.agent, RequeueCause::Lapsed);
            return;
        } else if session.waits() && past(session.waiting_since, rules.queue_timeout) {
            ended(CloseReason::QueueTimeout)
        } else if past(self.state.quiet_since(id, &session), rules.idle_close) {
            ended(CloseReason::Idle)
        } else {
            ShuntChange::IdleWarned { session: id, customer: customer.clone() }
        };
        self.change(change);
    }

    /// A session goes back to the queue and is not given to this agent for a while.
    pub(super) fn requeued(&mut self, session: Uuid, agent: &Arc<str>, cause: RequeueCause) {
        let Some(open) = self.state.sessions.get(&session) else { return };
        let customer = open.customer.clone();
        let not_before = self.at.saturating_add(self.numbers.exclusion);
        self.change(ShuntChange::Requeued { session, customer, agent: agent.clone(), cause, not_before });
        let Some(open) = self.state.sessions.get(&session) else { return };
        let why = self.state.reasons(&open.group, Step::Requeue, Some(open));
        self.explain(session, why);
    }

    /// An agent lapsed, grew into its capacity, or is gone: the last takes its sessions and reservations away.
    fn look_at_agent(&mut self, agent: &Arc<str>) {
        let gone = self.state.gone_at(agent) <= self.at;
        if gone {
            let places = self.state.agents.get(agent).map(|known| known.places.clone()).unwrap_or_default();
            for place in places {
                match place {
                    Place::Session(session) => {
                        self.requeued(session, agent, RequeueCause::Disconnected);
                    }
                    Place::Lease(lease) => self.change(ShuntChange::LeaseEnded { lease, consumed: false }),
                }
            }
        }
        self.state.index_agent(agent);
    }

    /// Of all who wait and can be served now, the first in the order of the queues.
    fn next_to_serve(&self) -> Option<(Uuid, Choice)> {
        let mut first: Option<(Due, Uuid, Choice)> = None;
        for (group, queue) in &self.state.queues {
            if !self.can_help(group) {
                continue;
            }
            for lane in queue.lanes() {
                for (due, id) in lane {
                    if first.as_ref().is_some_and(|(other, ..)| *other < due) {
                        break;
                    }
                    let Some(session) = self.state.sessions.get(&id) else { continue };
                    if let Some(choice) = self.state.choose_for(session, self.at) {
                        first = Some((due, id, choice));
                        break;
                    }
                    if session.excluded.is_empty() {
                        break; // those behind it waited less and exclude no fewer
                    }
                }
            }
        }
        first.map(|(_, id, choice)| (id, choice))
    }

    /// Whether anybody could serve this group's customers now.
    fn can_help(&self, group: &str) -> bool {
        let has_free = |group: &str| self.state.desks.get(group).is_some_and(|desk| !desk.free.is_empty());
        let overflow = self.state.groups.get(group).map(|group| &group.definition.overflow);
        has_free(group) || overflow.is_some_and(|groups| groups.iter().any(|helping| has_free(helping)))
    }

    /// Gives an open session to the agent chosen: as an offer where the group asks its agents first.
    pub(super) fn give(&mut self, session: Uuid, choice: &Choice, step: Step) {
        let Some(open) = self.state.sessions.get(&session) else { return };
        let why = self.state.reasons(&choice.group, step, Some(open));
        let wait = self.state.definition(&open.group).offer;
        let (customer, agent) = (open.customer.clone(), choice.agent.clone());
        let agent_name = self.state.agents.get(&agent).map(|known| known.name()).unwrap_or_default();
        if wait > 0 {
            let until = self.at.saturating_add(wait);
            self.change(ShuntChange::Offered { session, customer, agent, agent_name, until });
        } else {
            self.change(ShuntChange::Assigned { session, customer, agent, agent_name });
        }
        let (agent, tie_break) = (Some(choice.agent.clone()), Some(choice.tie_break));
        self.explain(session, Reasons { agent, tie_break, ..why });
    }

    /// Gives an open session to an agent without asking it.
    pub(super) fn assign(&mut self, session: Uuid, agent: &Arc<str>, step: Step) {
        let Some(open) = self.state.sessions.get(&session) else { return };
        let why = self.state.reasons(&open.group, step, Some(open));
        let customer = open.customer.clone();
        let agent_name = self.state.agents.get(agent).map(|known| known.name()).unwrap_or_default();
        self.change(ShuntChange::Assigned { session, customer, agent: agent.clone(), agent_name });
        self.explain(session, Reasons { agent: Some(agent.clone()), ..why });
    }
}
