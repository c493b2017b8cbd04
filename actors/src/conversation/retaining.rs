//! Retention in the conversation's own turn: what is too old or too much becomes a fact, and its pages are deleted
//! with the snapshot that holds the fact.
//!
//! What is too much is found by counting, at every send. What is too old is looked for when asked
//! ([`crate::router::retention`] asks): the time of a page is that of its newest message, and pages not in memory are
//! read beside the mailbox.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::saving::{Small, read_history};
use super::{Answer, Conversation, ConversationAnswer};
use crate::domain::conversation::retaining::Retentions;
use crate::domain::history::{PAGE_MESSAGES, page_of};
use crate::domain::ids::{ActorKey, Millis};
use crate::ports::{Collection, Snapshot, Store, StoreError};
use crate::runtime::behaviour::Turn;
use crate::runtime::failure::{Failure, SOON};
use crate::runtime::reply::Reply;

/// What a conversation did for its retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Messages removed by this step.
    pub removed: u64,
    /// Whether there is more to remove: ask again once this much is deleted.
    pub more: bool,
}

impl Conversation {
    /// Removes what is not to be kept any more, or the oldest part of it.
    pub(super) fn retain(&mut self, at: Millis, reply: Reply<Answer>, turn: &mut Turn<Self>) {
        let Some(state) = self.state.as_ref().filter(|state| state.exists()) else {
            return self.log.answer(reply, Ok(ConversationAnswer::Retained(Retained::default())));
        };
        let retention = self.limits.retention.of(state.kind());
        let head = state.core().head;
        let surplus = retention.surplus_through(head);
        let first = state.history().first_page().max(surplus / PAGE_MESSAGES);
        let pages = first..page_of(head);
        let Some(expired_before) = retention.expired_before(at).filter(|_| !pages.is_empty()) else {
            return self.forget(surplus, at, reply, turn);
        };
        let ends = state.history().page_ends();
        let (world, key, oldest) = (Arc::clone(&self.world), ActorKey::Conversation(self.id), pages.start);
        let work = async move { first_kept(&*world.store, &key, pages, &ends, expired_before).await };
        turn.park(work, move |actor: &mut Self, first, turn| match first {
            Ok(first) => actor.forget(surplus.max(first * PAGE_MESSAGES), at, reply, turn),
            // They were removed while they were read.
            Err(StoreError::Corrupt(_)) if actor.first_page() > oldest => actor.retain(at, reply, turn),
            Err(error) => {
                tracing::warn!(conversation = %actor.id, %error, "history page not read for retention");
                reply.fail(Failure::StorageDown(actor.world.journal.storage_wait()));
            }
        });
    }

    fn first_page(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.history().first_page())
    }

    /// Removes the messages up to and including `through`, as many as may go at once, and has them deleted.
    fn forget(&mut self, through: u64, at: Millis, reply: Reply<Answer>, turn: &mut Turn<Self>) {
        let Some(state) = &self.state else { return reply.fail(Failure::Restarting(SOON)) };
        let before = state.core().forgotten;
        let event = state.forgetting(through, state.core().head);
        if let Err(rejection) = self.commit(event.into_iter().collect(), at, turn) {
            return match rejection {
                crate::api::Rejection::Refused(refusal) => self.log.answer(reply, Err(refusal)),
                crate::api::Rejection::Failed(failure) => reply.fail(failure),
            };
        }
        let after = self.state.as_ref().map_or(before, |state| state.core().forgotten);
        let retained = Retained { removed: after - before, more: after < through };
        self.log.answer(reply, Ok(ConversationAnswer::Retained(retained)));
        if self.state.as_ref().is_some_and(|state| !state.removed_pages().is_empty()) {
            self.save(turn);
        }
    }
}

/// The first of `pages` whose newest message was sent at or after `expired_before`, or their end. Pages rise in time.
async fn first_kept(
    store: &dyn Store,
    key: &ActorKey,
    pages: Range<u64>,
    in_memory: &BTreeMap<u64, Millis>,
    expired_before: Millis,
) -> Result<u64, StoreError> {
    let Range { start: mut low, end: mut high } = pages;
    // Nearly always nothing is too old, so the first page is looked at before any in the middle.
    let mut looked_at = low;
    while low < high {
        let sent_at = match in_memory.get(&looked_at) {
            Some(sent_at) => *sent_at,
            None => page_end(store, key, looked_at).await?,
        };
        if sent_at < expired_before {
            low = looked_at + 1;
        } else {
            high = looked_at;
        }
        looked_at = low + (high - low) / 2;
    }
    Ok(low)
}

/// When the newest message of a stored page was sent.
async fn page_end(store: &dyn Store, key: &ActorKey, number: u64) -> Result<Millis, StoreError> {
    let absent = || StoreError::Corrupt(format!("{key}: history page {number} is absent or empty"));
    let page = store.page(key, Collection::History, number).await?.ok_or_else(absent)?;
    read_history(key, page)?.last().map(|message| message.sent_at).ok_or_else(absent)
}

/// Whether the conversation of a snapshot holds something that is not to be kept any more at `now`, as far as what is
/// stored tells: its actor decides.
pub(crate) async fn holds_too_much(
    store: &dyn Store,
    snapshot: &Snapshot,
    retentions: &Retentions,
    now: Millis,
) -> Result<bool, StoreError> {
    let Some(core) = Small::read(snapshot)?.core else { return Ok(false) };
    let retention = retentions.of(core.key.kind());
    if retention.surplus_through(core.head) > core.forgotten {
        return Ok(true);
    }
    let oldest = core.forgotten / PAGE_MESSAGES;
    let Some(expired_before) = retention.expired_before(now).filter(|_| oldest < page_of(core.head)) else {
        return Ok(false);
    };
    Ok(page_end(store, &snapshot.key, oldest).await? < expired_before)
}
