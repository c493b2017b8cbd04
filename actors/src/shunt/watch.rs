//! The auditor beside the work: each routing checks its own guarantees now and then, and the figures say how
//! many do not hold. They must read 0.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::event::ShuntChange;
use crate::domain::ids::{EntId, Millis};
use crate::domain::shunt::State;
use crate::domain::shunt::patrol::Patrol;
use crate::domain::shunt::tally::{Span, Tally};
use crate::world::{Rules, World};

/// Agents, sessions and reservations looked at in one turn: well below a millisecond.
const SLICE: usize = 250;

/// Upper bounds of durations, in seconds: from an answer at once to a day.
const SECONDS: [f64; 14] =
    [0.1, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 7_200.0, 86_400.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// Figures of routing, over all enterprises. Cheap to clone; clones share their figures.
#[derive(Debug, Clone)]
pub struct RoutingMetrics {
    wait: Histogram,
    first_response: Histogram,
    handling: Histogram,
    accepts: Counter,
    votes: Family<What, Gauge>,
    places: Family<What, Counter<f64, AtomicU64>>,
    violations: Gauge,
    audits: Counter,
    waiting: Gauge,
    sessions: Gauge,
    changes: Family<What, Counter>,
}

impl Default for RoutingMetrics {
    fn default() -> Self {
        let durations = || Histogram::new(SECONDS);
        Self {
            wait: durations(),
            first_response: durations(),
            handling: durations(),
            accepts: Counter::default(),
            votes: Family::default(),
            places: Family::default(),
            violations: Gauge::default(),
            audits: Counter::default(),
            waiting: Gauge::default(),
            sessions: Gauge::default(),
            changes: Family::default(),
        }
    }
}

impl RoutingMetrics {
    /// Registers them under `messagecenter_routing_`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "messagecenter_routing_violations",
            "Guarantees of routing that the latest audits found broken; must be 0",
            self.violations.clone(),
        );
        registry.register(
            "messagecenter_routing_audits",
            "Audits of an enterprise's routing",
            self.audits.clone(),
        );
        registry.register(
            "messagecenter_routing_waiting",
            "Customers waiting, as of the latest audits",
            self.waiting.clone(),
        );
        registry.register(
            "messagecenter_routing_sessions",
            "Open sessions, as of the latest audits",
            self.sessions.clone(),
        );
        registry.register(
            "messagecenter_routing_changes",
            "What routing decided: assigned, offered, requeued, leased and so on",
            self.changes.clone(),
        );
        registry.register(
            "messagecenter_routing_wait_seconds",
            "From arrival, or return to the queue, to an agent",
            self.wait.clone(),
        );
        registry.register(
            "messagecenter_routing_first_response_seconds",
            "From assignment to the agent's first message",
            self.first_response.clone(),
        );
        registry.register(
            "messagecenter_routing_handling_seconds",
            "From assignment to the end or to another agent",
            self.handling.clone(),
        );
        registry.register(
            "messagecenter_routing_accepts",
            "Offers that agents accepted",
            self.accepts.clone(),
        );
        registry.register(
            "messagecenter_routing_votes",
            "Votes for messages of agents since the start, less those taken back",
            self.votes.clone(),
        );
        registry.register(
            "messagecenter_routing_place_seconds",
            "Places of agents, filled and online, by time; the ratio is the utilisation",
            self.places.clone(),
        );
    }

    /// Adds what a routing counted.
    pub(crate) fn add(&self, tally: Tally) {
        for (span, millis) in tally.spans {
            let histogram = match span {
                Span::Wait => &self.wait,
                Span::FirstResponse => &self.first_response,
                Span::Handling => &self.handling,
            };
            histogram.observe(millis as f64 / 1_000.0);
        }
        self.accepts.inc_by(tally.accepts);
        for (what, change) in ["up", "down"].into_iter().zip(tally.votes) {
            if change != 0 {
                self.votes.get_or_create(&What { what }).inc_by(change);
            }
        }
        for (what, millis) in [("filled", tally.busy), ("online", tally.available)] {
            if millis > 0 {
                self.places.get_or_create(&What { what }).inc_by(millis as f64 / 1_000.0);
            }
        }
    }

    /// Counts decided changes.
    pub(crate) fn count(&self, changes: &[ShuntChange]) {
        for change in changes {
            self.changes.get_or_create(&What { what: change.name() }).inc();
        }
    }
}

/// When one routing was last checked, and with what result.
pub(super) struct Watch {
    ent: EntId,
    metrics: RoutingMetrics,
    last: Millis,
    patrol: Patrol,
    /// What the round on its way found so far.
    found: usize,
    /// What the round before it found.
    found_before: usize,
    seen: [i64; 3],
}

impl Watch {
    pub(super) fn new(ent: EntId, world: &Arc<World>) -> Self {
        Self::over(ent, world.routing.clone(), world.clock.now())
    }

    fn over(ent: EntId, metrics: RoutingMetrics, last: Millis) -> Self {
        let (patrol, found, found_before) = (Patrol::default(), 0, 0);
        Self { ent, metrics, last, patrol, found, found_before, seen: [0; 3] }
    }

    /// Begins a round if it is time to, and goes on with the one that is on its way. Time must just have taken effect.
    /// What is broken is logged by its words, which name ids and nothing else.
    pub(super) fn look(&mut self, state: &State, now: Millis, rules: &Rules) {
        if !self.patrol.is_on() {
            let every = rules.audit_interval;
            if every == 0 || now.saturating_sub(self.last) < every {
                return;
            }
            self.last = now;
            self.found = 0;
            self.patrol.begin();
        }
        let violations = self.patrol.go_on(state, now, &rules.routing, SLICE);
        for violation in &violations {
            tracing::error!(ent = self.ent, %violation, "a guarantee of routing does not hold");
        }
        self.found += violations.len();
        if !self.patrol.is_on() {
            self.metrics.audits.inc();
            self.found_before = self.found;
        }
        let broken = self.found.max(self.found_before);
        self.show([broken, state.waiting(), state.open_sessions()].map(|n| n as i64));
    }

    /// Replaces what this routing adds to the figures.
    fn show(&mut self, now: [i64; 3]) {
        let gauges = [&self.metrics.violations, &self.metrics.waiting, &self.metrics.sessions];
        for ((gauge, before), now) in gauges.into_iter().zip(self.seen).zip(now) {
            gauge.inc_by(now - before);
        }
        self.seen = now;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.show([0; 3]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use uuid::Uuid;

    use super::*;
    use crate::domain::event::{AgentRecord, Presence};
    use crate::domain::ids::Address;
    use crate::domain::shunt::{Command, Numbers};
    use crate::{api::OpenSession, api::Opener, api::Wish};

    fn gauge(metrics: &RoutingMetrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = text.lines().find(|line| line.starts_with("messagecenter_routing_violations "));
        line.unwrap().to_owned()
    }

    /// A desk of 600 agents with one customer each: more than one slice of everything.
    fn desk() -> State {
        let numbers = Numbers::DEFAULT;
        let mut state = State::new(1);
        state.woke(1_000, &numbers);
        let mut ids = 0u128;
        let mut ask = |state: &mut State, command: Command| {
            ids += 1;
            for change in state.decide(1_000, Uuid::from_u128(ids), &command, &numbers).changes {
                state.apply(1_000, &change);
            }
        };
        for number in 0..600 {
            let agent: Arc<str> = Arc::from(number.to_string());
            let record =
                AgentRecord { name: String::new(), groups: vec![], capacity: 1, weight: 1, skills: vec![] };
            ask(&mut state, Command::PutAgent { agent: agent.clone(), record });
            ask(&mut state, Command::SetPresence { agent, presence: Presence::Online });
            let open = OpenSession {
                ent: 1,
                customer: Address::user(number),
                opener: Opener::Customer(Wish::Anyone),
                group: String::new(),
                shown_name: String::new(),
                app_id: String::new(),
                receive_app_id: String::new(),
            };
            ask(&mut state, Command::Open(Box::new(open)));
        }
        state
    }

    #[test]
    fn a_round_goes_over_many_turns_and_the_gauge_shows_what_is_broken_until_it_is_mended() {
        let rules = Rules { audit_interval: 100, ..Rules::default() };
        let metrics = RoutingMetrics::default();
        let mut state = desk();
        let mut watch = Watch::over(1, metrics.clone(), 1_000);
        let turns = |watch: &mut Watch, state: &State, now| {
            watch.look(state, now, &rules);
            let mut turns = 1;
            while watch.patrol.is_on() {
                watch.look(state, now, &rules);
                turns += 1;
            }
            turns
        };
        assert_eq!(turns(&mut watch, &state, 1_050), 1, "it is not time yet");
        assert_eq!(metrics.audits.get(), 0);
        assert!(turns(&mut watch, &state, 1_100) >= 5, "1,200 things in slices of 250");
        assert_eq!((metrics.audits.get(), metrics.sessions.get()), (1, 600));
        assert_eq!(gauge(&metrics), "messagecenter_routing_violations 0");
        let sound = state.clone();
        state.corrupt_places_of("77");
        turns(&mut watch, &state, 1_200);
        assert_eq!(gauge(&metrics), "messagecenter_routing_violations 1");
        turns(&mut watch, &sound, 1_300);
        assert_eq!(gauge(&metrics), "messagecenter_routing_violations 0");
        turns(&mut watch, &state, 1_400);
        drop(watch);
        assert_eq!(
            gauge(&metrics),
            "messagecenter_routing_violations 0",
            "a routing that sleeps adds nothing"
        );
    }
}
