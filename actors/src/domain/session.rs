//! One customer-service session, as the routing's facts tell it: who, where, since when, and how it ended.
//!
//! Guarantee: a projection. It decides nothing, and once ended it never changes again.

pub mod machine;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::machine::{Event, Stage};
use super::event::{CloseReason, Reasons, SessionOpened, ShuntChange, ShuntFact};
use super::ids::{Address, ConversationKey, EntId, Millis};
use crate::api::{SessionState, SessionView};

/// Decisions kept of one session: the first of them tell how it began, so later ones make room.
const KEPT_DECISIONS: usize = 100;

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
    /// The agent it is offered to, its name, and when that lapses.
    #[serde(default)]
    pub offer: Option<(String, String, Millis)>,
    /// Whether it is back in the queue after it had an agent.
    #[serde(default)]
    pub requeued: bool,
    /// Whether the group's bot serves it.
    #[serde(default)]
    pub bot: bool,
    /// When it was last warned of silence.
    #[serde(default)]
    pub warned_at: Option<Millis>,
    /// Why it was given what it was given, the oldest first, each with its time.
    #[serde(default)]
    pub decisions: VecDeque<(Millis, Arc<Reasons>)>,
}

/// What is known of one session id: nothing until it was opened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known(pub Option<Session>);

impl Known {
    /// Applies what a routing's fact says about session `id`.
    pub fn apply(&mut self, id: Uuid, at: Millis, fact: &ShuntFact) {
        for change in &fact.changes {
            if let ShuntChange::Decided { session, why } = change
                && *session == id
                && let Some(known) = &mut self.0
            {
                known.decided(at, why);
                continue;
            }
            if let ShuntChange::Promoted { user, session: Some(open), .. } = change
                && open.session == id
                && let Some(known) = &mut self.0
            {
                known.customer = user.clone();
                known.conversation = ConversationKey::Service(fact.ent, user.clone()).id();
                continue;
            }
            let about = match change {
                ShuntChange::Replied { session } => Some(*session),
                other => other.concerns().map(|(session, _)| session),
            };
            let Some(event) = Event::of(change).filter(|_| about == Some(id)) else { continue };
            let stage = self.0.as_ref().map_or(Stage::Unopened, Session::stage);
            if stage.after(event).is_none() {
                continue;
            }
            match (&mut self.0, change) {
                (unknown, ShuntChange::SessionOpened(opened)) => {
                    *unknown = Some(Session::opened(fact.ent, at, opened));
                }
                (Some(known), change) => known.changed(at, change),
                (None, _) => {}
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
            offer: None,
            requeued: false,
            bot: false,
            warned_at: None,
            decisions: VecDeque::new(),
        }
    }

    fn decided(&mut self, at: Millis, why: &Arc<Reasons>) {
        if self.decisions.len() == KEPT_DECISIONS {
            self.decisions.remove(KEPT_DECISIONS / 2);
        }
        self.decisions.push_back((at, why.clone()));
    }

    /// A change that can happen in its stage.
    fn changed(&mut self, at: Millis, change: &ShuntChange) {
        match change {
            ShuntChange::Assigned { agent, agent_name, .. } => self.assigned(at, agent, agent_name),
            ShuntChange::Offered { agent, agent_name, until, .. } => {
                self.offer = Some((agent.to_string(), agent_name.clone(), *until));
            }
            ShuntChange::BotTook { .. } => self.bot = true,
            ShuntChange::Requeued { .. } => self.waits_again(),
            ShuntChange::Moved { group, .. } => {
                self.waits_again();
                self.group.clone_from(group);
            }
            ShuntChange::IdleWarned { .. } => self.warned_at = Some(at),
            ShuntChange::SessionEnded { reason, .. } => {
                self.offer = None;
                self.ended = Some((at, *reason));
            }
            _ => {}
        }
    }

    fn waits_again(&mut self) {
        self.offer = None;
        self.bot = false;
        self.requeued = true;
    }

    fn assigned(&mut self, at: Millis, agent: &str, agent_name: &str) {
        self.offer = None;
        self.requeued = false;
        self.bot = false;
        self.agent = Some(agent.to_owned());
        agent_name.clone_into(&mut self.agent_name);
        self.served_at.get_or_insert(at);
    }

    /// Where it stands.
    pub const fn stage(&self) -> Stage {
        match (&self.ended, &self.offer, self.bot, &self.agent) {
            (Some(_), ..) => Stage::Ended,
            (None, Some(_), ..) => Stage::Offered,
            (None, None, true, _) => Stage::WithBot,
            (None, None, false, Some(_)) if !self.requeued => Stage::Serving,
            (None, None, false, _) => Stage::Queued,
        }
    }

    /// Its state.
    pub const fn state(&self) -> SessionState {
        self.stage().state()
    }

    /// As its parties see it. Its place in the queue is known to the routing alone: 0 and no estimate here.
    pub fn view(&self, id: Uuid) -> SessionView {
        let stage = self.stage();
        let (agent, agent_name) = match (stage, &self.offer) {
            (Stage::Offered, Some((agent, name, _))) => (Some(agent.clone()), name),
            (Stage::Serving | Stage::Ended, _) => (self.agent.clone(), &self.agent_name),
            _ => (None, &self.shown_name),
        };
        SessionView {
            session: id,
            conversation: self.conversation,
            ent: self.ent,
            customer: self.customer.clone(),
            state: self.state(),
            agent,
            shown_name: if self.shown_name.is_empty() { agent_name.clone() } else { self.shown_name.clone() },
            human: stage == Stage::Serving,
            ahead: 0,
            estimated_wait_seconds: None,
            created: false,
            opened_at: self.opened_at,
            served_at: self.served_at,
            ended: self.ended,
            group: self.group.clone(),
            offer_until: self.offer.as_ref().map(|(_, _, until)| *until),
            warned_at: self.warned_at,
            offline_message: String::new(),
        }
    }
}
