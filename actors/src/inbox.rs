//! The inbox actor: keeps one [`domain::inbox::Inbox`](crate::domain::inbox::Inbox) and answers from it.
//!
//! Guarantees: a pure projection. It decides nothing and holds committed facts only, so its answers need no
//! gate; whoever was acknowledged finds the effect here. Loses nothing at a crash: it is rebuilt from its
//! snapshot and the journal.

pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use uuid::Uuid;

use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, ConversationKey, InboxKey, PartyType};
use crate::domain::inbox::{Filter, GroupRow, Inbox as Rows, Listing, Shown, Totals, View};
use crate::journal::Loaded;
use crate::log::Log;
use crate::ports::StoreError;
use crate::recovering;
use crate::runtime::behaviour::{Behaviour, RecoverError, Turn};
use crate::runtime::reply::Reply;
use crate::signal::Signal;
use crate::world::World;

/// An active inbox.
pub struct Inbox {
    log: Log,
    rows: Rows,
    /// The last snapshot written holds everything told up to here.
    saved: Position,
    saving: Saving,
}

/// Where writing a snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saving {
    /// None is being written.
    Idle,
    /// One is being written.
    Running,
    /// One is being written and another was asked for meanwhile.
    Again,
}

/// What an inbox is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum InboxCommand {
    /// Unread by kind, and the groups (their unread comes from their heads).
    Count {
        /// Through whose eyes.
        view: View,
        /// Leaves these conversations out.
        except: Vec<Uuid>,
    },
    /// The newest rows that match, and how many match in all.
    List {
        /// Through whose eyes.
        view: View,
        /// Which.
        filter: Filter,
        /// At most so many rows; `None` = all that match.
        limit: Option<usize>,
        /// Whether the groups are wanted as well.
        groups: bool,
    },
    /// These rows, in this order; those that are gone, and groups, are left out.
    Show {
        /// Through whose eyes.
        view: View,
        /// Which.
        conversations: Vec<Uuid>,
    },
    /// One row of any kind.
    Row {
        /// Through whose eyes.
        view: View,
        /// Which.
        conversation: Uuid,
    },
    /// The conversations with an open session, with it.
    OpenSessions,
}

/// What an inbox answers, by command.
#[derive(Debug, Clone, PartialEq)]
pub enum InboxAnswer {
    /// To [`InboxCommand::Count`].
    Count {
        /// Unread by kind, without groups.
        totals: Totals,
        /// The groups.
        groups: Arc<Vec<GroupRow>>,
    },
    /// To [`InboxCommand::List`].
    List {
        /// The rows, without groups.
        listing: Listing,
        /// The groups, all of them, if they were wanted.
        groups: Arc<Vec<GroupRow>>,
        /// Types of the other parties in kind 1: two inboxes without a common type share no person.
        peer_types: Vec<PartyType>,
    },
    /// To [`InboxCommand::Show`].
    Show(Vec<Shown>),
    /// To [`InboxCommand::Row`], unless it is a group.
    Row(Option<Box<Shown>>),
    /// To [`InboxCommand::Row`] of a group.
    Group(GroupRow),
    /// To [`InboxCommand::OpenSessions`].
    OpenSessions(Vec<(ConversationKey, Uuid)>),
}

/// What was counted, as it is kept: an app asks again and again, and mostly nothing has come.
#[derive(Debug)]
pub struct Counted {
    /// Through whose eyes.
    pub view: View,
    /// Without these conversations.
    pub except: Vec<Uuid>,
    /// Unread by kind, without groups.
    pub totals: Totals,
    /// The groups.
    pub groups: Arc<Vec<GroupRow>>,
}

impl Inbox {
    async fn rebuild(key: InboxKey, world: Arc<World>, loaded: Loaded) -> Result<Self, StoreError> {
        let mut rows = store::load(&key, &*world.store, loaded.snapshot.as_ref()).await?;
        let mut log = Log::new(ActorKey::Inbox(key), Arc::clone(&world.journal), &loaded);
        let saved = log.told();
        for event in &loaded.events {
            if log.hold(event) {
                rows.apply(event);
            }
        }
        Ok(Self { log, rows, saved, saving: Saving::Idle })
    }

    fn answer(&self, command: InboxCommand, turn: &mut Turn<Self>) -> InboxAnswer {
        match command {
            InboxCommand::Count { view, except } => {
                let (totals, groups) = (self.rows.count(&view, &except), self.rows.groups());
                turn.keep(Counted { view, except, totals, groups: Arc::clone(&groups) });
                InboxAnswer::Count { totals, groups }
            }
            InboxCommand::List { view, filter, limit, groups } => InboxAnswer::List {
                listing: self.rows.list(&view, &filter, limit),
                groups: if groups { self.rows.groups() } else { Arc::default() },
                peer_types: self.rows.peer_types(),
            },
            InboxCommand::Show { view, conversations } => {
                InboxAnswer::Show(self.rows.show(&view, &conversations))
            }
            InboxCommand::Row { view, conversation } => match self.rows.group(conversation) {
                Some(group) => InboxAnswer::Group(group),
                None => InboxAnswer::Row(self.rows.show(&view, &[conversation]).pop().map(Box::new)),
            },
            InboxCommand::OpenSessions => InboxAnswer::OpenSessions(self.rows.open_sessions()),
        }
    }
}

impl Behaviour for Inbox {
    const KIND: &'static str = "inbox";
    type Key = InboxKey;
    type Command = InboxCommand;
    type Answer = InboxAnswer;
    type Kept = Counted;
    type Notice = Signal;
    type World = World;

    fn recover(
        key: InboxKey,
        world: Arc<World>,
        restart: bool,
    ) -> BoxFuture<'static, Result<Self, RecoverError>> {
        Box::pin(async move {
            let build = |loaded| Box::pin(Self::rebuild(key.clone(), Arc::clone(&world), loaded)) as _;
            recovering::recover(&world.journal, &ActorKey::Inbox(key.clone()), restart, build).await
        })
    }

    fn handle(&mut self, command: InboxCommand, reply: Reply<InboxAnswer>, turn: &mut Turn<Self>) {
        // A large list is not worth making for a caller who has gone.
        if reply.abandoned() {
            return;
        }
        turn.unchanged();
        reply.answer(self.answer(command, turn));
    }

    fn told(&mut self, notice: Signal, turn: &mut Turn<Self>) {
        match notice {
            Signal::Committed(event) => {
                if self.log.hold(&event) {
                    self.rows.apply(&event);
                }
            }
            Signal::Snapshot if !turn.read_only() => self.save(turn),
            // It decides nothing, so it is never ahead of the disk.
            Signal::Snapshot | Signal::RolledBack | Signal::Heartbeat { .. } | Signal::Spoke { .. } => {}
        }
    }

    fn away(world: &World) -> Option<Duration> {
        world.journal.breaker().reads_remaining()
    }

    fn reads(command: &InboxCommand) -> bool {
        match command {
            InboxCommand::Count { .. }
            | InboxCommand::List { .. }
            | InboxCommand::Show { .. }
            | InboxCommand::Row { .. }
            | InboxCommand::OpenSessions => true,
        }
    }

    fn operation(command: &InboxCommand) -> &'static str {
        match command {
            InboxCommand::Count { .. } => "count",
            InboxCommand::List { .. } => "list",
            InboxCommand::Show { .. } => "show",
            InboxCommand::Row { .. } => "row",
            InboxCommand::OpenSessions => "open_sessions",
        }
    }
}
