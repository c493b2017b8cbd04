//! `/v1/directory`: users and seats.

use messagecenter_actors::api::{PositionRow, Rejection, UserRow};
use messagecenter_actors::domain::ids::{Address, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::{Deleted, named};
use crate::http::call::{Answer, Call, HandlerResult};
use crate::http::contract::caller::ent_field;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserCard<'a> {
    id: &'a str,
    name: &'a str,
    phone: &'a str,
    avatar: &'a str,
    is_tourist: bool,
}

impl<'a> UserCard<'a> {
    fn of(user: &'a Address, row: &'a UserRow) -> Self {
        let UserRow { name, phone, avatar, tourist } = row;
        Self { id: &user.id, name, phone, avatar, is_tourist: *tourist }
    }
}

fn user(call: &Call) -> Result<Address, Refusal> {
    named("id", call.values.text("id"), PartyType::User)
}

/// `PUT /v1/directory/users/{id}`.
pub async fn put_user(call: Call) -> HandlerResult {
    let user = user(&call)?;
    let row = UserRow {
        name: call.values.text("name").to_owned(),
        phone: call.values.text("phone").to_owned(),
        avatar: call.values.text("avatar").to_owned(),
        tourist: call.values.flag("isTourist"),
    };
    call.app.router.put_user(&user.id, row.clone()).await?;
    Ok(Answer::new(&UserCard::of(&user, &row), 0))
}

/// `POST /v1/visitors`.
pub async fn post_visitor(call: Call) -> HandlerResult {
    let row = UserRow {
        name: call.values.text("name").to_owned(),
        phone: call.values.text("phone").to_owned(),
        avatar: call.values.text("avatar").to_owned(),
        tourist: true,
    };
    let id = call.app.router.mint_visitor(row.clone()).await?;
    Ok(Answer::new(&UserCard::of(&Address::user(&id), &row), 0))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Merged<'a> {
    visitor_id: &'a str,
    user_id: &'a str,
    already_merged: bool,
}

/// `POST /v1/visitors/{id}/merge`.
pub async fn merge_visitor(call: Call) -> HandlerResult {
    let visitor = user(&call)?;
    let into = named("userId", call.values.text("userId"), PartyType::User)?;
    let new = call.app.router.merge_visitor(&visitor.id, &into.id).await?;
    let merged = Merged { visitor_id: &visitor.id, user_id: &into.id, already_merged: !new };
    Ok(Answer::new(&merged, 0))
}

/// `GET /v1/directory/users/{id}`.
pub async fn get_user(call: Call) -> HandlerResult {
    let user = user(&call)?;
    let row = call.app.router.get_user(&user.id).await?;
    Ok(Answer::new(&UserCard::of(&user, &row), 0))
}

/// `DELETE /v1/directory/users/{id}`.
pub async fn delete_user(call: Call) -> HandlerResult {
    let user = user(&call)?;
    deleted(call.app.router.delete_user(&user.id).await, &Refusal::UnknownUser)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatCard<'a> {
    id: &'a str,
    new_user_id: &'a str,
    ent_user_id: &'a str,
    ent_id: String,
    name: &'a str,
    title: &'a str,
    ent_name: &'a str,
    avatar: &'a str,
}

impl<'a> SeatCard<'a> {
    fn of(seat: &'a Address, row: &'a PositionRow) -> Self {
        let PositionRow { new_user_id, ent_user_id, ent_id, title, name, ent_name, avatar } = row;
        let ent_id = ent_id.to_string();
        Self { id: &seat.id, new_user_id, ent_user_id, ent_id, name, title, ent_name, avatar }
    }
}

fn seat(call: &Call) -> Result<Address, Refusal> {
    named("id", call.values.text("id"), PartyType::Position)
}

/// A party's bare id; empty when none is given.
fn bare(call: &Call, field: &'static str, party_type: PartyType) -> Result<String, Refusal> {
    match call.values.text(field) {
        "" | "0" => Ok(String::new()),
        text => Ok(named(field, text, party_type)?.id.to_string()),
    }
}

/// `PUT /v1/directory/positions/{id}`.
pub async fn put_position(call: Call) -> HandlerResult {
    let seat = seat(&call)?;
    let row = PositionRow {
        new_user_id: bare(&call, "newUserId", PartyType::User)?,
        ent_user_id: bare(&call, "entUserId", PartyType::Agent)?,
        ent_id: ent_field("entId", call.values.text("entId"))?.unwrap_or(0),
        title: call.values.text("title").to_owned(),
        name: call.values.text("name").to_owned(),
        ent_name: call.values.text("entName").to_owned(),
        avatar: call.values.text("avatar").to_owned(),
    };
    call.app.router.put_position(&seat.id, row.clone()).await?;
    Ok(Answer::new(&SeatCard::of(&seat, &row), 0))
}

/// `GET /v1/directory/positions/{id}`.
pub async fn get_position(call: Call) -> HandlerResult {
    let seat = seat(&call)?;
    let row = call.app.router.get_position(&seat.id).await?;
    Ok(Answer::new(&SeatCard::of(&seat, &row), 0))
}

/// `DELETE /v1/directory/positions/{id}`.
pub async fn delete_position(call: Call) -> HandlerResult {
    let seat = seat(&call)?;
    deleted(call.app.router.delete_position(&seat.id).await, &Refusal::UnknownSeat)
}

/// Deleting what is not there is done already.
fn deleted(outcome: Result<(), Rejection>, unknown: &Refusal) -> HandlerResult {
    match outcome {
        Ok(()) => Ok(Answer::new(&Deleted { deleted: true }, 0)),
        Err(Rejection::Refused(refusal)) if refusal == *unknown => {
            Ok(Answer::new(&Deleted { deleted: false }, 0))
        }
        Err(rejection) => Err(rejection),
    }
}
