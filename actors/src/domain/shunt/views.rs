//! What callers see of a routing.

use uuid::Uuid;

use super::Numbers;
use super::state::{Place, Session, State};
use crate::api::{AgentView, QueueView, SessionState, SessionView, Waiting};
use crate::domain::event::Presence;
use crate::domain::ids::Millis;

impl State {
    /// Customers before this one in its queue; 0 once it is served.
    pub(super) fn ahead(&self, session: &Session) -> u64 {
        if session.serving.is_some() {
            return 0;
        }
        let queue = self.queues.get(&session.group);
        queue.map_or(0, |queue| queue.range(..session.arrival).count() as u64)
    }

    /// The estimated wait of somebody with that many before him.
    pub(super) fn estimate(&self, group: &str, ahead: u64) -> Option<u64> {
        self.paces.get(group)?.estimate(ahead)
    }

    /// An open session; `None` when it is not open here.
    pub fn session_view(&self, id: Uuid, created: bool) -> Option<SessionView> {
        let session = self.sessions.get(&id)?;
        let ahead = self.ahead(session);
        let serving = session.serving.as_ref();
        let own_name = serving.map(|serving| serving.agent_name.clone()).unwrap_or_default();
        let shown_name = if session.shown_name.is_empty() { own_name } else { session.shown_name.clone() };
        let waits = serving.is_none();
        Some(SessionView {
            session: id,
            conversation: session.conversation,
            ent: self.ent,
            customer: session.customer.clone(),
            state: if waits { SessionState::Queued } else { SessionState::Serving },
            agent: serving.map(|serving| serving.agent.to_string()),
            shown_name,
            human: !waits,
            ahead,
            estimated_wait_seconds: if waits { self.estimate(&session.group, ahead) } else { None },
            created,
            opened_at: session.opened_at,
            served_at: serving.map(|serving| serving.since),
            ended: None,
        })
    }

    /// An agent with a record.
    pub fn agent_view(&self, id: &str, now: Millis, numbers: &Numbers) -> Option<AgentView> {
        let agent = self.agents.get(id)?;
        let record = agent.record.as_deref()?.clone();
        let accepting = self.is_accepting(id, agent, now, numbers);
        let lapsed = agent.presence == Presence::Online && !accepting;
        let leases = agent.places.iter().filter(|place| matches!(place, Place::Lease(_))).count() as u64;
        Some(AgentView {
            agent: id.to_owned(),
            ent: self.ent,
            record,
            presence: if lapsed { Presence::Away } else { agent.presence },
            accepting,
            sessions: agent.places.len() as u64 - leases,
            leases,
        })
    }

    /// A group's queue, head first; empty for a group nobody waits in.
    pub fn queue_view(&self, group: &str) -> QueueView {
        let queued = self.queues.get(group).into_iter().flat_map(|queue| queue.values());
        let waiting = queued.filter_map(|id| {
            let session = self.sessions.get(id)?;
            Some(Waiting { session: *id, customer: session.customer.clone(), since: session.opened_at })
        });
        QueueView { group: group.to_owned(), waiting: waiting.collect() }
    }
}
