//! The service at a glance, its figures, and what operators did.

use messagecenter_actors::breaker::BreakerState;
use messagecenter_actors::runtime::inspection::Phases;
use serde::Serialize;

use super::actors::millis;
use super::audit::PAGE;
use super::routes::{AdminCall, AdminResult};
use crate::http::call::Answer;
use crate::http::errors::{Problem, STORAGE_DOWN};
use crate::http::health::Waiting;
use crate::http::metrics;

#[derive(Serialize)]
struct Storage {
    healthy: bool,
    why: &'static str,
    committed: u64,
    breaker: Breaker,
}

/// The storage breaker: `closed`, `open` or `half_open`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Breaker {
    state: &'static str,
    reads_refused: bool,
    failures: u32,
    lasts_ms: Option<u64>,
    retry_in_ms: Option<u64>,
}

impl From<BreakerState> for Breaker {
    fn from(state: BreakerState) -> Self {
        let BreakerState { word, reads_refused, failures, lasts, retry_in } = state;
        Self {
            state: word,
            reads_refused,
            failures,
            lasts_ms: lasts.map(millis),
            retry_in_ms: retry_in.map(millis),
        }
    }
}

#[derive(Serialize)]
struct Commands {
    held: usize,
    capacity: usize,
}

#[derive(Serialize)]
struct Kind {
    kind: &'static str,
    recovering: usize,
    ready: usize,
    quarantined: usize,
    depth: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    version: &'static str,
    began_at: i64,
    uptime_ms: u64,
    ready: bool,
    waiting: Vec<Waiting>,
    storage: Storage,
    commands: Commands,
    kinds: Vec<Kind>,
    settings_version: u64,
    dead_letters: usize,
    storm_open: bool,
    event: u64,
    role: &'static str,
}

/// `GET /admin/overview`.
pub async fn overview(call: AdminCall) -> AdminResult {
    let admin = &call.admin;
    let router = &admin.app.router;
    let journal = &router.world().journal;
    let waiting = admin.app.readiness.waiting();
    let (held, capacity) = router.load();
    let healthy = journal.healthy();
    let kinds = router.phases().map(|(kind, phases)| {
        let Phases { recovering, ready, quarantined, depth } = phases;
        Kind { kind, recovering, ready, quarantined, depth }
    });
    let count = kinds.iter().map(|kind| kind.recovering + kind.ready + kind.quarantined).sum::<usize>();
    let overview = Overview {
        version: env!("CARGO_PKG_VERSION"),
        began_at: admin.began_at,
        uptime_ms: u64::try_from(admin.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        ready: waiting.is_empty(),
        waiting,
        storage: Storage {
            healthy: healthy.is_ok(),
            why: healthy.err().unwrap_or_default(),
            committed: journal.committed(),
            breaker: journal.breaker().state().into(),
        },
        commands: Commands { held, capacity },
        kinds: kinds.into(),
        settings_version: admin.live.now().await.0.version,
        dead_letters: router.observation().dead_letters().len(),
        storm_open: router.observation().storm_open(),
        event: router.observation().events().newest(),
        role: call.who.role.as_str(),
    };
    Ok(Answer::new(&overview, count as u64))
}

/// `GET /admin/metrics`.
pub async fn figures(call: AdminCall) -> AdminResult {
    Ok(metrics::page(&call.admin.app.registry))
}

/// `GET /admin/audit`.
pub async fn audit(call: AdminCall) -> AdminResult {
    let before = call.values.opt_int("before").map_or(u64::MAX, i64::unsigned_abs);
    let limit = call.values.opt_int("limit").map_or(PAGE, i64::unsigned_abs);
    let (rows, newest) = call.admin.audit.list(before, limit).await.map_err(|error| {
        tracing::warn!(%error, "the audit could not be read");
        Problem::plain(&STORAGE_DOWN)
    })?;
    Ok(Answer::new(&rows, newest))
}
