//! `/v1/groups`: groups and their members.

use messagecenter_actors::api::{GroupView, Rejection};
use messagecenter_actors::domain::identity::party;
use messagecenter_actors::domain::ids::{Address, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::{Deleted, Party, named};
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::contract::caller::missing;

/// Members to a page when the request does not say.
const USUAL_PAGE: u64 = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupCard {
    id: String,
    conversation_id: String,
    name: String,
    avatar: String,
    members: u64,
    messages: u64,
    created_at: i64,
}

fn card(view: GroupView) -> Answer {
    let members = view.members;
    let card = GroupCard {
        id: view.group,
        conversation_id: view.conversation.to_string(),
        name: view.name,
        avatar: view.avatar,
        members,
        messages: view.messages,
        created_at: view.created_at,
    };
    Answer::new(&card, members)
}

fn group(call: &Call) -> Result<Address, Refusal> {
    named("id", call.values.text("id"), PartyType::Group)
}

/// The parties in `members`; a bare id is a user.
fn members(call: &Call) -> Result<Vec<Address>, Refusal> {
    let field = "members";
    let mut members = Vec::new();
    for text in call.values.texts(field) {
        let member = party(field, text, PartyType::User)?.ok_or_else(|| missing(field))?;
        if !matches!(member.party, PartyType::User | PartyType::Agent | PartyType::Bot) {
            let problem = format!("names a {}; a member is a user, agent or bot", member.party.as_str());
            return Err(Refusal::BadField { field, problem });
        }
        members.push(member);
    }
    Ok(members)
}

/// `PUT /v1/groups/{id}`: with `members` they become its members, all of them; without, members stay.
pub async fn put_group(call: Call) -> HandlerResult {
    let group = group(&call)?;
    let members = if call.values.given("members") { Some(members(&call)?) } else { None };
    let (name, avatar) = (call.values.text("name"), call.values.text("avatar"));
    Ok(card(call.app.router.define_group(&group.id, name, avatar, members).await?))
}

/// `GET /v1/groups/{id}`.
pub async fn get_group(call: Call) -> HandlerResult {
    let group = group(&call)?;
    Ok(card(call.app.router.group(&group.id).await?))
}

/// `DELETE /v1/groups/{id}`.
pub async fn delete_group(call: Call) -> HandlerResult {
    let group = group(&call)?;
    match call.app.router.delete_group(&group.id).await {
        Ok(()) => Ok(Answer::new(&Deleted { deleted: true }, 0)),
        Err(Rejection::Refused(Refusal::UnknownGroup | Refusal::GroupGone)) => {
            Ok(Answer::new(&Deleted { deleted: false }, 0))
        }
        Err(rejection) => Err(rejection),
    }
}

/// `GET /v1/groups/{id}/members`.
pub async fn get_members(call: Call) -> HandlerResult {
    let group = group(&call)?;
    let number = |name, usual| match call.values.int(name) {
        0 => usual,
        given => given.unsigned_abs(),
    };
    let (page, size) = (number("page", 1), number("size", USUAL_PAGE));
    let members = call.app.router.members(&group.id, page, size).await?;
    let rows: Vec<Party> = members.rows.iter().map(Party::from).collect();
    Ok(Answer::new(&rows, members.total))
}

/// `PUT /v1/groups/{id}/members`.
pub async fn put_members(call: Call) -> HandlerResult {
    let group = group(&call)?;
    Ok(card(call.app.router.add_members(&group.id, members(&call)?).await?))
}

/// `DELETE /v1/groups/{id}/members`.
pub async fn delete_members(call: Call) -> HandlerResult {
    let group = group(&call)?;
    Ok(card(call.app.router.remove_members(&group.id, members(&call)?).await?))
}
