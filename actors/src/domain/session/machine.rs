//! The states of a session and what each event makes of each: total, so nothing that is told can surprise.

use crate::api::SessionState;
use crate::domain::event::ShuntChange;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nobody opened it.
    Unopened,
    /// It waits for an agent.
    Queued,
    /// It is offered to an agent.
    Offered,
    /// The group's bot serves it.
    WithBot,
    /// An agent serves it.
    Serving,
    /// It is over, for ever.
    Ended,
}

/// What can happen to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// It was opened.
    Opened,
    /// It was offered to an agent.
    Offered,
    /// It was given to an agent, or to another one.
    Assigned,
    /// The bot began to serve it.
    BotTook,
    /// It left its agent for the queue.
    Requeued,
    /// It was moved to another group's queue.
    Moved,
    /// An agent wrote in it for the first time.
    Replied,
    /// It was warned of silence.
    IdleWarned,
    /// It ended.
    Ended,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 6] =
        [Self::Unopened, Self::Queued, Self::Offered, Self::WithBot, Self::Serving, Self::Ended];

    /// As its parties see it.
    pub const fn state(self) -> SessionState {
        match self {
            Self::Unopened | Self::Queued => SessionState::Queued,
            Self::Offered => SessionState::Offered,
            Self::WithBot | Self::Serving => SessionState::Serving,
            Self::Ended => SessionState::Ended,
        }
    }

    /// The stage after `event`; `None` = the event changes nothing in this stage.
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Unopened, Event::Opened) => Some(Self::Queued),
            (Self::Unopened | Self::Ended, _) | (_, Event::Opened) => None,
            (_, Event::Ended) => Some(Self::Ended),
            (_, Event::Assigned) => Some(Self::Serving),
            (_, Event::Moved) => Some(Self::Queued),
            (Self::Queued, Event::Offered) => Some(Self::Offered),
            (Self::Queued, Event::BotTook) => Some(Self::WithBot),
            (Self::Offered | Self::Serving, Event::Requeued) => Some(Self::Queued),
            (Self::Serving, Event::Replied | Event::IdleWarned) => Some(Self::Serving),
            (Self::WithBot, Event::IdleWarned) => Some(Self::WithBot),
            (Self::Offered | Self::WithBot | Self::Serving, Event::Offered | Event::BotTook)
            | (Self::Queued | Self::WithBot, Event::Requeued)
            | (Self::Queued | Self::Offered | Self::WithBot, Event::Replied)
            | (Self::Queued | Self::Offered, Event::IdleWarned) => None,
        }
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 9] = [
        Self::Opened,
        Self::Offered,
        Self::Assigned,
        Self::BotTook,
        Self::Requeued,
        Self::Moved,
        Self::Replied,
        Self::IdleWarned,
        Self::Ended,
    ];

    /// What a change of the routing is to the session it names; `None` when it is nothing to its state.
    pub const fn of(change: &ShuntChange) -> Option<Self> {
        Some(match change {
            ShuntChange::SessionOpened(_) => Self::Opened,
            ShuntChange::Offered { .. } => Self::Offered,
            ShuntChange::Assigned { .. } => Self::Assigned,
            ShuntChange::BotTook { .. } => Self::BotTook,
            ShuntChange::Requeued { .. } => Self::Requeued,
            ShuntChange::Moved { .. } => Self::Moved,
            ShuntChange::Replied { .. } => Self::Replied,
            ShuntChange::IdleWarned { .. } => Self::IdleWarned,
            ShuntChange::SessionEnded { .. } => Self::Ended,
            ShuntChange::AgentPut { .. }
            | ShuntChange::AgentDeleted { .. }
            | ShuntChange::PresenceSet { .. }
            | ShuntChange::Leased { .. }
            | ShuntChange::LeaseEnded { .. }
            | ShuntChange::GroupPut { .. }
            | ShuntChange::GroupDeleted { .. }
            | ShuntChange::Rated { .. }
            | ShuntChange::Promoted { .. }
            | ShuntChange::Decided { .. }
            | ShuntChange::LeaseDecided { .. } => return None,
        })
    }
}
