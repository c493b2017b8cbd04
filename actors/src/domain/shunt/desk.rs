//! The agents of one group, indexed: counted by what keeps them from being taken, and those that can be taken
//! in the order of the group's policy.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::records::{Agent, Membership};
use crate::domain::event::{Policy, Skipped, TieBreak};
use crate::domain::ids::Millis;

/// The agents of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desk {
    /// How many there are.
    pub members: u32,
    /// Those who said online and are heard from.
    pub online: u32,
    /// Free places of those.
    pub free_slots: u64,
    /// How many are passed over, by cause.
    pub skipped: BTreeMap<Skipped, u32>,
    /// The turns of those who said online, heard from or not: whose is next first.
    pub turns: BTreeSet<(u64, Arc<str>)>,
    /// Those who can be taken, first the one who is.
    pub free: BTreeSet<Candidate>,
}

/// An agent as one group's index holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The group.
    pub group: Arc<str>,
    /// What keeps it from being taken.
    pub skipped: Option<Skipped>,
    /// Whether it said online and is heard from.
    pub online: bool,
    /// Its free places.
    pub free_slots: u64,
    /// Its turn; `None` = it did not say online.
    pub turn: Option<u64>,
    /// Its place among those who can be taken.
    pub candidate: Candidate,
}

impl Entry {
    /// The agent in the order of turns.
    fn in_turn(&self) -> Option<(u64, Arc<str>)> {
        self.turn.map(|turn| (turn, self.candidate.agent.clone()))
    }

    /// The agent among those who can be taken.
    fn free(&self) -> Option<&Candidate> {
        self.skipped.is_none().then_some(&self.candidate)
    }
}

impl Desk {
    /// An agent was here as `was` and is here as `is`; `None` = not at all. What is the same in both is not looked up:
    /// a place filled or freed leaves the agent in its turn.
    pub fn put(&mut self, was: Option<&Entry>, is: Option<&Entry>) {
        if let Some(was) = was {
            self.members -= 1;
            self.online -= u32::from(was.online);
            self.free_slots -= was.free_slots;
        }
        if let Some(is) = is {
            self.members += 1;
            self.online += u32::from(is.online);
            self.free_slots += is.free_slots;
        }
        if was.and_then(|was| was.turn) != is.and_then(|is| is.turn) {
            was.and_then(Entry::in_turn).map(|old| self.turns.remove(&old));
            self.turns.extend(is.and_then(Entry::in_turn));
        }
        let (old, new) = (was.and_then(Entry::free), is.and_then(Entry::free));
        if old != new {
            old.map(|old| self.free.remove(old));
            self.free.extend(new.cloned());
        }
        let (old, new) = (was.and_then(|was| was.skipped), is.and_then(|is| is.skipped));
        if old != new {
            old.into_iter().for_each(|cause| self.count(cause, -1));
            new.into_iter().for_each(|cause| self.count(cause, 1));
        }
    }

    fn count(&mut self, cause: Skipped, more: i32) {
        let count = self.skipped.entry(cause).or_default();
        *count = count.saturating_add_signed(more);
        if *count == 0 {
            self.skipped.remove(&cause);
        }
    }

    /// The smallest turn of those who said online, but for this agent.
    pub fn next_turn_but_of(&self, agent: &str) -> Option<u64> {
        self.turns.iter().find(|(_, other)| **other != *agent).map(|(turn, _)| *turn)
    }
}

/// An agent with a free place. The smallest is taken: by priority, then turn, then load, then the longest idle,
/// then id; what the group's policy does not look at is equal for all.
#[derive(Debug, Clone)]
pub struct Candidate {
    priority: u32,
    turn: u64,
    used: u32,
    capacity: u32,
    idle_since: Millis,
    /// The agent's bare id.
    pub agent: Arc<str>,
}

impl Candidate {
    /// The agent under a policy. A reservation on it is work as long as it holds its place: `idle_since` is not
    /// before the newest was made.
    pub fn new(
        id: &Arc<str>,
        agent: &Agent,
        policy: Policy,
        membership: &Membership,
        turn: u64,
        idle_since: Millis,
    ) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let capacity = agent.record.as_ref().map_or(1, |record| record.capacity).max(1);
        let by_load = matches!(policy, Policy::LeastLoaded | Policy::Priority);
        let by_turn = matches!(policy, Policy::RoundRobin | Policy::Weighted);
        Self {
            priority: if policy == Policy::Priority { membership.priority } else { 0 },
            turn: if by_turn { turn } else { 0 },
            used: if by_load { count(agent.places.len()) } else { 0 },
            capacity: if by_load { capacity } else { 1 },
            idle_since,
            agent: id.clone(),
        }
    }

    /// What put this one before `other`.
    pub fn before(&self, other: &Self) -> TieBreak {
        if self.priority != other.priority {
            TieBreak::Priority
        } else if self.turn != other.turn {
            TieBreak::Turn
        } else if self.load(other) != Ordering::Equal {
            TieBreak::Load
        } else if self.idle_since != other.idle_since {
            TieBreak::Idle
        } else {
            TieBreak::Id
        }
    }

    /// Cross-multiplied, so that 1 of 3 and 2 of 6 are exactly equal.
    fn load(&self, other: &Self) -> Ordering {
        let mine = u64::from(self.used) * u64::from(other.capacity);
        mine.cmp(&(u64::from(other.used) * u64::from(self.capacity)))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_rank = self.priority.cmp(&other.priority).then(self.turn.cmp(&other.turn));
        let by_time = self.idle_since.cmp(&other.idle_since);
        by_rank.then_with(|| self.load(other)).then(by_time).then_with(|| self.agent.cmp(&other.agent))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
