//! Who calls: from identity headers to addresses, and from the ids of a request to the parties they name.

use super::ids::{Address, EntId, MAX_ID_BYTES, PartyType, canonical_id};
use super::refusal::Refusal;
use crate::api::{Caller, Hat};

/// The identity headers of one request; 0 and empty count as absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Identity {
    /// `newUserId`.
    pub user: Option<i64>,
    /// `entUserId`.
    pub agent: Option<i64>,
    /// `positionId`.
    pub seat: Option<i64>,
    /// `entId`; 0 = the platform itself.
    pub ent: EntId,
}

impl Identity {
    /// The caller under a hat.
    ///
    /// # Errors
    /// `NoIdentity` naming the hat's own header when neither it nor a seat was sent.
    pub fn caller(&self, hat: Hat) -> Result<Caller, Refusal> {
        let (own, header) = match hat {
            Hat::Agent => (self.agent.map(Address::agent), "entUserId"),
            Hat::User => (self.user.map(Address::user), "newUserId"),
        };
        let seat = self.seat.map(Address::position);
        if own.is_none() && seat.is_none() {
            return Err(Refusal::NoIdentity { header });
        }
        Ok(Caller { hat, own, seat, ent: self.ent, aliases: Vec::new() })
    }

    /// The hat where the request does not say: a user if a user or seat header was sent, else an agent.
    pub const fn likely_hat(&self) -> Hat {
        if self.user.is_some() || self.seat.is_some() { Hat::User } else { Hat::Agent }
    }

    /// Whether no header says who calls.
    pub const fn is_nobody(&self) -> bool {
        self.user.is_none() && self.agent.is_none() && self.seat.is_none()
    }
}

/// The person or agent itself: who acts in kinds 2 to 4.
///
/// # Errors
/// `NoIdentity` naming the missing header.
pub fn person(caller: &Caller) -> Result<&Address, Refusal> {
    let header = match caller.hat {
        Hat::Agent => "entUserId",
        Hat::User => "newUserId",
    };
    caller.own.as_ref().ok_or(Refusal::NoIdentity { header })
}

/// Reads a party from a request: typed (`user:1002`) wins, a bare id is of type `bare_type`.
/// `None` for an absent id (`""` or `0`, also typed).
///
/// # Errors
/// `BadField` for an id over [`MAX_ID_BYTES`] bytes.
pub fn party(field: &'static str, text: &str, bare_type: PartyType) -> Result<Option<Address>, Refusal> {
    if let Ok(address) = text.parse::<Address>() {
        return Ok((*address.id != *"0").then_some(address));
    }
    Ok(bare_id(field, text)?.map(|id| Address::new(bare_type, id)))
}

/// Reads an untyped id: canonical, `None` when absent.
///
/// # Errors
/// `BadField` for an id over [`MAX_ID_BYTES`] bytes.
pub fn bare_id(field: &'static str, text: &str) -> Result<Option<String>, Refusal> {
    if text.len() > MAX_ID_BYTES {
        let problem = format!("is {} bytes long; an id has at most {MAX_ID_BYTES}", text.len());
        return Err(Refusal::BadField { field, problem });
    }
    let id = canonical_id(text);
    Ok((!id.is_empty() && id != "0").then_some(id))
}

/// Whether an id as a client writes it (bare or typed) names this address.
pub fn names(text: &str, address: &Address) -> bool {
    match text.parse::<Address>() {
        Ok(typed) => typed == *address,
        Err(_) => canonical_id(text) == *address.id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_id_wins_over_the_expected_type() {
        let read = party("receiveId", "agent:5", PartyType::User);
        assert_eq!(read, Ok(Some(Address::agent(5))));
    }

    #[test]
    fn a_bare_id_takes_the_expected_type_and_its_canonical_spelling() {
        assert_eq!(party("receiveId", "007", PartyType::Position), Ok(Some(Address::position(7))));
        assert_eq!(party("receiveId", "a:b", PartyType::User), Ok(Some(Address::user("a:b"))));
    }

    #[test]
    fn zero_and_empty_are_absent() {
        assert_eq!(party("receiveId", "0", PartyType::User), Ok(None));
        assert_eq!(party("receiveId", "", PartyType::User), Ok(None));
        assert_eq!(party("receiveId", "000", PartyType::User), Ok(None));
        assert_eq!(party("receiveId", "user:00", PartyType::User), Ok(None));
    }

    #[test]
    fn an_id_over_the_limit_names_its_field() {
        let long = "x".repeat(MAX_ID_BYTES + 1);
        assert!(matches!(
            party("sendId", &long, PartyType::User),
            Err(Refusal::BadField { field: "sendId", .. })
        ));
    }

    #[test]
    fn a_hat_without_its_header_names_it() {
        let nobody = Identity::default();
        assert_eq!(nobody.caller(Hat::Agent), Err(Refusal::NoIdentity { header: "entUserId" }));
        assert_eq!(nobody.caller(Hat::User), Err(Refusal::NoIdentity { header: "newUserId" }));
    }

    #[test]
    fn a_seat_alone_is_a_caller_but_not_a_person() {
        let seat_only = Identity { seat: Some(77), ..Identity::default() };
        let caller = seat_only.caller(Hat::User);
        assert_eq!(caller.as_ref().map(Caller::addresses), Ok(vec![Address::position(77)]));
        let person = caller.and_then(|caller| person(&caller).cloned());
        assert_eq!(person, Err(Refusal::NoIdentity { header: "newUserId" }));
    }
}
