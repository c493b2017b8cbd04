//! The router: the door to all actors. Finds the actor by key (activating it), forwards, and tells committed
//! facts to whom they concern.
//!
//! - [`messages`]: send, read, withdraw, appraise, history, groups;
//! - [`lists`]: unread, conversation and people lists;
//! - [`service`]: sessions, reservations, agents;
//! - [`directory`]: users, seats, enterprises of agents;
//! - [`visitors`]: merging them into registered users;
//! - [`lifecycle`]: start, sweep, drain;
//! - [`retention`]: messages that are not kept;
//! - [`operating`]: what operators see, do and tune.

pub mod directory;
pub mod dispatch;
pub mod lifecycle;
pub mod lists;
pub mod messages;
pub mod operating;
pub mod retention;
pub mod service;
pub mod visitors;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use self::dispatch::Dispatch;
use crate::conversation::Conversation;
use crate::directory::Directory;
use crate::heads::Heads;
use crate::inbox::Inbox;
use crate::runtime::admission::Admission;
use crate::runtime::observation::Observation;
use crate::runtime::registry::Registry;
use crate::runtime::shards::Shards;
use crate::session::SessionActor;
use crate::shunt::ShuntActor;
use crate::world::World;

/// The door to all actors of one service. Shared behind an `Arc`; stateless but for caches.
pub struct Router {
    pub(crate) conversations: Arc<Registry<Conversation>>,
    pub(crate) sessions: Arc<Registry<SessionActor>>,
    pub(crate) shunts: Arc<Registry<ShuntActor>>,
    pub(crate) inboxes: Arc<Registry<Inbox>>,
    pub(crate) world: Arc<World>,
    pub(crate) heads: Arc<Heads>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) recent: service::Recent,
    pub(crate) service: Arc<Admission>,
    pub(crate) observation: Arc<Observation>,
    pub(crate) shards: Arc<Shards>,
    /// Milliseconds. Written when an operator changes it.
    pub(crate) hang_after: AtomicU64,
    pub(crate) dispatch: Arc<Dispatch>,
}

impl Router {
    /// What every actor uses: the clock, the journal, the rules.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The runtime's figures.
    pub fn observation(&self) -> &Arc<Observation> {
        &self.observation
    }
}
