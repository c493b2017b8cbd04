//! Who is eligible, and who of them is taken.
//!
//! Eligible = has a record, said online, was heard from lately, serves the group, has a free place
//! (reservations count as filled). Taken = least loaded (filled places by capacity, compared exactly), then
//! longest idle, then smallest id.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Numbers;
use super::state::{Agent, State};
use crate::domain::event::Presence;
use crate::domain::ids::Millis;

/// Why an agent of the group is passed over; the words of `reason.skipped`.
pub const SKIPPED_AWAY: &str = "away";
/// It has no free place.
pub const SKIPPED_FULL: &str = "full";
/// It said online but was not heard from lately.
pub const SKIPPED_LAPSED: &str = "lapsed";
/// It said offline, or never said anything.
pub const SKIPPED_OFFLINE: &str = "offline";

/// The agents of a group, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Agents of the group.
    pub considered: u64,
    /// Those who said online and are heard from.
    pub online: u64,
    /// Free places of those.
    pub free_slots: u64,
    /// How many are passed over, by cause.
    pub skipped: BTreeMap<&'static str, u64>,
}

impl State {
    /// The agent a customer of `group` is given now. Expired reservations must have been ended.
    pub(super) fn choose(&self, group: &str, now: Millis, numbers: &Numbers) -> Option<Arc<str>> {
        let candidates = self.free.get(group)?;
        let fresh = candidates.iter().find(|c| self.is_fresh(&c.agent, now, numbers.heartbeat_lapse))?;
        Some(fresh.agent.clone())
    }

    /// Whether customers may be routed to the agent at all, full or not.
    pub(super) fn is_accepting(&self, id: &str, agent: &Agent, now: Millis, numbers: &Numbers) -> bool {
        agent.record.is_some()
            && agent.presence == Presence::Online
            && self.is_fresh(id, now, numbers.heartbeat_lapse)
    }

    /// Whether the agent can be given a customer now.
    pub(super) fn is_eligible(&self, id: &str, now: Millis, numbers: &Numbers) -> bool {
        let Some(agent) = self.agents.get(id) else { return false };
        self.is_accepting(id, agent, now, numbers) && self.has_free_place(id, numbers)
    }

    /// Whether the agent is below its capacity.
    pub(super) fn has_free_place(&self, id: &str, numbers: &Numbers) -> bool {
        let (filled, capacity) =
            self.agents.get(id).map_or((0, numbers.default_capacity as usize), |agent| {
                (agent.places.len(), agent.capacity(numbers.default_capacity))
            });
        filled < capacity
    }

    /// Counts the agents of a group; one step per agent of it.
    pub(super) fn tally(&self, group: &str, now: Millis, numbers: &Numbers) -> Tally {
        let mut tally = Tally::default();
        let members = self.members.get(group).into_iter().flatten();
        for (id, agent) in members.filter_map(|id| self.agents.get_key_value(id)) {
            tally.considered += 1;
            let cause = match agent.presence {
                Presence::Offline => Some(SKIPPED_OFFLINE),
                Presence::Away => Some(SKIPPED_AWAY),
                Presence::Online if !self.is_accepting(id, agent, now, numbers) => Some(SKIPPED_LAPSED),
                Presence::Online => {
                    let free = agent.capacity(numbers.default_capacity).saturating_sub(agent.places.len());
                    tally.online += 1;
                    tally.free_slots += free as u64;
                    (free == 0).then_some(SKIPPED_FULL)
                }
            };
            if let Some(cause) = cause {
                *tally.skipped.entry(cause).or_default() += 1;
            }
        }
        tally
    }
}
