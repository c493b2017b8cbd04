//! A toy actor: a sum that is committed as soon as it is decided, and every way to misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test rig fails loudly")]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use messagecenter_actors::runtime::admission::Admission;
use messagecenter_actors::runtime::behaviour::{Behaviour, RecoverError, Turn};
use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::observation::Observation;
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::runtime::registry::Registry;
use messagecenter_actors::runtime::reply::Reply;
use messagecenter_actors::runtime::shards::Shards;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Panics when dropped.
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor panics");
    }
}

pub enum Command {
    Get,
    /// As `Get`, and the answer is kept.
    Keep,
    /// Keeps how many commands were handled, and answers it.
    KeepCount,
    Add(i64),
    Panic,
    PanicInRule,
    Explode(Bomb),
    Spin(Duration),
    /// Keeps the reply until `Release`.
    Hold,
    Release,
    /// Answers when the gate opens.
    Park(oneshot::Receiver<()>),
    /// Adds when the gate opens.
    ParkAndAdd(oneshot::Receiver<()>, i64),
    ParkThenPanic,
    ParkPanicking,
    Reload,
    Pin(bool),
    /// Answers 1 in a turn that decides nothing.
    IsReadOnly,
}

pub enum Notice {
    Add(i64),
    Panic,
    Bomb(Bomb),
}

/// What one recovery of a key does.
pub enum Script {
    PanicBeforeFuture,
    PanicInFuture,
    Retry,
    Broken,
    Wait(oneshot::Receiver<()>),
    TickPanics,
    StateBomb,
}

#[derive(Default)]
pub struct World {
    pub committed: Mutex<HashMap<String, i64>>,
    pub scripts: Mutex<HashMap<String, VecDeque<Script>>>,
    /// The `restart` flag of every recovery begun.
    pub recoveries: Mutex<HashMap<String, Vec<bool>>>,
    pub handled: AtomicUsize,
    pub told: AtomicUsize,
    pub ticked: AtomicUsize,
    /// Storage is away, and asked again after that.
    pub away: Mutex<Option<Duration>>,
}

impl World {
    pub fn script(&self, key: &str, scripts: impl IntoIterator<Item = Script>) {
        self.scripts.lock().entry(key.to_owned()).or_default().extend(scripts);
    }

    pub fn recoveries(&self, key: &str) -> Vec<bool> {
        self.recoveries.lock().get(key).cloned().unwrap_or_default()
    }

    pub fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }
}

pub struct Toy {
    key: String,
    world: Arc<World>,
    incarnation: usize,
    sum: i64,
    held: Vec<Reply<i64>>,
    pinned: bool,
    tick_panics: bool,
    _bomb: Option<Bomb>,
}

mod rule {
    /// A rule with a bug.
    pub fn decide(sum: i64) -> i64 {
        assert!(sum > 1_000, "the rule is broken");
        sum
    }
}

impl Toy {
    fn add(&mut self, amount: i64) {
        self.sum += amount;
        self.world.committed.lock().insert(self.key.clone(), self.sum);
    }
}

impl Behaviour for Toy {
    const KIND: &'static str = "toy";
    const TICKS: bool = true;
    type Key = String;
    type Command = Command;
    type Answer = i64;
    type Kept = i64;
    type Notice = Notice;
    type World = World;

    fn recover(
        key: String,
        world: Arc<World>,
        restart: bool,
    ) -> BoxFuture<'static, Result<Self, RecoverError>> {
        world.recoveries.lock().entry(key.clone()).or_default().push(restart);
        let script = world.scripts.lock().get_mut(&key).and_then(VecDeque::pop_front);
        assert!(!matches!(script, Some(Script::PanicBeforeFuture)), "recover panics");
        Box::pin(async move {
            let (mut tick_panics, mut bomb) = (false, None);
            match script {
                Some(Script::PanicInFuture) => panic!("the recovery panics"),
                Some(Script::Retry) => return Err(RecoverError::Retry("away".to_owned())),
                Some(Script::Broken) => return Err(RecoverError::Broken("unreadable".to_owned())),
                Some(Script::Wait(gate)) => _ = gate.await,
                Some(Script::TickPanics) => tick_panics = true,
                Some(Script::StateBomb) => bomb = Some(Bomb),
                Some(Script::PanicBeforeFuture) | None => {}
            }
            let sum = world.committed.lock().get(&key).copied().unwrap_or_default();
            let incarnation = world.recoveries(&key).len();
            let (held, pinned) = (Vec::new(), false);
            Ok(Self { key, world, incarnation, sum, held, pinned, tick_panics, _bomb: bomb })
        })
    }

    fn handle(&mut self, command: Command, reply: Reply<i64>, turn: &mut Turn<Self>) {
        assert_eq!(self.incarnation, self.world.recoveries(&self.key).len(), "an old incarnation decides");
        self.world.handled.fetch_add(1, Ordering::SeqCst);
        match command {
            Command::Get => {
                turn.unchanged();
                reply.answer(self.sum);
            }
            Command::Keep => {
                turn.unchanged();
                turn.keep(self.sum);
                reply.answer(self.sum);
            }
            Command::KeepCount => {
                let handled = i64::try_from(self.world.handled()).unwrap();
                turn.unchanged();
                turn.keep(handled);
                reply.answer(handled);
            }
            Command::Add(amount) => {
                self.add(amount);
                reply.answer(self.sum);
            }
            Command::Panic => panic!("the handler panics"),
            Command::PanicInRule => reply.answer(rule::decide(self.sum)),
            Command::Explode(bomb) => {
                drop(bomb);
                reply.answer(self.sum);
            }
            Command::Spin(time) => {
                std::thread::sleep(time);
                reply.answer(self.sum);
            }
            Command::Hold => self.held.push(reply),
            Command::Release => {
                for held in self.held.drain(..) {
                    held.answer(self.sum);
                }
                reply.answer(self.sum);
            }
            Command::IsReadOnly => reply.answer(i64::from(turn.read_only())),
            Command::Park(gate) => turn.park(gate, move |toy, _, _| reply.answer(toy.sum)),
            Command::ParkAndAdd(gate, amount) => turn.park(gate, move |toy: &mut Self, _, _| {
                toy.add(amount);
                reply.answer(toy.sum);
            }),
            Command::ParkThenPanic => turn.park(tokio::task::yield_now(), move |_, (), _| {
                let _reply = reply;
                panic!("the continuation panics");
            }),
            Command::ParkPanicking => {
                turn.park(async { panic!("the parked work panics") }, move |toy: &mut Self, (), _| {
                    reply.answer(toy.sum);
                });
            }
            Command::Reload => {
                turn.reload();
                reply.answer(self.sum);
            }
            Command::Pin(pinned) => {
                self.pinned = pinned;
                reply.answer(self.sum);
            }
        }
    }

    fn told(&mut self, notice: Notice, _: &mut Turn<Self>) {
        self.world.told.fetch_add(1, Ordering::SeqCst);
        match notice {
            Notice::Add(amount) => self.add(amount),
            Notice::Panic => panic!("told panics"),
            Notice::Bomb(bomb) => drop(bomb),
        }
    }

    fn tick(&mut self, _: &mut Turn<Self>) {
        self.world.ticked.fetch_add(1, Ordering::SeqCst);
        assert!(!std::mem::take(&mut self.tick_panics), "tick panics");
    }

    fn pinned(&self) -> bool {
        self.pinned
    }

    fn away(world: &World) -> Option<Duration> {
        *world.away.lock()
    }

    fn reads(command: &Command) -> bool {
        matches!(command, Command::Get | Command::PanicInRule | Command::Park(_) | Command::IsReadOnly)
    }

    fn operation(command: &Command) -> &'static str {
        match command {
            Command::Panic => "panic",
            Command::PanicInRule => "panic_in_rule",
            Command::Explode(_) => "explode",
            _ => "other",
        }
    }
}

/// A registry of toys on threads of its own.
pub struct Rig {
    pub registry: Arc<Registry<Toy>>,
    pub shards: Arc<Shards>,
    pub world: Arc<World>,
    pub observer: Arc<Observation>,
}

/// Whether a command is said to have made its actor panic.
pub fn is_crashed(answer: &Result<i64, Failure>) -> bool {
    matches!(answer, Err(Failure::Crashed(_)))
}

/// The default policy, with restarts that take no time worth waiting for.
pub fn quick() -> Policy {
    Policy { backoff_min: Duration::from_millis(5), shards: 1, ..Policy::default() }
}

impl Rig {
    pub fn new(policy: Policy) -> Self {
        let shards = Shards::start(policy.shards).unwrap();
        let world = Arc::new(World::default());
        let observer = Observation::new();
        let service = Admission::new(policy.service_capacity);
        let registry =
            Registry::new(policy, Arc::clone(&shards), Arc::clone(&world), service, Arc::clone(&observer));
        Self { registry, shards, world, observer }
    }

    pub async fn ask(&self, key: &str, command: Command) -> Result<i64, Failure> {
        let key = key.to_owned();
        let asked = self.registry.ask(&key, command);
        tokio::time::timeout(Duration::from_secs(20), asked).await.expect("an answer in time")
    }

    /// Asks in the background; the command is in the mailbox when this returns.
    pub async fn begin(&self, key: &str, command: Command) -> tokio::task::JoinHandle<Result<i64, Failure>> {
        let (registry, key) = (Arc::clone(&self.registry), key.to_owned());
        let (tell_sent, sent) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut asked = Box::pin(registry.ask(&key, command));
            let first = futures::poll!(asked.as_mut());
            let _ = tell_sent.send(());
            match first {
                std::task::Poll::Ready(outcome) => outcome,
                std::task::Poll::Pending => asked.await,
            }
        });
        sent.await.unwrap();
        task
    }

    /// What is kept of the last answer, if nothing came since.
    pub fn kept(&self, key: &str) -> Option<i64> {
        self.registry.kept(&key.to_owned(), |sum| Some(*sum))
    }

    pub fn tell(&self, key: &str, notice: Notice) -> bool {
        self.registry.tell(&key.to_owned(), notice)
    }

    /// The value of a metric line that begins with `name`, summed over labels.
    pub fn metric(&self, name: &str) -> f64 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.observer.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()))
            .sum()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shards.stop_blocking();
    }
}

/// Waits until `done`, at most ten seconds.
pub async fn eventually(done: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen in time");
}
