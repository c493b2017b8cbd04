//! Snapshots: what does not grow in one record, and the changed pages of what grows.
//!
//! History pages may be newer than the record: replay over them does nothing. They are arrays of plain message
//! objects. Members of a group are pages as well; the few readers of other kinds are in the record itself.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Conversation;
use crate::domain::conversation::{ConversationState, Core};
use crate::domain::event::{Position, Reader};
use crate::domain::history::{PAGE_MESSAGES, PageMessages};
use crate::domain::ids::{ActorKey, Kind};
use crate::domain::members::Cursor;
use crate::domain::message::StoredMessage;
use crate::domain::paged::PageRows;
use crate::domain::seq_set::SeqSet;
use crate::domain::shadow::Sides;
use crate::journal::Changes;
use crate::ports::{Collection, Page, Snapshot, StoreError};
use crate::runtime::behaviour::Turn;
use crate::runtime::panics::without_quotes;

/// Version of [`Small`]'s encoding.
pub(super) const VERSION: u16 = 1;

/// The record's content.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Small {
    /// `None` when nothing has happened that matters here.
    pub core: Option<Core>,
    /// Readers of kinds 1, 2 and 4.
    pub readers: Vec<(Reader, Cursor)>,
    /// How many pages of members there are (kind 3).
    pub member_pages: u64,
}

impl Small {
    fn of(state: Option<&ConversationState>) -> Self {
        let Some(state) = state.filter(|state| state.exists()) else {
            return Self { core: None, readers: Vec::new(), member_pages: 0 };
        };
        let paged = state.kind() == Kind::Group;
        let inline = || state.readers().iter().map(|(reader, cursor)| (reader.clone(), cursor.clone()));
        Self {
            core: Some(state.core().clone()),
            readers: if paged { Vec::new() } else { inline().collect() },
            member_pages: if paged { state.readers().page_count() } else { 0 },
        }
    }

    /// Reads what a snapshot holds.
    pub(super) fn read(snapshot: &Snapshot) -> Result<Self, StoreError> {
        if snapshot.version != VERSION {
            return Err(StoreError::Corrupt(format!("{}: {}", snapshot.key, snapshot.not_understood())));
        }
        rmp_serde::from_slice(&snapshot.state)
            .map_err(|error| without_quotes(&error.to_string()))
            .map_err(|problem| StoreError::Corrupt(format!("{}: snapshot: {problem}", snapshot.key)))
    }
}

impl Conversation {
    /// Writes a snapshot if anything changed since the last one and none is being written.
    pub(super) fn save(&mut self, turn: &mut Turn<Self>) {
        let held = (self.log.decided(), self.log.told());
        if self.saving || held == self.saved {
            return;
        }
        let state = match rmp_serde::to_vec(&Small::of(self.state.as_ref())) {
            Ok(state) => Bytes::from(state),
            Err(error) => return tracing::error!(conversation = %self.id, %error, "snapshot not encoded"),
        };
        let (decided, told) = held;
        let changed = self.state.as_mut().map(Changed::take).unwrap_or_default();
        let snapshot = self.log.snapshot(VERSION, state, changed.sides.clone());
        let (messages, members) = changed.numbers();
        let removed = changed.removed.clone();
        self.saving = true;
        let changes = changed.encoded(decided.max(told));
        turn.park(snapshot.write(changes), move |actor: &mut Self, outcome, _turn| {
            actor.saving = false;
            let stored = match outcome {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(conversation = %actor.id, %error, "snapshot not written");
                    false
                }
            };
            if stored {
                actor.saved = held;
            }
            if let Some(state) = &mut actor.state {
                state.end_save(&messages, &members, &removed, stored);
                if stored {
                    let messages = (removed.end - removed.start) * PAGE_MESSAGES;
                    actor.world.retention.removed(state.kind(), messages);
                }
            }
        });
    }
}

/// The changed pages, taken out of the state.
#[derive(Default)]
struct Changed {
    messages: Vec<(u64, PageMessages)>,
    members: Vec<PageRows<Reader, Cursor>>,
    /// Where the pages of members are once these are written.
    sides: Sides,
    /// Pages of messages to be deleted.
    removed: Range<u64>,
}

impl Changed {
    fn take(state: &mut ConversationState) -> Self {
        let (messages, members) = state.take_dirty();
        Self { messages, members, sides: state.readers().sides().clone(), removed: state.removed_pages() }
    }

    fn numbers(&self) -> (Vec<u64>, Vec<u64>) {
        let messages = self.messages.iter().map(|(number, _)| *number).collect();
        (messages, self.members.iter().map(|(number, _)| *number).collect())
    }

    /// Encodes each page when its turn comes to be written.
    fn encoded(self, position: Position) -> Changes {
        let messages = self.messages.into_iter().map(move |(number, messages)| {
            let content = serde_json::to_value(&*messages).map_err(unencoded)?;
            Ok(Page::new(Collection::History, number, position, content))
        });
        let sides = self.sides;
        let members = self.members.into_iter().map(move |(number, rows)| {
            let content = rows.iter().map(write_member).collect::<Result<Vec<Value>, _>>()?;
            let page = Page::new(Collection::Members, number, position, content.into());
            Ok(Page { side: sides.of(number), ..page })
        });
        Changes { messages: Box::new(messages), together: Box::new(members), removed: self.removed }
    }
}

/// Which pages of messages and how many of members the conversation of a snapshot has.
pub(crate) fn page_counts(snapshot: &Snapshot) -> Result<(Range<u64>, u64), StoreError> {
    let small = Small::read(snapshot)?;
    let kept = |core: Core| core.forgotten / PAGE_MESSAGES..core.head.div_ceil(PAGE_MESSAGES);
    Ok((small.core.map(kept).unwrap_or_default(), small.member_pages))
}

fn unencoded(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("page not encoded: {error}"))
}

fn corrupt(key: &ActorKey, page: &Page, problem: impl std::fmt::Display) -> StoreError {
    let problem = without_quotes(&problem.to_string());
    StoreError::Corrupt(format!("{key}: {} page {}: {problem}", page.collection.table(), page.number))
}

/// Reads a page of messages.
pub(crate) fn read_history(key: &ActorKey, page: Page) -> Result<Vec<StoredMessage>, StoreError> {
    Vec::<StoredMessage>::deserialize(&page.content).map_err(|error| corrupt(key, &page, error))
}

/// Reads a page of members.
pub(super) fn read_members(key: &ActorKey, page: &Page) -> Result<PageRows<Reader, Cursor>, StoreError> {
    let rows = page.content.as_array().ok_or_else(|| corrupt(key, page, "is not an array"))?;
    let rows = rows.iter().map(|row| read_member(row).ok_or_else(|| corrupt(key, page, "has a broken row")));
    Ok((page.number, rows.collect::<Result<_, _>>()?))
}

/// A member as a plain object. Its own unread-neutral messages are a bitmap, written in hexadecimal: a member
/// that never reads may have written any number.
fn write_member((reader, cursor): &(Reader, Cursor)) -> Result<Value, StoreError> {
    let Reader::Party(address) = reader else {
        return Err(unencoded("only parties are members"));
    };
    let (read, seen) = (cursor.mark, cursor.seen);
    if cursor.own.is_empty() {
        return Ok(json!({ "address": address, "read": read, "seen": seen }));
    }
    let own = cursor.own.to_hex().map_err(unencoded)?;
    Ok(json!({ "address": address, "read": read, "seen": seen, "own": own }))
}

fn read_member(row: &Value) -> Option<(Reader, Cursor)> {
    let address = row.get("address")?.as_str()?.parse().ok()?;
    let mark = row.get("read")?.as_u64()?;
    let seen = row.get("seen").and_then(Value::as_u64).unwrap_or(0);
    let own = match row.get("own") {
        Some(hex) => SeqSet::from_hex(hex.as_str()?)?,
        None => SeqSet::default(),
    };
    Some((Reader::Party(address), Cursor { mark, own, seen }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_page_is_named_without_what_people_wrote() {
        let key = ActorKey::Conversation(uuid::Uuid::nil());
        let content = serde_json::json!([{ "seq": "what was said" }]);
        let page = Page::new(Collection::History, 3, 0, content);
        let problem = read_history(&key, page).map(|_| ()).map_err(|error| error.to_string());
        assert!(problem.as_ref().is_err_and(|text| text.contains("page 3: invalid type")), "{problem:?}");
        assert!(!format!("{problem:?}").contains("said"), "{problem:?}");
    }
}
