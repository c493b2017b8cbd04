//! Who calls and whom a request names: what the handlers of the contract share.

use std::str::FromStr;

use messagecenter_actors::api::{Caller, Hat, Rejection};
use messagecenter_actors::domain::identity::{Identity, party};
use messagecenter_actors::domain::ids::{Address, EntId, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use uuid::{Uuid, Version};

use crate::http::call::Call;

/// The identity headers of a request.
pub fn identity(call: &Call) -> Identity {
    let header = |name| Some(call.values.int(name)).filter(|id| *id != 0);
    Identity {
        user: header("newUserId"),
        agent: header("entUserId"),
        seat: header("positionId"),
        ent: call.values.int("entId"),
    }
}

/// The hat of a `userType` that the table has checked: 1 or 2.
pub fn hat(user_type: i64) -> Hat {
    if user_type == 1 { Hat::Agent } else { Hat::User }
}

/// Whether the request is about service, where an agent's record and the `entId` header must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Kind 2, or lists and counts that include it.
    Service,
    /// Anything else: `entId` is ignored.
    Other,
}

/// The caller under a hat. A merged visitor is the user it became. An agent's enterprise is its record's; every request under the agent's hat is a
/// heartbeat.
pub async fn caller(call: &Call, hat: Hat, about: About) -> Result<Caller, Rejection> {
    caller_of(call, &identity(call), hat, about).await
}

/// The same for an identity that does not come from the headers.
pub async fn caller_of(
    call: &Call,
    identity: &Identity,
    hat: Hat,
    about: About,
) -> Result<Caller, Rejection> {
    let router = &call.app.router;
    let mut caller = router.acting(identity.caller(hat)?);
    let (Hat::Agent, Some(agent)) = (hat, caller.own.clone()) else {
        return Ok(caller);
    };
    if let Some(record) = router.agent_enterprise(&agent.id).await? {
        caller.ent = record;
        if about == About::Service {
            agrees(identity, &caller)?;
        }
        router.heartbeat(record, &agent.id);
    }
    Ok(caller)
}

/// Where a request turns out to be about service, an agent's enterprise and the `entId` header must agree.
pub fn agrees(identity: &Identity, caller: &Caller) -> Result<(), Refusal> {
    if caller.hat == Hat::User || identity.ent == 0 || identity.ent == caller.ent {
        return Ok(());
    }
    let named_by = "header \"entId\"";
    Err(Refusal::OtherEnterprise { record: caller.ent, named_by, asked: identity.ent })
}

/// What an id in a request names (spec §1).
#[derive(Debug, Clone, PartialEq)]
pub enum Named {
    /// Nothing: empty or 0.
    Nobody,
    /// A session (UUIDv7).
    Session(Uuid),
    /// A conversation (UUIDv5).
    Conversation(Uuid),
    /// A reservation (`lease:{uuid}`).
    Lease(Uuid),
    /// A party.
    Party(Address),
}

/// Reads an id: a UUIDv7 is a session, a UUIDv5 a conversation, `lease:{uuid}` a reservation, anything else a
/// party, of `bare_type` unless it is typed.
pub fn named(field: &'static str, text: &str, bare_type: PartyType) -> Result<Named, Refusal> {
    if let Some(lease) = text.strip_prefix("lease:").and_then(|id| Uuid::from_str(id).ok()) {
        return Ok(Named::Lease(lease));
    }
    if let Some(id) = hyphenated(text) {
        match id.get_version() {
            Some(Version::SortRand) => return Ok(Named::Session(id)),
            Some(Version::Sha1) => return Ok(Named::Conversation(id)),
            _ => {}
        }
    }
    Ok(party(field, text, bare_type)?.map_or(Named::Nobody, Named::Party))
}

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::from_str(text).ok()).flatten()
}

/// What a bare id means in kind 1: a seat if the caller acts from one, else a user.
pub fn kind_1_type(caller: &Caller) -> PartyType {
    if caller.seat.is_some() { PartyType::Position } else { PartyType::User }
}

/// The other party in kind 1.
pub fn peer(field: &'static str, text: &str, bare_type: PartyType) -> Result<Address, Refusal> {
    match named(field, text, bare_type)? {
        Named::Nobody => Err(missing(field)),
        Named::Party(peer) if peer.party != PartyType::Group => Ok(peer),
        _ => Err(Refusal::BadField {
            field,
            problem: "must name a party of a one-to-one conversation".to_owned(),
        }),
    }
}

/// A group by its id; `None` when absent. Group ids are the clients' own, so a group may well be named by a UUID.
pub fn group(field: &'static str, text: &str) -> Result<Option<Address>, Refusal> {
    match party(field, text, PartyType::Group)? {
        Some(other) if other.party != PartyType::Group => {
            let problem = format!("names a {}; expected a group", other.party.as_str());
            Err(Refusal::BadField { field, problem })
        }
        group => Ok(group),
    }
}

/// A required field that came empty.
pub fn missing(field: &'static str) -> Refusal {
    Refusal::BadField { field, problem: "is empty or 0; it must name a party".to_owned() }
}

/// An enterprise id inside a body: an int64 literal, 0 or empty = absent.
pub fn ent_field(field: &'static str, text: &str) -> Result<Option<EntId>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<EntId>() {
        Ok(ent) => Ok(Some(ent).filter(|ent| *ent != 0)),
        Err(_) => Err(Refusal::BadField { field, problem: "must be an int64 literal".to_owned() }),
    }
}
