//! Commands to changes: the frame of every decision, and those about agents, closing and time.
//!
//! A decision is tried in place, effect by effect, so that each sees what those before it left; then it is
//! taken back, and only its changes remain. Time takes effect before the command and again after it, so no
//! command is judged beside a lapsed reservation, and none leaves a customer waiting beside a free agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::audit::audit;
use super::state::{Place, State, group_name};
use super::{Answer, Closer, Command, Decision, Numbers};
use crate::api::Closed;
use crate::domain::event::{AgentRecord, CloseReason, Presence, ShuntChange};
use crate::domain::ids::Millis;
use crate::domain::refusal::Refusal;

/// An answer whose figures are read once everything has taken effect.
pub(super) enum Outcome {
    /// Ready.
    Ready(Answer),
    /// This session, and whether this turn opened it.
    Session(Uuid, bool),
    /// This agent.
    Agent(Arc<str>),
    /// The queue of this group.
    Queue(Arc<str>),
    /// Whatever the guarantees say.
    Audit,
}

impl State {
    /// Judges a command admitted at `at`. `fresh` is an id nobody has used: it names the session or the
    /// reservation that this command makes, if it makes one. The state is afterwards as before, but for the
    /// heartbeat that the command may be.
    pub fn decide(&mut self, at: Millis, fresh: Uuid, command: &Command, numbers: &Numbers) -> Decision {
        self.try_out();
        let mut turn = Deciding { state: self, at, fresh, numbers, changes: Vec::new() };
        turn.settle();
        let outcome = turn.carry_out(command);
        turn.settle();
        let outcome = outcome.and_then(|outcome| turn.answer(outcome));
        let changes = turn.changes;
        self.take_back();
        Decision { changes, outcome }
    }
}

/// A turn being decided.
pub(super) struct Deciding<'a> {
    pub(super) state: &'a mut State,
    pub(super) at: Millis,
    pub(super) fresh: Uuid,
    pub(super) numbers: &'a Numbers,
    pub(super) changes: Vec<ShuntChange>,
}

impl Deciding<'_> {
    /// Lets a change take effect.
    pub(super) fn change(&mut self, change: ShuntChange) {
        self.state.apply(self.at, &change);
        self.changes.push(change);
    }

    fn carry_out(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        match command {
            Command::PutAgent { agent, record } => Ok(self.put_agent(agent, record)),
            Command::DeleteAgent { agent } => Ok(self.delete_agent(agent)),
            Command::SetPresence { agent, presence } => self.set_presence(agent, *presence),
            Command::Agent { agent } => Ok(Outcome::Agent(agent.clone())),
            Command::Accepting { agents } => Ok(Outcome::Ready(Answer::Accepting(self.accepting(agents)))),
            Command::Obtain(obtain) => Ok(self.obtain(obtain)),
            Command::HasLease { lease } => {
                Ok(Outcome::Ready(Answer::HasLease(self.state.leases.contains_key(lease))))
            }
            Command::Open(open) => self.open(open),
            Command::Close { session, by } => Ok(self.close(*session, *by)),
            Command::Session { session } if self.state.sessions.contains_key(session) => {
                Ok(Outcome::Session(*session, false))
            }
            Command::Session { .. } => Ok(Outcome::Ready(Answer::NotOpen)),
            Command::Queue { group } => Ok(Outcome::Queue(Arc::from(group_name(group)))),
            Command::Settle => Ok(Outcome::Ready(Answer::Settled)),
            Command::Audit => Ok(Outcome::Audit),
        }
    }

    fn answer(&self, outcome: Outcome) -> Result<Answer, Refusal> {
        match outcome {
            Outcome::Ready(answer) => Ok(answer),
            Outcome::Session(session, created) => {
                let view = self.state.session_view(session, created).ok_or(Refusal::UnknownSession)?;
                Ok(Answer::Session(Box::new(view)))
            }
            Outcome::Agent(agent) => {
                let view =
                    self.state.agent_view(&agent, self.at, self.numbers).ok_or(Refusal::UnknownAgent)?;
                Ok(Answer::Agent(Box::new(view)))
            }
            Outcome::Queue(group) => Ok(Answer::Queue(self.state.queue_view(&group))),
            Outcome::Audit => Ok(Answer::Audit(audit(self.state, self.at, self.numbers))),
        }
    }

    /// Time takes effect: lapsed reservations end, waiting customers are given free places.
    fn settle(&mut self) {
        while let Some(&(deadline, lease)) = self.state.deadlines.first() {
            if deadline > self.at {
                break;
            }
            self.change(ShuntChange::LeaseEnded { lease, consumed: false });
        }
        while let Some((session, agent)) = self.next_to_serve() {
            self.assign(session, &agent);
        }
    }

    /// Of all groups whose head can be served now, the customer who came first.
    fn next_to_serve(&self) -> Option<(Uuid, Arc<str>)> {
        let heads = self.state.queues.iter().filter_map(|(group, queue)| {
            let (arrival, session) = queue.first_key_value()?;
            let agent = self.state.choose(group, self.at, self.numbers)?;
            Some((*arrival, *session, agent))
        });
        let (_, session, agent) = heads.min_by_key(|(arrival, ..)| *arrival)?;
        Some((session, agent))
    }

    /// Gives an open session to an agent.
    pub(super) fn assign(&mut self, session: Uuid, agent: &Arc<str>) {
        let Some(customer) = self.state.sessions.get(&session).map(|open| open.customer.clone()) else {
            return;
        };
        let agent_name = self.state.agents.get(agent).map(|known| known.name()).unwrap_or_default();
        self.change(ShuntChange::Assigned { session, customer, agent: agent.clone(), agent_name });
    }

    fn put_agent(&mut self, agent: &Arc<str>, record: &AgentRecord) -> Outcome {
        let known = self.state.agents.get(agent).and_then(|known| known.record.as_deref());
        if known != Some(record) {
            self.change(ShuntChange::AgentPut { agent: agent.clone(), record: record.clone() });
        }
        Outcome::Agent(agent.clone())
    }

    fn delete_agent(&mut self, agent: &Arc<str>) -> Outcome {
        let known = self.state.agents.get(agent).is_some_and(|known| known.record.is_some());
        if known {
            self.end_leases_on(agent);
            self.change(ShuntChange::AgentDeleted { agent: agent.clone() });
        }
        Outcome::Ready(Answer::Deleted(known))
    }

    fn set_presence(&mut self, agent: &Arc<str>, presence: Presence) -> Result<Outcome, Refusal> {
        let known = self.state.agents.get(agent).filter(|known| known.record.is_some());
        let former = known.ok_or(Refusal::UnknownAgent)?.presence;
        self.state.heard(agent, self.at);
        if presence != Presence::Online {
            self.end_leases_on(agent); // a reservation would send a customer to somebody who has left
        }
        if presence != former {
            self.change(ShuntChange::PresenceSet { agent: agent.clone(), presence });
        }
        Ok(Outcome::Agent(agent.clone()))
    }

    fn accepting(&self, agents: &[Arc<str>]) -> Vec<Arc<str>> {
        let known = agents.iter().filter_map(|id| self.state.agents.get_key_value(id));
        let accepting = known.filter(|(id, agent)| self.state.is_accepting(id, agent, self.at, self.numbers));
        accepting.map(|(id, _)| id.clone()).collect()
    }

    fn end_leases_on(&mut self, agent: &Arc<str>) {
        let places: BTreeSet<Place> =
            self.state.agents.get(agent).map(|known| known.places.clone()).unwrap_or_default();
        for place in places {
            if let Place::Lease(lease) = place {
                self.change(ShuntChange::LeaseEnded { lease, consumed: false });
            }
        }
    }

    fn close(&mut self, session: Uuid, by: Closer) -> Outcome {
        let Some(open) = self.state.sessions.get(&session) else {
            return Outcome::Ready(Answer::NotOpen);
        };
        let reason = match (&open.serving, by) {
            (None, _) => CloseReason::LeftQueue,
            (Some(_), Closer::Customer) => CloseReason::ClosedByCustomer,
            (Some(_), Closer::Agent) => CloseReason::ClosedByAgent,
            (Some(_), Closer::Nobody) => CloseReason::Closed,
        };
        let (customer, opened_at) = (open.customer.clone(), open.opened_at);
        self.change(ShuntChange::SessionEnded { session, customer, reason });
        let duration_seconds = duration_seconds(opened_at, self.at);
        Outcome::Ready(Answer::Closed(Closed { session, reason, already: false, duration_seconds }))
    }
}

/// Whole seconds from one time to a later one; 0 when it is not later.
pub fn duration_seconds(from: Millis, to: Millis) -> u64 {
    u64::try_from(to.saturating_sub(from) / 1_000).unwrap_or(0)
}
