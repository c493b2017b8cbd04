//! `createChatSession`, `closeChatSession`, `obtainShunt`: customer service.

use std::str::FromStr;

use messagecenter_actors::api::{
    Caller, Closed, Hat, Obtain, OpenSession, Opener, Rejection, SessionView, Shunt, ShuntState, Wish,
};
use messagecenter_actors::domain::event::Reasons;
use messagecenter_actors::domain::identity::person;
use messagecenter_actors::domain::ids::{Address, ConversationKey, EntId, Kind, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;
use uuid::Uuid;

use super::caller::{
    About, Named, caller, ent_field, group, hat, identity, kind_1_type, missing, named, peer,
};
use super::sending::pair;
use crate::http::call::{Answer, Call, HandlerResult};

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_id: Option<String>,
    conversation_id: String,
    state: Option<&'static str>,
    agent_id: Option<String>,
    #[serde(rename = "customerserviceName")]
    shown_name: Option<String>,
    is_artificial: Option<u8>,
    ahead: Option<u64>,
    estimated_wait_seconds: Option<u64>,
    created: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline_message: Option<String>,
}

impl Session {
    fn of(view: SessionView) -> Self {
        Self {
            session_id: Some(view.session.to_string()),
            conversation_id: view.conversation.to_string(),
            state: Some(view.state.as_str()),
            agent_id: view.agent,
            shown_name: Some(view.shown_name),
            is_artificial: Some(yes_or_no(view.human)),
            ahead: Some(view.ahead),
            estimated_wait_seconds: view.estimated_wait_seconds,
            created: view.created,
            close_reason: view.ended.map(|(_, reason)| reason.as_str()),
            offline_message: Some(view.offline_message).filter(|text| !text.is_empty()),
        }
    }
}

/// A flag that the contract asks as 0/1/2 is answered as 1 yes, 2 no.
pub const fn yes_or_no(flag: bool) -> u8 {
    if flag { 1 } else { 2 }
}

/// `POST /message/createChatSession`: `count` = people ahead.
pub async fn create_chat_session(call: Call) -> HandlerResult {
    let kind = call.values.kind("msgType").unwrap_or(Kind::OneToOne);
    let hat = hat(call.values.int("userType"));
    let receive_id = call.values.text("receiveId");
    let about = if kind == Kind::Service { About::Service } else { About::Other };
    match kind {
        Kind::Service => {
            let receive_ent = ent_field("receiveEntId", call.values.text("receiveEntId"))?;
            let caller = caller(&call, hat, about).await?;
            let view = open_service(&call, &caller, receive_ent, receive_id).await?;
            let ahead = view.ahead;
            Ok(Answer::new(&Session::of(view), ahead))
        }
        Kind::OneToOne => {
            let caller = caller(&call, hat, about).await?;
            let me = caller.in_kind_1().ok_or(Refusal::NoIdentity { header: "newUserId" })?;
            let peer = peer("receiveId", receive_id, kind_1_type(&caller))?;
            open_plain(&call, pair(me, peer)?, me).await
        }
        Kind::Group => {
            let caller = caller(&call, hat, about).await?;
            let group = group("receiveId", receive_id)?.ok_or_else(|| missing("receiveId"))?;
            open_plain(&call, ConversationKey::Group(group.id), person(&caller)?).await
        }
        Kind::Notice => {
            let problem = "is 4 (notices); allowed are 1, 2 and 3".to_owned();
            Err(Refusal::BadField { field: "msgType", problem }.into())
        }
    }
}

async fn open_plain(call: &Call, key: ConversationKey, opener: &Address) -> HandlerResult {
    let (conversation, created) = call.app.router.open(key, opener).await?;
    let session = Session { conversation_id: conversation.to_string(), created, ..Session::default() };
    Ok(Answer::new(&session, 0))
}

async fn open_service(
    call: &Call,
    caller: &Caller,
    receive_ent: Option<EntId>,
    receive_id: &str,
) -> Result<SessionView, Rejection> {
    let me = person(caller)?;
    let (ent, customer, opener, group) = match caller.hat {
        Hat::User => {
            let (wish, group) = wish(receive_id)?;
            (receive_ent.unwrap_or(caller.ent), me.clone(), Opener::Customer(wish), group)
        }
        Hat::Agent => {
            let record = call.app.router.agent_enterprise(&me.id).await?;
            if let (Some(record), Some(asked)) = (record, receive_ent)
                && record != asked
            {
                let named_by = "field \"receiveEntId\"";
                return Err(Refusal::OtherEnterprise { record, named_by, asked }.into());
            }
            let opener = Opener::Agent(me.id.to_string());
            (receive_ent.unwrap_or(caller.ent), customer(receive_id)?, opener, String::new())
        }
    };
    let request = OpenSession {
        ent,
        customer,
        opener,
        group,
        shown_name: call.values.text("customerserviceName").to_owned(),
        app_id: call.values.text("appId").to_owned(),
        receive_app_id: call.values.text("receiveAppId").to_owned(),
    };
    call.app.router.open_session(request).await
}

/// The customer whom an agent's `receiveId` names.
fn customer(receive_id: &str) -> Result<Address, Refusal> {
    match named("receiveId", receive_id, PartyType::User)? {
        Named::Party(customer) if customer.party == PartyType::User => Ok(customer),
        Named::Nobody => Err(missing("receiveId")),
        _ => {
            let problem = "must name a customer (a user)".to_owned();
            Err(Refusal::BadField { field: "receiveId", problem })
        }
    }
}

/// What a customer's `receiveId` wishes, and in which reception group (empty = the default one): a reservation, an
/// agent, somebody of `group:{code}`, or nobody in particular.
fn wish(receive_id: &str) -> Result<(Wish, String), Refusal> {
    Ok(match named("receiveId", receive_id, PartyType::Agent)? {
        Named::Lease(lease) => (Wish::Lease(lease), String::new()),
        Named::Party(agent) if agent.party == PartyType::Agent => {
            (Wish::Agent(agent.id.to_string()), String::new())
        }
        Named::Party(group) if group.party == PartyType::Group => (Wish::Anyone, group.id.to_string()),
        _ => (Wish::Anyone, String::new()),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClosedSession {
    session_id: String,
    state: &'static str,
    close_reason: &'static str,
    already_closed: bool,
    duration_seconds: u64,
}

/// `POST /message/closeChatSession`: idempotent.
pub async fn close_chat_session(call: Call) -> HandlerResult {
    let session = Uuid::from_str(call.values.text("sessionId")).map_err(|_| Refusal::UnknownSession)?;
    let closed = close_as_any_hat(&call, session).await?;
    let data = ClosedSession {
        session_id: closed.session.to_string(),
        state: "ended",
        close_reason: closed.reason.as_str(),
        already_closed: closed.already,
        duration_seconds: closed.duration_seconds,
    };
    Ok(Answer::new(&data, 0))
}

/// The request does not say which hat its caller wears: the customer's is tried first, then the agent's. A
/// caller without either header is not asked who it is.
async fn close_as_any_hat(call: &Call, session: Uuid) -> Result<Closed, Rejection> {
    let identity = identity(call);
    let mut hats = Vec::new();
    hats.extend(identity.user.map(|_| Hat::User));
    hats.extend(identity.agent.map(|_| Hat::Agent));
    if hats.is_empty() {
        return call.app.router.close_session(session, None).await;
    }
    let mut outcome = Err(Refusal::UnknownSession.into());
    for hat in hats {
        let caller = caller(call, hat, About::Service).await?;
        outcome = call.app.router.close_session(session, Some(&caller)).await;
        if outcome != Err(Rejection::Refused(Refusal::UnknownSession)) {
            break;
        }
    }
    outcome
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    state: &'static str,
    group: String,
    fallback: bool,
    agent_id: Option<String>,
    #[serde(rename = "customerserviceName")]
    agent_name: Option<String>,
    ent_id: String,
    reservation_id: Option<String>,
    expires_at: Option<i64>,
    ahead: u64,
    estimated_wait_seconds: Option<u64>,
    online: u64,
    free_slots: u64,
    waiting: u64,
    reason: Reason,
    offline_message: Option<String>,
}

/// Why routing gave what it gave.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    policy: &'static str,
    considered: u32,
    skipped: std::collections::BTreeMap<&'static str, u32>,
    step: &'static str,
    agent_id: Option<String>,
    group: String,
    policy_version: u32,
    tie_break: Option<&'static str>,
    waiting: u32,
}

impl Reason {
    /// In words.
    pub fn of(why: &Reasons) -> Self {
        Self {
            policy: why.policy.as_str(),
            considered: why.considered,
            skipped: why.skipped.iter().map(|(cause, count)| (cause.as_str(), *count)).collect(),
            step: why.step.as_str(),
            agent_id: why.agent.as_ref().map(ToString::to_string),
            group: why.group.to_string(),
            policy_version: why.policy_version,
            tie_break: why.tie_break.map(|rule| rule.as_str()),
            waiting: why.waiting,
        }
    }
}

/// `POST /message/obtainShunt`: reserves a place; `count` = ahead.
pub async fn obtain_shunt(call: Call) -> HandlerResult {
    let identity = identity(&call);
    let customer = identity.user.map(Address::user);
    let vouched = match &customer {
        Some(user) => is_registered(&call, user).await,
        None => false,
    };
    let request = Obtain {
        ent: identity.ent,
        group: call.values.text("type").to_owned(),
        customer,
        client: call.client.clone().filter(|_| !vouched),
    };
    let shunt = call.app.router.obtain(request).await?;
    let ahead = shunt.ahead;
    Ok(Answer::new(&place(shunt, identity.ent), ahead))
}

/// Whether the directory knows the user, or whom a visitor became, as one with an account. A directory that does not
/// answer vouches for nobody: reserving goes on within the bound.
async fn is_registered(call: &Call, user: &Address) -> bool {
    let person = call.app.router.person(user);
    call.app.router.get_user(&person.id).await.is_ok_and(|known| !known.tourist)
}

fn place(shunt: Shunt, ent: EntId) -> Place {
    let (agent_id, agent_name) = shunt.agent.unzip();
    let (lease, expires_at) = shunt.lease.unzip();
    Place {
        state: match shunt.state {
            ShuntState::Assigned => "assigned",
            ShuntState::Busy => "busy",
            ShuntState::Offline => "offline",
        },
        group: shunt.group,
        fallback: shunt.fallback,
        agent_id,
        agent_name,
        ent_id: ent.to_string(),
        reservation_id: lease.map(|id| format!("lease:{id}")),
        expires_at,
        ahead: shunt.ahead,
        estimated_wait_seconds: shunt.estimated_wait_seconds,
        online: shunt.online,
        free_slots: shunt.free_slots,
        waiting: shunt.waiting,
        reason: Reason::of(&shunt.reasons),
        offline_message: Some(shunt.offline_message).filter(|text| !text.is_empty()),
    }
}
