//! What operators see of the actors: counters, gauges, histograms, dead letters, the storm breaker.
//!
//! One [`Observation`] per service instance; nothing is global. Labels are bounded: the kind of actor and the
//! fixed words of [`Failure::as_str`].

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::dead_letters::{DeadLetter, DeadLetters};
use super::events::Events;
use super::failure::Failure;
use super::panics::Panic;
use super::spans::Tracer;
use super::storm::{Storm, StormSettings};

/// Which kind of actor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Which kind of actor refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    kind: &'static str,
    reason: &'static str,
}

/// From 10 µs (an idle actor's turn) doubling to about 5 s (beyond any caller's patience).
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 2.0, 20))
}

type ByKind<M> = Family<Kind, M, fn() -> M>;

fn by_kind<M>(constructor: fn() -> M) -> ByKind<M> {
    Family::new_with_constructor(constructor)
}

/// The numbers of one service's actors.
#[derive(Debug)]
pub struct Observation {
    active: ByKind<Gauge>,
    admitted: ByKind<Counter>,
    kept: ByKind<Counter>,
    refused: Family<Refusal, Counter>,
    mailbox_wait: ByKind<Histogram>,
    turn: ByKind<Histogram>,
    restarts: ByKind<Counter>,
    dead: ByKind<Counter>,
    activations: ByKind<Counter>,
    passivations: ByKind<Counter>,
    quarantined: ByKind<Gauge>,
    storms: Counter,
    slow: ByKind<Counter>,
    events: Events,
    letters: DeadLetters,
    storm: Storm,
    tracer: Arc<Tracer>,
}

impl Observation {
    /// All zero.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            active: by_kind(Gauge::default),
            admitted: by_kind(Counter::default),
            kept: by_kind(Counter::default),
            refused: Family::default(),
            mailbox_wait: by_kind(seconds),
            turn: by_kind(seconds),
            restarts: by_kind(Counter::default),
            dead: by_kind(Counter::default),
            activations: by_kind(Counter::default),
            passivations: by_kind(Counter::default),
            quarantined: by_kind(Gauge::default),
            storms: Counter::default(),
            slow: by_kind(Counter::default),
            events: Events::default(),
            letters: DeadLetters::default(),
            storm: Storm::default(),
            tracer: Arc::default(),
        })
    }

    /// Puts the metrics into a registry (which adds `_total` to counters).
    pub fn register(&self, registry: &mut Registry) {
        registry.register("messagecenter_actor_active", "Actors in memory", self.active.clone());
        registry.register("messagecenter_commands_admitted", "Commands taken", self.admitted.clone());
        registry.register(
            "messagecenter_answers_kept",
            "Reads answered as the actor answered them last, without a turn of it",
            self.kept.clone(),
        );
        registry.register(
            "messagecenter_commands_refused",
            "Commands not taken, nothing happened",
            self.refused.clone(),
        );
        registry.register(
            "messagecenter_mailbox_wait_seconds",
            "Time from admission to the start of handling",
            self.mailbox_wait.clone(),
        );
        registry.register("messagecenter_turn_seconds", "Time a command was handled", self.turn.clone());
        registry.register("messagecenter_actor_restarts", "Restarts after a panic", self.restarts.clone());
        registry.register(
            "messagecenter_dead_letters",
            "Messages that made their actor panic",
            self.dead.clone(),
        );
        registry.register(
            "messagecenter_activations",
            "Actors brought into memory",
            self.activations.clone(),
        );
        registry.register("messagecenter_passivations", "Idle actors put away", self.passivations.clone());
        registry.register(
            "messagecenter_actors_quarantined",
            "Actors waiting for an operator",
            self.quarantined.clone(),
        );
        registry.register(
            "messagecenter_crash_storms",
            "Times the storm breaker opened",
            self.storms.clone(),
        );
        registry.register(
            "messagecenter_slow_turns",
            "Turns that took longer than supervision.slow_turn_ms",
            self.slow.clone(),
        );
        self.tracer.register(registry);
    }

    /// Where spans of sampled requests go.
    pub const fn tracer(&self) -> &Arc<Tracer> {
        &self.tracer
    }

    /// What happened to actors, in order.
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// Takes a dead letter out, as an operator does who has dealt with it.
    pub fn discard(&self, letter: u64) -> Option<DeadLetter> {
        self.letters.discard(letter)
    }

    /// The newest dead letters, oldest first.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.letters.list()
    }

    /// Whether so many actors crashed at once that restarts are held back.
    pub fn storm_open(&self) -> bool {
        self.storm.remaining(Instant::now()).is_some()
    }

    /// Calls other numbers of crashes a storm from now on.
    pub fn set_storm(&self, settings: StormSettings) {
        self.storm.set_settings(settings);
    }

    /// How long restarts are held back still.
    pub(super) fn storm_remaining(&self) -> Option<Duration> {
        self.storm.remaining(Instant::now())
    }

    /// The metrics of one kind, looked up once.
    pub(super) fn kind(self: &Arc<Self>, kind: &'static str) -> KindObservation {
        let label = Kind { kind };
        KindObservation {
            kind,
            active: self.active.get_or_create(&label).clone(),
            admitted: self.admitted.get_or_create(&label).clone(),
            kept: self.kept.get_or_create(&label).clone(),
            mailbox_wait: self.mailbox_wait.get_or_create(&label).clone(),
            turn: self.turn.get_or_create(&label).clone(),
            restarts: self.restarts.get_or_create(&label).clone(),
            dead: self.dead.get_or_create(&label).clone(),
            slow: self.slow.get_or_create(&label).clone(),
            activations: self.activations.get_or_create(&label).clone(),
            passivations: self.passivations.get_or_create(&label).clone(),
            quarantined: self.quarantined.get_or_create(&label).clone(),
            all: Arc::clone(self),
        }
    }
}

/// The numbers of one kind of actor.
#[derive(Debug)]
pub(super) struct KindObservation {
    kind: &'static str,
    pub(super) active: Gauge,
    pub(super) admitted: Counter,
    pub(super) kept: Counter,
    pub(super) mailbox_wait: Histogram,
    pub(super) turn: Histogram,
    pub(super) restarts: Counter,
    dead: Counter,
    slow: Counter,
    pub(super) activations: Counter,
    pub(super) passivations: Counter,
    pub(super) quarantined: Gauge,
    all: Arc<Observation>,
}

impl KindObservation {
    pub(super) fn refused(&self, why: Failure) {
        let label = Refusal { kind: self.kind, reason: why.as_str() };
        self.all.refused.get_or_create(&label).inc();
    }

    /// Notes a message that made its actor panic, and the crash.
    pub(super) fn crashed(&self, key: String, operation: &'static str, panic: Panic) {
        tracing::error!(kind = self.kind, %key, operation, %panic, "an actor crashed; its message is dead-lettered");
        self.dead.inc();
        self.all.events.note("crashed", self.kind, key.clone(), format!("in {operation}: {panic}"));
        if self.all.storm.crashed(self.kind, key.clone(), Instant::now()) {
            self.all.storms.inc();
            self.all.events.note("storm", "", String::new(), "restarts are held back".to_owned());
            tracing::error!("many actors crash at once: restarts are held back");
        }
        self.all.letters.push(DeadLetter {
            id: panic.letter(),
            kind: self.kind,
            key,
            operation,
            panic: panic.text,
            at: SystemTime::now(),
        });
    }

    /// Notes and names a turn that took too long.
    pub(super) fn slow(&self, key: &dyn std::fmt::Display, operation: &'static str, took: Duration) {
        self.slow.inc();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(kind = self.kind, %key, operation, millis, "a turn took long");
        self.note("slow_turn", key, format!("{operation} took {millis} ms"));
    }

    /// Notes what happened to an actor of this kind.
    pub(super) fn note(&self, what: &'static str, key: &dyn std::fmt::Display, detail: String) {
        self.all.events.note(what, self.kind, key.to_string(), detail);
    }

    pub(super) fn tracer(&self) -> &Tracer {
        &self.all.tracer
    }

    pub(super) fn storm_remaining(&self) -> Option<Duration> {
        self.all.storm_remaining()
    }

    pub(super) fn storm_refuses(&self, key: &dyn std::fmt::Display) -> Option<Duration> {
        self.all.storm.refuses(self.kind, key, Instant::now())
    }
}
