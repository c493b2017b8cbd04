//! Where committed facts go: each to the actors it concerns, by key, never by a kept address.

use std::sync::Arc;

use crate::aliases::Aliases;
use crate::conversation::Conversation;
use crate::domain::event::{ConversationEvent, Fact, Recorded};
use crate::domain::ids::{ActorKey, ConversationKey};
use crate::heads::Heads;
use crate::inbox::Inbox;
use crate::journal::Deliver;
use crate::runtime::registry::Registry;
use crate::session::SessionActor;
use crate::shunt::ShuntActor;
use crate::signal::Signal;

/// The journal's way to the actors.
pub struct Dispatch {
    pub(crate) conversations: Arc<Registry<Conversation>>,
    pub(crate) sessions: Arc<Registry<SessionActor>>,
    pub(crate) shunts: Arc<Registry<ShuntActor>>,
    pub(crate) inboxes: Arc<Registry<Inbox>>,
    pub(crate) heads: Arc<Heads>,
    pub(crate) aliases: Arc<Aliases>,
}

impl Dispatch {
    /// Tells an active actor; an inactive one is left asleep (`false`).
    pub fn tell(&self, key: &ActorKey, signal: Signal) -> bool {
        match key {
            ActorKey::Conversation(id) => self.conversations.tell(id, signal),
            ActorKey::Session(id) => self.sessions.tell(id, signal),
            ActorKey::Shunt(ent) => self.shunts.tell(ent, signal),
            ActorKey::Inbox(key) => self.inboxes.tell(key, signal),
        }
    }

    /// Tells an actor, activating it if need be.
    pub fn tell_or_wake(&self, key: &ActorKey, signal: Signal) {
        match key {
            ActorKey::Conversation(id) => self.conversations.tell_or_wake(id, signal),
            ActorKey::Session(id) => self.sessions.tell_or_wake(id, signal),
            ActorKey::Shunt(ent) => self.shunts.tell_or_wake(ent, signal),
            ActorKey::Inbox(key) => self.inboxes.tell_or_wake(key, signal),
        };
    }
}

impl Dispatch {
    /// A committed message of a session: its routing measures silence by it. A restart ends every silence, so a message
    /// that is not told then changes nothing.
    fn tell_who_spoke(&self, event: &Recorded) {
        let Fact::Conversation(fact) = &event.fact else { return };
        let ConversationKey::Service(ent, _) = &fact.key else { return };
        let ConversationEvent::Sent { session: Some(session), .. } = &fact.event else { return };
        self.shunts.tell(ent, Signal::Spoke { session: *session, at: event.at });
    }
}

impl Deliver for Dispatch {
    fn deliver(&self, key: &ActorKey, event: &Arc<Recorded>) {
        self.tell(key, Signal::Committed(Arc::clone(event)));
    }

    fn observe(&self, event: &Arc<Recorded>) {
        self.aliases.observe(event);
        self.heads.observe(event);
        self.tell_who_spoke(event);
    }

    fn rolled_back(&self) {
        // Only deciders can be ahead of the disk.
        self.conversations.broadcast(|| Signal::RolledBack);
        self.shunts.broadcast(|| Signal::RolledBack);
    }

    fn checkpoint(&self, key: &ActorKey) {
        self.tell_or_wake(key, Signal::Snapshot);
    }
}
