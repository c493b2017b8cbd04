//! Supervision: polls a host under `catch_unwind` and restarts it in place, so that a panic costs the message
//! in hand and neither the mailbox nor the address. Needs `panic = "unwind"`.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll};

use actix::Context;
use actix::dev::ContextFut;
use actix::fut::ActorFuture;

use super::behaviour::Behaviour;
use super::host::Host;
use super::panics::{Panic, caught};

/// What a host and its supervisor tell each other; both live on one thread.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Turns begun in this poll. Reset by the supervisor, raised by the host.
    turns: Cell<usize>,
    /// What the host is doing for someone. Set before, cleared after; what a panic leaves here is the culprit.
    pub(super) in_hand: Cell<Option<&'static str>>,
    /// What the last panic said. Set by the supervisor, taken by the restarting host.
    panic: RefCell<Option<Panic>>,
}

impl Pulse {
    /// Counts a turn; how many this poll has had.
    pub(super) fn spend(&self) -> usize {
        let turns = self.turns.get() + 1;
        self.turns.set(turns);
        turns
    }

    pub(super) fn take_panic(&self) -> Panic {
        self.panic.borrow_mut().take().unwrap_or_default()
    }
}

/// How often a restart that panics itself is tried again before the host is given up (its next command then
/// activates a new one). Each try gets rid of at least one destructor that panics.
const RESTART_TRIES: usize = 8;

/// The future of one supervised host.
pub(super) struct PanicProof<B: Behaviour> {
    /// Taken only when dropped.
    actor: Option<ContextFut<Host<B>, Context<Host<B>>>>,
    pulse: Rc<Pulse>,
}

impl<B: Behaviour> PanicProof<B> {
    pub(super) const fn new(actor: ContextFut<Host<B>, Context<Host<B>>>, pulse: Rc<Pulse>) -> Self {
        Self { actor: Some(actor), pulse }
    }
}

impl<B: Behaviour> Future for PanicProof<B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(actor) = &mut this.actor else { return Poll::Ready(()) };
        this.pulse.turns.set(0);
        loop {
            let panic = match caught(|| Pin::new(&mut *actor).poll(task)) {
                Ok(state) => return state,
                Err(panic) => panic,
            };
            this.pulse.panic.replace(Some(panic));
            let restarted = (0..RESTART_TRIES).find_map(|_| caught(|| actor.restart()).ok());
            if restarted != Some(true) {
                return Poll::Ready(());
            }
        }
    }
}

impl<B: Behaviour> Drop for PanicProof<B> {
    fn drop(&mut self) {
        // An actor's future polls itself once more when it is dropped alive.
        let actor = self.actor.take();
        if let Err(panic) = caught(|| drop(actor)) {
            tracing::error!(kind = B::KIND, %panic, "an actor panicked while it was dropped");
        }
    }
}

/// Gives the thread to its neighbours once; the actor's mailbox waits.
#[derive(Debug, Default)]
pub(super) struct Yield {
    yielded: bool,
}

impl<B: Behaviour> ActorFuture<Host<B>> for Yield {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        _: &mut Host<B>,
        _: &mut Context<Host<B>>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        task.waker().wake_by_ref();
        Poll::Pending
    }
}
