//! `updateReadById`, `withdrawMessage`, `appraiseMessage`: marks on what was sent.

use messagecenter_actors::api::{AppraiseRequest, Caller, ConversationRef, Hat, ReadRequest, Rejection, WithdrawRequest};
use messagecenter_actors::domain::identity::{party, person};
use messagecenter_actors::domain::ids::{Address, ConversationKey, EntId, Kind, MessageId, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::caller::{About, Named, caller, hat, identity, missing, named};
use super::finding::{Appraise, notice_receiver, session_conversation};
use super::sending::pair;
use crate::http::call::{Answer, Call, HandlerResult};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    conversation_id: String,
    read_seq: u64,
}

/// `POST /message/updateReadById`: `count` = still unread there.
pub async fn update_read_by_id(call: Call) -> HandlerResult {
    let hat = match call.values.int("userType") {
        0 => identity(&call).likely_hat().unwrap_or(Hat::User),
        user_type => hat(user_type),
    };
    let side = call.values.int("sendType");
    let about = if is_service(hat, side) { About::Service } else { About::Other };
    let caller = caller(&call, hat, about).await?;
    let conversation = conversation(&call, &caller, side).await?;
    let up_to = up_to(call.values.text("messageId"), &conversation)?;
    let mark = call.app.router.read(ReadRequest { conversation, caller, up_to }).await?;
    let data = Mark { conversation_id: mark.conversation.to_string(), read_seq: mark.read_seq };
    Ok(Answer::new(&data, mark.unread))
}

/// A user who reads the agents' side, or an agent who reads a user's, reads a service conversation.
fn is_service(hat: Hat, side: i64) -> bool {
    matches!((hat, side), (Hat::User, 1) | (Hat::Agent, 2))
}

async fn conversation(call: &Call, caller: &Caller, side: i64) -> Result<ConversationRef, Rejection> {
    let send_id = call.values.text("sendId");
    if side == 4 {
        return Ok(ConversationRef::Key(ConversationKey::Notice(notice_receiver(caller, send_id)?)));
    }
    if let Named::Conversation(id) = named("sendId", send_id, PartyType::User)? {
        return Ok(ConversationRef::Id(id));
    }
    if let Named::Session(session) = named("sendId", send_id, PartyType::User)? {
        return session_conversation(call, session).await;
    }
    if side == 3 {
        let group = party("sendId", send_id, PartyType::Group)?.ok_or_else(|| missing("sendId"))?;
        return Ok(ConversationRef::Key(ConversationKey::Group(group.id)));
    }
    if is_service(caller.hat, side) {
        return Ok(ConversationRef::Key(service(call, caller, send_id).await?));
    }
    let direct = direct(caller, side, send_id)?;
    if side == 0 && caller.own.is_some() && !call.app.router.exists(direct.id()).await? {
        return Ok(ConversationRef::Key(service(call, caller, send_id).await?));
    }
    Ok(ConversationRef::Key(direct))
}

/// The kind-1 conversation with `sendId`. A bare id is a seat when the caller acts from one, an agent when an
/// agent reads agents, else a user.
fn direct(caller: &Caller, side: i64, send_id: &str) -> Result<ConversationKey, Refusal> {
    let bare_type = match (&caller.seat, caller.hat, side) {
        (Some(_), _, _) => PartyType::Position,
        (None, Hat::Agent, 1) => PartyType::Agent,
        (None, _, _) => PartyType::User,
    };
    let me = caller.in_kind_1().ok_or(Refusal::NoIdentity { header: "newUserId" })?;
    let peer = party("sendId", send_id, bare_type)?.ok_or_else(|| missing("sendId"))?;
    pair(me, peer)
}

/// The service conversation: an agent names the customer; a user names the agent, whose enterprise it is.
async fn service(call: &Call, caller: &Caller, send_id: &str) -> Result<ConversationKey, Rejection> {
    let me = person(caller)?.clone();
    if caller.hat == Hat::Agent {
        let customer = party("sendId", send_id, PartyType::User)?.ok_or_else(|| missing("sendId"))?;
        return Ok(ConversationKey::Service(caller.ent, customer));
    }
    let ent = match party("sendId", send_id, PartyType::Agent)? {
        Some(agent) if agent.party == PartyType::Agent => agent_ent(call, &agent, caller.ent).await?,
        _ => caller.ent,
    };
    Ok(ConversationKey::Service(ent, me))
}

async fn agent_ent(call: &Call, agent: &Address, header: EntId) -> Result<EntId, Rejection> {
    Ok(call.app.router.agent_enterprise(&agent.id).await?.unwrap_or(header))
}

fn up_to(message_id: &str, conversation: &ConversationRef) -> Result<Option<u64>, Refusal> {
    if message_id.is_empty() {
        return Ok(None);
    }
    let id = match conversation {
        ConversationRef::Key(key) => key.id(),
        ConversationRef::Id(id) => *id,
    };
    match message_id.parse::<MessageId>() {
        Ok(message) if message.conversation == id => Ok(Some(message.seq)),
        _ => Err(Refusal::UnknownMessage),
    }
}

/// `POST /message/withdrawMessage`: repeating answers the same.
pub async fn withdraw_message(call: Call) -> HandlerResult {
    let hat = hat(call.values.int("userType"));
    let message = message_id(&call)?;
    let given = |field: &'static str| Some(call.values.int(field)).filter(|id| *id != 0).map(|id| id.to_string());
    let sender_id = given("senderId");
    let by = match (identity(&call).caller(hat), &sender_id) {
        (Ok(_), _) => caller(&call, hat, About::Other).await?.addresses(),
        (Err(_), Some(id)) => by_sender_id(hat, id),
        (Err(refusal), None) => return Err(refusal.into()),
    };
    let request = WithdrawRequest {
        message,
        by,
        hat,
        sender_id,
        recipient_id: given("recipientId"),
        kind: Kind::from_number(call.values.int("conversationType")),
        group_id: given("chatGroupId"),
    };
    call.app.router.withdraw(request).await?;
    Ok(Answer::new(&serde_json::json!({ "messageId": message.to_string(), "withdrawn": true }), 1))
}

/// Without identity headers `senderId` says who asks, under the hat of `userType`: the person or the seat.
fn by_sender_id(hat: Hat, id: &str) -> Vec<Address> {
    let own = match hat {
        Hat::Agent => Address::agent(id),
        Hat::User => Address::user(id),
    };
    vec![own, Address::position(id)]
}

fn message_id(call: &Call) -> Result<MessageId, Refusal> {
    call.values.text("messageId").parse().map_err(|_| Refusal::UnknownMessage)
}

/// `POST /message/appraiseMessage`: one vote per person and message.
pub async fn appraise_message(call: Call) -> HandlerResult {
    let message = message_id(&call)?;
    let caller = caller(&call, Hat::User, About::Other).await?;
    let vote = if call.values.int("appraise") < 0 { -1 } else { 1 };
    let appraisal = call.app.router.appraise(AppraiseRequest { message, caller, vote }).await?;
    let data = Appraise { up: appraisal.up, down: appraisal.down, mine: appraisal.mine };
    Ok(Answer::new(&data, appraisal.up + appraisal.down))
}
