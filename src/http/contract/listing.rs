//! `conversationList` and `userList`: conversations and people, filtered, newest activity first.

use chrono::{DateTime, NaiveDateTime};
use messagecenter_actors::api::{
    ConversationRow, Filter, LastMessage, ListRequest, PeerCard, Query, SessionCard,
};
use messagecenter_actors::domain::ids::{Kind, Millis};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::caller::{About, caller, hat};
use super::serving::yes_or_no;
use crate::http::call::{Answer, Call, HandlerResult};

/// Rows of a page when the request does not say.
const DEFAULT_SIZE: i64 = 20;

/// Most rows of a page.
const MAX_SIZE: i64 = 100;

/// `POST /message/conversationList`: one row per conversation; `count` = all that match.
pub async fn conversation_list(call: Call) -> HandlerResult {
    let request = request(&call).await?;
    let list = call.app.router.conversations(request).await?;
    let rows: Vec<Conversation> = list.rows.iter().map(Conversation::of).collect();
    Ok(Answer::new(&rows, list.total))
}

/// `POST /message/userList`: one row per person; `count` = all that match.
pub async fn user_list(call: Call) -> HandlerResult {
    let request = request(&call).await?;
    let list = call.app.router.people(request).await?;
    let rows: Vec<Person> = list.rows.iter().map(Person::of).collect();
    Ok(Answer::new(&rows, list.total))
}

async fn request(call: &Call) -> Result<ListRequest, messagecenter_actors::api::Rejection> {
    let page = bounded(call, "page", 1, i64::MAX)?;
    let size = bounded(call, "size", DEFAULT_SIZE, MAX_SIZE)?;
    let filter = filter(call)?;
    let caller = caller(call, hat(call.values.int("userType")), About::Service).await?;
    Ok(ListRequest { caller, filter, page, size })
}

fn bounded(call: &Call, field: &'static str, default: i64, most: i64) -> Result<u64, Refusal> {
    let value = match call.values.int(field) {
        0 => default,
        value => value,
    };
    match u64::try_from(value) {
        Ok(value) if value >= 1 && value <= most.unsigned_abs() => Ok(value),
        _ => Err(Refusal::BadField { field, problem: format!("is {value}; allowed are 1 to {most}") }),
    }
}

fn filter(call: &Call) -> Result<Filter, Refusal> {
    let without = call.values.text("filtrationId").split(',').map(str::trim).filter(|id| !id.is_empty());
    Ok(Filter {
        phone: call.values.text("phone").to_owned(),
        name: call.values.text("nameSearch").to_owned(),
        from: time(call, "startTime")?,
        until: time(call, "endTime")?,
        human: flag(call.values.int("isArtificial")),
        tourist: flag(call.values.int("isTourist")),
        without: without.map(str::to_owned).collect(),
        query: query(call.values.int("queryType")),
    })
}

/// 0 any, 1 yes, 2 no.
const fn flag(value: i64) -> Option<bool> {
    match value {
        1 => Some(true),
        2 => Some(false),
        _ => None,
    }
}

fn query(number: i64) -> Query {
    match number {
        1 => Query::WithBot,
        2 => Query::Queued,
        3 => Query::Serving,
        4 => Query::Ended,
        21 => Query::UnreadOnly,
        11..=14 => Kind::from_number(number - 10).map_or(Query::All, Query::Kind),
        _ => Query::All,
    }
}

/// `YYYY-MM-DD HH:mm:ss` (UTC), RFC 3339 or epoch milliseconds.
fn time(call: &Call, field: &'static str) -> Result<Option<Millis>, Refusal> {
    let text = call.values.text(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let millis = text.parse::<Millis>().ok();
    let millis =
        millis.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis()));
    let millis = millis.or_else(|| {
        let plain = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
        Some(plain.and_utc().timestamp_millis())
    });
    match millis {
        Some(millis) => Ok(Some(millis)),
        None => {
            let problem = "must be YYYY-MM-DD HH:mm:ss (UTC), RFC 3339 or epoch milliseconds".to_owned();
            Err(Refusal::BadField { field, problem })
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    #[serde(rename = "type")]
    party: &'static str,
    id: String,
    name: String,
    avatar: String,
    is_tourist: u8,
    online: bool,
}

/// The type and bare id of a peer; a desk without an agent is shown as its enterprise's system.
fn party_of(row: &ConversationRow) -> (&'static str, String) {
    match &row.peer.address {
        Some(address) => (address.party.as_str(), address.id.to_string()),
        None => ("system", row.ent.to_string()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionSummary {
    session_id: String,
    state: &'static str,
    agent_id: Option<String>,
    #[serde(rename = "customerserviceName")]
    shown_name: String,
    is_artificial: u8,
}

impl SessionSummary {
    fn of(card: &SessionCard) -> Self {
        Self {
            session_id: card.session.to_string(),
            state: card.state.as_str(),
            agent_id: card.agent.clone(),
            shown_name: card.shown_name.clone(),
            is_artificial: yes_or_no(card.human),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Newest {
    message_id: String,
    seq: u64,
    preview: String,
    sent_at: i64,
    withdrawn: bool,
}

impl Newest {
    fn of(last: &LastMessage) -> Self {
        Self {
            message_id: last.message.to_string(),
            seq: last.message.seq,
            preview: last.preview.text.clone(),
            sent_at: last.sent_at,
            withdrawn: last.withdrawn,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    conversation_id: String,
    kind: i64,
    peer: Peer,
    session: Option<SessionSummary>,
    last_message: Option<Newest>,
    unread: u64,
    last_at: i64,
}

impl Conversation {
    fn of(row: &ConversationRow) -> Self {
        let (party, id) = party_of(row);
        let PeerCard { name, avatar, tourist, online, .. } = row.peer.clone();
        Self {
            conversation_id: row.conversation.to_string(),
            kind: row.kind.number(),
            peer: Peer { party, id, name, avatar, is_tourist: yes_or_no(tourist), online },
            session: row.session.as_ref().map(SessionSummary::of),
            last_message: row.last.as_ref().map(Newest::of),
            unread: row.unread,
            last_at: row.last_at,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    #[serde(rename = "type")]
    party: &'static str,
    id: String,
    name: String,
    avatar: String,
    phone: String,
    is_tourist: u8,
    online: bool,
    conversation_id: String,
    session: Option<SessionSummary>,
    unread: u64,
    last_at: i64,
}

impl Person {
    fn of(row: &ConversationRow) -> Self {
        let (party, id) = party_of(row);
        let PeerCard { name, avatar, phone, tourist, online, .. } = row.peer.clone();
        Self {
            party,
            id,
            name,
            avatar,
            phone,
            is_tourist: yes_or_no(tourist),
            online,
            conversation_id: row.conversation.to_string(),
            session: row.session.as_ref().map(SessionSummary::of),
            unread: row.unread,
            last_at: row.last_at,
        }
    }
}
