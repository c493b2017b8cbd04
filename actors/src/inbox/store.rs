//! How an inbox is stored: a small state that says how many pages there are, and its rows in pages.
//!
//! Guarantees: what is read back equals what was written; only changed pages are written; a failed write
//! leaves everything to be written again.

use serde::{Deserialize, Serialize};

use super::{Inbox, Saving};
use crate::domain::event::Position;
use crate::domain::ids::InboxKey;
use crate::domain::inbox::Inbox as Rows;
use crate::ports::{Collection, Page, Snapshot, StateStore, StoreError};
use crate::runtime::behaviour::Turn;
use crate::runtime::panics::without_quotes;

/// Version of [`State`]'s encoding.
const VERSION: u16 = 1;

/// The small state.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Pages `0 .. pages` hold the rows.
    pages: u64,
}

/// How many pages of rows the inbox of a snapshot has.
pub(crate) fn page_count(snapshot: &Snapshot) -> Result<u64, StoreError> {
    if snapshot.version != VERSION {
        return Err(StoreError::Corrupt(snapshot.not_understood()));
    }
    let state: State = rmp_serde::from_slice(&snapshot.state)
        .map_err(|error| without_quotes(&error.to_string()))
        .map_err(|problem| StoreError::Corrupt(format!("inbox state: {problem}")))?;
    Ok(state.pages)
}

/// The rows as of a snapshot; none without one.
pub(crate) async fn load<S: StateStore + ?Sized>(
    key: &InboxKey,
    store: &S,
    snapshot: Option<&Snapshot>,
) -> Result<Rows, StoreError> {
    let Some(snapshot) = snapshot else { return Ok(Rows::new(key.clone())) };
    let count = page_count(snapshot)?;
    if count == 0 {
        return Ok(Rows::new(key.clone()));
    }
    let stored = store.named_pages(snapshot, Collection::Rows, count).await?;
    let mut pages = Vec::with_capacity(stored.len());
    for page in stored {
        let rows = serde_json::from_value(page.content)
            .map_err(|error: serde_json::Error| without_quotes(&error.to_string()))
            .map_err(|problem| {
                StoreError::Corrupt(format!("page {} of inbox rows: {problem}", page.number))
            })?;
        pages.push((page.number, rows));
    }
    Ok(Rows::from_pages(key.clone(), pages, snapshot.sides.clone()))
}

impl Inbox {
    /// Writes a snapshot beside the mailbox if the inbox holds anything that the last one does not.
    pub(super) fn save(&mut self, turn: &mut Turn<Self>) {
        if self.saving != Saving::Idle {
            self.saving = Saving::Again;
            return;
        }
        let told = self.log.told();
        if told <= self.saved && !self.rows.is_dirty() {
            return;
        }
        let state = match rmp_serde::to_vec(&State { pages: self.rows.page_count() }) {
            Ok(state) => state,
            Err(error) => return tracing::error!(key = %self.log.key(), %error, "inbox state not encoded"),
        };
        let changed = self.rows.pages().take_dirty();
        let numbers: Vec<u64> = changed.iter().map(|(number, _)| *number).collect();
        let sides = self.rows.pages().sides().clone();
        let snapshot = self.log.snapshot(VERSION, state, sides.clone());
        self.saving = Saving::Running;
        let work = async move {
            let mut pages = Vec::with_capacity(changed.len());
            for (number, rows) in changed {
                let content = serde_json::to_value(rows).map_err(|e| StoreError::Corrupt(e.to_string()))?;
                let page = Page::new(Collection::Rows, number, told, content);
                pages.push(Page { side: sides.of(number), ..page });
            }
            snapshot.write(pages).await
        };
        turn.park(work, move |inbox, outcome, turn| inbox.saved(told, numbers, outcome, turn));
    }

    fn saved(
        &mut self,
        told: Position,
        numbers: Vec<u64>,
        outcome: Result<(), StoreError>,
        turn: &mut Turn<Self>,
    ) {
        let again = self.saving == Saving::Again;
        self.saving = Saving::Idle;
        match outcome {
            Ok(()) => self.saved = self.saved.max(told),
            Err(error) => {
                tracing::warn!(key = %self.log.key(), %error, "inbox not saved; tried again when asked");
                self.rows.pages().untake(numbers);
            }
        }
        if again {
            self.save(turn);
        }
    }
}
