//! Whether the service is alive and whether it wants requests: `GET /healthz` and `GET /readyz`.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use super::call::{Answer, Call, HandlerResult};
use super::envelope;
use super::errors::{NOT_READY, Problem};

/// What the service still waits for. Cheap to clone; clones share it. Empty = ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    waiting: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

/// One thing that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What.
    pub what: &'static str,
    /// Why.
    pub why: String,
}

impl Readiness {
    /// From now on `what` is waited for, for this reason.
    pub fn wait_for(&self, what: &'static str, why: impl Into<String>) {
        self.waiting.lock().insert(what, why.into());
    }

    /// `what` is there.
    pub fn arrived(&self, what: &'static str) {
        self.waiting.lock().remove(what);
    }

    /// All that is waited for, by name.
    pub fn waiting(&self) -> Vec<Waiting> {
        let waiting = self.waiting.lock();
        waiting.iter().map(|(what, why)| Waiting { what, why: why.clone() }).collect()
    }
}

#[derive(Serialize)]
struct Alive {
    alive: bool,
}

/// `GET /healthz`: answers as long as the process can answer.
pub async fn healthz(_call: Call) -> HandlerResult {
    Ok(Answer::new(&Alive { alive: true }, 0))
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    waiting: Vec<Waiting>,
}

/// `GET /readyz`: 200, or 503 with what is waited for and why.
pub async fn readyz(call: Call) -> HandlerResult {
    let waiting = call.app.readiness.waiting();
    if waiting.is_empty() {
        return Ok(Answer::new(&Ready { ready: true, waiting }, 0));
    }
    let problem = Problem::plain(&NOT_READY);
    Ok(Answer {
        status: NOT_READY.rest_status(),
        content_type: envelope::CONTENT_TYPE,
        body: envelope::not_done_because(NOT_READY.number, &problem.text, Ready { ready: false, waiting }),
        retry_after: problem.retry_after,
    })
}
