//! Handlers of what the contract lacks: resources under `/v1`, in the same envelope.

pub mod agents;
pub mod directory;
pub mod groups;
pub mod service;
pub mod shunts;

use messagecenter_actors::domain::identity::party;
use messagecenter_actors::domain::ids::{Address, PartyType};
use messagecenter_actors::domain::refusal::Refusal;
use serde::Serialize;

use super::contract::caller::missing;

/// The party that a path's parameter names: bare, or typed with the type that the path stands for.
fn named(field: &'static str, text: &str, party_type: PartyType) -> Result<Address, Refusal> {
    let address = party(field, text, party_type)?.ok_or_else(|| missing(field))?;
    if address.party == party_type {
        return Ok(address);
    }
    let problem = format!("names a {}; expected a {}", address.party.as_str(), party_type.as_str());
    Err(Refusal::BadField { field, problem })
}

/// A party beside its type.
#[derive(Serialize)]
struct Party {
    #[serde(rename = "type")]
    party_type: &'static str,
    id: String,
}

impl From<&Address> for Party {
    fn from(address: &Address) -> Self {
        Self { party_type: address.party.as_str(), id: address.id.to_string() }
    }
}

/// The answer to a DELETE.
#[derive(Serialize)]
struct Deleted {
    /// Whether there was something to delete.
    deleted: bool,
}
