//! What would have happened under other rules: the arrivals, presence and endings that the journal holds, run
//! again through the very rules of routing.
//!
//! What is taken as it was: who came when and to which group, how long each was served, how long those who
//! gave up had waited, what agents said of themselves. What follows: who serves whom, who waits, who gives up.
//! Signs of life are not journaled, so an agent counts as present while it says so; an offer counts as accepted
//! at once; whoever was served in fact has patience without end.

pub mod meter;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use uuid::Uuid;

use self::meter::{Meter, Outcome};
use super::state::State;
use super::{Closer, Command, Numbers};
use crate::api::{OpenSession, Opener, Wish};
use crate::domain::event::{GroupDefinition, Policy, ShuntChange};
use crate::domain::ids::{Address, EntId, Millis};

/// How long a session is served of which the journal does not tell, where it tells of none: five minutes.
const USUAL_HANDLING: Millis = 300_000;

/// Other rules. `None` = as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Every agent's places.
    pub capacity: Option<u32>,
    /// Every group's policy.
    pub policy: Option<Policy>,
}

/// What was, and what would have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// As it was.
    pub real: Outcome,
    /// Under the scenario.
    pub what_if: Outcome,
}

/// Something that happens in the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// A session has been served for as long as it was. First, so that a place is free for who comes just then.
    Done(Uuid),
    /// A customer's patience is at its end.
    GivesUp(Uuid),
    /// A change of the journal, by its number.
    Given(usize),
}

/// What the journal tells of one session.
#[derive(Debug, Clone, Default)]
struct Story {
    assigned: Option<Millis>,
    ended: Option<Millis>,
}

/// Runs `changes` (of one enterprise, in the journal's order) again from `from` on; those before it only tell
/// who is there. Ends at the last change.
pub fn replay(ent: EntId, changes: &[(Millis, ShuntChange)], from: Millis, scenario: &Scenario) -> Report {
    let end = changes.last().map_or(from, |(at, _)| *at);
    let mut real = Meter::new(from);
    for (at, change) in changes {
        real.follow(*at, change);
    }
    let mut run = Run::new(ent, changes, from, scenario);
    run.go();
    Report { real: real.outcome(end), what_if: run.meter.outcome(end) }
}

impl State {
    /// Changes that put the agents and groups known here which `changes` does not put.
    pub fn staff_missing_in(&self, changes: &[(Millis, ShuntChange)]) -> Vec<ShuntChange> {
        let put = |name: &str| {
            changes.iter().any(|(_, change)| match change {
                ShuntChange::AgentPut { agent, .. } => **agent == *name,
                ShuntChange::GroupPut { group, .. } => **group == *name,
                _ => false,
            })
        };
        let mut missing = Vec::new();
        for (group, known) in self.groups.iter().filter(|(group, _)| !put(group)) {
            let (group, definition) = (group.clone(), known.definition.clone());
            missing.push(ShuntChange::GroupPut { group, definition });
        }
        for (agent, known) in self.agents.iter().filter(|(agent, _)| !put(agent)) {
            let Some(record) = known.record.as_deref().cloned() else { continue };
            missing.push(ShuntChange::AgentPut { agent: agent.clone(), record });
            missing.push(ShuntChange::PresenceSet { agent: agent.clone(), presence: known.presence });
        }
        missing
    }
}

struct Run<'a> {
    changes: &'a [(Millis, ShuntChange)],
    from: Millis,
    scenario: &'a Scenario,
    stories: HashMap<Uuid, Story>,
    usual: Millis,
    state: State,
    numbers: Numbers,
    meter: Meter,
    heap: BinaryHeap<Reverse<(Millis, Next)>>,
    ids: u128,
}

impl<'a> Run<'a> {
    fn new(ent: EntId, changes: &'a [(Millis, ShuntChange)], from: Millis, scenario: &'a Scenario) -> Self {
        let stories = stories(changes);
        let handled: Vec<Millis> = stories.values().filter_map(Story::handling).collect();
        let usual = handled.iter().sum::<Millis>().checked_div(handled.len() as Millis);
        let mut run = Self {
            changes,
            from,
            scenario,
            usual: usual.unwrap_or(USUAL_HANDLING),
            stories,
            state: State::new(ent),
            numbers: Numbers { heartbeat_lapse: Millis::MAX / 4, ..Numbers::default() },
            meter: Meter::new(from),
            heap: BinaryHeap::new(),
            ids: 0,
        };
        if let Some(policy) = scenario.policy {
            run.put_group(
                changes.first().map_or(from, |(at, _)| *at),
                "default",
                &GroupDefinition { policy, ..GroupDefinition::default() },
            );
        }
        for (number, (at, _)) in changes.iter().enumerate() {
            run.heap.push(Reverse((*at, Next::Given(number))));
        }
        run
    }

    fn go(&mut self) {
        let end = self.changes.last().map_or(self.from, |(at, _)| *at);
        while let Some(Reverse((at, next))) = self.heap.pop() {
            if at > end {
                break;
            }
            match next {
                Next::Given(number) => self.given(at, number),
                Next::Done(session) => {
                    self.ask(at, &Command::Close { session, by: Closer::Agent });
                }
                Next::GivesUp(session) => {
                    let waits = self.state.sessions.get(&session).is_some_and(|open| open.waits());
                    if waits {
                        self.ask(at, &Command::Close { session, by: Closer::Customer });
                    }
                }
            }
        }
    }

    fn given(&mut self, at: Millis, number: usize) {
        let Some((_, change)) = self.changes.get(number) else { return };
        let command = match change {
            ShuntChange::AgentPut { agent, record } => {
                let mut record = record.clone();
                record.capacity = self.scenario.capacity.unwrap_or(record.capacity);
                Command::PutAgent { agent: agent.clone(), record }
            }
            ShuntChange::AgentDeleted { agent } => Command::DeleteAgent { agent: agent.clone() },
            ShuntChange::PresenceSet { agent, presence } => {
                Command::SetPresence { agent: agent.clone(), presence: *presence }
            }
            ShuntChange::GroupPut { group, definition } => {
                self.put_group(at, group, definition);
                return;
            }
            ShuntChange::GroupDeleted { group } => Command::DeleteGroup { group: group.to_string() },
            ShuntChange::SessionOpened(opened) if at >= self.from => {
                self.arrives(at, opened.session, &opened.customer, &opened.group);
                return;
            }
            _ => return,
        };
        self.ask(at, &command);
    }

    fn put_group(&mut self, at: Millis, group: &str, definition: &GroupDefinition) {
        let policy = self.scenario.policy.unwrap_or(definition.policy);
        let definition = Box::new(GroupDefinition { policy, offer: 0, ..definition.clone() });
        self.ask(at, &Command::PutGroup { group: group.to_owned(), definition });
    }

    fn arrives(&mut self, at: Millis, session: Uuid, customer: &Address, group: &str) {
        let story = self.stories.get(&session).cloned().unwrap_or_default();
        if story.assigned.is_none()
            && let Some(ended) = story.ended
        {
            self.heap.push(Reverse((ended, Next::GivesUp(session))));
        }
        let open = OpenSession {
            ent: self.state.ent,
            customer: customer.clone(),
            opener: Opener::Customer(Wish::Anyone),
            group: group.to_owned(),
            shown_name: String::new(),
            app_id: String::new(),
            receive_app_id: String::new(),
        };
        self.decide(at, session, &Command::Open(Box::new(open)));
    }

    fn ask(&mut self, at: Millis, command: &Command) {
        self.ids += 1;
        self.decide(at, Uuid::from_u128(self.ids), command);
    }

    fn decide(&mut self, at: Millis, fresh: Uuid, command: &Command) {
        let decision = self.state.decide(at, fresh, command, &self.numbers);
        for change in &decision.changes {
            self.state.apply(at, change);
            self.meter.follow(at, change);
            if let ShuntChange::Assigned { session, .. } = change {
                let story = self.stories.get(session);
                let served = story.and_then(Story::handling).unwrap_or(self.usual);
                self.heap.push(Reverse((at.saturating_add(served), Next::Done(*session))));
            }
        }
    }
}

impl Story {
    /// How long it was served, if it was served to its end.
    fn handling(&self) -> Option<Millis> {
        Some((self.ended? - self.assigned?).max(0))
    }
}

fn stories(changes: &[(Millis, ShuntChange)]) -> HashMap<Uuid, Story> {
    let mut stories: HashMap<Uuid, Story> = HashMap::new();
    for (at, change) in changes {
        match change {
            ShuntChange::Assigned { session, .. } => {
                stories.entry(*session).or_default().assigned.get_or_insert(*at);
            }
            ShuntChange::SessionEnded { session, .. } => {
                stories.entry(*session).or_default().ended.get_or_insert(*at);
            }
            _ => {}
        }
    }
    stories
}

#[cfg(test)]
mod tests;
