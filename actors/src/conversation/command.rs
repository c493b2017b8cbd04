//! What a conversation is asked and what it answers.

use super::retaining::Retained;
use crate::api::{Appraisal, AppraiseRequest, Caller, GroupView, History, ReadMark, Sent, WithdrawRequest};
use crate::domain::conversation::reading::Stretch;
use crate::domain::conversation::sending::Send;
use crate::domain::group_head::Head;
use crate::domain::ids::{Address, ConversationKey, EntId, Kind, Millis};

/// A command. `at` is its admission time: the only time rules know. `key` is `None` where a caller named the
/// conversation by its id: then it must exist.
#[derive(Debug)]
pub enum ConversationCommand {
    /// Take a message; answers `Sent`, `NeedsSession` or `Moved`.
    Send(Box<Send>),
    /// Whether a message with an idempotency key was taken here before; answers `Sent` or `NotHere`.
    Recall(Box<Send>),
    /// Read a stretch of history; answers `History`.
    History {
        /// See the enum.
        key: Option<ConversationKey>,
        /// The expected kind.
        kind: Kind,
        /// Who reads.
        caller: Box<Caller>,
        /// What.
        stretch: Stretch,
        /// See the enum.
        at: Millis,
    },
    /// Move a read mark; answers `Read`.
    Read {
        /// See the enum.
        key: Option<ConversationKey>,
        /// Who reads.
        caller: Box<Caller>,
        /// Up to and including; `None` = everything.
        up_to: Option<u64>,
        /// See the enum.
        at: Millis,
    },
    /// Withdraw a message; answers `Done`.
    Withdraw {
        /// Which, by whom.
        request: Box<WithdrawRequest>,
        /// See the enum.
        at: Millis,
    },
    /// Vote on a message; answers `Appraised`.
    Appraise {
        /// Which, by whom, how.
        request: Box<AppraiseRequest>,
        /// See the enum.
        at: Millis,
    },
    /// Get or create; answers `Opened`.
    Open {
        /// What identifies it.
        key: ConversationKey,
        /// Who opens.
        opener: Address,
        /// See the enum.
        at: Millis,
    },
    /// Whether anything has happened here; answers `Exists`.
    Exists,
    /// Define or redefine a group; answers `Group`.
    DefineGroup {
        /// What identifies it.
        key: ConversationKey,
        /// Its name.
        name: String,
        /// Its picture.
        avatar: String,
        /// Its members, all of them; `None` = as they are.
        members: Option<Vec<Address>>,
        /// See the enum.
        at: Millis,
    },
    /// Show a group; answers `Group`.
    Group,
    /// Delete a defined group; answers `Done`.
    DeleteGroup {
        /// See the enum.
        at: Millis,
    },
    /// Add and remove members of a group; answers `Group`.
    ChangeMembers {
        /// Who joins.
        add: Vec<Address>,
        /// Who leaves.
        remove: Vec<Address>,
        /// See the enum.
        at: Millis,
    },
    /// Show a page of a group's members; answers `Members`.
    Members {
        /// From 1.
        page: u64,
        /// At most this many.
        size: u64,
    },
    /// Show what members' lists need of a group; answers `Head`.
    Head,
    /// Remove what is not to be kept any more; answers `Retained`.
    Retain {
        /// See the enum.
        at: Millis,
    },
}

impl ConversationCommand {
    /// A word for metrics and dead letters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Recall(_) => "recall",
            Self::History { .. } => "history",
            Self::Read { .. } => "read",
            Self::Withdraw { .. } => "withdraw",
            Self::Appraise { .. } => "appraise",
            Self::Open { .. } => "open",
            Self::Exists => "exists",
            Self::DefineGroup { .. } => "define_group",
            Self::Group => "group",
            Self::DeleteGroup { .. } => "delete_group",
            Self::ChangeMembers { .. } => "change_members",
            Self::Members { .. } => "members",
            Self::Head => "head",
            Self::Retain { .. } => "retain",
        }
    }

    /// Whether it decides nothing. A history that makes its reader a member of an open group does, and is refused where
    /// nothing may be decided.
    pub(super) const fn reads(&self) -> bool {
        match self {
            Self::Recall(_)
            | Self::History { .. }
            | Self::Exists
            | Self::Group
            | Self::Members { .. }
            | Self::Head => true,
            Self::Send(_)
            | Self::Read { .. }
            | Self::Withdraw { .. }
            | Self::Appraise { .. }
            | Self::Open { .. }
            | Self::DefineGroup { .. }
            | Self::DeleteGroup { .. }
            | Self::ChangeMembers { .. }
            | Self::Retain { .. } => false,
        }
    }

    /// The key, where the command tells it.
    pub(super) const fn key(&self) -> Option<&ConversationKey> {
        match self {
            Self::Send(send) | Self::Recall(send) => send.key.as_ref(),
            Self::History { key, .. } | Self::Read { key, .. } => key.as_ref(),
            Self::Open { key, .. } | Self::DefineGroup { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// An answer; which one goes with which command is said there.
#[derive(Debug)]
pub enum ConversationAnswer {
    /// The message is in its place.
    Sent(Sent),
    /// Open a session for this customer with this enterprise, then send again: the message comes back.
    NeedsSession {
        /// The serving enterprise.
        ent: EntId,
        /// The customer.
        customer: Address,
        /// The message, untouched.
        send: Box<Send>,
    },
    /// New messages go to this conversation, as a party here was a visitor who is merged: the message comes back
    /// with the session that is open here.
    Moved {
        /// The conversation.
        key: ConversationKey,
        /// The message.
        send: Box<Send>,
    },
    /// It was not taken here.
    NotHere,
    /// A stretch of history.
    History(History),
    /// A read mark.
    Read(ReadMark),
    /// Votes.
    Appraised(Appraisal),
    /// It is there; whether this call created it.
    Opened(bool),
    /// Whether it is there.
    Exists(bool),
    /// A group.
    Group(GroupView),
    /// A page of members and how many there are.
    Members(Vec<Address>, u64),
    /// What members' lists need of a group.
    Head(Box<Head>),
    /// What was removed.
    Retained(Retained),
    /// Done, or done already.
    Done,
}

/// A read mark that is kept: what its reader asked for moved nothing.
#[derive(Debug)]
pub struct ReadBy {
    /// Who read.
    pub caller: Caller,
    /// Up to and including; `None` = everything.
    pub up_to: Option<u64>,
    /// The mark.
    pub mark: ReadMark,
}
