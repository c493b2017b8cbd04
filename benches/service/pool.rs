//! Requests made before the timed part, handed out in turn to whichever connection is free.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::request::Request;

/// A pool of requests.
pub struct Pool {
    requests: Vec<Request>,
    next: AtomicUsize,
    end: AtomicUsize,
    once: bool,
}

impl Pool {
    /// Requests that may be sent again and again.
    pub fn cycle(requests: Vec<Request>) -> Self {
        Self::new(requests, usize::MAX, false)
    }

    /// Requests that do what is measured only the first time they are sent.
    pub fn once(requests: Vec<Request>) -> Self {
        Self::new(requests, 0, true)
    }

    /// So many sends in all, from the beginning again when all requests were sent: for filling a store.
    pub fn times(requests: Vec<Request>, times: usize) -> Self {
        Self::new(requests, times, false)
    }

    fn new(requests: Vec<Request>, end: usize, once: bool) -> Self {
        assert!(!requests.is_empty(), "a pool without requests");
        Self { requests, next: AtomicUsize::new(0), end: AtomicUsize::new(end), once }
    }

    /// The same requests, sent again and again: for the bare handler.
    pub fn again(&self) -> Self {
        Self::cycle(self.requests.clone())
    }

    /// One request of each path, with the path.
    pub fn samples(&self) -> Vec<(String, Request)> {
        let mut samples: Vec<(String, Request)> = Vec::new();
        for request in &self.requests {
            let path = super::request::path(request);
            if samples.iter().all(|(known, _)| known != path) {
                samples.push((path.to_owned(), request.clone()));
            }
        }
        samples
    }

    /// Before a round: requests that may be sent once are divided among the rounds that are left.
    pub fn begin_round(&self, rounds_left: usize) {
        if !self.once {
            return;
        }
        // Connections that came to the end of the round before have each counted one further.
        let next = self.next.load(Ordering::Relaxed).min(self.end.load(Ordering::Relaxed));
        self.next.store(next, Ordering::Relaxed);
        let share = (self.requests.len() - next) / rounds_left.max(1);
        self.end.store(next + share, Ordering::Relaxed);
    }

    /// The next request; `None` when the round has no more.
    pub fn take(&self) -> Option<&[u8]> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.end.load(Ordering::Relaxed) {
            return None;
        }
        Some(&self.requests[number % self.requests.len()])
    }
}
