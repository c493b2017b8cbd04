//! What would have happened under other rules: the arrivals, presence and endings that the journal holds, run
//! again through the very rules of routing.
//!
//! What is taken as it was: everything up to the beginning, as far back as the journal goes, so that whoever is served
//! or waits then is where it was; who came when and to which group, how long each was served, how long those who gave
//! up had waited, what agents said of themselves. What follows: who serves whom, who waits, who gives up.
//! Signs of life are not journaled, so an agent counts as present while it says so; an offer counts as accepted
//! at once; whoever was served in fact has patience without end.

pub mod meter;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use self::meter::{Meter, Outcome};
use super::state::State;
use super::{Closer, Command, DEFAULT_GROUP, Numbers};
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

/// Runs `changes` (of one enterprise, in the journal's order) again from `from` on; those before it tell who is there
/// then. Ends at the last change.
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
        let (mut agents, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for (_, change) in changes {
            match change {
                ShuntChange::AgentPut { agent, .. } => drop(agents.insert(agent)),
                ShuntChange::GroupPut { group, .. } => drop(groups.insert(group)),
                _ => {}
            }
        }
        let mut missing = Vec::new();
        for (group, known) in self.groups.iter().filter(|(group, _)| !groups.contains(group)) {
            let (group, definition) = (group.clone(), known.definition.clone());
            missing.push(ShuntChange::GroupPut { group, definition });
        }
        for (agent, known) in self.agents.iter().filter(|(agent, _)| !agents.contains(agent)) {
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
    /// Groups that nobody defined, put here for the scenario's policy.
    assumed: BTreeSet<Arc<str>>,
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
            assumed: BTreeSet::new(),
            ids: 0,
        };
        run.state.woke(changes.first().map_or(from, |(at, _)| from.min(*at)), &run.numbers);
        for (number, (at, change)) in changes.iter().enumerate() {
            if *at < from {
                run.was(*at, change);
            } else {
                run.heap.push(Reverse((*at, Next::Given(number))));
            }
        }
        run
    }

    /// What came before the beginning is as it was, but for the scenario's rules.
    fn was(&mut self, at: Millis, change: &ShuntChange) {
        let mut change = change.clone();
        match &mut change {
            ShuntChange::AgentPut { record, .. } => record.capacity = self.capacity(record.capacity),
            ShuntChange::GroupPut { definition, .. } => *definition = Arc::new(self.rules(definition)),
            _ => {}
        }
        self.apply(at, &change);
    }

    /// Those who are served at the beginning are so for as long as they were, those who wait have the patience they
    /// had, and who was asked has accepted.
    fn begin(&mut self) {
        for (id, open) in self.state.sessions.clone() {
            let story = self.stories.get(&id).cloned().unwrap_or_default();
            if let Some(offer) = open.offer.clone() {
                let (customer, agent, agent_name) = (open.customer.clone(), offer.agent, offer.agent_name);
                self.apply(self.from, &ShuntChange::Assigned { session: id, customer, agent, agent_name });
            } else if let Some(serving) = &open.serving {
                let done = story.ended.unwrap_or_else(|| serving.since.saturating_add(self.usual));
                self.heap.push(Reverse((done.max(self.from), Next::Done(id))));
            } else {
                self.has_patience(id, &story);
            }
        }
        self.spread_policy(self.from);
        self.ask(self.from, &Command::Settle);
    }

    fn go(&mut self) {
        let end = self.changes.last().map_or(self.from, |(at, _)| *at);
        self.begin();
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
                record.capacity = self.capacity(record.capacity);
                Command::PutAgent { agent: agent.clone(), record }
            }
            ShuntChange::AgentDeleted { agent } => Command::DeleteAgent { agent: agent.clone() },
            ShuntChange::PresenceSet { agent, presence } => {
                Command::SetPresence { agent: agent.clone(), presence: *presence }
            }
            ShuntChange::GroupPut { group, definition } => {
                self.assumed.remove(group);
                let definition = Box::new(self.rules(definition));
                Command::PutGroup { group: group.to_string(), definition }
            }
            ShuntChange::GroupDeleted { group } => Command::DeleteGroup { group: group.to_string() },
            ShuntChange::SessionOpened(opened) => {
                self.arrives(at, opened.session, &opened.customer, &opened.group);
                return;
            }
            _ => return,
        };
        self.ask(at, &command);
        self.spread_policy(at);
    }

    fn capacity(&self, was: u32) -> u32 {
        self.scenario.capacity.unwrap_or(was)
    }

    fn rules(&self, was: &GroupDefinition) -> GroupDefinition {
        let policy = self.scenario.policy.unwrap_or(was.policy);
        GroupDefinition { policy, offer: 0, ..was.clone() }
    }

    /// The scenario's policy is that of every group, also of those that only agents name, for as long as they do.
    fn spread_policy(&mut self, at: Millis) {
        if self.scenario.policy.is_none() {
            return;
        }
        let default = Arc::from(DEFAULT_GROUP);
        let served: BTreeSet<Arc<str>> =
            self.state.desks.keys().cloned().chain(std::iter::once(default)).collect();
        for group in self.assumed.difference(&served).cloned().collect::<Vec<_>>() {
            self.assumed.remove(&group);
            self.ask(at, &Command::DeleteGroup { group: group.to_string() });
        }
        for group in served {
            if !self.state.groups.contains_key(&group) {
                let definition = Box::new(self.rules(&GroupDefinition::default()));
                self.ask(at, &Command::PutGroup { group: group.to_string(), definition });
                self.assumed.insert(group);
            }
        }
    }

    fn arrives(&mut self, at: Millis, session: Uuid, customer: &Address, group: &str) {
        let story = self.stories.get(&session).cloned().unwrap_or_default();
        self.has_patience(session, &story);
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

    /// Who was never served gives up when it did.
    fn has_patience(&mut self, session: Uuid, story: &Story) {
        if let (None, Some(ended)) = (story.assigned, story.ended) {
            self.heap.push(Reverse((ended, Next::GivesUp(session))));
        }
    }

    fn ask(&mut self, at: Millis, command: &Command) {
        self.ids += 1;
        self.decide(at, Uuid::from_u128(self.ids), command);
    }

    fn decide(&mut self, at: Millis, fresh: Uuid, command: &Command) {
        let decision = self.state.decide(at, fresh, command, &self.numbers);
        for change in &decision.changes {
            self.apply(at, change);
        }
    }

    /// Lets a change take effect; from the beginning on, whoever is given to an agent is done some time later.
    fn apply(&mut self, at: Millis, change: &ShuntChange) {
        self.state.apply(at, change);
        self.meter.follow(at, change);
        if let ShuntChange::Assigned { session, .. } = change
            && at >= self.from
        {
            let story = self.stories.get(session);
            let served = story.and_then(Story::handling).unwrap_or(self.usual);
            self.heap.push(Reverse((at.saturating_add(served), Next::Done(*session))));
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
