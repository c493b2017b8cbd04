//! Who is eligible, who of them is taken, and why.
//!
//! Eligible = has a record, said online, was heard from lately, serves the group, has the skills it needs, has
//! a free place (reservations and offers count as filled) as far as the group's ramp goes, and did not lately
//! let this very session go. Taken = the first in the order of the group's policy. No step looks at every agent.

use std::sync::Arc;

use super::Numbers;
use super::desk::Desk;
use super::records::{Agent, Session};
use super::state::State;
use crate::domain::event::{Presence, Reasons, Skipped, Step, TieBreak};
use crate::domain::ids::{Address, Millis};

/// A choice: the agent, by which rule, and what put it before the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub agent: Arc<str>,
    /// The group it was chosen from: the customer's, or one that helps out.
    pub group: Arc<str>,
    pub step: Step,
    pub tie_break: TieBreak,
}

impl State {
    /// The agent a customer of `group` is given; `session`, if it exists already, may exclude some. Expired
    /// reservations must have been ended.
    pub(super) fn choose(&self, group: &str, session: Option<&Session>, now: Millis) -> Option<Choice> {
        let desk = self.desks.get(group)?;
        let admitted = |agent: &str| session.is_none_or(|session| session.admits(agent, now));
        let mut candidates = desk.free.iter().filter(|candidate| admitted(&candidate.agent));
        let first = candidates.next()?;
        let tie_break = candidates.next().map_or(TieBreak::Only, |second| first.before(second));
        Some(Choice { agent: first.agent.clone(), group: Arc::from(group), step: Step::Policy, tie_break })
    }

    /// This very agent, if it can be given a customer of `group` now.
    pub(super) fn choose_named(&self, agent: &Arc<str>, group: &Arc<str>, step: Step) -> Option<Choice> {
        let free = self.skipped_in(agent, group).is_none();
        let (agent, group) = (agent.clone(), group.clone());
        free.then_some(Choice { agent, group, step, tie_break: TieBreak::Only })
    }

    /// The agent of the customer's last session, within the group's sticky window, if it is eligible now.
    pub(super) fn last_agent(&self, group: &Arc<str>, customer: &Address, now: Millis) -> Option<Choice> {
        let (agent, at) = self.last_agent_of.get(self.person(customer))?;
        let sticks = now.saturating_sub(*at) < self.definition(group).sticky;
        sticks.then(|| self.choose_named(agent, group, Step::LastAgent)).flatten()
    }

    /// The agent a waiting session is given now: its own group's, or one of an overflow group once it has
    /// waited for so long.
    pub(super) fn choose_for(&self, session: &Session, now: Millis) -> Option<Choice> {
        let own = self.choose(&session.group, Some(session), now);
        own.or_else(|| self.choose_overflow(&session.group, Some(session), now))
    }

    /// An agent of the first overflow group that has one.
    pub(super) fn choose_overflow(
        &self,
        group: &str,
        session: Option<&Session>,
        now: Millis,
    ) -> Option<Choice> {
        let definition = &self.groups.get(group)?.definition;
        let waited = session.map_or(0, |session| now.saturating_sub(session.opened_at));
        if waited < definition.overflow_delay {
            return None;
        }
        let mut helping = definition.overflow.iter().filter(|helping| ***helping != *group);
        let choice = helping.find_map(|helping| self.choose(helping, session, now))?;
        Some(Choice { step: Step::Overflow, ..choice })
    }

    /// Whether customers may be routed to the agent at all, full or not.
    pub(super) fn is_accepting(&self, id: &str, agent: &Agent, now: Millis, numbers: &Numbers) -> bool {
        agent.record.is_some()
            && agent.presence == Presence::Online
            && self.is_fresh(id, now, numbers.heartbeat_lapse)
    }

    /// Whether the agent is below its capacity.
    pub(super) fn has_free_place(&self, id: &str, numbers: &Numbers) -> bool {
        let (filled, capacity) =
            self.agents.get(id).map_or((0, numbers.default_capacity as usize), |agent| {
                (agent.places.len(), agent.capacity(numbers.default_capacity))
            });
        filled < capacity
    }

    /// Why something was given, as the group stands now.
    pub(super) fn reasons(&self, group: &Arc<str>, step: Step, session: Option<&Session>) -> Reasons {
        let none = Desk::default();
        let desk = self.desks.get(group).unwrap_or(&none);
        let definition = self.definition(group);
        let mut skipped: Vec<(Skipped, u32)> = desk.skipped.iter().map(|(why, n)| (*why, *n)).collect();
        let excluded = session.map_or(0, |session| self.excluded_free(group, session));
        if excluded > 0 {
            skipped.push((Skipped::Excluded, excluded));
            skipped.sort_unstable();
        }
        Reasons {
            step,
            agent: None,
            group: group.clone(),
            policy: definition.policy,
            policy_version: definition.version,
            considered: desk.members,
            skipped,
            tie_break: None,
            waiting: u32::try_from(self.waiting_in(group)).unwrap_or(u32::MAX),
        }
    }

    /// Agents with a free place that this session is not given to.
    fn excluded_free(&self, group: &str, session: &Session) -> u32 {
        let excluded = session.excluded.iter().filter(|(_, until)| *until > self.now);
        excluded.filter(|(agent, _)| self.skipped_in(agent, group).is_none()).count() as u32
    }
}
