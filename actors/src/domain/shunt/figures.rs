//! Figures of a group or an agent, by UTC day: counted from what routing decided, so that they survive a
//! restart with it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::ids::Millis;

/// Ended sessions whose group is remembered, for votes that come late; the oldest are forgotten first.
const REMEMBERED_ENDED: usize = 10_000;

/// Milliseconds of a day.
const DAY: Millis = 86_400_000;

/// Steps per doubling of a duration: a quantile is off by at most a fifth.
const STEPS: f64 = 4.0;

/// Durations, counted by size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    counts: BTreeMap<u8, u32>,
    total: u64,
    number: u64,
}

impl Durations {
    /// One more duration.
    pub fn add(&mut self, millis: Millis) {
        let millis = millis.max(0).unsigned_abs();
        *self.counts.entry(bucket(millis)).or_default() += 1;
        self.total = self.total.saturating_add(millis);
        self.number += 1;
    }

    /// How many there are.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The average, in milliseconds; `None` without data.
    pub fn mean(&self) -> Option<u64> {
        self.total.checked_div(self.number)
    }

    /// The duration that this share of all (0 to 1) does not exceed, in milliseconds; `None` without data.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        if self.number == 0 {
            return None;
        }
        let wanted = ((self.number as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.counts {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(upper(*bucket));
            }
        }
        None
    }
}

fn bucket(millis: u64) -> u8 {
    if millis == 0 {
        return 0;
    }
    (1.0 + ((millis as f64).log2() * STEPS).ceil()).min(255.0) as u8
}

fn upper(bucket: u8) -> u64 {
    if bucket == 0 { 0 } else { (f64::from(bucket - 1) / STEPS).exp2().round() as u64 }
}

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// From arrival, or return to the queue, to an agent.
    pub wait: Durations,
    /// From assignment to the agent's first message.
    pub first_response: Durations,
    /// From assignment to the end or to another agent.
    pub handling: Durations,
    /// Sessions opened.
    pub opened: u64,
    /// Sessions given to an agent (once each time).
    pub served: u64,
    /// Sessions that ended while waiting, because the customer left.
    pub abandoned: u64,
    /// Sessions that ended while waiting, for another reason.
    pub turned_away: u64,
    /// Sessions that ended while served.
    pub closed: u64,
    /// Offers made.
    pub offers: u64,
    /// Offers accepted.
    pub accepts: u64,
    /// Offers rejected.
    pub rejects: u64,
    /// Offers that lapsed.
    pub lapses: u64,
    /// Sessions moved away to another agent or group.
    pub transfers: u64,
    /// Sessions taken back because their agent was gone.
    pub disconnects: u64,
    /// Votes for messages.
    pub up: i64,
    /// Votes against.
    pub down: i64,
    /// Filled places × milliseconds. Kept of agents; a group's is that of its agents.
    pub busy: u64,
    /// Places × milliseconds while online. Kept of agents; a group's is that of its agents.
    pub available: u64,
}

impl Figures {
    /// Filled places by places while online, 0 to 1; `None` for who was not online.
    pub fn utilisation(&self) -> Option<f64> {
        (self.available > 0).then(|| (self.busy as f64 / self.available as f64).min(1.0))
    }
}

/// Today's figures and yesterday's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Days {
    /// Until when an agent's places are counted.
    pub counted_to: Millis,
    day: Millis,
    today: Figures,
    yesterday: Figures,
}

impl Days {
    /// The figures to count in at `at`.
    pub fn at(&mut self, at: Millis) -> &mut Figures {
        let day = at.div_euclid(DAY);
        if day > self.day {
            let last = std::mem::take(&mut self.today);
            self.yesterday = if day == self.day + 1 { last } else { Figures::default() };
            self.day = day;
        }
        if day + 1 == self.day {
            return &mut self.yesterday; // told of late
        }
        &mut self.today
    }

    /// Whether the days counted are over for longer than a day.
    pub fn is_old(&self, now: Millis) -> bool {
        now.div_euclid(DAY) - self.day > 1
    }

    /// Today's and yesterday's, as seen at `now`.
    pub fn seen(&self, now: Millis) -> (Figures, Figures) {
        match now.div_euclid(DAY) - self.day {
            ..=0 => (self.today.clone(), self.yesterday.clone()),
            1 => (Figures::default(), self.today.clone()),
            _ => Default::default(),
        }
    }
}

/// Figures of an enterprise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// By group.
    pub groups: BTreeMap<Arc<str>, Days>,
    /// By agent.
    pub agents: BTreeMap<Arc<str>, Days>,
    /// Groups of sessions that ended, the oldest first.
    #[serde(default)]
    ended: VecDeque<(Uuid, Arc<str>)>,
}

impl Book {
    /// A group's, to count in.
    pub fn group(&mut self, group: &Arc<str>, at: Millis) -> &mut Figures {
        self.groups.entry(group.clone()).or_default().at(at)
    }

    /// A session that an agent served ended in this group.
    pub fn note_ended(&mut self, session: Uuid, group: &Arc<str>) {
        if self.ended.len() == REMEMBERED_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((session, group.clone()));
    }

    /// The group in which a session ended; `None` once that is forgotten.
    pub fn group_of(&self, session: Uuid) -> Option<Arc<str>> {
        self.ended.iter().rev().find(|(ended, _)| *ended == session).map(|(_, group)| group.clone())
    }

    /// Forgets groups whose figures of today and yesterday say nothing: nobody asks for them any more.
    pub fn forget_old_groups(&mut self, now: Millis) {
        self.groups.retain(|_, days| !days.is_old(now));
    }

    /// An agent's, to count in.
    pub fn agent(&mut self, agent: &Arc<str>, at: Millis) -> &mut Figures {
        self.agents.entry(agent.clone()).or_default().at(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close_from_above_and_absent_without_data() {
        let mut durations = Durations::default();
        assert_eq!((durations.quantile(0.5), durations.mean()), (None, None));
        for millis in 1..=1_000 {
            durations.add(millis);
        }
        let (median, high) = (durations.quantile(0.5), durations.quantile(0.95));
        assert!(median.is_some_and(|value| (500..=600).contains(&value)), "{median:?}");
        assert!(high.is_some_and(|value| (950..=1_140).contains(&value)), "{high:?}");
        assert_eq!(durations.mean(), Some(500));
        let mut instant = Durations::default();
        instant.add(0);
        assert_eq!(instant.quantile(0.95), Some(0));
    }

    #[test]
    fn a_day_is_yesterday_for_one_day() {
        let mut days = Days::default();
        days.at(5 * DAY).opened = 3;
        assert_eq!(days.seen(5 * DAY + 1).0.opened, 3);
        assert_eq!(days.seen(6 * DAY).1.opened, 3);
        assert_eq!(days.seen(7 * DAY), Default::default());
        days.at(6 * DAY).opened = 1;
        assert_eq!((days.seen(6 * DAY).0.opened, days.seen(6 * DAY).1.opened), (1, 3));
    }
}
