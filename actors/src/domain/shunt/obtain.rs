//! Reserving a place: a promise with a deadline, never a peek, and never past those who wait.

use std::sync::Arc;

use super::Answer;
use super::decide::{Deciding, Outcome};
use super::lease_id::lease_id;
use super::state::{Lease, Session, group_name};
use crate::api::{Obtain, Shunt, ShuntState};
use crate::domain::event::ShuntChange;
use uuid::Uuid;

impl Deciding<'_> {
    pub(super) fn obtain(&mut self, obtain: &Obtain) -> Outcome {
        let group = self.known_group(&obtain.group);
        let fallback = &*group != group_name(&obtain.group);
        let shunt = self.obtain_in(obtain, &group);
        Outcome::Ready(Answer::Shunt(Box::new(Shunt { fallback, ..shunt })))
    }

    fn obtain_in(&mut self, obtain: &Obtain, group: &Arc<str>) -> Shunt {
        if let Some(customer) = &obtain.customer {
            let session = self.state.session_of.get(customer).and_then(|id| self.state.sessions.get(id));
            if let Some(session) = session {
                return self.place_of(session);
            }
            let lease = self.state.lease_of.get(customer).copied();
            if let Some((id, lease)) = lease.and_then(|id| Some((id, self.state.leases.get(&id)?))) {
                return self.reserved(id, lease);
            }
        }
        let nobody_waits = self.state.waiting_in(group) == 0;
        let chosen = nobody_waits.then(|| self.state.choose(group, self.at, self.numbers)).flatten();
        let Some(agent) = chosen else { return self.no_place(group) };
        let lease = Lease {
            agent,
            customer: obtain.customer.clone(),
            group: group.clone(),
            expires_at: self.at.saturating_add(self.numbers.lease),
        };
        let id = lease_id(self.state.ent, self.fresh);
        let answer = self.reserved(id, &lease);
        self.change(ShuntChange::Leased {
            lease: id,
            agent: lease.agent.clone(),
            customer: lease.customer.clone(),
            group: group.to_string(),
            expires_at: lease.expires_at,
        });
        self.with_figures(answer, group)
    }

    /// A customer with an open session: its agent, or its place in the queue; never a reservation besides.
    fn place_of(&self, session: &Session) -> Shunt {
        let Some(serving) = &session.serving else {
            let ahead = self.state.ahead(session);
            let estimated_wait_seconds = self.state.estimate(&session.group, ahead);
            let answer = Shunt { state: ShuntState::Busy, ahead, estimated_wait_seconds, ..self.blank() };
            return self.with_figures(answer, &session.group);
        };
        let name = if session.shown_name.is_empty() { &serving.agent_name } else { &session.shown_name };
        let answer = Shunt { agent: Some((serving.agent.to_string(), name.clone())), ..self.blank() };
        self.with_figures(answer, &session.group)
    }

    fn reserved(&self, id: Uuid, lease: &Lease) -> Shunt {
        let name = self.state.agents.get(&lease.agent).map(|agent| agent.name()).unwrap_or_default();
        let answer = Shunt {
            agent: Some((lease.agent.to_string(), name)),
            lease: Some((id, lease.expires_at)),
            ..self.blank()
        };
        self.with_figures(answer, &lease.group)
    }

    fn no_place(&self, group: &Arc<str>) -> Shunt {
        let answer = self.with_figures(self.blank(), group);
        let state = if answer.online == 0 { ShuntState::Offline } else { ShuntState::Busy };
        let ahead = answer.waiting;
        Shunt { state, ahead, estimated_wait_seconds: self.state.estimate(group, ahead), ..answer }
    }

    /// An assigned place with nothing said about it: no wait.
    fn blank(&self) -> Shunt {
        Shunt {
            state: ShuntState::Assigned,
            group: String::new(),
            fallback: false,
            agent: None,
            lease: None,
            ahead: 0,
            estimated_wait_seconds: Some(0),
            online: 0,
            free_slots: 0,
            waiting: 0,
            considered: 0,
            skipped: Vec::new(),
        }
    }

    fn with_figures(&self, answer: Shunt, group: &Arc<str>) -> Shunt {
        let tally = self.state.tally(group, self.at, self.numbers);
        Shunt {
            group: group.to_string(),
            online: tally.online,
            free_slots: tally.free_slots,
            waiting: self.state.waiting_in(group) as u64,
            considered: tally.considered,
            skipped: tally.skipped.into_iter().collect(),
            ..answer
        }
    }
}
