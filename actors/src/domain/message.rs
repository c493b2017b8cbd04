//! A message as it is sent, stored and shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{Address, Millis};

/// Who sent a message. `own_type` is the contract's number for the sender's type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Author {
    /// The address that sent it: what "own", withdrawal and credit go by.
    pub address: Address,
    /// 1 agent, 2 user, 3 system, 4 bot.
    pub own_type: u8,
}

impl Author {
    /// Whether the message comes from the desk's side of a service conversation: everyone but the customer.
    pub fn is_customer(&self, customer: &Address) -> bool {
        self.address == *customer
    }
}

/// What a client sends: stored and returned exactly as it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Payload kind: 0 or 1 text, 2 emoji, 3 image … (spec §4); unknown numbers pass unchanged.
    pub item_type: i64,
    /// The business object it points to.
    pub item: i64,
    /// Title.
    pub title: String,
    /// Content.
    pub content: String,
    /// Link.
    pub link: String,
    /// The client application (channel label); empty when absent.
    pub app_id: String,
}

/// One message in its conversation's history; stored as a plain object in `history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Place in the conversation, from 1 without a gap.
    pub seq: u64,
    /// The author.
    pub author: Author,
    /// What was sent; title, content and link are empty once withdrawn.
    pub body: Arc<Body>,
    /// The session it was sent in (kind 2 only).
    pub session: Option<Uuid>,
    /// When it was admitted.
    pub sent_at: Millis,
    /// When it was withdrawn, if it was.
    pub withdrawn_at: Option<Millis>,
    /// Votes, one per address: 1 or -1.
    #[serde(default)]
    pub votes: BTreeMap<Address, i8>,
}

/// The first characters of a message, for lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// At most 100 characters: the content, else the title, else the link; empty when withdrawn.
    pub text: String,
    /// The payload kind, so that a client can show "[image]".
    pub item_type: i64,
}

/// How many characters of a message a list shows.
pub const PREVIEW_CHARS: usize = 100;

impl Preview {
    /// Takes the preview of a body.
    pub fn of(body: &Body) -> Self {
        let source = [&body.content, &body.title, &body.link].into_iter().find(|text| !text.is_empty());
        let text = source.map(|text| text.chars().take(PREVIEW_CHARS).collect()).unwrap_or_default();
        Self { text, item_type: body.item_type }
    }
}
