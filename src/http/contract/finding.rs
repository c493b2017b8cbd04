//! `findMessage`: history, page by page.

use foldhash::HashMap;
use messagecenter_actors::api::{
    Caller, ConversationRef, Hat, HistoryRequest, HistoryRow, PeerCard, Rejection,
};
use messagecenter_actors::domain::identity::{names, person};
use messagecenter_actors::domain::ids::{Address, ConversationKey, Kind, MessageId, PartyType};
use messagecenter_actors::domain::message::StoredMessage;
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;
use uuid::Uuid;

use super::caller::{About, Named, caller, group, hat, kind_1_type, missing, named, peer};
use super::sending::pair;
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::json::writer::Writer;

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
    let mut authors: Vec<Address> = Vec::new();
    for author in history.rows.iter().map(|row| &row.message.author.address) {
        // Few write in one page, most of them in turn.
        if !authors.contains(author) {
            authors.push(author.clone());
        }
    }
    let cards = call.app.router.cards(&authors).await?;
    let by_agents = history.rows.iter().filter(|row| row.message.author.address.party == PartyType::Agent);
    let shown_names = call.app.router.shown_names(by_agents.filter_map(|row| row.message.session)).await?;
    let conversation = history.conversation.to_string();
    // The bodies lie apart in memory: to look at all of them in one go takes less than at one in each row.
    let texts = history.rows.iter().map(|row| row.message.body.text_bytes()).sum();
    Ok(Answer::rows(&history.rows, history.total, texts, |json, row| {
        write(json, &conversation, row, name(row, &cards, &shown_names), kind);
    }))
}

/// The author's name: an agent's is the one its session was opened to be shown under, if there is one.
fn name<'a>(
    row: &HistoryRow,
    cards: &'a HashMap<Address, PeerCard>,
    shown_names: &'a HashMap<Uuid, String>,
) -> &'a str {
    let message = &row.message;
    let author = &message.author.address;
    let shown = message.session.and_then(|session| shown_names.get(&session));
    match shown.filter(|_| author.party == PartyType::Agent) {
        Some(shown) => shown,
        None => cards.get(author).map(|card| card.name.as_str()).unwrap_or_default(),
    }
}

/// Which conversation the request names.
async fn conversation(call: &Call, kind: Kind, caller: &Caller) -> Result<ConversationRef, Rejection> {
    let send_id = call.values.text("sendId");
    let named = named("sendId", send_id, PartyType::User)?;
    if let Named::Conversation(id) = named {
        return Ok(ConversationRef::Id(id));
    }
    let key = match kind {
        Kind::OneToOne => {
            let me = caller.in_kind_1().ok_or(Refusal::NoIdentity { header: "newUserId" })?;
            pair(me, peer("sendId", send_id, kind_1_type(caller))?)?
        }
        Kind::Service => match named {
            Named::Session(session) => return session_conversation(call, caller, session).await,
            named => service_key(caller, named)?,
        },
        Kind::Group => ConversationKey::Group(group_id(call, send_id)?.into()),
        Kind::Notice => ConversationKey::Notice(notice_receiver(caller, send_id)?),
    };
    Ok(ConversationRef::Key(key))
}

/// The conversation of a session of the caller; another's is as unknown as none.
pub async fn session_conversation(
    call: &Call,
    caller: &Caller,
    session: Uuid,
) -> Result<ConversationRef, Rejection> {
    let view = call.app.router.session_card(session).await?;
    let takes_part = match caller.hat {
        Hat::User => caller.own.as_ref() == Some(&view.customer),
        Hat::Agent => caller.own.is_some() && caller.ent == view.ent,
    };
    if takes_part { Ok(ConversationRef::Id(view.conversation)) } else { Err(Refusal::UnknownSession.into()) }
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
    Ok(group(field, text)?.ok_or_else(|| missing("chatGroupId"))?.id.to_string())
}

/// Whose notices: the caller's own, or its seat's where that (or that conversation) is named or all it has.
pub fn notice_receiver(caller: &Caller, send_id: &str) -> Result<Address, Refusal> {
    let addresses = caller.addresses();
    let is_named = |address: &Address| {
        let conversation = || ConversationKey::Notice(address.clone()).id();
        send_id.contains(':') && names(send_id, address) || Uuid::try_parse(send_id) == Ok(conversation())
    };
    let named = addresses.iter().find(|address| is_named(address));
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

/// Writes one row. `conversation`: its id.
fn write(json: &mut Writer, conversation: &str, row: &HistoryRow, name: &str, kind: Kind) {
    let StoredMessage { seq, author, body, session, sent_at, withdrawn_at, votes: _ } = &*row.message;
    json.raw(r#"{"messageId":""#).raw(conversation).raw(".").number(*seq);
    json.raw(r#"","conversationId":""#).raw(conversation);
    json.raw(r#"","seq":"#).number(*seq);
    json.raw(r#","sessionId":"#).id(*session);
    json.raw(r#","sender":{"type":""#).raw(author.address.party.as_str());
    json.raw(r#"","id":"#).text(&author.address.id);
    json.raw(r#","name":"#).text(name);
    json.raw(r#"},"ownType":"#).number(author.own_type);
    json.raw(r#","type":"#).number(kind.number());
    json.raw(r#","itemType":"#).number(body.item_type);
    json.raw(r#","item":"#).number(body.item);
    json.raw(r#","title":"#).text(&body.title);
    json.raw(r#","content":"#).text(&body.content);
    json.raw(r#","link":"#).text(&body.link);
    json.raw(r#","appId":"#).text(&body.app_id);
    json.raw(r#","sentAt":"#).number(*sent_at);
    json.raw(r#","withdrawn":"#).flag(withdrawn_at.is_some());
    json.raw(r#","readByPeer":"#).flag(row.read_by_peer);
    json.raw(r#","appraise":{"up":"#).number(row.up);
    json.raw(r#","down":"#).number(row.down);
    json.raw(r#","mine":"#).number(row.mine).raw("}}");
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
