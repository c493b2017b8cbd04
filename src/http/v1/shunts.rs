//! `/v1/shunts`: what reception groups go by, and their figures.

use std::sync::Arc;

use messagecenter_actors::api::{GroupRulesView, StatsView};
use messagecenter_actors::domain::event::{GroupDefinition, Policy};
use messagecenter_actors::domain::refusal::Refusal;
use messagecenter_actors::domain::shunt::figures::{Durations, Figures};
use serde::Serialize;

use super::Deleted;
use crate::http::call::{Answer, Call, HandlerResult};

/// The longest code of a group, in bytes: that of any id.
const MAX_CODE: usize = messagecenter_actors::domain::ids::MAX_ID_BYTES;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupCard {
    #[serde(rename = "type")]
    code: String,
    ent_id: String,
    defined: bool,
    version: u32,
    policy: &'static str,
    queue_limit: u32,
    queue_timeout_seconds: i64,
    sticky_seconds: i64,
    overflow: Vec<Arc<str>>,
    overflow_delay_seconds: i64,
    ramp_seconds: i64,
    hours: Vec<String>,
    time_zone: String,
    offline_message: String,
    bot: bool,
    offer_seconds: i64,
    class: u8,
    skills: Vec<String>,
    idle_warning_seconds: i64,
    idle_close_seconds: i64,
    lifetime_seconds: i64,
    open: bool,
    agents: u64,
    online: u64,
    waiting: u64,
}

fn card(ent: i64, view: GroupRulesView) -> Answer {
    let GroupRulesView { group, defined, definition: rules, open, agents, online, waiting } = view;
    let card = GroupCard {
        code: group,
        ent_id: ent.to_string(),
        defined,
        version: rules.version,
        policy: rules.policy.as_str(),
        queue_limit: rules.queue_limit,
        queue_timeout_seconds: rules.queue_timeout / 1_000,
        sticky_seconds: rules.sticky / 1_000,
        overflow: rules.overflow,
        overflow_delay_seconds: rules.overflow_delay / 1_000,
        ramp_seconds: rules.ramp / 1_000,
        hours: rules.hours,
        time_zone: rules.time_zone,
        offline_message: rules.offline_message,
        bot: rules.bot,
        offer_seconds: rules.offer / 1_000,
        class: rules.class,
        skills: rules.skills,
        idle_warning_seconds: rules.idle_warning / 1_000,
        idle_close_seconds: rules.idle_close / 1_000,
        lifetime_seconds: rules.lifetime / 1_000,
        open,
        agents,
        online,
        waiting,
    };
    Answer::new(&card, waiting)
}

fn code(field: &'static str, text: &str) -> Result<String, Refusal> {
    if text.len() > MAX_CODE {
        let problem = format!("is {} bytes long; a group's code has at most {MAX_CODE}", text.len());
        return Err(Refusal::BadField { field, problem });
    }
    Ok(text.to_owned())
}

fn named(call: &Call) -> Result<(i64, String), Refusal> {
    Ok((call.values.int("entId"), code("type", call.values.text("type"))?))
}

/// `PUT /v1/shunts/{entId}/{type}`.
pub async fn put_shunt(call: Call) -> HandlerResult {
    let (ent, group) = named(&call)?;
    let values = &call.values;
    let millis = |field| values.int(field).saturating_mul(1_000);
    let overflow = values.texts("overflow").iter();
    let overflow = overflow.map(|group| code("overflow", group).map(Arc::from)).collect::<Result<_, _>>()?;
    let definition = GroupDefinition {
        version: 0,
        policy: Policy::from_word(values.text("policy")).unwrap_or_default(),
        queue_limit: u32::try_from(values.int("queueLimit")).unwrap_or(0),
        queue_timeout: millis("queueTimeoutSeconds"),
        sticky: millis("stickySeconds"),
        overflow,
        overflow_delay: millis("overflowDelaySeconds"),
        ramp: millis("rampSeconds"),
        hours: values.texts("hours").to_vec(),
        time_zone: values.text("timeZone").to_owned(),
        offline_message: values.text("offlineMessage").to_owned(),
        bot: values.flag("bot"),
        offer: millis("offerSeconds"),
        class: u8::try_from(values.int("class")).unwrap_or(0),
        skills: values.texts("skills").to_vec(),
        idle_warning: millis("idleWarningSeconds"),
        idle_close: millis("idleCloseSeconds"),
        lifetime: millis("lifetimeSeconds"),
    };
    Ok(card(ent, call.app.router.put_reception_group(ent, &group, definition).await?))
}

/// `GET /v1/shunts/{entId}/{type}`.
pub async fn get_shunt(call: Call) -> HandlerResult {
    let (ent, group) = named(&call)?;
    Ok(card(ent, call.app.router.reception_group(ent, &group).await?))
}

/// `DELETE /v1/shunts/{entId}/{type}`.
pub async fn delete_shunt(call: Call) -> HandlerResult {
    let (ent, group) = named(&call)?;
    let deleted = call.app.router.delete_reception_group(ent, &group).await?;
    Ok(Answer::new(&Deleted { deleted }, 0))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Duration {
    count: u64,
    mean_ms: Option<u64>,
    p50_ms: Option<u64>,
    p95_ms: Option<u64>,
}

impl From<&Durations> for Duration {
    fn from(durations: &Durations) -> Self {
        Self {
            count: durations.number(),
            mean_ms: durations.mean(),
            p50_ms: durations.quantile(0.5),
            p95_ms: durations.quantile(0.95),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Day {
    opened: u64,
    served: u64,
    abandoned: u64,
    turned_away: u64,
    closed: u64,
    transfers: u64,
    disconnects: u64,
    offers: u64,
    accepts: u64,
    rejects: u64,
    lapses: u64,
    wait: Duration,
    first_response: Duration,
    handling: Duration,
    utilisation: Option<f64>,
    up: i64,
    down: i64,
}

impl From<&Figures> for Day {
    fn from(figures: &Figures) -> Self {
        Self {
            opened: figures.opened,
            served: figures.served,
            abandoned: figures.abandoned,
            turned_away: figures.turned_away,
            closed: figures.closed,
            transfers: figures.transfers,
            disconnects: figures.disconnects,
            offers: figures.offers,
            accepts: figures.accepts,
            rejects: figures.rejects,
            lapses: figures.lapses,
            wait: (&figures.wait).into(),
            first_response: (&figures.first_response).into(),
            handling: (&figures.handling).into(),
            utilisation: figures.utilisation(),
            up: figures.up,
            down: figures.down,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentDays {
    agent_id: String,
    today: Day,
    yesterday: Day,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    group: String,
    ent_id: String,
    waiting: u64,
    online: u64,
    free_slots: u64,
    today: Day,
    yesterday: Day,
    agents: Vec<AgentDays>,
}

/// `GET /v1/shunts/{entId}/{type}/stats`.
pub async fn get_stats(call: Call) -> HandlerResult {
    let (ent, group) = named(&call)?;
    let StatsView { group, waiting, online, free_slots, days, agents } =
        call.app.router.stats(ent, &group).await?;
    let agents = agents.into_iter().map(|(agent_id, (today, yesterday))| AgentDays {
        agent_id,
        today: (&today).into(),
        yesterday: (&yesterday).into(),
    });
    let stats = Stats {
        group,
        ent_id: ent.to_string(),
        waiting,
        online,
        free_slots,
        today: (&days.0).into(),
        yesterday: (&days.1).into(),
        agents: agents.collect(),
    };
    Ok(Answer::new(&stats, waiting))
}
