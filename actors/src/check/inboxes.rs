//! Inboxes: every row beside its conversation.

use uuid::Uuid;

use super::{Check, Stored, reader_hash, reader_of};
use crate::domain::ids::{ActorKey, InboxKey, Kind};
use crate::domain::inbox::Row;
use crate::inbox::store;
use crate::ports::StoreError;

impl Check<'_> {
    /// Whether it could be read whole.
    pub(super) async fn inbox(&mut self, inbox: &InboxKey, stored: &Stored) -> Result<bool, StoreError> {
        self.checked.inboxes += 1;
        let rows = store::load(inbox, self.store, stored.snapshot.as_ref()).await;
        let Some(mut rows) = self.readable(&stored.key, rows)? else { return Ok(false) };
        stored.facts.iter().for_each(|event| rows.apply(event));
        let reader = reader_hash(&reader_of(inbox));
        for (conversation, row) in rows.rows() {
            self.checked.rows += 1;
            self.row(*conversation, row, reader, &stored.key);
        }
        Ok(true)
    }

    fn row(&mut self, conversation: Uuid, row: &Row, reader: u64, inbox: &ActorKey) {
        let Some(mark) = self.marks.remove(&(conversation, reader)) else {
            if !self.comparable(!self.unreadable.conversation(conversation)) {
                return;
            }
            let what = format!("has a row of conversation {conversation}, in which it does not read");
            return self.fault(inbox, what);
        };
        let (head, unread) = if row.kind() == Kind::Group { (0, 0) } else { (row.head, row.unread()) };
        let differing = [
            ("newest message", head, mark.head),
            ("read mark", row.mark, mark.read),
            ("unread", unread, mark.unread),
        ];
        for (what, here, there) in differing {
            if here != there {
                let what = format!("conversation {conversation}: {what} is {here}, there {there}");
                self.fault(inbox, what);
            }
        }
    }
}
