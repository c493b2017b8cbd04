//! One customer-service session, as the routing's facts tell it: who, where, since when, and how it ended.
//!
//! Guarantee: a projection. It decides nothing, and once ended it never changes again.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{CloseReason, SessionOpened, ShuntChange, ShuntFact};
use super::ids::{Address, EntId, Millis};
use crate::api::{SessionState, SessionView};

/// A session that was opened at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The serving tenant.
    pub ent: EntId,
    /// The customer.
    pub customer: Address,
    /// The service conversation.
    pub conversation: Uuid,
    /// Its reception group.
    pub group: String,
    /// The name to show; empty = the agent's own.
    pub shown_name: String,
    /// The customer's client application.
    pub app_id: String,
    /// The receiving side's channel.
    pub receive_app_id: String,
    /// When it was opened.
    pub opened_at: Millis,
    /// Who serves or served it last (bare id).
    pub agent: Option<String>,
    /// That agent's name at the time.
    pub agent_name: String,
    /// When an agent first began to serve it.
    pub served_at: Option<Millis>,
    /// When it ended, and why.
    pub ended: Option<(Millis, CloseReason)>,
}

/// What is known of one session id: nothing until it was opened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known(pub Option<Session>);

impl Known {
    /// Applies what a routing's fact says about session `id`.
    pub fn apply(&mut self, id: Uuid, at: Millis, fact: &ShuntFact) {
        for change in &fact.changes {
            match change {
                ShuntChange::SessionOpened(opened) if opened.session == id && self.0.is_none() => {
                    self.0 = Some(Session::opened(fact.ent, at, opened));
                }
                ShuntChange::Assigned { session, agent, agent_name, .. } if *session == id => {
                    if let Some(known) = &mut self.0 {
                        known.assigned(at, agent, agent_name);
                    }
                }
                ShuntChange::SessionEnded { session, reason, .. } if *session == id => {
                    if let Some(known) = &mut self.0 {
                        known.ended.get_or_insert((at, *reason));
                    }
                }
                _ => {}
            }
        }
    }
}

impl Session {
    fn opened(ent: EntId, at: Millis, opened: &SessionOpened) -> Self {
        Self {
            ent,
            customer: opened.customer.clone(),
            conversation: opened.conversation,
            group: opened.group.clone(),
            shown_name: opened.shown_name.clone(),
            app_id: opened.app_id.clone(),
            receive_app_id: opened.receive_app_id.clone(),
            opened_at: at,
            agent: None,
            agent_name: String::new(),
            served_at: None,
            ended: None,
        }
    }

    fn assigned(&mut self, at: Millis, agent: &str, agent_name: &str) {
        self.agent = Some(agent.to_owned());
        agent_name.clone_into(&mut self.agent_name);
        self.served_at.get_or_insert(at);
    }

    /// Its state.
    pub const fn state(&self) -> SessionState {
        match (&self.ended, &self.agent) {
            (Some(_), _) => SessionState::Ended,
            (None, Some(_)) => SessionState::Serving,
            (None, None) => SessionState::Queued,
        }
    }

    /// As its parties see it. Its place in the queue is known to the routing alone: 0 and no estimate here.
    pub fn view(&self, id: Uuid) -> SessionView {
        let state = self.state();
        SessionView {
            session: id,
            conversation: self.conversation,
            ent: self.ent,
            customer: self.customer.clone(),
            state,
            agent: self.agent.clone(),
            shown_name: if self.shown_name.is_empty() {
                self.agent_name.clone()
            } else {
                self.shown_name.clone()
            },
            human: state == SessionState::Serving,
            ahead: 0,
            estimated_wait_seconds: None,
            created: false,
            opened_at: self.opened_at,
            served_at: self.served_at,
            ended: self.ended,
        }
    }
}
