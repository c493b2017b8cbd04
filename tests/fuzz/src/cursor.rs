//! The cursor of a history: `{conversationId}.{seq}`, exclusive, in both directions.
//!
//! Any seq, direction and page size over a history of any length gives rows that lie beyond the cursor, in
//! order, without a gap; and paging on from the last row reaches the end, each message once.

use messagecenter_actors::api::{Caller, Hat};
use messagecenter_actors::domain::conversation::reading::Stretch;
use messagecenter_actors::domain::conversation::{ConversationState, Limits};
use messagecenter_actors::domain::event::ConversationEvent;
use messagecenter_actors::domain::ids::{Address, ConversationKey, MessageId};
use messagecenter_actors::domain::message::Author;

/// Longer than two pages of history.
const LONGEST: usize = 150;

fn conversation(messages: usize) -> ConversationState {
    let key = ConversationKey::one_to_one(Address::user(1), Address::user(2));
    let limits = Limits {
        withdraw_window: 0,
        withdraw_window_agent: 0,
        groups_open: true,
        idempotency_age: 0,
        idempotency_count: 0,
        retention: Default::default(),
    };
    let mut state = ConversationState::new(key.id(), key);
    for seq in 1..=messages as u64 {
        let author = Author { address: Address::user(1 + seq % 2), own_type: 2 };
        let sent = ConversationEvent::Sent {
            seq,
            author,
            body: Default::default(),
            session: None,
            idempotency: None,
            answers: false,
        };
        state.apply(&sent, seq as i64, &limits);
    }
    state
}

fn seqs(state: &ConversationState, cursor: Option<u64>, descending: bool, limit: usize) -> Vec<u64> {
    let caller =
        Caller { hat: Hat::User, own: Some(Address::user(1)), seat: None, ent: 0, aliases: Vec::new() };
    let places = state.places(Stretch { cursor, descending, limit });
    let rows = state.rows(places, descending, &caller);
    rows.iter().map(|row| row.message.seq).collect()
}

/// One byte of length, one of direction and page size, then the text of a cursor.
pub fn run(data: &[u8]) {
    let [length, page, text @ ..] = data else { return };
    let length = usize::from(*length) % (LONGEST + 1);
    let (descending, limit) = (page & 1 == 1, usize::from(page >> 1) % 100 + 1);
    let state = conversation(length);
    let newest = length as u64;
    let text = String::from_utf8_lossy(text);
    // A whole message id, or its seq alone.
    let cursor = match text.parse::<MessageId>() {
        Ok(message) => Some(message.seq),
        Err(_) => text.parse::<u64>().ok(),
    };
    let found = seqs(&state, cursor, descending, limit);
    let beyond: Vec<u64> = if descending {
        (1..=newest).rev().filter(|seq| cursor.is_none_or(|cursor| *seq < cursor)).collect()
    } else {
        (1..=newest).filter(|seq| cursor.is_none_or(|cursor| *seq > cursor)).collect()
    };
    let expected = beyond.get(..limit).unwrap_or(&beyond);
    assert_eq!(found, expected, "cursor {cursor:?} of {newest}, descending {descending}, {limit} to a page");
    let mut paged = found;
    while let Some(last) = paged.last().copied() {
        let next = seqs(&state, Some(last), descending, limit);
        if next.is_empty() {
            break;
        }
        paged.extend(next);
    }
    assert_eq!(paged, beyond, "paging on reaches the end, each message once");
}
