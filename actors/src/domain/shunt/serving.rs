//! What happens to open sessions: offers accepted and rejected, transfers, takeovers, visitors who register.

use std::sync::Arc;

use uuid::Uuid;

use super::choose::Choice;
use super::decide::{Deciding, Outcome};
use super::state::group_name;
use super::{Answer, Target};
use crate::domain::event::{Carried, CloseReason, RequeueCause, ShuntChange, Step};
use crate::domain::ids::Address;
use crate::domain::refusal::Refusal;

impl Deciding<'_> {
    /// Accepting what one serves already is fine: a repeat.
    pub(super) fn accept(&mut self, session: Uuid, agent: &Arc<str>) -> Result<Outcome, Refusal> {
        self.state.heard(agent, self.at);
        let Some(open) = self.state.sessions.get(&session) else {
            return Ok(Outcome::Ready(Answer::NotOpen));
        };
        if open.serving.as_ref().is_some_and(|serving| serving.agent == *agent) {
            return Ok(Outcome::Session(session, false));
        }
        let offer = open.offer.as_ref().filter(|offer| offer.agent == *agent).ok_or(Refusal::NotOffered)?;
        let (customer, agent_name) = (open.customer.clone(), offer.agent_name.clone());
        self.change(ShuntChange::Assigned { session, customer, agent: agent.clone(), agent_name });
        Ok(Outcome::Session(session, false))
    }

    /// Rejecting what one rejected before is fine: a repeat.
    pub(super) fn reject(&mut self, session: Uuid, agent: &Arc<str>) -> Result<Outcome, Refusal> {
        self.state.heard(agent, self.at);
        let Some(open) = self.state.sessions.get(&session) else {
            return Ok(Outcome::Ready(Answer::NotOpen));
        };
        if open.offer.as_ref().is_some_and(|offer| offer.agent == *agent) {
            self.requeued(session, agent, RequeueCause::Rejected);
        } else if open.admits(agent, self.at) {
            return Err(Refusal::NotOffered);
        }
        Ok(Outcome::Session(session, false))
    }

    pub(super) fn transfer(&mut self, session: Uuid, to: &Target) -> Result<Outcome, Refusal> {
        if !self.state.sessions.contains_key(&session) {
            return Ok(Outcome::Ready(Answer::NotOpen));
        }
        match to {
            Target::Agent { agent, itself } => self.transfer_to_agent(session, agent, *itself),
            Target::Group { group, may_wait } => self.transfer_to_group(session, group, *may_wait),
            Target::FromBot { group } => {
                if !self.state.sessions.get(&session).is_some_and(|open| open.bot) {
                    return Err(Refusal::UnknownSession); // a person has it, whose it is to give away
                }
                self.transfer_to_group(session, group, true)
            }
        }
    }

    fn transfer_to_agent(
        &mut self,
        session: Uuid,
        agent: &Arc<str>,
        itself: bool,
    ) -> Result<Outcome, Refusal> {
        if itself {
            self.state.heard(agent, self.at);
        }
        let Some(known) = self.state.agents.get(agent).filter(|known| known.record.is_some()) else {
            return Err(Refusal::UnknownAgent);
        };
        let open = self.state.sessions.get(&session);
        let serves = open.and_then(|open| open.serving.as_ref()).is_some_and(|by| by.agent == *agent);
        if serves {
            return Ok(Outcome::Session(session, false));
        }
        if !itself && !self.state.is_accepting(agent, known, self.at, self.numbers) {
            return Err(Refusal::AgentAway);
        }
        let holds_offer = open.and_then(|open| open.holder()).is_some_and(|holder| holder == agent);
        if !holds_offer && !self.state.has_free_place(agent, self.numbers) {
            return Err(self.at_capacity(agent));
        }
        self.assign(session, agent, if itself { Step::ByAgent } else { Step::Transfer });
        Ok(Outcome::Session(session, false))
    }

    fn transfer_to_group(&mut self, session: Uuid, group: &str, may_wait: bool) -> Result<Outcome, Refusal> {
        let code: Arc<str> = Arc::from(group_name(group));
        if !self.state.knows_group(&code) {
            return Err(Refusal::UnknownGroup);
        }
        let Some(open) = self.state.sessions.get(&session).cloned() else {
            return Ok(Outcome::Ready(Answer::NotOpen));
        };
        if open.group == code && open.waits() {
            return Ok(Outcome::Session(session, false));
        }
        if self.state.groups.get(&code).is_some_and(|known| !known.is_open(self.at)) {
            return Err(Refusal::GroupClosed);
        }
        let not_before = self.at.saturating_add(self.numbers.exclusion);
        let mut leaving = open.as_ref().clone(); // its present agent is not chosen again
        leaving.excluded.extend(open.holder().map(|holder| (holder.clone(), not_before)));
        let nobody_waits = self.state.waiting_in(&code) == 0;
        let free = nobody_waits.then(|| self.state.choose(&code, Some(&leaving), self.at)).flatten();
        let owned = open.serving.is_some();
        if owned && free.is_none() && !may_wait {
            return Err(Refusal::NobodyFree);
        }
        let limit = self.state.definition(&code).queue_limit as usize;
        if free.is_none() && limit > 0 && self.state.waiting_in(&code) >= limit {
            return Err(Refusal::QueueFull { limit });
        }
        let customer = open.customer.clone();
        self.change(ShuntChange::Moved { session, customer, group: code.to_string(), not_before });
        match free {
            // The one who had it gives it up only to somebody who has it: no question in between.
            Some(Choice { agent, .. }) if owned && !may_wait => self.assign(session, &agent, Step::Transfer),
            Some(choice) => self.give(session, &choice, Step::Transfer),
            None => {
                let why = self.state.reasons(&code, Step::Transfer, None);
                self.explain(session, why);
            }
        }
        Ok(Outcome::Session(session, false))
    }

    /// Of two open sessions the older stays. A repeat changes nothing, and nobody is promoted twice.
    pub(super) fn promote(
        &mut self,
        visitor: &Address,
        user: &Address,
        most: usize,
    ) -> Result<Outcome, Refusal> {
        match self.state.person(visitor) {
            person if person == user && visitor != user => return Ok(Outcome::Ready(Answer::Noted)),
            person if person != visitor => return Err(Refusal::MergedIntoAnother),
            _ if visitor == user || self.state.person(user) != user => return Err(Refusal::NotRegistered),
            _ if self.state.became.contains_key(visitor) => return Err(Refusal::NotAVisitor),
            _ if self.state.visitors_of(user) >= most => return Err(Refusal::TooManyVisitors { most }),
            _ => {}
        }
        let (theirs, own) = (self.state.session_of(visitor), self.state.session_of(user));
        let mut stays = theirs.or(own);
        if let (Some(theirs), Some(own)) = (theirs, own) {
            let age = |id: &Uuid| self.state.sessions.get(id).map(|open| (open.opened_at, open.arrival));
            let (older, younger) = if age(&theirs) <= age(&own) { (theirs, own) } else { (own, theirs) };
            stays = Some(older);
            if let Some(open) = self.state.sessions.get(&younger) {
                let customer = open.customer.clone();
                let reason = CloseReason::Merged;
                self.change(ShuntChange::SessionEnded { session: younger, customer, reason });
            }
        }
        let both_hold = self.state.lease_of(user).is_some() || theirs.is_some() || own.is_some();
        if let Some(lease) = self.state.lease_of(visitor).filter(|_| both_hold) {
            self.change(ShuntChange::LeaseEnded { lease, consumed: false });
        }
        if let Some(lease) = self.state.lease_of(user).filter(|_| theirs.is_some()) {
            self.change(ShuntChange::LeaseEnded { lease, consumed: false });
        }
        let session = stays.and_then(|id| self.carried(id)).map(Box::new);
        self.change(ShuntChange::Promoted { visitor: visitor.clone(), user: user.clone(), session });
        Ok(Outcome::Ready(Answer::Promoted))
    }

    fn carried(&self, session: Uuid) -> Option<Carried> {
        let open = self.state.sessions.get(&session)?;
        let state = open.stage().state();
        let agent_name = open.serving.as_ref().map(|serving| serving.agent_name.clone()).unwrap_or_default();
        let (agent, shown_name) = (open.holder().cloned(), open.shown_name.clone());
        let (opened_at, replied) = (open.opened_at, open.replied);
        Some(Carried { session, state, agent, agent_name, shown_name, opened_at, replied })
    }
}
