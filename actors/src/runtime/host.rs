//! The host: the actix actor around one domain actor. One message at a time, state before messages, restart
//! after a panic, quarantine after too many (`quarantine`).
//!
//! Guarantees: while state loads, commands wait in the mailbox (at most about a second, then they are refused)
//! and notices are kept; a panic loses the message in hand and the state in memory, nothing else. What is
//! decided but not committed is the journal's to settle before the next recovery.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::{Duration, Instant};

use actix::dev::channel::AddressReceiver;
use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Supervised};
use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, Stream};
use tokio::sync::Semaphore;

use super::admission::Admission;
use super::behaviour::{Behaviour, Resume, Turn};
use super::failure::{Failure, SOON};
use super::jitter::jittered;
use super::kept::Kept;
use super::mail::{Mail, Pending};
use super::observation::KindObservation;
use super::panics::Guarded;
use super::policy::Policy;
use super::recovery::{Drive, PATIENCE, Plan, Recovery};
use super::spans::{Trace, What};
use super::status::{Phase, Status};
use super::supervision::{PanicProof, Pulse, Yield};
use super::vitals::TICK;

mod quarantine;

/// Notices kept for an actor that recovers beside its mailbox. Beyond it they are dropped and the recovery is
/// done once more: the journal holds them.
const HELD_NOTICES: usize = 4_096;

/// What all hosts of one registry share.
pub(super) struct Shared {
    /// Replaced when an operator changes it; whoever needs a number takes it when it is needed.
    pub(super) policy: ArcSwap<Policy>,
    pub(super) numbers: Arc<KindObservation>,
    /// Bounds how many load at once.
    pub(super) activations: Arc<Semaphore>,
}

/// What a host is made of; sent to its thread.
pub(super) struct Seed<B: Behaviour> {
    pub(super) key: B::Key,
    pub(super) world: Arc<B::World>,
    pub(super) shared: Arc<Shared>,
    pub(super) status: Arc<Status>,
    pub(super) admission: Arc<Admission>,
    pub(super) kept: Arc<Kept<B::Kept>>,
    /// Whether an earlier incarnation may have uncommitted appends.
    pub(super) restart: bool,
    pub(super) presence: Presence,
}

impl<B: Behaviour> Seed<B> {
    /// Starts the host on this thread, which must be an arbiter's.
    pub(super) fn grow(self, mailbox: AddressReceiver<Host<B>>) {
        let pulse = Rc::new(Pulse::default());
        let host = Host {
            restart: self.restart,
            seed: self,
            pulse: Rc::clone(&pulse),
            state: State::Idle,
            begin: Some(Begin { delay: Duration::ZERO, after_failure: false }),
            taken: 0,
            crashes: VecDeque::new(),
            parked: FuturesUnordered::new(),
            driving_parked: false,
            held: VecDeque::new(),
            overflowed: false,
        };
        let actor = Context::with_receiver(mailbox).into_future(host);
        actix::spawn(PanicProof::new(actor, pulse));
    }
}

/// Counts an actor as active while it lives, wherever it ends.
pub(super) struct Presence {
    numbers: Arc<KindObservation>,
    quarantined: bool,
    /// Dropped with the presence; the registry counts the others to know when all have ended.
    _alive: Arc<()>,
}

impl Presence {
    pub(super) fn new(numbers: Arc<KindObservation>, alive: Arc<()>) -> Self {
        numbers.active.inc();
        numbers.activations.inc();
        Self { numbers, quarantined: false, _alive: alive }
    }

    fn quarantined(&mut self, quarantined: bool) {
        match (self.quarantined, quarantined) {
            (false, true) => _ = self.numbers.quarantined.inc(),
            (true, false) => _ = self.numbers.quarantined.dec(),
            _ => {}
        }
        self.quarantined = quarantined;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.quarantined(false);
        self.numbers.active.dec();
    }
}

/// How the next recovery begins.
struct Begin {
    delay: Duration,
    after_failure: bool,
}

/// What is known of a command in hand.
#[derive(Clone, Copy)]
struct Asked {
    /// How long it had waited.
    waited: Duration,
    /// The sampled request that asks.
    trace: Option<Trace>,
}

enum State<B: Behaviour> {
    /// Between lives, after the end, and in quarantine while nothing can be read.
    Idle,
    /// `beside`: the mailbox does not wait any more.
    Recovering { recovery: Recovery<B>, beside: bool },
    /// Holds its state; in quarantine to answer reads only.
    Ready(Guarded<B>),
}

/// The actix actor around one domain actor.
pub struct Host<B: Behaviour> {
    seed: Seed<B>,
    pulse: Rc<Pulse>,
    state: State<B>,
    /// What `started` has to do; `None` = nothing (quarantined, and nothing can be read).
    begin: Option<Begin>,
    restart: bool,
    /// Mail taken out of the mailbox that may have changed something.
    taken: u64,
    /// When it crashed, within the restart window.
    crashes: VecDeque<Instant>,
    parked: FuturesUnordered<ParkedWork<B>>,
    driving_parked: bool,
    held: VecDeque<Guarded<B::Notice>>,
    overflowed: bool,
}

impl<B: Behaviour> Unpin for Host<B> {}

impl<B: Behaviour> Actor for Host<B> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(begin) = self.begin.take() {
            self.recover(begin, context);
        }
    }
}

impl<B: Behaviour> Supervised for Host<B> {
    /// Called by the supervisor after a panic; `started` follows.
    fn restarting(&mut self, _: &mut Self::Context) {
        let operation = self.pulse.in_hand.take().unwrap_or("recover");
        let panic = self.pulse.take_panic();
        self.forget();
        self.seed.status.vitals().crashed(operation, panic.text.clone());
        let numbers = &self.seed.shared.numbers;
        numbers.crashed(self.seed.key.to_string(), operation, panic);

        if self.quarantined() {
            return self.refuse_reads(&format!("crashed in {operation}"));
        }
        let policy = self.seed.shared.policy.load_full();
        let now = Instant::now();
        self.crashes.push_back(now);
        self.crashes.retain(|at| now.saturating_duration_since(*at) < policy.restart_window);
        let crashes = u32::try_from(self.crashes.len()).unwrap_or(u32::MAX);
        if crashes > policy.restart_budget {
            self.begin = Some(self.quarantine(format!("crashed {crashes} times, last in {operation}")));
            return;
        }
        let doublings = crashes.saturating_sub(1).min(31);
        let backoff = jittered(policy.backoff_min.saturating_mul(1 << doublings), policy.backoff_max);
        let delay = self.seed.shared.numbers.storm_remaining().map_or(backoff, |storm| storm.max(backoff));
        self.seed.shared.numbers.restarts.inc();
        self.seed.shared.numbers.note("restarting", &self.seed.key, format!("in {} ms", delay.as_millis()));
        self.begin = Some(Begin { delay, after_failure: true });
    }
}

impl<B: Behaviour> Handler<Mail<B>> for Host<B> {
    type Result = ();

    fn handle(&mut self, mail: Mail<B>, context: &mut Self::Context) {
        let turns = self.pulse.spend();
        self.taken += 1;
        match mail {
            Mail::Command(pending) => self.command(pending, context),
            Mail::Notice(notice) => self.notice(notice, context),
            Mail::Tick => self.tick(context),
            Mail::Reload => self.reload(context),
            Mail::Resume => self.resume(context),
            Mail::Quarantine(reason) => self.quarantine_by_hand(reason, context),
            Mail::Stop => {
                self.forget();
                context.stop();
                return;
            }
        }
        if turns >= self.turn_budget() {
            context.wait(Yield::default());
        }
    }
}

impl<B: Behaviour> Host<B> {
    fn turn_budget(&self) -> usize {
        self.seed.shared.policy.load().turn_budget.max(1)
    }

    fn command(&mut self, pending: Pending<B>, context: &mut Context<Self>) {
        self.seed.status.taken(pending.admitted());
        if pending.abandoned() {
            return;
        }
        match &self.state {
            _ if self.quarantined() && !self.shows(&pending) => return pending.refuse(Failure::Quarantined),
            State::Ready(_) => {}
            State::Recovering { recovery, .. } => return pending.refuse(recovery.refusal()),
            State::Idle => return pending.refuse(Failure::Restarting(SOON)),
        }
        self.pulse.in_hand.set(Some("command"));
        let operation = pending.command().map_or("command", B::operation);
        let asked = Asked { waited: pending.waited(), trace: pending.trace() };
        self.seed.shared.numbers.mailbox_wait.observe(asked.waited.as_secs_f64());
        let Some((command, reply)) = pending.start() else { return };
        let took =
            self.turn(operation, Some(asked), context, |actor, turn| actor.handle(command, reply, turn));
        self.seed.shared.numbers.turn.observe(took.as_secs_f64());
    }

    fn notice(&mut self, mut notice: Guarded<B::Notice>, context: &mut Context<Self>) {
        if self.put_away() {
            return;
        }
        match &self.state {
            State::Ready(_) => {
                self.seed.kept.forget();
                let Some(notice) = notice.take() else { return };
                self.turn("told", None, context, |actor, turn| actor.told(notice, turn));
            }
            State::Recovering { .. } if self.held.len() < HELD_NOTICES => self.held.push_back(notice),
            State::Recovering { .. } => self.overflowed = true,
            // A later recovery reads what is missed here from the journal.
            State::Idle => {}
        }
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        self.seed.status.ticked();
        if !self.put_away() && !self.quarantined() {
            self.turn(TICK, None, context, |actor, turn| actor.tick(turn));
        }
    }

    fn reload(&mut self, context: &mut Context<Self>) {
        if matches!(self.state, State::Idle) {
            return;
        }
        self.forget();
        self.recover(Begin { delay: Duration::ZERO, after_failure: true }, context);
    }

    /// Closed by passivation: a new incarnation may exist, this one decides nothing any more.
    fn put_away(&self) -> bool {
        self.seed.admission.is_closed()
    }

    /// One turn of the domain actor, if it is ready, and what it asked for; how long it took. `asked`: of a command.
    fn turn(
        &mut self,
        operation: &'static str,
        asked: Option<Asked>,
        context: &mut Context<Self>,
        work: impl FnOnce(&mut B, &mut Turn<B>),
    ) -> Duration {
        let State::Ready(state) = &mut self.state else { return Duration::ZERO };
        let Some(actor) = state.as_mut() else { return Duration::ZERO };
        let began = Instant::now();
        self.pulse.in_hand.set(Some(operation));
        self.seed.status.vitals().in_hand = Some((operation, began));
        let trace = asked.and_then(|asked| asked.trace).map(Trace::child);
        let read_only = self.seed.presence.quarantined;
        let mut turn = Turn { trace, read_only, ..Turn::default() };
        let span = turn.trace;
        work(actor, &mut turn);
        let took = began.elapsed();
        self.seed.status.pin(!read_only && actor.pinned());
        let Turn { parked, reload, unchanged, kept, .. } = turn;
        if unchanged && !reload && asked.is_some() {
            self.taken -= 1;
            if let Some(answer) = kept {
                self.seed.kept.keep(answer, self.taken);
            }
            self.seed.kept.unchanged();
        }
        if reload {
            drop(Guarded::new(parked));
            self.reload(context);
        } else {
            self.park(parked, context);
        }
        self.pulse.in_hand.set(None);
        self.turned(operation, asked.map(|asked| asked.waited), took);
        if let (Some(span), Some(Asked { waited, trace: Some(asking) })) = (span, asked) {
            let what = What::Turn { kind: B::KIND, operation, waited };
            self.seed.shared.numbers.tracer().end(span, Some(asking.span()), what, began);
        }
        took
    }

    /// Notes a turn that ended well.
    fn turned(&self, operation: &'static str, waited: Option<Duration>, took: Duration) {
        let slow = took >= self.seed.shared.policy.load().slow_turn;
        {
            let mut vitals = self.seed.status.vitals();
            vitals.turned(operation, waited, took);
            vitals.slow += u64::from(slow);
        }
        if slow {
            self.seed.shared.numbers.slow(&self.seed.key, operation, took);
        }
    }

    fn park(&mut self, parked: Vec<BoxFuture<'static, Resume<B>>>, context: &mut Context<Self>) {
        self.parked.extend(parked.into_iter().map(|work| ParkedWork(Guarded::new(work))));
        if !self.parked.is_empty() && !self.driving_parked {
            self.driving_parked = true;
            context.spawn(DriveParked);
        }
    }

    /// Drops everything held in memory: state, recovery, parked work, notices.
    fn forget(&mut self) {
        self.enter(Phase::Rebuilding);
        self.seed.kept.forget();
        self.seed.status.serve_reads(false);
        self.seed.status.pin(false);
        self.state = State::Idle;
        self.parked = FuturesUnordered::new();
        self.driving_parked = false;
        self.held.clear();
        self.overflowed = false;
        self.restart = true;
    }

    fn recover(&mut self, begin: Begin, context: &mut Context<Self>) {
        self.enter(Phase::Rebuilding);
        let recovery = Recovery::new(Plan {
            key: self.seed.key.clone(),
            world: Arc::clone(&self.seed.world),
            policy: self.seed.shared.policy.load_full(),
            activations: Arc::clone(&self.seed.shared.activations),
            delay: begin.delay,
            restart: self.restart,
            after_failure: begin.after_failure,
            once: self.quarantined(),
        });
        // Waiting for longer than patience lasts would only delay the refusal.
        let beside = begin.delay > PATIENCE || self.quarantined();
        self.state = State::Recovering { recovery, beside };
        if beside {
            context.spawn(Drive::beside());
        } else {
            context.wait(Drive::waiting());
        }
    }

    /// Lets the mailbox go on while recovery does.
    pub(super) fn recover_beside(&mut self, context: &mut Context<Self>) {
        if let State::Recovering { beside, .. } = &mut self.state {
            *beside = true;
            context.spawn(Drive::beside());
        }
    }

    /// Whether an attempt of the recovery under way has failed.
    pub(super) fn recovery_failed(&self) -> bool {
        matches!(&self.state, State::Recovering { recovery, .. } if recovery.has_failed())
    }

    /// Whether what it recovers from is known to be away: nobody waits for that.
    pub(super) fn storage_away(&self) -> bool {
        B::away(&self.seed.world).is_some()
    }

    /// Ready when there is nothing more to recover.
    pub(super) fn poll_recovery(&mut self, context: &mut Context<Self>, task: &mut Task<'_>) -> Poll<()> {
        let State::Recovering { recovery, beside } = &mut self.state else { return Poll::Ready(()) };
        let beside = *beside;
        let Poll::Ready(outcome) = recovery.poll(task) else { return Poll::Pending };
        match outcome {
            Err(reason) if self.quarantined() => self.refuse_reads(&reason),
            // What has just been tried is not tried again.
            Err(reason) => _ = self.quarantine(reason),
            Ok(state) if self.overflowed => {
                drop(Guarded::new(state));
                self.forget();
                self.recover(Begin { delay: Duration::ZERO, after_failure: true }, context);
            }
            Ok(state) => self.ready(state, beside, context),
        }
        Poll::Ready(())
    }

    fn ready(&mut self, state: B, beside: bool, context: &mut Context<Self>) {
        self.state = State::Ready(Guarded::new(state));
        self.turn("recover", None, context, |_, _| {}); // asks whether it is pinned
        self.enter(Phase::Ready);
        self.seed.status.serve_reads(self.quarantined());
        if !beside {
            return;
        }
        for mut notice in std::mem::take(&mut self.held) {
            if let Some(notice) = notice.take() {
                self.turn("told", None, context, |actor, turn| actor.told(notice, turn));
            }
        }
    }
}

/// Parked work; its destructor cannot take its neighbours along.
struct ParkedWork<B: Behaviour>(Guarded<BoxFuture<'static, Resume<B>>>);

impl<B: Behaviour> Future for ParkedWork<B> {
    type Output = Resume<B>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Resume<B>> {
        match self.get_mut().0.as_mut() {
            Some(work) => work.as_mut().poll(task),
            None => Poll::Pending,
        }
    }
}

/// Polls parked work and gives each finished one its turn. Ends when none is left.
struct DriveParked;

impl<B: Behaviour> ActorFuture<Host<B>> for DriveParked {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        host: &mut Host<B>,
        context: &mut Context<Host<B>>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        loop {
            host.pulse.in_hand.set(Some("resume"));
            let polled = Pin::new(&mut host.parked).poll_next(task);
            host.pulse.in_hand.set(None);
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    host.driving_parked = false;
                    return Poll::Ready(());
                }
                Poll::Ready(Some(resume)) => {
                    host.seed.kept.forget();
                    host.turn("resume", None, context, resume);
                }
            }
            if context.waiting() {
                // A recovery goes first, or the actor ends: what is left is polled, or dropped, afterwards.
                return Poll::Pending;
            }
            if host.pulse.spend() >= host.turn_budget() {
                context.wait(Yield::default());
                return Poll::Pending;
            }
        }
    }
}
