//! Answers an actor keeps beside its mailbox: who asks the same again has them without a turn of the actor, as long as
//! nothing that changes anything has come.
//!
//! Guarantee: what is given shows all that was put into the mailbox before it was asked for. All mail is counted
//! before it is put in and as it is taken out, and an answer is kept with the count at that time: while that is still
//! the number put in, nothing came since. A turn that says it changed nothing is taken off again from both; one that
//! panics or reloads is not. Parked work, which changes an actor outside its mailbox, goes on after what is kept is
//! dropped. Notices drop it too, and so does the end of a state: nothing holds what an actor is about to change.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Answers that are kept at once: those of both sides of a conversation, and of two more readers of a group or a desk.
const ANSWERS: usize = 4;

/// See the module's head. Shared by the slot and the host of an actor; `A` = what is kept of an answer.
pub(super) struct Kept<A> {
    /// Mail put in that may have changed something.
    put: AtomicU64,
    answers: Mutex<Answers<A>>,
}

struct Answers<A> {
    /// How much mail that may have changed something was taken out before they were given: the same for all.
    taken: u64,
    answers: Vec<A>,
}

impl<A> Default for Kept<A> {
    fn default() -> Self {
        Self { put: AtomicU64::new(0), answers: Mutex::new(Answers { taken: 0, answers: Vec::new() }) }
    }
}

impl<A> Kept<A> {
    /// Mail is about to be put in.
    pub(super) fn put(&self) {
        self.put.fetch_add(1, Ordering::SeqCst);
    }

    /// Mail that was taken out has changed nothing.
    pub(super) fn unchanged(&self) {
        self.put.fetch_sub(1, Ordering::SeqCst);
    }

    /// Keeps an answer that was given after so much mail that may have changed something.
    pub(super) fn keep(&self, answer: A, taken: u64) {
        let mut kept = self.answers.lock();
        if kept.taken != taken {
            kept.answers.clear();
        } else if kept.answers.len() == ANSWERS {
            kept.answers.remove(0);
        }
        kept.taken = taken;
        kept.answers.reserve_exact(1); // mostly it stays the only one
        kept.answers.push(answer);
    }

    /// Keeps nothing any more.
    pub(super) fn forget(&self) {
        self.answers.lock().answers = Vec::new();
    }

    /// What `pick` finds, if nothing came since.
    pub(super) fn find<T>(&self, pick: impl FnMut(&A) -> Option<T>) -> Option<T> {
        let kept = self.answers.lock();
        let found = kept.answers.iter().find_map(pick)?;
        (kept.taken == self.put.load(Ordering::SeqCst)).then_some(found)
    }
}
