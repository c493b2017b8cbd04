//! Reserving a place: a promise with a deadline, never a peek, and never past those who wait.

use std::sync::Arc;

use uuid::Uuid;

use super::Answer;
use super::choose::Choice;
use super::decide::{Deciding, Outcome};
use super::lease_id::lease_id;
use super::state::{Lease, Session, group_name};
use crate::api::{Obtain, Shunt, ShuntState};
use crate::domain::event::{Reasons, ShuntChange, Skipped, Step};

/// How many times as many reservations for ids that the directory does not vouch for a client address may hold:
/// enough for an office of visitors behind it, each with one. Where an enterprise has no more places than that, one
/// address can still hold all of them until they lapse.
const NAMED_FACTOR: u32 = 20;

impl Deciding<'_> {
    pub(super) fn obtain(&mut self, obtain: &Obtain) -> Outcome {
        let group = self.known_group(&obtain.group);
        let fallback = &*group != group_name(&obtain.group);
        let shunt = self.obtain_in(obtain, &group);
        Outcome::Ready(Answer::Shunt(Box::new(Shunt { fallback, ..shunt })))
    }

    fn obtain_in(&mut self, obtain: &Obtain, group: &Arc<str>) -> Shunt {
        if let Some(customer) = &obtain.customer {
            let session = self.state.session_of(customer).and_then(|id| self.state.sessions.get(&id));
            if let Some(session) = session {
                return self.place_of(session);
            }
            let lease = self.state.lease_of(customer);
            if let Some((id, lease)) = lease.and_then(|id| Some((id, self.state.leases.get(&id)?))) {
                return self.reserved(id, lease, Step::Reserved);
            }
        }
        if self.state.groups.get(group).is_some_and(|known| !known.is_open(self.at)) {
            let offline_message = self.state.definition(group).offline_message.clone();
            let answer = self.with_figures(ShuntState::Offline, group, Step::Offline);
            return Shunt { offline_message, estimated_wait_seconds: None, ..answer };
        }
        if self.state.waiting_in(group) > 0 {
            return self.no_place(group);
        }
        let customer = obtain.customer.as_ref();
        let last = customer.and_then(|customer| self.state.last_agent(group, customer, self.at));
        let chosen = last.or_else(|| self.state.choose(group, None, self.at));
        let chosen = chosen.or_else(|| self.state.choose_overflow(group, None, self.at));
        let Some(choice) = chosen else { return self.no_place(group) };
        let named = obtain.customer.is_some();
        if obtain.client.as_ref().is_some_and(|client| self.holds_enough(client, named)) {
            return self.held_enough(group);
        }
        self.reserve(obtain, group, &choice)
    }

    fn reserve(&mut self, obtain: &Obtain, group: &Arc<str>, choice: &Choice) -> Shunt {
        let lease = Lease {
            agent: choice.agent.clone(),
            customer: obtain.customer.as_ref().map(|customer| self.state.person(customer).clone()),
            group: group.clone(),
            expires_at: self.at.saturating_add(self.numbers.lease),
            client: obtain.client.clone(),
            made_at: self.at,
            turns: Vec::new(),
            why: None,
        };
        let id = lease_id(self.state.ent, self.fresh);
        let mut reasons = self.state.reasons(&choice.group, choice.step, None);
        reasons.agent = Some(lease.agent.clone());
        reasons.tie_break = Some(choice.tie_break);
        self.change(ShuntChange::Leased {
            lease: id,
            agent: lease.agent.clone(),
            customer: lease.customer.clone(),
            group: group.to_string(),
            expires_at: lease.expires_at,
            client: lease.client.clone(),
        });
        self.change(ShuntChange::LeaseDecided { lease: id, why: Arc::new(reasons.clone()) });
        let answer = self.reserved(id, &lease, choice.step);
        Shunt { reasons, ..answer }
    }

    /// Whether a client address holds as many reservations for people who cannot be told apart for sure as it may.
    /// Those for ids and those for nobody in particular are counted apart, so that neither keeps the other out.
    fn holds_enough(&self, client: &Arc<str>, named: bool) -> bool {
        let most = self.numbers.client_leases.saturating_mul(if named { NAMED_FACTOR } else { 1 });
        self.state.leases_from.get(&(client.clone(), named)).is_some_and(|held| *held >= most)
    }

    fn held_enough(&self, group: &Arc<str>) -> Shunt {
        let mut answer = self.no_place(group);
        answer.state = ShuntState::Busy;
        answer.reasons.skipped.push((Skipped::ClientLimit, 1));
        answer
    }

    /// A customer with an open session: its agent, or its place in the queue; never a reservation besides.
    fn place_of(&self, session: &Session) -> Shunt {
        if session.waits() {
            let ahead = self.state.ahead(session);
            let estimated_wait_seconds = self.state.estimate(&session.group, ahead);
            let answer = self.with_figures(ShuntState::Busy, &session.group, Step::Existing);
            return Shunt { ahead, estimated_wait_seconds, ..answer };
        }
        let agent = session.holder().map(|agent| {
            let serving = session.serving.as_ref().map(|serving| &serving.agent_name);
            let own = serving.or_else(|| session.offer.as_ref().map(|offer| &offer.agent_name));
            let name = if session.shown_name.is_empty() { own.cloned() } else { None };
            (agent.to_string(), name.unwrap_or_else(|| session.shown_name.clone()))
        });
        Shunt { agent, ..self.with_figures(ShuntState::Assigned, &session.group, Step::Existing) }
    }

    fn reserved(&self, id: Uuid, lease: &Lease, step: Step) -> Shunt {
        let name = self.state.agents.get(&lease.agent).map(|agent| agent.name()).unwrap_or_default();
        let mut answer = self.with_figures(ShuntState::Assigned, &lease.group, step);
        answer.agent = Some((lease.agent.to_string(), name));
        answer.lease = Some((id, lease.expires_at));
        answer.reasons.agent = Some(lease.agent.clone());
        answer
    }

    fn no_place(&self, group: &Arc<str>) -> Shunt {
        let has_agents = |group: &str| self.state.desks.get(group).is_some_and(|desk| desk.online > 0);
        let rules = self.state.definition(group);
        let there = has_agents(group) || rules.overflow.iter().any(|helping| has_agents(helping));
        let state = if there { ShuntState::Busy } else { ShuntState::Offline };
        let answer = self.with_figures(state, group, Step::Queue);
        let ahead = answer.waiting;
        Shunt { ahead, estimated_wait_seconds: self.state.estimate(group, ahead), ..answer }
    }

    /// The group's figures, and no wait.
    fn with_figures(&self, state: ShuntState, group: &Arc<str>, step: Step) -> Shunt {
        let desk = self.state.desks.get(group);
        let reasons: Reasons = self.state.reasons(group, step, None);
        Shunt {
            state,
            group: group.to_string(),
            fallback: false,
            agent: None,
            lease: None,
            ahead: 0,
            estimated_wait_seconds: Some(0),
            online: desk.map_or(0, |desk| desk.online.into()),
            free_slots: desk.map_or(0, |desk| desk.free_slots),
            waiting: self.state.waiting_in(group) as u64,
            offline_message: String::new(),
            reasons,
        }
    }
}
