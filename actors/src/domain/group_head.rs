//! The head of a group: everything a member's inbox needs to know of a group, in one immutable value.
//!
//! Guarantees: applying the facts of one group in position order gives the same head as asking the group;
//! a fact at or below the head's position changes nothing, so facts may be offered twice.

use std::sync::Arc;

use super::event::{ConversationEvent, Fact, Position, Recorded};
use super::ids::Millis;
use super::message::{Author, Preview};
use super::seq_set::SeqSet;

/// What a group's members see of it in their lists. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Head {
    /// The newest message's seq; 0 = none.
    pub seq: u64,
    /// When the newest message was sent; 0 = none.
    pub sent_at: Millis,
    /// Who sent the newest message.
    pub author: Option<Author>,
    /// The newest message's preview; its text is empty once withdrawn.
    pub preview: Preview,
    /// Whether the newest message is withdrawn.
    pub last_withdrawn: bool,
    /// Every withdrawn seq above `forgotten`.
    pub withdrawn: Arc<SeqSet>,
    /// Messages up to here were removed; 0 = none.
    pub forgotten: u64,
    /// The group's name; empty while not defined.
    pub name: Arc<str>,
    /// The group's picture; empty while not defined.
    pub avatar: Arc<str>,
    /// Whether the group was deleted.
    pub deleted: bool,
    /// Last activity: its newest message, else its creation; 0 = never.
    pub last_at: Millis,
    /// Holds every fact of the group up to here.
    pub position: Position,
}

impl Head {
    /// Takes a fact of this group (the caller has checked that it is this group's).
    pub fn apply(&mut self, event: &Recorded) {
        if event.position <= self.position {
            return;
        }
        self.position = event.position;
        let Fact::Conversation(fact) = &event.fact else { return };
        match &fact.event {
            ConversationEvent::Opened => self.last_at = event.at,
            ConversationEvent::Sent { seq, author, body, .. } => {
                self.seq = *seq;
                self.sent_at = event.at;
                self.author = Some(author.clone());
                self.preview = Preview::of(body);
                self.last_withdrawn = false;
                self.last_at = event.at;
            }
            ConversationEvent::Withdrawn { seq } => {
                Arc::make_mut(&mut self.withdrawn).insert(*seq);
                if *seq == self.seq {
                    self.last_withdrawn = true;
                    self.preview.text.clear();
                }
            }
            ConversationEvent::GroupDefined { name, avatar } => {
                self.name = name.as_str().into();
                self.avatar = avatar.as_str().into();
                self.deleted = false;
                self.last_at = event.at;
            }
            ConversationEvent::GroupDeleted { .. } => {
                self.deleted = true;
                self.name = Arc::default();
                self.avatar = Arc::default();
            }
            ConversationEvent::Forgotten { through } => {
                self.forgotten = self.forgotten.max(*through);
                Arc::make_mut(&mut self.withdrawn).forget_through(*through);
            }
            ConversationEvent::Read { .. }
            | ConversationEvent::Voted { .. }
            | ConversationEvent::Joined { .. }
            | ConversationEvent::Left { .. } => {}
        }
    }
}
