//! What the directory and groups show.

use uuid::Uuid;

use crate::domain::ids::{EntId, Millis};

/// What the directory knows of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserRow {
    /// Name.
    pub name: String,
    /// Phone.
    pub phone: String,
    /// Picture.
    pub avatar: String,
    /// Whether it is a tourist.
    #[serde(rename = "isTourist")]
    pub tourist: bool,
}

/// What the directory knows of a seat. Ids are bare; empty or 0 = unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PositionRow {
    /// The holder's account (`newUserId`).
    pub new_user_id: String,
    /// The holder's employee record (`entUserId`).
    pub ent_user_id: String,
    /// The enterprise the seat belongs to.
    pub ent_id: EntId,
    /// The seat's title.
    pub title: String,
    /// The holder's name.
    pub name: String,
    /// The enterprise's name.
    pub ent_name: String,
    /// Picture.
    pub avatar: String,
}

/// A defined group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Its bare id.
    pub group: String,
    /// Its conversation.
    pub conversation: Uuid,
    /// Its name.
    pub name: String,
    /// Its picture.
    pub avatar: String,
    /// How many members it has.
    pub members: u64,
    /// How many messages it has.
    pub messages: u64,
    /// When its conversation came into being.
    pub created_at: Millis,
}
