//! `/v1/sessions` and `/v1/shunts`: sessions and who waits for one.

use messagecenter_actors::api::{Hat, Rejection, SessionView};
use messagecenter_actors::domain::ids::{Address, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use messagecenter_actors::domain::shunt::Target;
use serde::Serialize;
use uuid::Uuid;

use super::{Party, named};
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::contract::caller::{About, caller};
use crate::http::contract::serving::{Reason, yes_or_no};

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
    group: String,
    offer_until: Option<i64>,
    idle_warned_at: Option<i64>,
}

fn card(view: SessionView) -> Answer {
    let ahead = view.ahead;
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
        ahead,
        estimated_wait_seconds: view.estimated_wait_seconds,
        opened_at: view.opened_at,
        served_at: view.served_at,
        ended_at,
        close_reason,
        group: view.group,
        offer_until: view.offer_until,
        idle_warned_at: view.warned_at,
    };
    Answer::new(&card, ahead)
}

fn session_id(call: &Call) -> Result<Uuid, Refusal> {
    Uuid::try_parse(call.values.text("id")).map_err(|_| Refusal::UnknownSession)
}

/// `GET /v1/sessions/{id}`.
pub async fn get_session(call: Call) -> HandlerResult {
    let view = call.app.router.session(session_id(&call)?).await?;
    if !may_see(&call, &view).await? {
        return Err(Refusal::UnknownSession.into());
    }
    Ok(card(view))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    at: i64,
    #[serde(flatten)]
    reason: Reason,
}

/// `GET /v1/sessions/{id}/decisions`.
pub async fn decisions(call: Call) -> HandlerResult {
    let id = session_id(&call)?;
    if !may_see(&call, &call.app.router.session_card(id).await?).await? {
        return Err(Refusal::UnknownSession.into());
    }
    let decided = call.app.router.decisions(id).await?;
    let rows: Vec<Decision> =
        decided.iter().map(|(at, why)| Decision { at: *at, reason: Reason::of(why) }).collect();
    Ok(Answer::new(&rows, rows.len() as u64))
}

/// The agent of header `entUserId`, who must belong to the session's enterprise; its asking is a heartbeat.
async fn acting_agent(call: &Call, view: &SessionView) -> Result<String, Rejection> {
    let caller = caller(call, Hat::Agent, About::Service).await?;
    let agent = caller.own.ok_or(Refusal::NoIdentity { header: "entUserId" })?;
    if caller.ent != view.ent {
        return Err(Refusal::UnknownSession.into());
    }
    Ok(agent.id.to_string())
}

/// `POST /v1/sessions/{id}/accept`.
pub async fn accept(call: Call) -> HandlerResult {
    let id = session_id(&call)?;
    let agent = acting_agent(&call, &call.app.router.session_card(id).await?).await?;
    Ok(card(call.app.router.accept(id, &agent).await?))
}

/// `POST /v1/sessions/{id}/reject`.
pub async fn reject(call: Call) -> HandlerResult {
    let id = session_id(&call)?;
    let agent = acting_agent(&call, &call.app.router.session_card(id).await?).await?;
    Ok(card(call.app.router.reject(id, &agent).await?))
}

/// `POST /v1/sessions/{id}/transfer`: by an agent of the enterprise, by who does not say who it is, or by a
/// customer whom a bot serves, to a group.
pub async fn transfer(call: Call) -> HandlerResult {
    let id = session_id(&call)?;
    let view = call.app.router.session_card(id).await?;
    let identity = call.values.identity();
    let mut by = None;
    if identity.ent_user_id != 0 {
        by = Some(acting_agent(&call, &view).await?);
    } else if !may_see(&call, &view).await? {
        return Err(Refusal::UnknownSession.into());
    }
    let mut to = target(&call, by.as_deref())?;
    if by.is_none() && identity.new_user_id != 0 {
        let Target::Group { group, .. } = to else { return Err(Refusal::UnknownSession.into()) };
        to = Target::FromBot { group };
    }
    Ok(card(call.app.router.transfer(id, to).await?))
}

fn target(call: &Call, by: Option<&str>) -> Result<Target, Refusal> {
    let (agent, group) = (call.values.text("agentId"), call.values.text("type"));
    match (agent.is_empty(), group.is_empty()) {
        (false, true) => {
            let agent = named("agentId", agent, PartyType::Agent)?.id;
            let itself = by.is_some_and(|by| *by == *agent);
            Ok(Target::Agent { agent, itself })
        }
        (true, false) => Ok(Target::Group { group: group.to_owned(), may_wait: call.values.flag("queue") }),
        (false, false) => {
            let problem = "and \"type\" both came; name one of them".to_owned();
            Err(Refusal::BadField { field: "agentId", problem })
        }
        (true, true) => {
            let problem = "and \"type\" are empty; name one of them".to_owned();
            Err(Refusal::BadField { field: "agentId", problem })
        }
    }
}

/// Its customer and the agents of its enterprise; who says nothing of itself knows the id, which is enough.
async fn may_see(call: &Call, view: &SessionView) -> Result<bool, Rejection> {
    let identity = call.values.identity();
    if identity.new_user_id == 0 && identity.ent_user_id == 0 {
        return Ok(true);
    }
    if view.customer == call.app.router.person(&Address::user(identity.new_user_id)) {
        return Ok(true);
    }
    if identity.ent_user_id == 0 {
        return Ok(false);
    }
    let record = call.app.router.agent_enterprise(&identity.ent_user_id.to_string()).await?;
    Ok(record.unwrap_or(identity.ent_id) == view.ent)
}

/// Customers to a page when the request does not say; also the most.
const USUAL_PLACES: usize = 1_000;

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
    let number = |name, usual: usize| {
        let given = call.values.opt_int(name).and_then(|number| usize::try_from(number).ok());
        given.filter(|number| *number > 0).unwrap_or(usual)
    };
    let (page, size) = (number("page", 1), number("size", USUAL_PLACES));
    let skip = (page - 1).saturating_mul(size);
    let (ent, group) = (call.values.int("entId"), call.values.text("type"));
    let view = call.app.router.queue(ent, group, skip, size).await?;
    let count = view.total as u64;
    let places = view.waiting.iter().enumerate().map(|(place, waiting)| Place {
        session_id: waiting.session.to_string(),
        customer: Party::from(&waiting.customer),
        ahead: skip.saturating_add(place),
        since: waiting.since,
    });
    let queue = Queue { group: view.group, waiting: places.collect() };
    Ok(Answer::new(&queue, count))
}
