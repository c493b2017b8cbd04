//! How many requests each caller has under way: who has too many meets its own 429 before it fills the service.
//!
//! Guarantees: no caller holds more than the limit; a place is given back however its request ends; nobody is
//! remembered who has no request under way. Callers whose names fall on one hash share a count.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use actix_web::http::header::HeaderMap;
use foldhash::HashMap;
use messagecenter_actors::runtime::admission::HeldLately;
use parking_lot::Mutex;

use super::errors::{Problem, TOO_MANY_AT_ONCE};

/// The headers that say who calls, the first one sent first.
const IDENTITY: [&str; 3] = ["newUserId", "entUserId", "positionId"];

/// Locks that the counts share: many more than requests begin at the same moment.
const STRIPES: usize = 64;

/// The counts. Shared behind an `Arc`.
#[derive(Debug)]
pub struct Clients {
    limit: AtomicU32,
    /// How long requests took lately: what who has too many is told to wait.
    lately: HeldLately,
    hasher: RandomState,
    /// Requests under way, by the hash of the caller; none is kept at 0.
    counts: Vec<Mutex<HashMap<u64, u32>>>,
}

/// One request under way; dropping it ends it.
#[derive(Debug)]
pub struct Place<'a> {
    clients: &'a Clients,
    caller: u64,
    since: Instant,
}

impl Clients {
    /// At most `limit` requests at once for each caller.
    pub fn new(limit: u32) -> Arc<Self> {
        let counts = (0..STRIPES).map(|_| Mutex::default()).collect();
        Arc::new(Self {
            limit: AtomicU32::new(limit),
            lately: HeldLately::default(),
            hasher: RandomState::new(),
            counts,
        })
    }

    /// At most `limit` for each caller from now on; what is under way above it stays.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes a place for whoever these headers name, else for `address`; nobody is counted who is neither.
    ///
    /// # Errors
    /// The caller has as many as it may have.
    pub fn admit(&self, headers: &HeaderMap, address: Option<&str>) -> Result<Option<Place<'_>>, Problem> {
        // As the contract reads ids: 0 and nothing are nobody, and 007 is 7.
        let id =
            |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok().filter(|id| *id != 0);
        let named = IDENTITY.iter().find_map(|name| Some((*name, id(name)?)));
        let caller = match (named, address) {
            (Some(named), _) => self.hasher.hash_one(named),
            (None, Some(address)) => self.hasher.hash_one(address),
            (None, None) => return Ok(None),
        };
        let mut counts = self.count(caller).lock();
        let count = counts.entry(caller).or_default();
        if *count >= self.limit.load(Ordering::Relaxed) {
            return Err(Problem::after(&TOO_MANY_AT_ONCE, self.lately.retry_after()));
        }
        *count += 1;
        Ok(Some(Place { clients: self, caller, since: Instant::now() }))
    }

    #[allow(clippy::indexing_slicing, reason = "the index is below the number of stripes")]
    fn count(&self, caller: u64) -> &Mutex<HashMap<u64, u32>> {
        &self.counts[(caller % STRIPES as u64) as usize]
    }

    /// Callers that have requests under way.
    #[cfg(test)]
    fn known(&self) -> usize {
        self.counts.iter().map(|counts| counts.lock().len()).sum()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.clients.lately.note(self.since.elapsed());
        let mut counts = self.clients.count(self.caller).lock();
        if let Some(count) = counts.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn caller(name: &'static str, id: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_static(id));
        headers
    }

    #[test]
    fn who_has_too_many_is_refused_and_others_are_not() {
        let clients = Clients::new(2);
        let (one, other) = (caller("newUserId", "1"), caller("entUserId", "1"));
        let held: Vec<_> = (0..2).map(|_| clients.admit(&one, Some("10.0.0.1")).unwrap()).collect();
        let refused = clients.admit(&one, Some("10.0.0.2")).unwrap_err();
        assert_eq!(refused.code.number, 42902);
        assert!(refused.retry_after.is_some());
        assert!(clients.admit(&other, Some("10.0.0.1")).is_ok(), "the same number under another header");
        drop(held);
        assert!(clients.admit(&one, None).is_ok());
        assert_eq!(clients.known(), 0, "nobody without a request is remembered");
    }

    #[test]
    fn the_limit_moves_and_the_wait_is_that_of_requests_lately() {
        let clients = Clients::new(1);
        let one = caller("newUserId", "1");
        let held = clients.admit(&one, None).unwrap();
        clients.set_limit(2);
        assert!(clients.admit(&one, None).is_ok());
        clients.set_limit(1);
        (0..100).for_each(|_| clients.lately.note(std::time::Duration::from_secs(10)));
        let told = clients.admit(&one, None).unwrap_err().retry_after;
        assert!(told.is_some_and(|seconds| (10..=20).contains(&seconds)), "{told:?}");
        drop(held);
    }

    #[test]
    fn ids_that_name_nobody_are_left_out_and_one_id_in_two_spellings_is_one_caller() {
        let clients = Clients::new(1);
        let agent = |id: &'static str| {
            let mut headers = caller("newUserId", "0");
            headers.insert(HeaderName::from_static("entuserid"), HeaderValue::from_static(id));
            headers
        };
        let held = clients.admit(&agent("7"), Some("10.0.0.1")).unwrap();
        assert!(held.is_some());
        assert!(
            clients.admit(&agent("8"), Some("10.0.0.1")).is_ok(),
            "another agent behind the same gateway"
        );
        assert!(clients.admit(&agent("007"), None).is_err(), "the same agent");
        assert!(clients.admit(&caller("newUserId", ""), None).unwrap().is_none());
    }

    #[test]
    fn who_names_nobody_is_counted_by_address() {
        let clients = Clients::new(1);
        let nobody = HeaderMap::new();
        let held = clients.admit(&nobody, Some("10.0.0.1")).unwrap();
        assert!(held.is_some());
        assert!(clients.admit(&nobody, Some("10.0.0.1")).is_err());
        assert!(clients.admit(&nobody, Some("10.0.0.2")).is_ok());
        assert!(clients.admit(&nobody, None).unwrap().is_none());
    }
}
