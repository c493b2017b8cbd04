//! Unread, and the lists of conversations and people.

use uuid::Uuid;

use super::{Caller, SessionState};
use crate::domain::ids::{Address, EntId, Kind, MessageId, Millis};
use crate::domain::message::Preview;

/// Unread by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unread {
    /// Kind 1.
    pub one_to_one: u64,
    /// Kind 2.
    pub service: u64,
    /// Kind 3.
    pub group: u64,
    /// Kind 4.
    pub notice: u64,
}

impl Unread {
    /// All kinds together.
    pub const fn total(&self) -> u64 {
        self.one_to_one + self.service + self.group + self.notice
    }
}

/// Filters of conversationList and userList (spec §4, userList). Empty = no filter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// The peer's phone begins with this.
    pub phone: String,
    /// The peer's name or id contains this (case-insensitive).
    pub name: String,
    /// Last activity at or after.
    pub from: Option<Millis>,
    /// Last activity before.
    pub until: Option<Millis>,
    /// `isArtificial`: `Some(true)` a human agent serves, `Some(false)` bot or nobody.
    pub human: Option<bool>,
    /// `isTourist`.
    pub tourist: Option<bool>,
    /// Peers to leave out: bare or typed ids.
    pub without: Vec<String>,
    /// `queryType`.
    pub query: Query,
}

/// `queryType` of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Query {
    /// 0.
    #[default]
    All,
    /// 1: served by a bot.
    WithBot,
    /// 2: queued.
    Queued,
    /// 3: being served.
    Serving,
    /// 4: the last session has ended.
    Ended,
    /// 11, 12, 13, 14: only this kind.
    Kind(Kind),
    /// 21: unread only.
    UnreadOnly,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub filter: Filter,
    /// From 1.
    pub page: u64,
    /// 1 to 100.
    pub size: u64,
}

/// The other party of a row, with what the directory knows of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PeerCard {
    /// The address; `None` for the desk of an enterprise as a customer sees it.
    pub address: Option<Address>,
    /// Its name; empty when unknown.
    pub name: String,
    /// Its picture; empty when unknown.
    pub avatar: String,
    /// Its phone; empty when unknown.
    pub phone: String,
    /// Whether it is a tourist.
    pub tourist: bool,
    /// Whether it has a live connection now.
    pub online: bool,
}

/// The newest session of a service conversation, as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionCard {
    /// Its id.
    pub session: Uuid,
    /// Its state.
    pub state: SessionState,
    /// Who serves or served it (bare id).
    pub agent: Option<String>,
    /// The name shown to the customer.
    pub shown_name: String,
    /// Whether a human agent serves.
    pub human: bool,
}

/// The newest message, as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct LastMessage {
    /// Its id.
    pub message: MessageId,
    /// Its preview; empty when withdrawn.
    pub preview: Preview,
    /// When it was sent.
    pub sent_at: Millis,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

/// One conversation in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    /// Its id.
    pub conversation: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// The serving enterprise (kind 2), else 0.
    pub ent: EntId,
    /// The other party.
    pub peer: PeerCard,
    /// The newest session (kind 2).
    pub session: Option<SessionCard>,
    /// The newest message.
    pub last: Option<LastMessage>,
    /// Unread of the caller.
    pub unread: u64,
    /// Last activity.
    pub last_at: Millis,
}

/// A page of rows with how many match in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T> {
    /// The page.
    pub rows: Vec<T>,
    /// All that match.
    pub total: u64,
}
