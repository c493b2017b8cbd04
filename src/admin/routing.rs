//! Routing as operators see it: enterprises in memory, and one reception group whole.

use messagecenter_actors::api::{AgentView, Rejection};
use messagecenter_actors::domain::event::Presence;
use serde::Serialize;
use serde_json::json;

use super::actors::statuses;
use super::routes::{AdminCall, AdminResult};
use crate::http::call::Answer;
use crate::http::errors::Problem;

/// Customers who wait that are shown one by one at most, from the head of the queue on.
const WAITING: usize = 1_000;

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
    let mut found = statuses(&call.admin.app.router, Some("shunt".to_owned())).await?;
    found.sort_unstable_by_key(|status| status.key.parse::<i64>().unwrap_or(i64::MAX));
    let rows: Vec<Enterprise> = found
        .into_iter()
        .map(|status| Enterprise { ent_id: status.key, phase: status.phase, depth: status.depth })
        .collect();
    Ok(Answer::list(&rows, rows.len() as u64))
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
    let queue = router.queue(ent, group, 0, WAITING).await.map_err(Problem::from)?;
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
