//! A routing as its snapshot holds it, in MessagePack: whole. Once enterprises with tens of thousands of open
//! sessions need it, sessions move into pages of their own and this keeps the rest.
//!
//! Compatible: what an earlier version did not write is read as empty.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::figures::Book;
use super::pace::Pace;
use super::records::{Agent, Lease, Session};
use super::state::{LastAgent, State};
use super::turns::Turns;
use crate::domain::event::GroupDefinition;
use crate::domain::ids::{Address, EntId};

#[derive(Serialize, Deserialize)]
struct Stored {
    agents: Vec<(Arc<str>, Agent)>,
    sessions: Vec<(Uuid, Arc<Session>)>,
    leases: Vec<(Uuid, Lease)>,
    paces: Vec<(Arc<str>, Pace)>,
    arrivals: u64,
    #[serde(default)]
    groups: Vec<(Arc<str>, Arc<GroupDefinition>)>,
    #[serde(default)]
    turns: BTreeMap<Arc<str>, Turns>,
    #[serde(default)]
    last_agents: VecDeque<LastAgent>,
    #[serde(default)]
    promoted: Vec<(Address, Address)>,
    #[serde(default)]
    book: Book,
}

impl State {
    /// The whole state for a snapshot.
    ///
    /// # Errors
    /// None that this type can cause; the encoder's are passed on.
    pub fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        let stored = Stored {
            agents: self.agents.iter().map(|(id, agent)| (id.clone(), agent.clone())).collect(),
            sessions: self.sessions.iter().map(|(id, session)| (*id, session.clone())).collect(),
            leases: self.leases.iter().map(|(id, lease)| (*id, lease.clone())).collect(),
            paces: self.paces.iter().map(|(group, pace)| (group.clone(), pace.clone())).collect(),
            arrivals: self.arrivals,
            groups: self
                .groups
                .iter()
                .map(|(code, group)| (code.clone(), group.definition.clone()))
                .collect(),
            turns: self.turns.clone(),
            last_agents: self.last_agents.clone(),
            promoted: self.promoted.iter().map(|(from, to)| (from.clone(), to.clone())).collect(),
            book: self.book.clone(),
        };
        rmp_serde::to_vec(&stored)
    }

    /// Reads what [`State::encode`] wrote, of this version or an earlier one.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn decode(ent: EntId, bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        let stored: Stored = rmp_serde::from_slice(bytes)?;
        let mut state = Self::new(ent);
        for (code, definition) in stored.groups {
            state.set_group(&code, Some(definition));
        }
        state.turns = stored.turns;
        for (from, to) in stored.promoted {
            state.set_promoted(&from, Some(to));
        }
        for (id, mut agent) in stored.agents {
            agent.read_memberships();
            state.put_stored_agent(&id, agent);
        }
        for (id, mut session) in stored.sessions {
            Arc::make_mut(&mut session).class = state.definition(&session.group).class; // an earlier version froze it
            state.set_session(id, Some(session));
        }
        for (id, lease) in stored.leases {
            state.set_lease(id, Some(lease));
        }
        state.index_touched();
        for (group, pace) in stored.paces {
            state.set_pace(&group, Some(pace));
        }
        state.arrivals = stored.arrivals;
        for last in &stored.last_agents {
            state.last_agent_of.insert(last.customer.clone(), (last.agent.clone(), last.at));
        }
        state.last_agents = stored.last_agents;
        state.book = stored.book;
        Ok(state)
    }
}
