//! `oneUserPosition` and `oneUserConversation`: the card of a seat, and first contact between two seats.

use messagecenter_actors::api::{PositionRow, Rejection};
use messagecenter_actors::domain::identity::party;
use messagecenter_actors::domain::ids::{Address, ConversationKey, InboxKey, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::caller::{identity, missing};
use super::sending::pair;
use crate::http::call::{Answer, Call, HandlerResult};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    position_id: String,
    ent_id: String,
    new_user_id: String,
    ent_user_id: String,
    name: String,
    title: String,
    ent_name: String,
    avatar: String,
    online: bool,
    conversation_id: Option<String>,
}

impl Card {
    fn of(seat: &Address, row: Option<PositionRow>, conversation: Option<String>) -> Self {
        let row = row.unwrap_or_default();
        Self {
            position_id: seat.id.to_string(),
            ent_id: row.ent_id.to_string(),
            new_user_id: row.new_user_id,
            ent_user_id: row.ent_user_id,
            name: row.name,
            title: row.title,
            ent_name: row.ent_name,
            avatar: row.avatar,
            online: false,
            conversation_id: conversation,
        }
    }
}

fn seat(field: &'static str, text: &str) -> Result<Address, Refusal> {
    match party(field, text, PartyType::Position)? {
        Some(seat) if seat.party == PartyType::Position => Ok(seat),
        Some(_) => Err(Refusal::BadField { field, problem: "must name a seat (position)".to_owned() }),
        None => Err(missing(field)),
    }
}

/// The directory's row of a seat; `None` when it knows none.
async fn row(call: &Call, seat: &Address) -> Result<Option<PositionRow>, Rejection> {
    match call.app.router.get_position(&seat.id).await {
        Ok(row) => Ok(Some(PositionRow::clone(&row))),
        Err(Rejection::Refused(Refusal::UnknownSeat)) => Ok(None),
        Err(rejection) => Err(rejection),
    }
}

/// `POST /message/oneUserPosition`: the card of one seat; nothing is created.
pub async fn one_user_position(call: Call) -> HandlerResult {
    let seat = seat("positionId", call.values.text("positionId"))?;
    let row = row(&call, &seat).await?.ok_or(Refusal::UnknownSeat)?;
    let identity = identity(&call);
    let user = || identity.user.map(|user| call.app.router.person(&Address::user(user)));
    let mine = identity.seat.map(Address::position).or_else(user);
    let mine = mine.filter(|mine| *mine != seat);
    let conversation = match mine {
        Some(mine) => {
            let id = ConversationKey::one_to_one(mine, seat.clone()).id();
            call.app.router.exists(id).await?.then(|| id.to_string())
        }
        None => None,
    };
    Ok(Answer::new(&Card::of(&seat, Some(row), conversation), 1))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact {
    conversation_id: String,
    created: bool,
    me: Card,
    you: Card,
    unread: u64,
}

/// `POST /message/oneUserConversation`: get-or-create the conversation of two seats.
pub async fn one_user_conversation(call: Call) -> HandlerResult {
    let me =
        identity(&call).seat.map(Address::position).ok_or(Refusal::NoIdentity { header: "positionId" })?;
    let you = seat("youPositionId", call.values.text("youPositionId"))?;
    let (conversation, created) = call.app.router.open(pair(&me, you.clone())?, &me).await?;
    let id = Some(conversation.to_string());
    let mine = InboxKey::Party(me.clone());
    let unread = call.app.router.conversation_row(&mine, conversation).await?.map_or(0, |row| row.unread);
    let contact = Contact {
        conversation_id: conversation.to_string(),
        created,
        me: Card::of(&me, row(&call, &me).await?, id.clone()),
        you: Card::of(&you, row(&call, &you).await?, id),
        unread,
    };
    Ok(Answer::new(&contact, unread))
}
