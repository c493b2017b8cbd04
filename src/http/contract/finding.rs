//! `findMessage`: history, page by page.

use std::collections::HashMap;

use messagecenter_actors::api::{Caller, ConversationRef, Hat, HistoryRequest, HistoryRow, PeerCard, Rejection};
use messagecenter_actors::domain::identity::{names, party, person};
use messagecenter_actors::domain::ids::{Address, ConversationKey, Kind, MessageId, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;
use uuid::Uuid;

use super::caller::{About, Named, caller, hat, kind_1_type, missing, named};
use super::sending::pair;
use crate::http::call::{Answer, Call, HandlerResult};

/// Most rows of one page.
const MAX_PAGE: i64 = 100;

/// `POST /message/findMessage`: `count` = messages in the conversation.
pub async fn find_message(call: Call) -> HandlerResult {
    let kind = call.values.kind("msgType").unwrap_or(Kind::OneToOne);
    let page_size = call.values.int("pageSize");
    if !(1..=MAX_PAGE).contains(&page_size) {
        let problem = format!("is {page_size}; allowed are 1 to {MAX_PAGE}");
        return Err(Refusal::BadField { field: "pageSize", problem }.into());
    }
    let about = if kind == Kind::Service { About::Service } else { About::Other };
    let caller = caller(&call, hat(call.values.int("userType")), about).await?;
    let conversation = conversation(&call, kind, &caller).await?;
    let id = match &conversation {
        ConversationRef::Key(key) => key.id(),
        ConversationRef::Id(id) => *id,
    };
    let request = HistoryRequest {
        conversation,
        kind,
        caller,
        cursor: cursor(call.values.text("lastId"), id)?,
        descending: call.values.text("sort") != "asc",
        limit: usize::try_from(page_size).unwrap_or(1),
    };
    let history = call.app.router.history(request).await?;
    let authors: Vec<Address> = history.rows.iter().map(|row| row.message.author.address.clone()).collect();
    let cards = call.app.router.cards(&authors).await?;
    let rows: Vec<Row> = history.rows.iter().map(|row| Row::of(history.conversation, row, &cards, kind)).collect();
    Ok(Answer::new(&rows, history.total))
}

/// Which conversation the request names.
async fn conversation(call: &Call, kind: Kind, caller: &Caller) -> Result<ConversationRef, Rejection> {
    let send_id = call.values.text("sendId");
    let bare_type = if kind == Kind::OneToOne { kind_1_type(caller) } else { PartyType::User };
    let named = named("sendId", send_id, bare_type)?;
    if let Named::Conversation(id) = named {
        return Ok(ConversationRef::Id(id));
    }
    let key = match kind {
        Kind::OneToOne => {
            let me = caller.in_kind_1().ok_or(Refusal::NoIdentity { header: "newUserId" })?;
            let Named::Party(peer) = named else { return Err(missing("sendId").into()) };
            pair(me, peer)?
        }
        Kind::Service => match named {
            Named::Session(session) => return session_conversation(call, session).await,
            named => service_key(caller, named)?,
        },
        Kind::Group => ConversationKey::Group(group_id(call, send_id)?.into()),
        Kind::Notice => ConversationKey::Notice(notice_receiver(caller, send_id)?),
    };
    Ok(ConversationRef::Key(key))
}

/// The conversation of a session.
pub async fn session_conversation(call: &Call, session: Uuid) -> Result<ConversationRef, Rejection> {
    let view = call.app.router.session(session).await?;
    Ok(ConversationRef::Id(view.conversation))
}

fn service_key(caller: &Caller, named: Named) -> Result<ConversationKey, Refusal> {
    let me = person(caller)?;
    match (caller.hat, named) {
        (Hat::User, _) => Ok(ConversationKey::Service(caller.ent, me.clone())),
        (Hat::Agent, Named::Party(customer)) => Ok(ConversationKey::Service(caller.ent, customer)),
        (Hat::Agent, _) => Err(missing("sendId")),
    }
}

fn group_id(call: &Call, send_id: &str) -> Result<String, Refusal> {
    let chat_group_id = call.values.text("chatGroupId");
    let (field, text) =
        if chat_group_id.is_empty() { ("sendId", send_id) } else { ("chatGroupId", chat_group_id) };
    match party(field, text, PartyType::Group)? {
        Some(group) if group.party == PartyType::Group => Ok(group.id.to_string()),
        _ => Err(Refusal::BadField { field: "chatGroupId", problem: "must name a group".to_owned() }),
    }
}

/// Whose notices: the caller's own, or its seat's where that is named or all it has.
pub fn notice_receiver(caller: &Caller, send_id: &str) -> Result<Address, Refusal> {
    let addresses = caller.addresses();
    let named = addresses.iter().find(|address| send_id.contains(':') && names(send_id, address));
    let receiver = named.or(addresses.first()).ok_or(Refusal::NoIdentity { header: "newUserId" })?;
    Ok(receiver.clone())
}

fn cursor(last_id: &str, conversation: Uuid) -> Result<Option<u64>, Refusal> {
    if last_id.is_empty() || last_id == "0" {
        return Ok(None);
    }
    match last_id.parse::<MessageId>() {
        Ok(message) if message.conversation == conversation => Ok(Some(message.seq)),
        _ => {
            let problem = "must be a messageId of this conversation".to_owned();
            Err(Refusal::BadField { field: "lastId", problem })
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    message_id: String,
    conversation_id: String,
    seq: u64,
    session_id: Option<String>,
    sender: Sender,
    own_type: u8,
    #[serde(rename = "type")]
    kind: i64,
    item_type: i64,
    item: i64,
    title: String,
    content: String,
    link: String,
    app_id: String,
    sent_at: i64,
    withdrawn: bool,
    read_by_peer: bool,
    appraise: Appraise,
}

#[derive(Serialize)]
struct Sender {
    #[serde(rename = "type")]
    party: &'static str,
    id: String,
    name: String,
}

/// Votes of a message as answers show them.
#[derive(Serialize)]
pub struct Appraise {
    /// For.
    pub up: u64,
    /// Against.
    pub down: u64,
    /// The caller's own: 1, -1 or 0.
    pub mine: i8,
}

impl Row {
    fn of(conversation: Uuid, row: &HistoryRow, cards: &HashMap<Address, PeerCard>, kind: Kind) -> Self {
        let message = &row.message;
        let author = &message.author.address;
        let name = cards.get(author).map(|card| card.name.clone()).unwrap_or_default();
        Self {
            message_id: MessageId { conversation, seq: message.seq }.to_string(),
            conversation_id: conversation.to_string(),
            seq: message.seq,
            session_id: message.session.map(|id| id.to_string()),
            sender: Sender { party: author.party.as_str(), id: author.id.to_string(), name },
            own_type: message.author.own_type,
            kind: kind.number(),
            item_type: message.body.item_type,
            item: message.body.item,
            title: message.body.title.clone(),
            content: message.body.content.clone(),
            link: message.body.link.clone(),
            app_id: message.body.app_id.clone(),
            sent_at: message.sent_at,
            withdrawn: message.withdrawn_at.is_some(),
            read_by_peer: row.read_by_peer,
            appraise: Appraise { up: row.up, down: row.down, mine: row.mine },
        }
    }
}
