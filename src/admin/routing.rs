//! Routing as operators see it: enterprises in memory, and one reception group whole.

use messagecenter_actors::api::{AgentView, Rejection};
use messagecenter_actors::domain::event::Presence;
use messagecenter_actors::router::Router;
use messagecenter_actors::runtime::inspection::Glance;
use serde::Serialize;
use serde_json::json;

use super::actors::{PAGE, looked};
use super::routes::{AdminCall, AdminResult};
use crate::http::call::Answer;
use crate::http::errors::Problem;

/// Agents that are shown one by one at most.
const STAFF: usize = 200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Enterprise {
    ent_id: String,
    phase: &'static str,
    depth: usize,
}

/// `GET /admin/routing`.
pub async fn enterprises(call: AdminCall) -> AdminResult {
    let after = call.values.opt_int("after").unwrap_or(i64::MIN);
    let limit = call.values.opt_int("limit").unwrap_or(PAGE).unsigned_abs() as usize;
    let mut found = looked(&call.admin.app.router, Router::enterprises).await?;
    found.retain(|(ent, _)| *ent > after);
    let count = found.len() as u64;
    found.sort_unstable_by_key(|(ent, _)| *ent);
    let enterprise = |(ent, seen): (i64, Glance)| Enterprise {
        ent_id: ent.to_string(),
        phase: seen.phase,
        depth: seen.depth,
    };
    let rows: Vec<Enterprise> = found.into_iter().take(limit).map(enterprise).collect();
    Ok(Answer::new(&rows, count))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waits {
    session_id: String,
    customer: String,
    since: i64,
    waited_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Agent {
    agent_id: String,
    presence: &'static str,
    accepting: bool,
    sessions: u64,
    leases: u64,
    capacity: u32,
}

const fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Online => "online",
        Presence::Away => "away",
        Presence::Offline => "offline",
    }
}

impl From<AgentView> for Agent {
    fn from(view: AgentView) -> Self {
        Self {
            agent_id: view.agent,
            presence: word(view.presence),
            accepting: view.accepting,
            sessions: view.sessions,
            leases: view.leases,
            capacity: view.record.capacity,
        }
    }
}

/// `GET /admin/routing/{entId}/{type}`.
pub async fn reception(call: AdminCall) -> AdminResult {
    let (ent, group) = (call.values.int("entId"), call.values.text("type"));
    let router = &call.admin.app.router;
    let rules = router.reception_group(ent, group).await.map_err(Problem::from)?;
    let stats = router.stats(ent, group).await.map_err(Problem::from)?;
    let limit = call.values.opt_int("limit").unwrap_or(PAGE).unsigned_abs() as usize;
    let queue = router.queue(ent, group, 0, limit).await.map_err(Problem::from)?;
    let mut staff: Vec<Agent> = Vec::new();
    for (agent, _) in stats.agents.iter().take(STAFF) {
        match router.agent(agent).await {
            Ok(view) => staff.push(view.into()),
            Err(Rejection::Refused(_)) => {} // its record was deleted
            Err(failed) => return Err(failed.into()),
        }
    }
    let now = router.world().clock.now();
    let waits: Vec<Waits> = queue
        .waiting
        .iter()
        .map(|waiting| Waits {
            session_id: waiting.session.to_string(),
            customer: waiting.customer.to_string(),
            since: waiting.since,
            waited_ms: now.saturating_sub(waiting.since),
        })
        .collect();
    let today = &stats.days.0;
    let count = queue.total as u64;
    let shown = json!({
        "type": rules.group,
        "entId": ent.to_string(),
        "policy": rules.definition.policy.as_str(),
        "open": rules.open,
        "agents": rules.agents,
        "online": stats.online,
        "freeSlots": stats.free_slots,
        "waiting": stats.waiting,
        "queue": waits,
        "today": {
            "opened": today.opened,
            "served": today.served,
            "abandoned": today.abandoned,
            "waitP50Ms": today.wait.quantile(0.5),
            "waitP95Ms": today.wait.quantile(0.95),
        },
        "staff": staff,
    });
    Ok(Answer::new(&shown, count))
}
