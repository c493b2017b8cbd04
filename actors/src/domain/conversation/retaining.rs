//! Retention: which of the oldest messages are not kept any more, whole pages at a time.
//!
//! Guarantees: the newest page always stays, so a conversation that has messages shows its newest one; what is
//! removed is a fact ([`ConversationEvent::Forgotten`]), so that a replay under other settings gives the same state;
//! one fact removes a bounded number of pages.

use super::{ConversationState, Limits};
use crate::domain::event::ConversationEvent;
use crate::domain::history::{PAGE_MESSAGES, page_of};
use crate::domain::ids::{Kind, Millis};

/// Pages that may be removed and not yet deleted from storage: they are deleted in one transaction with a snapshot,
/// which must not hold up other writes.
const PAGES_AT_ONCE: u64 = 512;

/// How long the messages of one kind of conversation are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// So many milliseconds; 0 = for ever.
    pub age: Millis,
    /// So many of the newest; 0 = all.
    pub messages: u64,
}

/// The same of every kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retentions {
    /// Kind 1.
    pub one_to_one: Retention,
    /// Kind 2.
    pub service: Retention,
    /// Kind 3.
    pub group: Retention,
    /// Kind 4.
    pub notice: Retention,
}

impl Retention {
    /// Whether everything is kept.
    pub const fn keeps_all(&self) -> bool {
        self.age == 0 && self.messages == 0
    }

    /// Messages sent before this are too old at `now`; `None` if none ever is.
    pub const fn expired_before(&self, now: Millis) -> Option<Millis> {
        if self.age == 0 { None } else { Some(now.saturating_sub(self.age)) }
    }

    /// Up to where messages are too many when the newest is `head`; whole pages; 0 = none are.
    pub const fn surplus_through(&self, head: u64) -> u64 {
        if self.messages == 0 {
            return 0;
        }
        head.saturating_sub(self.messages) / PAGE_MESSAGES * PAGE_MESSAGES
    }
}

impl Retentions {
    /// That of one kind.
    pub const fn of(&self, kind: Kind) -> Retention {
        match kind {
            Kind::OneToOne => self.one_to_one,
            Kind::Service => self.service,
            Kind::Group => self.group,
            Kind::Notice => self.notice,
        }
    }

    /// Whether everything of every kind is kept.
    pub const fn keep_all(&self) -> bool {
        self.one_to_one.keeps_all()
            && self.service.keeps_all()
            && self.group.keeps_all()
            && self.notice.keeps_all()
    }
}

impl ConversationState {
    /// How many messages it holds.
    pub const fn messages(&self) -> u64 {
        self.core.head.saturating_sub(self.core.forgotten)
    }

    /// Whether a message was there once and is removed.
    pub const fn has_forgotten(&self, seq: u64) -> bool {
        seq >= 1 && seq <= self.core.forgotten
    }

    /// The event of removing the messages up to and including `through` from a conversation whose newest is (or is
    /// about to be) `head`: as many whole pages of them as may go at once. `None` if that is nothing.
    pub fn forgetting(&self, through: u64, head: u64) -> Option<ConversationEvent> {
        let kept_from = page_of(head).min(self.history.stored_from() + PAGES_AT_ONCE);
        let through = (through / PAGE_MESSAGES).min(kept_from) * PAGE_MESSAGES;
        (through > self.core.forgotten).then_some(ConversationEvent::Forgotten { through })
    }

    /// The event of removing what is too much once the newest message is `head`.
    pub fn forgetting_surplus(&self, head: u64, limits: &Limits) -> Option<ConversationEvent> {
        self.forgetting(limits.retention.of(self.kind()).surplus_through(head), head)
    }

    /// Takes the removal of messages in: nobody counts them, nobody reads them.
    pub(super) fn forget(&mut self, through: u64) {
        let through = through.min(self.core.head);
        if through <= self.core.forgotten {
            return;
        }
        self.core.forgotten = through;
        self.core.withdrawn.forget_through(through);
        // A group may have thousands of members: their own ones are left out when they are counted.
        if self.kind() != Kind::Group {
            self.readers.forget_through(through);
        }
        self.history.forget_through(through);
    }
}
