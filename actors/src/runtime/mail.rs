//! What lies in a host's mailbox. A command that is dropped there unstarted says that nothing happened.

use std::time::{Duration, Instant};

use actix::Message;

use super::behaviour::Behaviour;
use super::failure::{Failure, SOON};
use super::panics::Guarded;
use super::reply::Reply;
use super::spans::Trace;

/// One message to a host.
pub(super) enum Mail<B: Behaviour> {
    Command(Pending<B>),
    Notice(Guarded<B::Notice>),
    Tick,
    /// Drop the state and recover.
    Reload,
    /// Leave quarantine.
    Resume,
    /// Go into quarantine, for this reason.
    Quarantine(String),
    /// End. Sent last, when no command is held.
    Stop,
}

impl<B: Behaviour> Message for Mail<B> {
    type Result = ();
}

/// A command that waits to be started.
pub(super) struct Pending<B: Behaviour> {
    command: Guarded<B::Command>,
    reply: Option<Reply<B::Answer>>,
    admitted: Instant,
    /// The sampled request that asks.
    trace: Option<Trace>,
}

impl<B: Behaviour> Pending<B> {
    pub(super) fn new(
        command: B::Command,
        reply: Reply<B::Answer>,
        admitted: Instant,
        trace: Option<Trace>,
    ) -> Self {
        Self { command: Guarded::new(command), reply: Some(reply), admitted, trace }
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn abandoned(&self) -> bool {
        self.reply.as_ref().is_none_or(Reply::abandoned)
    }

    /// When it was admitted.
    pub(super) const fn admitted(&self) -> Instant {
        self.admitted
    }

    /// The sampled request that asks.
    pub(super) const fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// How long it has waited.
    pub(super) fn waited(&self) -> Duration {
        self.admitted.elapsed()
    }

    pub(super) const fn command(&self) -> Option<&B::Command> {
        self.command.as_ref()
    }

    /// The command and its reply, to be handled. `None` only if that was done before.
    pub(super) fn start(mut self) -> Option<(B::Command, Reply<B::Answer>)> {
        Some((self.command.take()?, self.reply.take()?))
    }

    /// Answers that it was not started.
    pub(super) fn refuse(mut self, failure: Failure) {
        if let Some(reply) = self.reply.take() {
            reply.fail(failure);
        }
    }
}

impl<B: Behaviour> Drop for Pending<B> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            reply.fail(Failure::Restarting(SOON));
        }
    }
}
