//! Requests that made an actor panic, kept with the number of their dead letter so that an operator may have them
//! handled once more. In memory only, bounded, and never shown.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use parking_lot::Mutex;

use super::routes::Route;

/// Bytes that are kept; the oldest go first.
const KEPT_BYTES: usize = 16 << 20;

/// Requests that are kept, whatever their size.
const KEPT: usize = 1_000;

/// What handling a request once more needs.
pub struct Kept {
    /// Where it went.
    pub route: &'static Route,
    /// The values of the path's parameters.
    pub parameters: Vec<String>,
    /// The query.
    pub query: String,
    /// The headers that are read.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whom it came from.
    pub client: Option<Arc<str>>,
}

impl Kept {
    fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        self.body.len() + self.query.len() + headers.sum::<usize>()
    }
}

/// The requests of one service.
#[derive(Default)]
pub struct Crashed {
    ring: Mutex<VecDeque<(u64, Arc<Kept>)>>,
}

impl Crashed {
    /// Keeps a request under the number of its letter.
    pub fn keep(&self, letter: u64, request: impl Into<Arc<Kept>>) {
        let request = request.into();
        let mut ring = self.ring.lock();
        ring.push_back((letter, request));
        let mut bytes: usize = ring.iter().map(|(_, kept)| kept.bytes()).sum();
        while ring.len() > KEPT || bytes > KEPT_BYTES {
            let Some((_, oldest)) = ring.pop_front() else { return };
            bytes -= oldest.bytes();
        }
    }

    /// Whether the request of a letter is kept.
    pub fn holds(&self, letter: u64) -> bool {
        self.ring.lock().iter().any(|(kept, _)| *kept == letter)
    }

    /// Takes the request of a letter out while it is handled once more: nobody else can meanwhile. It is kept again when
    /// that is dropped, so a replay that is cut off loses nothing.
    pub fn hold(&self, letter: u64) -> Option<Held<'_>> {
        self.take(letter).map(|kept| Held { crashed: self, letter: Some(letter), kept })
    }

    /// Takes the request of a letter out.
    pub fn take(&self, letter: u64) -> Option<Arc<Kept>> {
        let mut ring = self.ring.lock();
        let place = ring.iter().position(|(kept, _)| *kept == letter)?;
        ring.remove(place).map(|(_, kept)| kept)
    }
}

/// A request that is being handled once more.
pub struct Held<'a> {
    crashed: &'a Crashed,
    /// Under which it is kept again.
    letter: Option<u64>,
    kept: Arc<Kept>,
}

impl Held<'_> {
    /// What is handled.
    pub fn request(&self) -> &Kept {
        &self.kept
    }

    /// It made its actor panic again, which is a letter of its own.
    pub fn keep_as(mut self, letter: u64) {
        self.letter = Some(letter);
    }

    /// It is done with.
    pub fn forget(mut self) {
        self.letter = None;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(letter) = self.letter {
            self.crashed.keep(letter, Arc::clone(&self.kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashed() -> Crashed {
        let crashed = Crashed::default();
        let (parameters, headers) = (Vec::new(), HeaderMap::new());
        let route = &super::super::routes::ROUTES[0];
        let (query, body) = (String::new(), Bytes::new());
        crashed.keep(7, Kept { route, parameters, query, headers, body, client: None });
        crashed
    }

    #[test]
    fn a_replay_that_is_cut_off_loses_nothing_and_one_that_ends_says_what_stays() {
        let crashed = crashed();
        let held = crashed.hold(7).into_iter().next();
        assert!(held.is_some() && crashed.hold(7).is_none(), "one at a time");
        drop(held);
        assert!(crashed.holds(7));
        crashed.hold(7).into_iter().for_each(|held| held.keep_as(8));
        assert!(!crashed.holds(7) && crashed.holds(8));
        crashed.hold(8).into_iter().for_each(Held::forget);
        assert!(!crashed.holds(8));
    }
}
