//! The busiest actors, measured over a moment.
//!
//! Guarantees: one measurement at a time, whoever asks; who asks meanwhile gets the one under way, over the time that its
//! first asker chose. Nothing is kept when nobody asks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::router::Router;
use messagecenter_actors::runtime::inspection::Glance;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

use super::actors::{looked, millis};
use super::routes::{AdminCall, AdminResult};
use crate::http::call::Answer;
use crate::http::errors::{DEFECT, Problem};

/// How long the busiest are measured if nothing else is asked.
const MEASURED_MS: i64 = 1_000;

/// Rows if nothing else is asked.
const ROWS: i64 = 20;

/// What one actor did while it was looked at.
#[derive(Debug, Clone)]
struct Did {
    key: ActorKey,
    per_second: f64,
    mean_wait_micros: u64,
    now: Glance,
}

type Measured = Option<Arc<Vec<Did>>>;

/// The measurement under way, if there is one. One per service.
#[derive(Debug, Default)]
pub struct Looks(Arc<Mutex<Option<watch::Receiver<Measured>>>>);

impl Looks {
    /// Measures over so many milliseconds, or waits for the measurement under way.
    async fn look(&self, router: &Arc<Router>, over: u64) -> Result<Arc<Vec<Did>>, Problem> {
        let mut result = self.begin(router, over);
        let measured = result.wait_for(Option::is_some).await;
        // The sender is gone if measuring failed, which was logged.
        measured.ok().and_then(|measured| measured.clone()).ok_or_else(|| Problem::plain(&DEFECT))
    }

    fn begin(&self, router: &Arc<Router>, over: u64) -> watch::Receiver<Measured> {
        let mut under_way = self.0.lock();
        // One whose sender is gone came to no end.
        if let Some(result) = under_way.as_ref().filter(|result| result.has_changed().is_ok()) {
            return result.clone();
        }
        let (sender, result) = watch::channel(None);
        *under_way = Some(result.clone());
        let (router, place) = (Arc::clone(router), Arc::clone(&self.0));
        // Of its own: whoever asked first may have gone before it ends.
        tokio::spawn(async move {
            let measured = measure(&router, Duration::from_millis(over)).await;
            *place.lock() = None;
            if let Ok(measured) = measured {
                sender.send_replace(Some(Arc::new(measured)));
            }
        });
        result
    }
}

async fn measure(router: &Arc<Router>, over: Duration) -> Result<Vec<Did>, Problem> {
    let began = Instant::now();
    let before = looked(router, Router::glances).await?;
    let before: HashMap<ActorKey, Glance> = before.into_iter().collect();
    tokio::time::sleep(over).await;
    let seconds = began.elapsed().as_secs_f64();
    looked(router, move |router| {
        let did = |(key, now): (ActorKey, Glance)| {
            let (turns, waited) = before.get(&key).map_or((0, 0), |was| (was.turns, was.waited_micros));
            let new = now.turns.saturating_sub(turns);
            let per_second = (new as f64 / seconds * 10.0).round() / 10.0;
            let mean_wait_micros = now.waited_micros.saturating_sub(waited) / new.max(1);
            Did { key, per_second, mean_wait_micros, now }
        };
        router.glances().into_iter().map(did).collect()
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hot {
    kind: &'static str,
    key: String,
    per_second: f64,
    oldest_wait_ms: Option<u64>,
    mean_wait_micros: u64,
    waiting: usize,
    restarts: u64,
    slow_turns: u64,
}

impl From<&Did> for Hot {
    fn from(did: &Did) -> Self {
        Self {
            kind: did.key.kind(),
            key: did.key.id(),
            per_second: did.per_second,
            oldest_wait_ms: did.now.oldest_wait.map(millis),
            mean_wait_micros: did.mean_wait_micros,
            waiting: did.now.waiting,
            restarts: did.now.restarts,
            slow_turns: did.now.slow,
        }
    }
}

/// `GET /admin/hot`.
pub async fn hot(call: AdminCall) -> AdminResult {
    let values = &call.values;
    let over = values.opt_int("overMs").unwrap_or(MEASURED_MS).unsigned_abs();
    let measured = call.admin.looks.look(&call.admin.app.router, over).await?;
    let mut order: Vec<&Did> = measured.iter().collect();
    match values.text("by") {
        "wait" => order.sort_unstable_by_key(|did| {
            std::cmp::Reverse((did.now.oldest_wait.unwrap_or_default(), did.mean_wait_micros))
        }),
        "restarts" => order.sort_unstable_by_key(|did| std::cmp::Reverse(did.now.restarts)),
        _ => order.sort_unstable_by(|left, right| right.per_second.total_cmp(&left.per_second)),
    }
    let limit = values.opt_int("limit").unwrap_or(ROWS).unsigned_abs() as usize;
    let rows: Vec<Hot> = order.into_iter().take(limit).map(Hot::from).collect();
    Ok(Answer::new(&rows, measured.len() as u64))
}
