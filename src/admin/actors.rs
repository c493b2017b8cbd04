//! Single actors: what they do, and what operators do to them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::router::Router;
use messagecenter_actors::runtime::inspection::{ActorStatus, Passivated};
use messagecenter_actors::runtime::vitals::Crash;
use serde::Serialize;
use serde_json::json;

use super::errors;
use super::routes::{AdminCall, AdminResult};
use crate::http::call::Answer;
use crate::http::errors::{DEFECT, Problem};

/// How long a trace lasts.
const TRACE: Duration = Duration::from_secs(300);

/// How long the busiest are measured if nothing else is asked.
const MEASURED_MS: i64 = 1_000;

/// The phase of an actor that is out of service.
const QUARANTINED: &str = "quarantined";

/// Rows of a page if nothing else is asked.
const PAGE: i64 = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InHand {
    operation: &'static str,
    for_ms: u64,
}

#[derive(Serialize)]
struct Crashed {
    at: i64,
    operation: &'static str,
    panic: String,
}

impl From<Crash> for Crashed {
    fn from(crash: Crash) -> Self {
        Self { at: epoch_ms(crash.at), operation: crash.operation, panic: crash.panic }
    }
}

/// An actor as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    kind: &'static str,
    key: String,
    phase: &'static str,
    reason: String,
    depth: usize,
    waiting: usize,
    oldest_wait_ms: Option<u64>,
    in_hand: Option<InHand>,
    commands: u64,
    others: u64,
    mean_wait_micros: u64,
    mean_turn_micros: u64,
    slow_turns: u64,
    restarts: u64,
    crashes: Vec<Crashed>,
    idle_ms: u64,
    pinned: bool,
}

impl From<ActorStatus> for Card {
    fn from(status: ActorStatus) -> Self {
        let turns = status.commands + status.others;
        Self {
            kind: status.kind,
            key: status.key,
            phase: status.phase,
            reason: status.reason,
            depth: status.depth,
            waiting: status.waiting,
            oldest_wait_ms: status.oldest_wait.map(millis),
            in_hand: status.in_hand.map(|(operation, lasts)| InHand { operation, for_ms: millis(lasts) }),
            commands: status.commands,
            others: status.others,
            mean_wait_micros: status.waited_micros / status.commands.max(1),
            mean_turn_micros: status.took_micros / turns.max(1),
            slow_turns: status.slow,
            restarts: status.restarts,
            crashes: status.crashes.into_iter().map(Crashed::from).collect(),
            idle_ms: millis(status.idle),
            pinned: status.pinned,
        }
    }
}

/// A moment in epoch milliseconds.
pub(super) fn epoch_ms(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Looks at all actors, off the threads that answer.
pub(super) async fn statuses(
    router: &Arc<Router>,
    kind: Option<String>,
) -> Result<Vec<ActorStatus>, Problem> {
    let router = Arc::clone(router);
    let looked = tokio::task::spawn_blocking(move || router.statuses(kind.as_deref())).await;
    looked.map_err(|error| {
        tracing::error!(%error, "looking at the actors failed");
        Problem::plain(&DEFECT)
    })
}

/// `GET /admin/actors`.
pub async fn actors(call: AdminCall) -> AdminResult {
    let values = &call.values;
    let mut found = statuses(&call.admin.app.router, Some(values.text("kind").to_owned())).await?;
    let (phase, after) = (values.text("phase"), values.text("after"));
    found.retain(|status| (phase.is_empty() || status.phase == phase) && status.key.as_str() > after);
    let count = found.len() as u64;
    let limit = values.opt_int("limit").unwrap_or(PAGE).unsigned_abs() as usize;
    found.sort_unstable_by(|left, right| left.key.cmp(&right.key));
    found.truncate(limit);
    let rows: Vec<Card> = found.into_iter().map(Card::from).collect();
    Ok(Answer::list(&rows, count))
}

fn key(call: &AdminCall) -> Result<ActorKey, Problem> {
    let (kind, id) = (call.values.text("kind"), call.values.text("id"));
    ActorKey::parse(kind, id).ok_or_else(|| Problem::plain(&errors::NO_SUCH_KEY))
}

/// `GET /admin/actors/{kind}/{id}`.
pub async fn actor(call: AdminCall) -> AdminResult {
    let key = key(&call)?;
    let router = &call.admin.app.router;
    let saved = router.saved(&key).await;
    let status = router.actor_status(&key);
    let mut shown = json!({ "active": status.is_some(), "kind": key.kind(), "key": key.id() });
    if let Some(status) = status
        && let Ok(serde_json::Value::Object(card)) = serde_json::to_value(Card::from(status))
        && let Some(shown) = shown.as_object_mut()
    {
        shown.extend(card);
    }
    shown["traced"] = json!(router.actor_trace(&key).is_some());
    match saved {
        Ok(saved) => {
            shown["snapshot"] =
                json!({ "decided": saved.decided, "told": saved.told, "version": saved.version });
            shown["unsaved"] = json!(saved.dirty);
            shown["committed"] = json!(saved.committed);
        }
        // What is in memory is wanted most while storage is away.
        Err(error) => {
            tracing::warn!(%error, "a snapshot could not be read");
            shown["snapshot"] = json!(null);
        }
    }
    Ok(Answer::new(&shown, 0))
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

/// `GET /admin/hot`.
pub async fn hot(call: AdminCall) -> AdminResult {
    let values = &call.values;
    let over = values.opt_int("overMs").unwrap_or(MEASURED_MS).unsigned_abs();
    let router = &call.admin.app.router;
    let began = std::time::Instant::now();
    let before = statuses(router, None).await?;
    let before: HashMap<(&str, String), (u64, u64)> = before
        .into_iter()
        .map(|status| ((status.kind, status.key), (status.commands + status.others, status.waited_micros)))
        .collect();
    tokio::time::sleep(Duration::from_millis(over)).await;
    let seconds = began.elapsed().as_secs_f64();
    let after = statuses(router, None).await?;
    let count = after.len() as u64;
    let mut rows: Vec<Hot> = after
        .into_iter()
        .map(|status| {
            let turns = status.commands + status.others;
            let was = before.get(&(status.kind, status.key.clone())).copied().unwrap_or_default();
            let new = turns.saturating_sub(was.0);
            Hot {
                kind: status.kind,
                key: status.key,
                per_second: (new as f64 / seconds * 10.0).round() / 10.0,
                oldest_wait_ms: status.oldest_wait.map(millis),
                mean_wait_micros: status.waited_micros.saturating_sub(was.1) / new.max(1),
                waiting: status.waiting,
                restarts: status.restarts,
                slow_turns: status.slow,
            }
        })
        .collect();
    match values.text("by") {
        "wait" => rows.sort_unstable_by_key(|row| {
            std::cmp::Reverse((row.oldest_wait_ms.unwrap_or(0), row.mean_wait_micros))
        }),
        "restarts" => rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.restarts)),
        _ => rows.sort_unstable_by(|left, right| right.per_second.total_cmp(&left.per_second)),
    }
    rows.truncate(values.opt_int("limit").unwrap_or(20).unsigned_abs() as usize);
    Ok(Answer::list(&rows, count))
}

fn done() -> AdminResult {
    Ok(Answer::new(&json!({ "done": true }), 0))
}

fn active(call: &AdminCall) -> Result<ActorKey, Problem> {
    let key = key(call)?;
    let status = call.admin.app.router.actor_status(&key);
    status.map(|_| key).ok_or_else(|| Problem::plain(&errors::NOT_ACTIVE))
}

/// One that is quarantined does nothing it is told.
fn at_work(call: &AdminCall, key: ActorKey) -> Result<ActorKey, Problem> {
    let status = call.admin.app.router.actor_status(&key);
    if status.is_some_and(|status| status.phase == QUARANTINED) {
        return Err(Problem::saying(&errors::IN_USE, "it is quarantined: resume it".to_owned()));
    }
    Ok(key)
}

/// `POST …/passivate`.
pub async fn passivate(call: AdminCall) -> AdminResult {
    let in_use = |why: &str| Err(Problem::saying(&errors::IN_USE, why.to_owned()));
    match call.admin.app.router.passivate_actor(&key(&call)?) {
        Passivated::Done => done(),
        Passivated::NotActive => Err(Problem::plain(&errors::NOT_ACTIVE)),
        Passivated::Busy => in_use("it holds commands, recovers or is quarantined"),
        Passivated::Pinned => in_use("it has a deadline ahead"),
        Passivated::Unsaved => {
            in_use("it must write its snapshot first and was told to: ask again in a moment")
        }
    }
}

/// `POST …/restart`.
pub async fn restart(call: AdminCall) -> AdminResult {
    call.admin.app.router.restart_actor(&at_work(&call, active(&call)?)?);
    done()
}

/// `POST …/snapshot`.
pub async fn snapshot(call: AdminCall) -> AdminResult {
    call.admin.app.router.snapshot_actor(&at_work(&call, key(&call)?)?);
    done()
}

/// `POST …/quarantine`.
pub async fn quarantine(call: AdminCall) -> AdminResult {
    let said = call.values.text("reason");
    let reason = format!("by {}{}{said}", call.who.name, if said.is_empty() { "" } else { ": " });
    if call.admin.app.router.quarantine_actor(&key(&call)?, &reason) {
        return done();
    }
    Err(Problem::plain(&errors::NOT_ACTIVE))
}

/// `POST …/resume`.
pub async fn resume(call: AdminCall) -> AdminResult {
    if call.admin.app.router.resume_actor(&active(&call)?) {
        return done();
    }
    Err(Problem::plain(&errors::NOT_QUARANTINED))
}

/// `POST …/trace`.
pub async fn trace(call: AdminCall) -> AdminResult {
    call.admin.app.router.trace_actor(&active(&call)?, TRACE);
    done()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Turn {
    at: i64,
    operation: &'static str,
    waited_micros: u64,
    took_micros: u64,
}

/// `GET …/trace`.
pub async fn traced(call: AdminCall) -> AdminResult {
    let found = call.admin.app.router.actor_trace(&active(&call)?);
    let (trace, left) = found.ok_or_else(|| Problem::plain(&errors::NOT_TRACED))?;
    let turns: Vec<Turn> = trace
        .turns
        .into_iter()
        .map(|turn| Turn {
            at: epoch_ms(turn.at),
            operation: turn.operation,
            waited_micros: micros(turn.waited),
            took_micros: micros(turn.took),
        })
        .collect();
    let count = turns.len() as u64;
    Ok(Answer::new(&json!({ "leftMs": millis(left), "turns": turns }), count))
}
