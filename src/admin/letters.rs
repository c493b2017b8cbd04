//! Dead letters: what made actors panic; handled once more, or taken out.

use messagecenter_actors::runtime::dead_letters::DeadLetter;
use serde::Serialize;
use serde_json::json;

use super::actors::epoch_ms;
use super::errors;
use super::routes::{AdminCall, AdminResult};
use crate::http::call::Answer;
use crate::http::errors::{Problem, Retry};
use crate::http::server;

#[derive(Serialize)]
struct Letter {
    id: u64,
    kind: &'static str,
    key: String,
    operation: &'static str,
    panic: String,
    at: i64,
    replayable: bool,
}

/// `GET /admin/dead-letters`.
pub async fn letters(call: AdminCall) -> AdminResult {
    let app = &call.admin.app;
    let shown = |letter: DeadLetter| Letter {
        id: letter.id,
        kind: letter.kind,
        key: letter.key,
        operation: letter.operation,
        panic: letter.panic,
        at: epoch_ms(letter.at),
        replayable: app.crashed.holds(letter.id),
    };
    let rows: Vec<Letter> = app.router.observation().dead_letters().into_iter().rev().map(shown).collect();
    Ok(Answer::new(&rows, rows.len() as u64))
}

fn number(call: &AdminCall) -> u64 {
    u64::try_from(call.values.int("letter")).unwrap_or(0)
}

fn known(call: &AdminCall) -> Result<DeadLetter, Problem> {
    let letters = call.admin.app.router.observation().dead_letters();
    let found = letters.into_iter().find(|letter| letter.id == number(call));
    found.ok_or_else(|| Problem::plain(&errors::NO_SUCH_LETTER))
}

/// `POST /admin/dead-letters/{letter}/replay`. The letter is out then, and a request that makes its actor panic again is
/// a letter of its own; but it stays if nothing happened because the service could not take the request now.
pub async fn replay(call: AdminCall) -> AdminResult {
    let letter = known(&call)?;
    let app = &call.admin.app;
    let held = app.crashed.hold(letter.id).ok_or_else(|| Problem::plain(&errors::NOT_REPLAYABLE))?;
    let outcome = server::once_more(held.request(), &call.admin.http, app).await;
    let stays =
        matches!(&outcome, Err(problem) if problem.letter.is_none() && problem.code.retry == Retry::Safe);
    if !stays {
        app.router.observation().discard(letter.id);
    }
    match &outcome {
        Err(Problem { letter: Some(again), .. }) => held.keep_as(*again),
        _ if stays => drop(held),
        _ => held.forget(),
    }
    let (status, code, text) = match &outcome {
        Ok(answer) => (answer.status, 0, "ok".to_owned()),
        Err(problem) => (problem.code.rest_status(), problem.code.number, problem.text.to_string()),
    };
    call.note(json!({ "kind": letter.kind, "key": letter.key, "errorCode": code }));
    Ok(Answer::new(&json!({ "status": status, "errorCode": code, "errorMsg": text }), 0))
}

/// `DELETE /admin/dead-letters/{letter}`.
pub async fn discard(call: AdminCall) -> AdminResult {
    let letter = known(&call)?;
    call.admin.app.router.observation().discard(letter.id);
    call.admin.app.crashed.take(letter.id);
    call.note(json!({ "kind": letter.kind, "key": letter.key, "operation": letter.operation }));
    Ok(Answer::new(&json!({ "done": true }), 0))
}
