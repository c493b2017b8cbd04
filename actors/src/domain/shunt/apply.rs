//! Changes to state: total, small, and the only way a routing's journaled state moves.

use std::sync::Arc;

use uuid::Uuid;

use super::state::{Agent, Lease, Place, Serving, Session, State};
use crate::domain::event::{AgentRecord, Presence, SessionOpened, ShuntChange};
use crate::domain::ids::Millis;

impl State {
    /// Applies one change decided at `at`. A change that names what is not there changes nothing.
    pub fn apply(&mut self, at: Millis, change: &ShuntChange) {
        match change {
            ShuntChange::AgentPut { agent, record } => self.agent_put(at, agent, record),
            ShuntChange::AgentDeleted { agent } => self.agent_deleted(agent),
            ShuntChange::PresenceSet { agent, presence } => self.presence_set(agent, *presence),
            ShuntChange::Leased { lease, agent, customer, group, expires_at } => {
                let held = Lease {
                    agent: agent.clone(),
                    customer: customer.clone(),
                    group: Arc::from(group.as_str()),
                    expires_at: *expires_at,
                };
                self.set_lease(*lease, Some(held));
                self.fill(at, agent, Place::Lease(*lease));
            }
            ShuntChange::LeaseEnded { lease, consumed } => self.lease_ended(at, *lease, *consumed),
            ShuntChange::SessionOpened(opened) => self.session_opened(at, opened),
            ShuntChange::Assigned { session, agent, agent_name, .. } => {
                self.assigned(at, *session, agent, agent_name);
            }
            ShuntChange::SessionEnded { session, .. } => self.session_ended(at, *session),
        }
    }

    fn agent_put(&mut self, at: Millis, id: &Arc<str>, record: &AgentRecord) {
        let known = self.agents.get(id).cloned();
        let mut agent = known.unwrap_or_else(|| Agent::unrecorded(at));
        agent.record = Some(Arc::new(record.clone()));
        agent.allowance = agent.places.len();
        self.set_agent(id, Some(agent));
    }

    fn agent_deleted(&mut self, id: &Arc<str>) {
        let Some(mut agent) = self.agents.get(id).cloned() else { return };
        agent.record = None;
        agent.presence = Presence::Offline;
        agent.allowance = agent.places.len();
        self.keep_agent(id, agent);
    }

    fn presence_set(&mut self, id: &Arc<str>, presence: Presence) {
        let Some(mut agent) = self.agents.get(id).cloned() else { return };
        agent.presence = presence;
        self.set_agent(id, Some(agent));
    }

    fn lease_ended(&mut self, at: Millis, id: Uuid, consumed: bool) {
        let Some(agent) = self.leases.get(&id).map(|lease| lease.agent.clone()) else { return };
        self.set_lease(id, None);
        let Some(allowance) = self.agents.get(&agent).map(|known| known.allowance) else { return };
        self.vacate(at, &agent, Place::Lease(id));
        if consumed && let Some(mut known) = self.agents.get(&agent).cloned() {
            known.allowance = allowance; // the place is only handed over
            self.set_agent(&agent, Some(known));
        }
    }

    fn session_opened(&mut self, at: Millis, opened: &SessionOpened) {
        let session = Session {
            customer: opened.customer.clone(),
            conversation: opened.conversation,
            group: Arc::from(opened.group.as_str()),
            shown_name: opened.shown_name.clone(),
            arrival: self.arrivals,
            opened_at: at,
            serving: None,
        };
        self.set_arrivals(self.arrivals + 1);
        self.set_session(opened.session, Some(session));
    }

    fn assigned(&mut self, at: Millis, id: Uuid, agent: &Arc<str>, agent_name: &str) {
        let Some(mut session) = self.sessions.get(&id).cloned() else { return };
        match session.serving.take() {
            Some(former) => self.vacate(at, &former.agent, Place::Session(id)),
            None if session.opened_at < at => {
                let mut pace = self.paces.get(&session.group).cloned().unwrap_or_default();
                pace.departed(session.opened_at, at);
                self.set_pace(&session.group, Some(pace));
            }
            None => {} // served on arrival: it never waited, so it tells nothing about the queue
        }
        let serving = Serving { agent: agent.clone(), agent_name: agent_name.to_owned(), since: at };
        session.serving = Some(serving);
        self.set_session(id, Some(session));
        self.fill(at, agent, Place::Session(id));
    }

    fn session_ended(&mut self, at: Millis, id: Uuid) {
        let Some(session) = self.sessions.get(&id) else { return };
        let agent = session.serving.as_ref().map(|serving| serving.agent.clone());
        self.set_session(id, None);
        if let Some(agent) = agent {
            self.vacate(at, &agent, Place::Session(id));
        }
    }

    fn fill(&mut self, at: Millis, id: &Arc<str>, place: Place) {
        let known = self.agents.get(id).cloned();
        let mut agent = known.unwrap_or_else(|| Agent::unrecorded(at));
        agent.places.insert(place);
        agent.idle_since = at;
        self.set_agent(id, Some(agent));
    }

    fn vacate(&mut self, at: Millis, id: &Arc<str>, place: Place) {
        let Some(mut agent) = self.agents.get(id).cloned() else { return };
        agent.places.remove(&place);
        agent.idle_since = at;
        agent.allowance = agent.allowance.min(agent.places.len());
        self.keep_agent(id, agent);
    }

    /// An agent without a record is remembered only while something fills its places.
    fn keep_agent(&mut self, id: &Arc<str>, agent: Agent) {
        let kept = agent.record.is_some() || !agent.places.is_empty();
        self.set_agent(id, kept.then_some(agent));
    }
}
