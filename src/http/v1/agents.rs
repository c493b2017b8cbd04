//! `/v1/agents`: who serves customers, how many at once, and whether now.

use messagecenter_actors::api::AgentView;
use messagecenter_actors::domain::event::{AgentRecord, Presence};
use messagecenter_actors::domain::ids::{Address, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::{Deleted, named};
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::contract::caller::ent_field;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentCard {
    ent_user_id: String,
    ent_id: String,
    name: String,
    groups: Vec<String>,
    capacity: u32,
    weight: u32,
    skills: Vec<String>,
    presence: &'static str,
    accepting: bool,
    sessions: u64,
    leases: u64,
}

fn card(view: AgentView) -> Answer {
    let AgentRecord { name, groups, capacity, weight, skills } = view.record;
    let card = AgentCard {
        ent_user_id: view.agent,
        ent_id: view.ent.to_string(),
        name,
        groups,
        capacity,
        weight,
        skills,
        presence: word(view.presence),
        accepting: view.accepting,
        sessions: view.sessions,
        leases: view.leases,
    };
    Answer::new(&card, 0)
}

const fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Away => "away",
        Presence::Offline => "offline",
    }
}

fn agent(call: &Call) -> Result<Address, Refusal> {
    named("entUserId", call.values.text("entUserId"), PartyType::Agent)
}

/// `PUT /v1/agents/{entUserId}`.
pub async fn put_agent(call: Call) -> HandlerResult {
    let agent = agent(&call)?;
    let ent = ent_field("entId", call.values.text("entId"))?.unwrap_or(call.values.identity().ent_id);
    let number = |name| call.values.opt_int(name).and_then(|number| u32::try_from(number).ok());
    let record = AgentRecord {
        name: call.values.text("name").to_owned(),
        groups: call.values.texts("groups").to_vec(),
        capacity: number("capacity").unwrap_or(call.app.router.world().rules.load().routing.default_capacity),
        weight: number("weight").unwrap_or(1),
        skills: call.values.texts("skills").to_vec(),
    };
    Ok(card(call.app.router.put_agent(ent, &agent.id, record).await?))
}

/// `GET /v1/agents/{entUserId}`.
pub async fn get_agent(call: Call) -> HandlerResult {
    let agent = agent(&call)?;
    Ok(card(call.app.router.agent(&agent.id).await?))
}

/// `DELETE /v1/agents/{entUserId}`.
pub async fn delete_agent(call: Call) -> HandlerResult {
    let agent = agent(&call)?;
    let deleted = call.app.router.delete_agent(&agent.id).await?;
    Ok(Answer::new(&Deleted { deleted }, 0))
}

/// `PUT /v1/agents/{entUserId}/presence`.
pub async fn put_presence(call: Call) -> HandlerResult {
    let agent = agent(&call)?;
    let presence = match call.values.text("presence") {
        "online" => Presence::Online,
        "away" => Presence::Away,
        _ => Presence::Offline, // the table allows these three only
    };
    Ok(card(call.app.router.set_presence(&agent.id, presence).await?))
}
