//! Admission: a counter of commands held, with a capacity and a way to close it. The only bound on commands,
//! the depth gauge of an actor and the lock of its passivation.
//!
//! Guarantees: never more than the capacity is admitted; an admission closed from 0 admits nothing afterwards,
//! so an actor passivated through [`Admission::close_if_empty`] held no command and gets none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The least that a refused caller is told to wait: `Retry-After` knows no smaller unit than a second.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// The most: whatever held places so long is over, or known to operators, by then.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// One part in so many of a mean is the newest measurement: some ten of them make it forget.
const MEMORY: u64 = 8;

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

/// How long places were held lately: a moving mean, from which a refused caller learns when to come back.
#[derive(Debug, Default)]
pub struct HeldLately {
    /// Microseconds. Written by whoever gives a place back; two at once may lose one of their measurements, which the
    /// next ones make up for.
    mean: AtomicU64,
}

impl HeldLately {
    /// A place that was held so long was given back.
    pub fn note(&self, held: Duration) {
        let part = u64::try_from(held.as_micros()).unwrap_or(u64::MAX) / MEMORY;
        let mean = self.mean.load(Ordering::Relaxed);
        self.mean.store((mean - mean / MEMORY).saturating_add(part), Ordering::Relaxed);
    }

    /// What to wait: the time after which those who hold the places now have left; from a second to half a minute.
    pub fn retry_after(&self) -> Duration {
        Duration::from_micros(self.mean.load(Ordering::Relaxed)).clamp(LEAST_WAIT, MOST_WAIT)
    }
}

/// Counts what one actor, or the whole service, holds.
#[derive(Debug)]
pub struct Admission {
    /// Commands held, and the CLOSED bit. Written by admission, release and closing; every change is one
    /// sequentially consistent read-modify-write, so closing and admitting have one order.
    state: AtomicUsize,
    /// Written when the policy changes; read without order: a bound that moves has no exact moment.
    capacity: AtomicUsize,
    held_lately: HeldLately,
}

impl Admission {
    /// Admits at most `capacity` at once.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            state: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity.min(CLOSED - 1)),
            held_lately: HeldLately::default(),
        })
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

    /// What whoever is refused should wait.
    pub fn retry_after(&self) -> Duration {
        self.held_lately.retry_after()
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
    actor: Ticket,
    service: Ticket,
    since: Instant,
}

impl Permit {
    /// Joins the two places, taken at `since`.
    pub const fn new(actor: Ticket, service: Ticket, since: Instant) -> Self {
        Self { actor, service, since }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let held = self.since.elapsed();
        self.actor.0.held_lately.note(held);
        self.service.0.held_lately.note(held);
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
    fn the_wait_told_follows_how_long_places_are_held() {
        let held = HeldLately::default();
        assert_eq!(held.retry_after(), LEAST_WAIT);
        (0..100).for_each(|_| held.note(Duration::from_secs(4)));
        let told = held.retry_after();
        assert!((Duration::from_millis(3_900)..=Duration::from_secs(4)).contains(&told), "{told:?}");
        (0..100).for_each(|_| held.note(Duration::from_secs(600)));
        assert_eq!(held.retry_after(), MOST_WAIT);
        (0..200).for_each(|_| held.note(Duration::from_millis(2)));
        assert_eq!(held.retry_after(), LEAST_WAIT);
    }

    #[test]
    fn a_permit_measures_for_its_actor_and_for_the_service() {
        let (actor, service) = (Admission::new(8), Admission::new(8));
        let (Ok(one), Ok(other)) = (actor.admit(), service.admit()) else { panic!("there is room") };
        let Some(since) = Instant::now().checked_sub(Duration::from_secs(80)) else {
            panic!("up for long enough")
        };
        drop(Permit::new(one, other, since));
        for admission in [actor, service] {
            assert_eq!(admission.held(), 0);
            let told = admission.retry_after();
            assert!(
                (Duration::from_secs(10)..Duration::from_secs(20)).contains(&told),
                "an eighth: {told:?}"
            );
        }
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
