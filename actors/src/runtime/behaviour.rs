//! What a domain actor implements, and what it is given during a turn.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::reply::Reply;
use super::spans::Trace;

/// A domain actor: owns its state, handles one message at a time, never awaits inside a turn.
///
/// A panic in any method costs the command in hand; the host then drops the value and recovers a new one.
pub trait Behaviour: Sized + Unpin + 'static {
    /// A word for this kind: metric label, log field.
    const KIND: &'static str;
    /// Whether actors of this kind have timers: only then the sweep sends them ticks, for a hundred thousand
    /// actors without any would do nothing else.
    const TICKS: bool = false;
    /// Names one actor of this kind.
    type Key: Clone + Eq + Hash + fmt::Display + Send + Sync + Unpin + 'static;
    /// A request that gets an answer; admitted with a permit.
    type Command: Send + 'static;
    /// The answer.
    type Answer: Send + 'static;
    /// What is kept of an answer and of who asked for it, see [`Turn::keep`]; `()` where nothing is.
    type Kept: Send + 'static;
    /// A message without an answer, told by other parts; holds no permit.
    type Notice: Send + 'static;
    /// What actors of this kind may use (journal, storage, clock …).
    type World: Send + Sync + 'static;

    /// Rebuilds committed state. `restart`: an earlier incarnation may have uncommitted appends; wait for
    /// them first. Runs before the first message; messages wait in the mailbox.
    ///
    /// # Errors
    /// `Retry` is tried again with backoff and costs no restart budget; `Broken` quarantines the actor. One that is
    /// quarantined is tried once only.
    fn recover(
        key: Self::Key,
        world: Arc<Self::World>,
        restart: bool,
    ) -> BoxFuture<'static, Result<Self, RecoverError>>;

    /// Handles a command; `reply` must be answered, moved on (gate, parked load) or it answers `Lost`.
    fn handle(&mut self, command: Self::Command, reply: Reply<Self::Answer>, turn: &mut Turn<Self>);

    /// Takes a notice.
    fn told(&mut self, notice: Self::Notice, turn: &mut Turn<Self>);

    /// Called by the sweep, at least once a second while active, if [`Behaviour::TICKS`]: timers and deadlines.
    fn tick(&mut self, _turn: &mut Turn<Self>) {}

    /// Whether it must stay active although idle (a deadline ahead). Asked after every turn.
    fn pinned(&self) -> bool {
        false
    }

    /// Whether storage is known to be away, and how long it is until it is asked again. Commands for an actor that is
    /// not in memory are refused then, at once: it could not recover.
    fn away(_world: &Self::World) -> Option<Duration> {
        None
    }

    /// Whether the command only shows what is known: it decides nothing and is answered the same however often it is
    /// asked. A quarantined actor still answers those.
    fn reads(_command: &Self::Command) -> bool {
        false
    }

    /// A word for the command: metric label, dead letters. Never content.
    fn operation(command: &Self::Command) -> &'static str;
}

/// Why an actor could not recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecoverError {
    /// Storage is away: try again.
    Retry(String),
    /// What is stored cannot be understood: quarantine.
    Broken(String),
}

/// What a parked turn does when its work is done.
pub(super) type Resume<B> = Box<dyn FnOnce(&mut B, &mut Turn<B>) + Send>;

/// What an actor may ask of its host during a turn.
pub struct Turn<B: Behaviour> {
    pub(super) parked: Vec<BoxFuture<'static, Resume<B>>>,
    pub(super) reload: bool,
    pub(super) trace: Option<Trace>,
    pub(super) read_only: bool,
    pub(super) unchanged: bool,
    pub(super) kept: Option<B::Kept>,
}

impl<B: Behaviour> Default for Turn<B> {
    fn default() -> Self {
        Self {
            parked: Vec::new(),
            reload: false,
            trace: None,
            read_only: false,
            unchanged: false,
            kept: None,
        }
    }
}

impl<B: Behaviour> Turn<B> {
    /// Runs `work` beside the mailbox and then `then` as a turn of its own with its output. If the actor
    /// restarts or stops first, both are dropped (a reply inside then answers `Lost`).
    pub fn park<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&mut B, T, &mut Turn<B>) + Send + 'static,
    ) {
        let trace = self.trace;
        self.parked.push(Box::pin(async move {
            let output = work.await;
            let resume: Resume<B> = Box::new(move |actor, turn| {
                turn.trace = trace;
                then(actor, output, turn);
            });
            resume
        }));
    }

    /// The turn's span, if it is part of a sampled request; of a parked turn the span of the turn that parked it.
    pub const fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// Whether the actor is quarantined: what is told is taken in and reads are answered, but nothing is decided and no
    /// snapshot is written.
    pub const fn read_only(&self) -> bool {
        self.read_only
    }

    /// Nothing that an answer shows has changed in this turn: what is kept stays good. Counts in a command's turn only,
    /// and not in one that reloads.
    pub const fn unchanged(&mut self) {
        self.unchanged = true;
    }

    /// Keeps an answer of this turn if it is [`Turn::unchanged`]: [`Registry::kept`](super::registry::Registry::kept) gives
    /// it until a message comes that may change something; of more than four the oldest goes. Only for an answer that
    /// shows nothing uncommitted and that neither time nor settings change.
    pub fn keep(&mut self, answer: B::Kept) {
        self.kept = Some(answer);
    }

    /// Drop the state after this turn and recover it from what is committed (`restart` = true). Counts no crash.
    pub fn reload(&mut self) {
        self.reload = true;
    }
}
