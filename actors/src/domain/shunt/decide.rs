//! Commands to changes: the frame of every decision, and closing.
//!
//! A decision is tried in place, effect by effect, so that each sees what those before it left; then it is
//! taken back, and only its changes remain. Time takes effect before the command and again after it, so no
//! command is judged beside a lapsed reservation, and none leaves a customer waiting beside a free agent.

use std::sync::Arc;

use uuid::Uuid;

use super::audit::audit;
use super::state::{State, group_name};
use super::{Answer, Closer, Command, Decision, Numbers};
use crate::api::{Closed, SessionView};
use crate::domain::event::{CloseReason, Reasons, ShuntChange};
use crate::domain::ids::Millis;
use crate::domain::refusal::Refusal;

/// An answer whose figures are read once everything has taken effect.
pub(super) enum Outcome {
    /// Ready.
    Ready(Answer),
    /// This session, and whether this turn opened it.
    Session(Uuid, bool),
    /// This session, which ended in this very turn.
    Gone(Box<SessionView>),
    /// This agent.
    Agent(Arc<str>),
    /// The queue of this group: so many left out, so many shown.
    Queue(Arc<str>, usize, usize),
    /// The definition of this group.
    Group(Arc<str>),
    /// The figures of this group.
    Stats(Arc<str>),
    /// Whatever the guarantees say.
    Audit,
}

impl State {
    /// Judges a command admitted at `at`. `fresh` is an id nobody has used: it names the session or the
    /// reservation that this command makes, if it makes one. The state is afterwards as before, but for the
    /// heartbeat that the command may be.
    pub fn decide(&mut self, at: Millis, fresh: Uuid, command: &Command, numbers: &Numbers) -> Decision {
        self.judge(at, fresh, numbers, |turn| {
            turn.settle();
            let outcome = turn.carry_out(command);
            turn.settle();
            outcome.and_then(|outcome| turn.answer(outcome))
        })
    }

    /// Answers a command from what has been applied: time takes no effect. One that [reads](Command::reads) changes
    /// nothing.
    pub fn look(&mut self, at: Millis, command: &Command, numbers: &Numbers) -> Decision {
        self.judge(at, Uuid::nil(), numbers, |turn| {
            let outcome = turn.carry_out(command)?;
            turn.answer(outcome)
        })
    }

    fn judge(
        &mut self,
        at: Millis,
        fresh: Uuid,
        numbers: &Numbers,
        work: impl FnOnce(&mut Deciding<'_>) -> Result<Answer, Refusal>,
    ) -> Decision {
        let at = at.max(self.now); // commands may be admitted in another order than they arrive
        self.now = at;
        if self.numbers != *numbers {
            self.numbers = *numbers;
            self.index_everything();
        }
        self.try_out();
        let mut turn = Deciding { state: self, at, fresh, numbers, changes: Vec::new() };
        let outcome = work(&mut turn);
        let changes = turn.changes;
        self.take_back();
        Decision { changes, outcome }
    }

    /// The latest time anything was decided or applied at: no earlier one is decided at.
    pub const fn latest(&self) -> Millis {
        self.now
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

    /// Records why a session was given what it was given.
    pub(super) fn explain(&mut self, session: Uuid, why: Reasons) {
        self.change(ShuntChange::Decided { session, why: Arc::new(why) });
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
            Command::Accept { session, agent } => self.accept(*session, agent),
            Command::Reject { session, agent } => self.reject(*session, agent),
            Command::Transfer { session, to } => self.transfer(*session, to),
            Command::Promote { visitor, user, most } => self.promote(visitor, user, *most),
            Command::Promotions => Ok(Outcome::Ready(Answer::Promotions(self.state.promotions()))),
            Command::PutGroup { group, definition } => self.put_group(group_name(group), definition),
            Command::DeleteGroup { group } => Ok(self.delete_group(group_name(group))),
            Command::Group { group } => Ok(Outcome::Group(Arc::from(group_name(group)))),
            Command::Stats { group } => Ok(Outcome::Stats(Arc::from(group_name(group)))),
            Command::Session { session } if self.state.sessions.contains_key(session) => {
                Ok(Outcome::Session(*session, false))
            }
            Command::Session { .. } => Ok(Outcome::Ready(Answer::NotOpen)),
            Command::Queue { group, skip, take } => {
                Ok(Outcome::Queue(Arc::from(group_name(group)), *skip, *take))
            }
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
            Outcome::Gone(view) => Ok(Answer::Session(view)),
            Outcome::Agent(agent) => {
                let view =
                    self.state.agent_view(&agent, self.at, self.numbers).ok_or(Refusal::UnknownAgent)?;
                Ok(Answer::Agent(Box::new(view)))
            }
            Outcome::Queue(group, skip, take) => Ok(Answer::Queue(self.state.queue_view(&group, skip, take))),
            Outcome::Group(group) => Ok(Answer::Group(Box::new(self.state.group_view(&group)))),
            Outcome::Stats(group) => Ok(Answer::Stats(Box::new(self.state.stats_view(&group)))),
            Outcome::Audit => Ok(Answer::Audit(audit(self.state, self.at, self.numbers))),
        }
    }

    fn close(&mut self, session: Uuid, by: Closer) -> Outcome {
        let Some(open) = self.state.sessions.get(&session) else {
            return Outcome::Ready(Answer::NotOpen);
        };
        let served = open.serving.is_some() || open.bot;
        let reason = match (served, by) {
            (false, _) => CloseReason::LeftQueue,
            (true, Closer::Customer) => CloseReason::ClosedByCustomer,
            (true, Closer::Agent) => CloseReason::ClosedByAgent,
            (true, Closer::Nobody) => CloseReason::Closed,
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
