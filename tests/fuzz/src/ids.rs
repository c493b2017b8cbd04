//! The parsers of ids: whatever is accepted is written as it was read, and has one spelling.

use messagecenter_actors::domain::identity::{bare_id, names, party};
use messagecenter_actors::domain::ids::{
    ActorKey, Address, ConversationKey, MAX_ID_BYTES, MessageId, PartyType, canonical_id,
};

const TYPES: [PartyType; 6] = [
    PartyType::User,
    PartyType::Agent,
    PartyType::Position,
    PartyType::Group,
    PartyType::System,
    PartyType::Bot,
];

const KINDS: [&str; 4] = ["conversation", "session", "shunt", "inbox"];

/// Any bytes; those that are no UTF-8 are read as texts of requests are.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let canonical = canonical_id(&text);
    assert_eq!(canonical_id(&canonical), canonical, "a canonical id stays as it is");
    assert!(canonical.len() <= text.len(), "and is never longer");
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string().parse(), Ok(address.clone()), "an address is read as it is written");
        assert!(names(&text, &address) && names(&address.to_string(), &address), "and names itself");
        for key in [ConversationKey::Notice(address.clone()), ConversationKey::Service(1, address)] {
            assert_eq!(key.id(), key.clone().id(), "one key, one id");
        }
    }
    if let Ok(message) = text.parse::<MessageId>() {
        assert_eq!(message.to_string().parse(), Ok(message), "a message id is read as it is written");
    }
    for kind in KINDS {
        if let Some(key) = ActorKey::parse(kind, &text) {
            assert_eq!(key.kind(), kind);
            assert_eq!(
                ActorKey::parse(kind, &key.id()),
                Some(key),
                "an actor's key is read as it is written"
            );
        }
    }
    for bare_type in TYPES {
        let Ok(Some(address)) = party("field", &text, bare_type) else { continue };
        assert!(address.id.len() <= MAX_ID_BYTES, "no party's id is longer than allowed");
        assert!(!address.id.is_empty() && *address.id != *"0", "an absent id names nobody");
        let written = address.to_string();
        assert_eq!(party("field", &written, bare_type), Ok(Some(address)), "a typed party is read again");
    }
    if let Ok(Some(id)) = bare_id("field", &text) {
        assert_eq!(bare_id("field", &id), Ok(Some(id.clone())), "a bare id is read again");
    }
    two(&text);
}

/// Two ids in one input, with the first NUL between them: different pairs are different conversations.
fn two(text: &str) {
    let Some((one, other)) = text.split_once('\u{0}') else { return };
    let key = |a: &str, b: &str| {
        ConversationKey::one_to_one(
            Address::new(PartyType::User, a.to_owned()),
            Address::new(PartyType::User, b.to_owned()),
        )
    };
    assert_eq!(key(one, other).id(), key(other, one).id(), "either order is one conversation");
    if let Some((first, rest)) = other.split_once('\u{0}') {
        let moved = key(&format!("{one}\u{0}{first}"), rest);
        let here = key(one, other);
        assert_eq!(moved.id() == here.id(), moved == here, "no id imitates another");
    }
}
