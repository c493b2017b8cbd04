//! A message as it is sent, stored and shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
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
#[serde(default)]
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

impl Body {
    /// Bytes of its texts.
    pub const fn text_bytes(&self) -> usize {
        self.title.len() + self.content.len() + self.link.len() + self.app_id.len()
    }
}

/// One message in its conversation's history; stored as a plain object in `history`, without what is empty: storage
/// takes its time for every field of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Place in the conversation, from 1 without a gap.
    pub seq: u64,
    /// The author.
    pub author: Author,
    /// What was sent; title, content and link are empty once withdrawn.
    #[serde(serialize_with = "without_what_is_empty")]
    pub body: Arc<Body>,
    /// The session it was sent in (kind 2 only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uuid>,
    /// When it was admitted.
    pub sent_at: Millis,
    /// When it was withdrawn, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Millis>,
    /// Votes, one per address: 1 or -1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub votes: BTreeMap<Address, i8>,
}

/// The journal has every field of a [`Body`] in its place; only an object may leave some out.
fn without_what_is_empty<S: Serializer>(body: &Body, serializer: S) -> Result<S::Ok, S::Error> {
    let numbers = [("item_type", body.item_type), ("item", body.item)];
    let texts =
        [("title", &body.title), ("content", &body.content), ("link", &body.link), ("app_id", &body.app_id)];
    let numbers = numbers.into_iter().filter(|(_, number)| *number != 0);
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut object = serializer.serialize_map(None)?;
    for (name, number) in numbers {
        object.serialize_entry(name, &number)?;
    }
    for (name, text) in texts {
        object.serialize_entry(name, text)?;
    }
    object.end()
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

/// At most [`PREVIEW_CHARS`] characters, in one piece.
fn beginning(text: &str) -> &str {
    // No text has more characters than bytes.
    if text.len() <= PREVIEW_CHARS {
        return text;
    }
    let end = text.char_indices().nth(PREVIEW_CHARS).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

impl Preview {
    /// Takes the preview of a body.
    pub fn of(body: &Body) -> Self {
        let source = [&body.content, &body.title, &body.link].into_iter().find(|text| !text.is_empty());
        Self { text: source.map_or("", |text| beginning(text)).to_owned(), item_type: body.item_type }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use super::*;

    fn preview(content: &str) -> String {
        Preview::of(&Body { content: content.to_owned(), title: "title".to_owned(), ..Body::default() }).text
    }

    #[test]
    fn a_preview_is_the_first_hundred_characters_however_many_bytes_they_have() {
        assert_eq!(preview(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(preview(&"é".repeat(101)), "é".repeat(100));
        assert_eq!(preview(&format!("{}🎉x", "a".repeat(99))), format!("{}🎉", "a".repeat(99)));
        assert_eq!(preview("short"), "short");
        assert_eq!(preview(""), "title");
    }

    #[test]
    fn what_is_empty_is_not_stored_and_pages_that_have_it_are_read_the_same() {
        let message = StoredMessage {
            seq: 3,
            author: Author { address: Address::user(7), own_type: 2 },
            body: Arc::new(Body { content: "hello".to_owned(), item: 4, ..Body::default() }),
            session: None,
            sent_at: 5,
            withdrawn_at: None,
            votes: BTreeMap::new(),
        };
        let mut stored = serde_json::to_value(&message).unwrap();
        assert_eq!(stored["body"], serde_json::json!({ "content": "hello", "item": 4 }));
        let mut fields: Vec<&String> = stored.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(fields, ["author", "body", "sent_at", "seq"]);
        assert_eq!(StoredMessage::deserialize(&stored).unwrap(), message);
        stored["body"] = serde_json::to_value(&*message.body).unwrap();
        for (name, empty) in [("session", "null"), ("withdrawn_at", "null"), ("votes", "{}")] {
            stored[name] = empty.parse().unwrap();
        }
        assert_eq!(StoredMessage::deserialize(&stored).unwrap(), message);
    }
}
