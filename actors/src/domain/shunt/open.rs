//! Opening a session: at most one open per customer, and no wish overtakes the queue.
//!
//! In this order: the customer's open session; a reservation; a closed group; a queue that is not empty; the
//! agent wished for; the agent of the last session, within the group's sticky window; the group's policy; an
//! overflow group that helps at once; the group's bot; the queue, as far as it is not full.

use std::sync::Arc;

use uuid::Uuid;

use super::DEFAULT_GROUP;
use super::choose::Choice;
use super::decide::{Deciding, Outcome};
use super::state::{Lease, group_name};
use crate::api::{OpenSession, Opener, SessionState, Wish};
use crate::domain::event::{CloseReason, Reasons, SessionOpened, ShuntChange, Step, TieBreak};
use crate::domain::ids::{Address, ConversationKey};
use crate::domain::refusal::Refusal;

impl Deciding<'_> {
    pub(super) fn open(&mut self, open: &OpenSession) -> Result<Outcome, Refusal> {
        let customer = self.state.person(&open.customer).clone();
        let open = &OpenSession { customer, ..open.clone() };
        let existing = self.state.session_of(&open.customer);
        match &open.opener {
            Opener::Agent(agent) => self.open_by_agent(open, &Arc::from(agent.as_str()), existing),
            Opener::Customer(wish) => self.open_by_customer(open, wish, existing),
        }
    }

    /// The customer's own asking. A valid reservation serves at once, whether the session is new or waits.
    fn open_by_customer(
        &mut self,
        open: &OpenSession,
        wish: &Wish,
        existing: Option<Uuid>,
    ) -> Result<Outcome, Refusal> {
        let lease = self.usable_lease(open, wish)?;
        let waits = existing.is_none_or(|session| self.is_waiting(session));
        let session = match (existing, &lease) {
            (Some(session), _) => session,
            (None, Some((_, held))) => self.open_in(open, &held.group.clone()),
            (None, None) => {
                let group = self.group_for(open, wish);
                let outcome = self.open_anew(open, wish, &group);
                self.release_lease_of(&open.customer);
                return Ok(outcome);
            }
        };
        match lease {
            Some((id, held)) if waits => {
                self.change(ShuntChange::LeaseEnded { lease: id, consumed: true });
                if let Some(why) = &held.why {
                    self.explain(session, why.as_ref().clone());
                }
                let (step, tie_break) = (Step::Reserved, TieBreak::Only);
                let choice = Choice { agent: held.agent, group: held.group, step, tie_break };
                self.give(session, &choice, Step::Reserved);
            }
            // It is served already: the place it reserved besides is free for others.
            Some((id, _)) => self.change(ShuntChange::LeaseEnded { lease: id, consumed: false }),
            None => {}
        }
        self.release_lease_of(&open.customer);
        Ok(Outcome::Session(session, existing.is_none()))
    }

    /// A customer without an open session and without a reservation.
    fn open_anew(&mut self, open: &OpenSession, wish: &Wish, group: &Arc<str>) -> Outcome {
        let rules = self.state.definition(group);
        let closed = self.state.groups.get(group).is_some_and(|known| !known.is_open(self.at));
        let before = self.state.waiting_in(group);
        let session = self.open_in(open, group);
        if closed {
            return self.turn_away(session, CloseReason::Offline, Step::Offline);
        }
        if before == 0
            && let Some(choice) = self.first_choice(session, &open.customer, wish)
        {
            self.give(session, &choice, choice.step);
            return Outcome::Session(session, true);
        }
        if rules.bot {
            let why = self.state.reasons(group, Step::Bot, None);
            self.change(ShuntChange::BotTook { session, customer: open.customer.clone() });
            self.explain(session, why);
            return Outcome::Session(session, true);
        }
        if rules.queue_limit > 0 && before >= rules.queue_limit as usize {
            return self.turn_away(session, CloseReason::QueueFull, Step::QueueFull);
        }
        let why = self.state.reasons(group, Step::Queue, None);
        self.explain(session, why);
        Outcome::Session(session, true)
    }

    /// Who serves a customer before whom nobody waits.
    fn first_choice(&self, session: Uuid, customer: &Address, wish: &Wish) -> Option<Choice> {
        let open = self.state.sessions.get(&session)?;
        let group = &open.group;
        if let Wish::Agent(wished) = wish
            && let Some(choice) = self.state.choose_named(&Arc::from(wished.as_str()), group, Step::Wanted)
        {
            return Some(choice);
        }
        let last = self.state.last_agent(group, customer, self.at);
        last.or_else(|| self.state.choose_for(open, self.at))
    }

    /// A session that ends in the turn that opened it.
    fn turn_away(&mut self, session: Uuid, reason: CloseReason, step: Step) -> Outcome {
        let Some(open) = self.state.sessions.get(&session) else {
            return Outcome::Session(session, true);
        };
        let customer = open.customer.clone();
        let why = self.state.reasons(&open.group, step, None);
        let waiting = u32::try_from(self.state.waiting_in(&open.group).saturating_sub(1)).unwrap_or(u32::MAX);
        let view = self.state.session_view(session, true);
        self.change(ShuntChange::SessionEnded { session, customer, reason });
        self.explain(session, Reasons { waiting, ..why });
        let Some(mut view) = view else { return Outcome::Session(session, true) };
        view.state = SessionState::Ended;
        view.ended = Some((self.at, reason));
        (view.ahead, view.estimated_wait_seconds) = (0, None);
        if reason == CloseReason::Offline {
            view.offline_message.clone_from(&self.state.definition(&view.group).offline_message);
        }
        Outcome::Gone(Box::new(view))
    }

    /// An agent's asking, for its own capacity. A customer who waits is taken out of the queue by it: that is
    /// the agent's choice, and only agents to whom routing gives nobody can have a place left to do so.
    fn open_by_agent(
        &mut self,
        open: &OpenSession,
        agent: &Arc<str>,
        existing: Option<Uuid>,
    ) -> Result<Outcome, Refusal> {
        self.state.heard(agent, self.at);
        if let Some(session) = existing {
            let stands = self.state.sessions.get(&session);
            let offered = stands.and_then(|open| open.offer.as_ref().map(|offer| offer.agent.clone()));
            let to_itself = offered.as_ref() == Some(agent);
            let free = self.is_waiting(session) || stands.is_some_and(|open| open.bot);
            if to_itself || (free && self.make_room(open, agent)) {
                self.assign(session, agent, Step::ByAgent);
            }
            return Ok(Outcome::Session(session, false));
        }
        if !self.make_room(open, agent) {
            return Err(self.at_capacity(agent));
        }
        let group = self.group_of_agent(open, agent);
        let session = self.open_in(open, &group);
        self.assign(session, agent, Step::ByAgent);
        self.release_lease_of(&open.customer);
        Ok(Outcome::Session(session, true))
    }

    pub(super) fn at_capacity(&self, agent: &str) -> Refusal {
        let known = self.state.agents.get(agent);
        let capacity = known.and_then(|known| known.record.as_ref()).map(|record| record.capacity);
        Refusal::AtCapacity { capacity: capacity.unwrap_or(self.numbers.default_capacity) }
    }

    /// Whether the agent has a place for this customer; the customer's own reservation on it becomes one.
    fn make_room(&mut self, open: &OpenSession, agent: &Arc<str>) -> bool {
        let reserved = self.state.lease_of(&open.customer);
        let on_this_agent =
            reserved.filter(|id| self.state.leases.get(id).is_some_and(|l| l.agent == *agent));
        if let Some(lease) = on_this_agent {
            self.change(ShuntChange::LeaseEnded { lease, consumed: true });
            return true;
        }
        self.state.has_free_place(agent, self.numbers)
    }

    /// The reservation that serves this customer: the one it brings, else the one it holds. An agent wished for who
    /// would serve it now goes before a reservation on another.
    fn usable_lease(&self, open: &OpenSession, wish: &Wish) -> Result<Option<(Uuid, Lease)>, Refusal> {
        let brought = match wish {
            Wish::Lease(id) => self.state.leases.get(id).map(|lease| (*id, lease)),
            Wish::Anyone | Wish::Agent(_) => None,
        };
        let anothers = |holder: &Address| *self.state.person(holder) != open.customer;
        if brought.is_some_and(|(_, lease)| lease.customer.as_ref().is_some_and(anothers)) {
            return Err(Refusal::LeaseOfAnother);
        }
        let held = self.state.lease_of(&open.customer);
        let held = held.and_then(|id| self.state.leases.get(&id).map(|lease| (id, lease)));
        let held = held.filter(|(_, lease)| match wish {
            Wish::Agent(wished) => *lease.agent == **wished || !self.would_be_given(open, wished),
            Wish::Anyone | Wish::Lease(_) => true,
        });
        Ok(brought.or(held).map(|(id, lease)| (id, lease.clone())))
    }

    /// Whether an agent wished for serves a customer who comes now: it is eligible, in an open group in which nobody
    /// waits.
    fn would_be_given(&self, open: &OpenSession, agent: &str) -> bool {
        self.group_with(open, agent).is_some_and(|group| {
            let closed = self.state.groups.get(&group).is_some_and(|known| !known.is_open(self.at));
            !closed && self.state.waiting_in(&group) == 0
        })
    }

    /// A customer who has a session needs no reservation beside it.
    fn release_lease_of(&mut self, customer: &Address) {
        if let Some(lease) = self.state.lease_of(customer) {
            self.change(ShuntChange::LeaseEnded { lease, consumed: false });
        }
    }

    fn is_waiting(&self, session: Uuid) -> bool {
        self.state.sessions.get(&session).is_some_and(|open| open.waits())
    }

    /// The group asked for. Without one, an eligible agent wished for brings its own.
    fn group_for(&self, open: &OpenSession, wish: &Wish) -> Arc<str> {
        let with_wished = match wish {
            Wish::Agent(wished) => self.group_with(open, wished),
            Wish::Anyone | Wish::Lease(_) => None,
        };
        with_wished.unwrap_or_else(|| self.known_group(&open.group))
    }

    /// The group in which the agent can be given this customer now; `None`: in none.
    fn group_with(&self, open: &OpenSession, agent: &str) -> Option<Arc<str>> {
        let group = self.group_of_agent(open, agent);
        self.state.skipped_in(agent, &group).is_none().then_some(group)
    }

    /// The group asked for; without one the default group if the agent serves it, else its first group.
    fn group_of_agent(&self, open: &OpenSession, agent: &str) -> Arc<str> {
        if !open.group.is_empty() {
            return self.known_group(&open.group);
        }
        let known = self.state.agents.get(agent);
        let memberships = known.map_or(&[][..], |known| known.memberships());
        match memberships.first() {
            Some(first) if !memberships.iter().any(|one| &*one.group == DEFAULT_GROUP) => first.group.clone(),
            _ => Arc::from(DEFAULT_GROUP),
        }
    }

    /// The group of that name; the default group when there is none.
    pub(super) fn known_group(&self, name: &str) -> Arc<str> {
        let name = group_name(name);
        Arc::from(if self.state.knows_group(name) { name } else { DEFAULT_GROUP })
    }

    fn open_in(&mut self, open: &OpenSession, group: &str) -> Uuid {
        let opened = SessionOpened {
            session: self.fresh,
            customer: open.customer.clone(),
            conversation: ConversationKey::Service(self.state.ent, open.customer.clone()).id(),
            group: group.to_owned(),
            shown_name: open.shown_name.clone(),
            app_id: open.app_id.clone(),
            receive_app_id: open.receive_app_id.clone(),
        };
        self.change(ShuntChange::SessionOpened(opened));
        self.fresh
    }
}
