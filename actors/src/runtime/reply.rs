//! The answer's way back: a oneshot and the permit that admitted the command. Dropped unanswered it says so.

use tokio::sync::oneshot;

use super::admission::Permit;
use super::failure::Failure;
use super::panics;

/// Where a command's answer goes. The permit is released just before the answer leaves or when the reply is
/// dropped: whoever has the answer finds the place free.
#[derive(Debug)]
pub struct Reply<A> {
    sender: Option<oneshot::Sender<Result<A, Failure>>>,
    permit: Option<Permit>,
}

impl<A> Reply<A> {
    /// A reply and the receiver of its answer.
    pub fn new(permit: Option<Permit>) -> (Self, oneshot::Receiver<Result<A, Failure>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { sender: Some(sender), permit }, receiver)
    }

    /// Answers now. Use the journal's gate instead unless the answer shows nothing uncommitted.
    pub fn answer(mut self, answer: A) {
        self.leave(Ok(answer));
    }

    /// Answers with a failure.
    pub fn fail(mut self, failure: Failure) {
        self.leave(Err(failure));
    }

    fn leave(&mut self, outcome: Result<A, Failure>) {
        drop(self.permit.take());
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(outcome); // the caller may have gone
        }
    }

    /// Whether nobody waits for the answer any more: work not yet begun may be skipped.
    pub fn abandoned(&self) -> bool {
        self.sender.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl<A: Send + 'static> Reply<A> {
    /// The reply as the journal's gate wants it: `answer` leaves when released with `Ok`.
    pub fn with(self, answer: A) -> Release {
        Box::new(move |outcome| match outcome {
            Ok(()) => self.answer(answer),
            Err(failure) => self.fail(failure),
        })
    }
}

/// Called once: with `Ok` when everything the answer shows is on disk, else with why it never will be.
pub type Release = Box<dyn FnOnce(Result<(), Failure>) + Send>;

impl<A> Drop for Reply<A> {
    fn drop(&mut self) {
        if self.sender.is_some() {
            let panicking = std::thread::panicking();
            let failure = if panicking { Failure::Crashed(panics::letter()) } else { Failure::Lost };
            self.leave(Err(failure));
        }
    }
}
