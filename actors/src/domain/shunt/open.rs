//! Opening a session: at most one open per customer, and no wish overtakes the queue.

use std::sync::Arc;

use uuid::Uuid;

use super::DEFAULT_GROUP;
use super::decide::{Deciding, Outcome};
use super::state::{Lease, group_name};
use crate::api::{OpenSession, Opener, Wish};
use crate::domain::event::{SessionOpened, ShuntChange};
use crate::domain::ids::ConversationKey;
use crate::domain::refusal::Refusal;

impl Deciding<'_> {
    pub(super) fn open(&mut self, open: &OpenSession) -> Result<Outcome, Refusal> {
        let existing = self.state.session_of.get(&open.customer).copied();
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
        let (session, created) = match (existing, &lease) {
            (Some(session), _) => (session, false),
            (None, Some((_, held))) => (self.open_in(open, &held.group.clone()), true),
            (None, None) => {
                let group = self.group_for(open, wish);
                (self.open_in(open, &group), true)
            }
        };
        match lease {
            Some((id, held)) if waits => {
                self.change(ShuntChange::LeaseEnded { lease: id, consumed: true });
                self.assign(session, &held.agent);
            }
            // It is served already: the place it reserved besides is free for others.
            Some((id, _)) => self.change(ShuntChange::LeaseEnded { lease: id, consumed: false }),
            None if created => self.try_wished_agent(session, wish),
            None => {}
        }
        self.release_lease_of(open);
        Ok(Outcome::Session(session, created))
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
            if self.is_waiting(session) && self.make_room(open, agent) {
                self.assign(session, agent);
            }
            return Ok(Outcome::Session(session, false));
        }
        if !self.make_room(open, agent) {
            let known = self.state.agents.get(agent);
            let capacity = known.and_then(|known| known.record.as_ref()).map(|record| record.capacity);
            return Err(Refusal::AtCapacity { capacity: capacity.unwrap_or(self.numbers.default_capacity) });
        }
        let group = self.group_of_agent(open, agent);
        let session = self.open_in(open, &group);
        self.assign(session, agent);
        self.release_lease_of(open);
        Ok(Outcome::Session(session, true))
    }

    /// Whether the agent has a place for this customer; the customer's own reservation on it becomes one.
    fn make_room(&mut self, open: &OpenSession, agent: &Arc<str>) -> bool {
        let reserved = self.state.lease_of.get(&open.customer).copied();
        let on_this_agent =
            reserved.filter(|id| self.state.leases.get(id).is_some_and(|l| l.agent == *agent));
        if let Some(lease) = on_this_agent {
            self.change(ShuntChange::LeaseEnded { lease, consumed: true });
            return true;
        }
        self.state.has_free_place(agent, self.numbers)
    }

    /// The reservation that serves this customer: the one it brings, else the one it holds. An eligible agent
    /// wished for goes before a reservation on another.
    fn usable_lease(&self, open: &OpenSession, wish: &Wish) -> Result<Option<(Uuid, Lease)>, Refusal> {
        let brought = match wish {
            Wish::Lease(id) => self.state.leases.get(id).map(|lease| (*id, lease)),
            Wish::Anyone | Wish::Agent(_) => None,
        };
        if brought.is_some_and(|(_, lease)| lease.customer.as_ref().is_some_and(|c| *c != open.customer)) {
            return Err(Refusal::LeaseOfAnother);
        }
        let held = self.state.lease_of.get(&open.customer);
        let held = held.and_then(|id| self.state.leases.get(id).map(|lease| (*id, lease)));
        let held = held.filter(|(_, lease)| match wish {
            Wish::Agent(wished) => {
                *lease.agent == **wished || !self.state.is_eligible(wished, self.at, self.numbers)
            }
            Wish::Anyone | Wish::Lease(_) => true,
        });
        Ok(brought.or(held).map(|(id, lease)| (id, lease.clone())))
    }

    /// A customer who has a session needs no reservation beside it.
    fn release_lease_of(&mut self, open: &OpenSession) {
        if let Some(lease) = self.state.lease_of.get(&open.customer).copied() {
            self.change(ShuntChange::LeaseEnded { lease, consumed: false });
        }
    }

    fn is_waiting(&self, session: Uuid) -> bool {
        self.state.sessions.get(&session).is_some_and(|open| open.serving.is_none())
    }

    /// Gives the session to the agent wished for, if that overtakes nobody; else it stays in the queue.
    fn try_wished_agent(&mut self, session: Uuid, wish: &Wish) {
        let Wish::Agent(wished) = wish else { return };
        let Some(open) = self.state.sessions.get(&session) else { return };
        let alone_in_queue = self.state.waiting_in(&open.group) == 1;
        let in_group = self.state.members.get(&open.group).is_some_and(|m| m.contains(wished.as_str()));
        if alone_in_queue && in_group && self.state.is_eligible(wished, self.at, self.numbers) {
            self.assign(session, &Arc::from(wished.as_str()));
        }
    }

    /// The group asked for. Without one, an eligible agent wished for brings its own.
    fn group_for(&self, open: &OpenSession, wish: &Wish) -> Arc<str> {
        match wish {
            Wish::Agent(wished) if self.state.is_eligible(wished, self.at, self.numbers) => {
                self.group_of_agent(open, wished)
            }
            _ => self.known_group(&open.group),
        }
    }

    /// The group asked for; without one the default group if the agent serves it, else its first group.
    fn group_of_agent(&self, open: &OpenSession, agent: &str) -> Arc<str> {
        if !open.group.is_empty() {
            return self.known_group(&open.group);
        }
        let known = self.state.agents.get(agent);
        let groups = known.map(|known| known.groups()).unwrap_or_default();
        match groups.first() {
            Some(first) if !groups.contains(&DEFAULT_GROUP) => Arc::from(*first),
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
