//! `/v1/sessions` and `/v1/shunts`: sessions and who waits for one.

use messagecenter_actors::api::{Rejection, SessionView};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;
use uuid::Uuid;

use super::Party;
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::contract::serving::yes_or_no;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionCard {
    session_id: String,
    conversation_id: String,
    ent_id: String,
    customer: Party,
    state: &'static str,
    agent_id: Option<String>,
    #[serde(rename = "customerserviceName")]
    shown_name: String,
    is_artificial: u8,
    ahead: u64,
    estimated_wait_seconds: Option<u64>,
    opened_at: i64,
    served_at: Option<i64>,
    ended_at: Option<i64>,
    close_reason: Option<&'static str>,
}

/// `GET /v1/sessions/{id}`.
pub async fn get_session(call: Call) -> HandlerResult {
    let id = Uuid::try_parse(call.values.text("id")).map_err(|_| Refusal::UnknownSession)?;
    let view = call.app.router.session(id).await?;
    if !may_see(&call, &view).await? {
        return Err(Refusal::UnknownSession.into());
    }
    let (ended_at, close_reason) = view.ended.map(|(at, reason)| (at, reason.as_str())).unzip();
    let card = SessionCard {
        session_id: view.session.to_string(),
        conversation_id: view.conversation.to_string(),
        ent_id: view.ent.to_string(),
        customer: Party::from(&view.customer),
        state: view.state.as_str(),
        agent_id: view.agent,
        shown_name: view.shown_name,
        is_artificial: yes_or_no(view.human),
        ahead: view.ahead,
        estimated_wait_seconds: view.estimated_wait_seconds,
        opened_at: view.opened_at,
        served_at: view.served_at,
        ended_at,
        close_reason,
    };
    Ok(Answer::new(&card, view.ahead))
}

/// Its customer and the agents of its enterprise; who says nothing of itself knows the id, which is enough.
async fn may_see(call: &Call, view: &SessionView) -> Result<bool, Rejection> {
    let identity = call.values.identity();
    if identity.new_user_id == 0 && identity.ent_user_id == 0 {
        return Ok(true);
    }
    if view.customer.id.as_ref() == identity.new_user_id.to_string() {
        return Ok(true);
    }
    if identity.ent_user_id == 0 {
        return Ok(false);
    }
    let record = call.app.router.agent_enterprise(&identity.ent_user_id.to_string()).await?;
    Ok(record.unwrap_or(identity.ent_id) == view.ent)
}

#[derive(Serialize)]
struct Queue {
    group: String,
    waiting: Vec<Place>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    session_id: String,
    customer: Party,
    ahead: usize,
    since: i64,
}

/// `GET /v1/shunts/{entId}/{type}/queue`.
pub async fn get_queue(call: Call) -> HandlerResult {
    let view = call.app.router.queue(call.values.int("entId"), call.values.text("type")).await?;
    let places = view.waiting.iter().enumerate().map(|(ahead, waiting)| Place {
        session_id: waiting.session.to_string(),
        customer: Party::from(&waiting.customer),
        ahead,
        since: waiting.since,
    });
    let queue = Queue { group: view.group, waiting: places.collect() };
    let count = queue.waiting.len() as u64;
    Ok(Answer::new(&queue, count))
}
