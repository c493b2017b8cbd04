//! Commands about who serves and how: agents, what they say of themselves, groups.

use std::sync::Arc;

use super::Answer;
use super::decide::{Deciding, Outcome};
use super::group::check;
use crate::domain::event::{AgentRecord, GroupDefinition, Presence, RequeueCause, ShuntChange};
use crate::domain::refusal::Refusal;

impl Deciding<'_> {
    pub(super) fn put_agent(&mut self, agent: &Arc<str>, record: &AgentRecord) -> Outcome {
        let known = self.state.agents.get(agent).and_then(|known| known.record.as_deref());
        if known != Some(record) {
            self.change(ShuntChange::AgentPut { agent: agent.clone(), record: record.clone() });
        }
        Outcome::Agent(agent.clone())
    }

    pub(super) fn delete_agent(&mut self, agent: &Arc<str>) -> Outcome {
        let known = self.state.agents.get(agent).is_some_and(|known| known.record.is_some());
        if known {
            self.end_promises_of(agent);
            self.change(ShuntChange::AgentDeleted { agent: agent.clone() });
        }
        Outcome::Ready(Answer::Deleted(known))
    }

    pub(super) fn set_presence(&mut self, agent: &Arc<str>, presence: Presence) -> Result<Outcome, Refusal> {
        let known = self.state.agents.get(agent).filter(|known| known.record.is_some());
        let former = known.ok_or(Refusal::UnknownAgent)?.presence;
        self.state.heard(agent, self.at);
        if presence != former {
            self.change(ShuntChange::PresenceSet { agent: agent.clone(), presence });
        }
        if presence != Presence::Online {
            self.end_promises_of(agent); // they would send a customer to somebody who has left
        }
        Ok(Outcome::Agent(agent.clone()))
    }

    pub(super) fn accepting(&self, agents: &[Arc<str>]) -> Vec<Arc<str>> {
        let known = agents.iter().filter_map(|id| self.state.agents.get_key_value(id));
        let accepting = known.filter(|(id, agent)| self.state.is_accepting(id, agent, self.at, self.numbers));
        accepting.map(|(id, _)| id.clone()).collect()
    }

    /// Reservations on an agent and offers to it end; what it serves stays.
    fn end_promises_of(&mut self, agent: &Arc<str>) {
        let promises = self.state.promises.get(agent).cloned().unwrap_or_default();
        for session in promises.offers {
            self.requeued(session, agent, RequeueCause::Withdrawn);
        }
        for (_, lease) in promises.leases {
            self.change(ShuntChange::LeaseEnded { lease, consumed: false });
        }
    }

    pub(super) fn put_group(&mut self, code: &str, put: &GroupDefinition) -> Result<Outcome, Refusal> {
        check(put)?;
        let code: Arc<str> = Arc::from(code);
        let known = self.state.definition(&code);
        let same = self.state.groups.contains_key(&code)
            && *known == GroupDefinition { version: known.version, ..put.clone() };
        if !same {
            let definition = Arc::new(GroupDefinition { version: known.version + 1, ..put.clone() });
            self.change(ShuntChange::GroupPut { group: code.clone(), definition });
        }
        Ok(Outcome::Group(code))
    }

    /// Its customers and agents stay, and go by the defaults.
    pub(super) fn delete_group(&mut self, code: &str) -> Outcome {
        let code: Arc<str> = Arc::from(code);
        let known = self.state.groups.contains_key(&code);
        if known {
            self.change(ShuntChange::GroupDeleted { group: code });
        }
        Outcome::Ready(Answer::Deleted(known))
    }
}
