//! `updateReadById`, `withdrawMessage`, `appraiseMessage`: marks on what was sent.

use messagecenter_actors::api::{
    Appraisal, AppraiseRequest, Caller, ConversationRef, Hat, ReadRequest, Rejection, WithdrawRequest,
};
use messagecenter_actors::domain::identity::{party, person};
use messagecenter_actors::domain::ids::{Address, ConversationKey, EntId, Kind, MessageId, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::caller::{About, Named, agrees, caller, caller_of, group, hat, identity, missing, named, peer};
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
        0 => identity(&call).likely_hat(),
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
    let named = named("sendId", send_id, PartyType::User)?;
    if let Named::Conversation(id) = named {
        return Ok(ConversationRef::Id(id));
    }
    if side == 3 {
        let group = group("sendId", send_id)?.ok_or_else(|| missing("sendId"))?;
        return Ok(ConversationRef::Key(ConversationKey::Group(group.id)));
    }
    if let Named::Session(session) = named {
        return session_conversation(call, caller, session).await;
    }
    if is_service(caller.hat, side) {
        return Ok(ConversationRef::Key(service(call, caller, send_id).await?));
    }
    match direct(caller, side, send_id) {
        // Nobody has a conversation with oneself, but an agent may have one's own number.
        Err(Refusal::Oneself) if side == 0 && caller.own.is_some() => {}
        direct => {
            let direct = direct?;
            if side != 0 || caller.own.is_none() || call.app.router.exists(direct.id()).await? {
                return Ok(ConversationRef::Key(direct));
            }
        }
    }
    Ok(ConversationRef::Key(service(call, caller, send_id).await?))
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
    pair(me, peer("sendId", send_id, bare_type)?)
}

/// The service conversation: an agent names the customer; a user names the agent, whose enterprise it is.
async fn service(call: &Call, caller: &Caller, send_id: &str) -> Result<ConversationKey, Rejection> {
    let me = person(caller)?.clone();
    agrees(&identity(call), caller)?;
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
    let given =
        |field: &'static str| Some(call.values.int(field)).filter(|id| *id != 0).map(|id| id.to_string());
    let sender_id = given("senderId");
    let caller = withdrawer(&call, hat).await?;
    let request = WithdrawRequest {
        message,
        by: caller.addresses(),
        desk: (hat == Hat::Agent && caller.own.is_some()).then_some(caller.ent),
        sender_id,
        recipient_id: given("recipientId"),
        kind: Kind::from_number(call.values.int("conversationType")),
        group_id: given("chatGroupId"),
    };
    call.app.router.withdraw(request).await?;
    Ok(Answer::new(&serde_json::json!({ "messageId": message.to_string(), "withdrawn": true }), 0))
}

/// Identity headers, once sent, say who asks. Without any of them `senderId` does, under the hat of `userType`:
/// the person or the seat of that number.
async fn withdrawer(call: &Call, hat: Hat) -> Result<Caller, Rejection> {
    let mut identity = identity(call);
    if identity.is_nobody() {
        let id = Some(call.values.int("senderId")).filter(|id| *id != 0);
        match hat {
            Hat::Agent => identity.agent = id,
            Hat::User => identity.user = id,
        }
        identity.seat = id;
    }
    caller_of(call, &identity, hat, About::Other).await
}

fn message_id(call: &Call) -> Result<MessageId, Refusal> {
    call.values.text("messageId").parse().map_err(|_| Refusal::UnknownMessage)
}

/// `POST /message/appraiseMessage`: one vote per person and message.
pub async fn appraise_message(call: Call) -> HandlerResult {
    let message = message_id(&call)?;
    let vote = if call.values.int("appraise") < 0 { -1 } else { 1 };
    let appraisal = appraise_as_any_hat(&call, message, vote).await?;
    let data = Appraise { up: appraisal.up, down: appraisal.down, mine: appraisal.mine };
    Ok(Answer::new(&data, 0))
}

/// The request does not say which hat its caller wears. A vote goes by the address that received the message:
/// the user's or the seat's, else the agent's.
async fn appraise_as_any_hat(call: &Call, message: MessageId, vote: i8) -> Result<Appraisal, Rejection> {
    let user = caller(call, Hat::User, About::Other).await?;
    let outcome = call.app.router.appraise(AppraiseRequest { message, caller: user, vote }).await;
    let stranger = outcome == Err(Rejection::Refused(Refusal::UnknownMessage));
    if !stranger || identity(call).agent.is_none() {
        return outcome;
    }
    let agent = caller(call, Hat::Agent, About::Other).await?;
    call.app.router.appraise(AppraiseRequest { message, caller: agent, vote }).await
}
