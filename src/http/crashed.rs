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
    ring: Mutex<VecDeque<(u64, Kept)>>,
}

impl Crashed {
    /// Keeps a request under the number of its letter.
    pub fn keep(&self, letter: u64, request: Kept) {
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

    /// Takes the request of a letter out.
    pub fn take(&self, letter: u64) -> Option<Kept> {
        let mut ring = self.ring.lock();
        let place = ring.iter().position(|(kept, _)| *kept == letter)?;
        ring.remove(place).map(|(_, kept)| kept)
    }
}
