//! Admission: a counter of commands held, with a capacity and a way to close it. The only bound on commands,
//! the depth gauge of an actor and the lock of its passivation.
//!
//! Guarantees: never more than the capacity is admitted; an admission closed from 0 admits nothing afterwards,
//! so an actor passivated through [`Admission::close_if_empty`] held no command and gets none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a refused caller is told to wait. Fixed: a full mailbox of 1,024 drains in well under a second on the
/// slowest disk measured, and `Retry-After` knows no smaller unit than a second.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often waiting for the end of work looks again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(5);

const CLOSED: usize = 1 << (usize::BITS - 1);

/// Why nothing was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It holds its capacity.
    Full,
    /// It is closed for good.
    Closed,
}

/// Counts what one actor, or the whole service, holds.
#[derive(Debug)]
pub struct Admission {
    /// Commands held, and the CLOSED bit. Written by admission, release and closing; every change is one
    /// sequentially consistent read-modify-write, so closing and admitting have one order.
    state: AtomicUsize,
    /// Written when the policy changes; read without order: a bound that moves has no exact moment.
    capacity: AtomicUsize,
}

impl Admission {
    /// Admits at most `capacity` at once.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { state: AtomicUsize::new(0), capacity: AtomicUsize::new(capacity.min(CLOSED - 1)) })
    }

    /// Admits at most `capacity` from now on; what is held above it stays held.
    pub fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity.min(CLOSED - 1), Ordering::Relaxed);
    }

    /// How many it admits at once.
    pub fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Takes one place; dropping the ticket gives it back.
    ///
    /// # Errors
    /// Full or closed; nothing is counted then.
    pub fn admit(self: &Arc<Self>) -> Result<Ticket, Refused> {
        let mut state = self.state.load(Ordering::SeqCst);
        loop {
            if state & CLOSED != 0 {
                return Err(Refused::Closed);
            }
            if state >= self.capacity() {
                return Err(Refused::Full);
            }
            match self.state.compare_exchange_weak(state, state + 1, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Ok(Ticket(Arc::clone(self))),
                Err(now) => state = now,
            }
        }
    }

    /// Closes if nothing is held; whether it did.
    pub fn close_if_empty(&self) -> bool {
        self.state.compare_exchange(0, CLOSED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Closes whatever is held; tickets out stay valid.
    pub fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::SeqCst);
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.state.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Waits until no ticket is out. Looks every few milliseconds: it is for shutting down.
    pub async fn drained(&self) {
        while self.held() > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// How many tickets are out.
    pub fn held(&self) -> usize {
        self.state.load(Ordering::SeqCst) & !CLOSED
    }
}

/// One place of one [`Admission`].
#[derive(Debug)]
pub struct Ticket(Arc<Admission>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.state.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What admitted a command: its place in its actor and in the service. Travels in the reply; dropping it is
/// the one release path.
#[derive(Debug)]
pub struct Permit {
    _actor: Ticket,
    _service: Ticket,
}

impl Permit {
    /// Joins the two places.
    pub const fn new(actor: Ticket, service: Ticket) -> Self {
        Self { _actor: actor, _service: service }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_admitted_again() {
        let admission = Admission::new(1);
        let ticket = admission.admit();
        assert!(ticket.is_ok());
        assert_eq!(admission.admit().err(), Some(Refused::Full));
        drop(ticket);
        assert!(admission.admit().is_ok());
    }

    #[test]
    fn a_capacity_that_shrinks_takes_nothing_back_and_admits_nothing_until_there_is_room() {
        let admission = Admission::new(2);
        let (first, second) = (admission.admit(), admission.admit());
        admission.set_capacity(1);
        drop(second);
        assert_eq!(admission.admit().err(), Some(Refused::Full));
        drop(first);
        assert!(admission.admit().is_ok());
        admission.set_capacity(3);
        assert_eq!(admission.capacity(), 3);
    }

    #[test]
    fn only_an_empty_admission_closes_for_passivation() {
        let admission = Admission::new(8);
        let ticket = admission.admit();
        assert!(!admission.close_if_empty());
        drop(ticket);
        assert!(admission.close_if_empty());
        assert_eq!(admission.admit().err(), Some(Refused::Closed));
    }

    #[test]
    fn closing_while_held_keeps_the_count() {
        let admission = Admission::new(8);
        let ticket = admission.admit();
        admission.close();
        assert_eq!(admission.held(), 1);
        drop(ticket);
        assert_eq!(admission.held(), 0);
        assert!(admission.is_closed());
    }
}
