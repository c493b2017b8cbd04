//! Single actors: what they do, and what operators do to them.

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

/// The phase of an actor that is out of service.
const QUARANTINED: &str = "quarantined";

/// Rows of a page if nothing else is asked.
pub(super) const PAGE: i64 = 100;

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
    read_only: bool,
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
            read_only: status.read_only,
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

/// Looks at the actors, off the threads that answer.
pub(super) async fn looked<T: Send + 'static>(
    router: &Arc<Router>,
    look: impl FnOnce(&Router) -> T + Send + 'static,
) -> Result<T, Problem> {
    let router = Arc::clone(router);
    let looked = tokio::task::spawn_blocking(move || look(&router)).await;
    looked.map_err(|error| {
        tracing::error!(%error, "looking at the actors failed");
        Problem::plain(&DEFECT)
    })
}

/// `GET /admin/actors`.
pub async fn actors(call: AdminCall) -> AdminResult {
    let values = &call.values;
    let limit = values.opt_int("limit").unwrap_or(PAGE).unsigned_abs() as usize;
    let [kind, phase, after] = ["kind", "phase", "after"].map(|name| values.text(name).to_owned());
    let page = looked(&call.admin.app.router, move |router| {
        let phase = (!phase.is_empty()).then_some(phase.as_str());
        router.actors_page(&kind, phase, &after, limit)
    });
    let (found, count) = page.await?;
    let rows: Vec<Card> = found.into_iter().map(Card::from).collect();
    Ok(Answer::new(&rows, count as u64))
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
