//! Routing and its sessions.

use uuid::Uuid;

use super::{Check, Open, Stored};
use crate::domain::event::Fact;
use crate::domain::ids::EntId;
use crate::domain::session::Known;
use crate::domain::shunt::State;
use crate::domain::shunt::audit::structure;
use crate::runtime::panics::without_quotes;

impl Check<'_> {
    /// Whether it could be read whole.
    pub(super) fn shunt(&mut self, ent: EntId, stored: &Stored) -> bool {
        self.checked.shunts += 1;
        let mut state = match &stored.snapshot {
            None => State::new(ent),
            Some(snapshot) => match State::decode(ent, &snapshot.state) {
                Ok(state) => state,
                Err(error) => {
                    self.fault(&stored.key, without_quotes(&error.to_string()));
                    return false;
                }
            },
        };
        for event in &stored.facts {
            let Fact::Shunt(fact) = &event.fact else { continue };
            fact.changes.iter().for_each(|change| state.apply(event.at, change));
        }
        for violation in structure(&state) {
            self.fault(&stored.key, violation.to_string());
        }
        for (id, session) in state.sessions() {
            let open = Open {
                ent,
                agent: session.holder().cloned(),
                conversation: session.conversation,
                seen_by_session: false,
                seen_by_conversation: false,
            };
            self.open.insert(*id, open);
        }
        true
    }

    /// Whether it could be read whole.
    pub(super) fn session(&mut self, id: Uuid, stored: &Stored) -> bool {
        let mut known = match &stored.snapshot {
            None => Known::default(),
            Some(snapshot) => match rmp_serde::from_slice(&snapshot.state) {
                Ok(known) => known,
                Err(error) => {
                    let problem = without_quotes(&error.to_string());
                    self.fault(&stored.key, format!("its snapshot: {problem}"));
                    return false;
                }
            },
        };
        for event in &stored.facts {
            if let Fact::Shunt(fact) = &event.fact {
                known.apply(id, event.at, fact);
            }
        }
        let Some(session) = known.0 else { return true };
        self.checked.sessions += 1;
        if session.ended.is_some() {
            return true;
        }
        let view = session.view(id);
        let Some(open) = self.open.get_mut(&id) else {
            if !self.comparable(!self.unreadable.shunts()) {
                return true;
            }
            let what = format!("is open, but enterprise {} does not know it", session.ent);
            self.fault(&stored.key, what);
            return true;
        };
        open.seen_by_session = true;
        let routed = open.agent.as_deref().map(str::to_owned);
        if view.agent != routed {
            let name = |agent: Option<String>| agent.unwrap_or_else(|| "nobody".to_owned());
            let what = format!("is with agent {}, by routing with {}", name(view.agent), name(routed));
            self.fault(&stored.key, what);
        }
        true
    }
}
