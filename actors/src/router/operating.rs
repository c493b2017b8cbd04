//! What operators see of actors, do to them and tune. Nothing here asks an actor anything: what is seen comes from
//! cells that hosts write, what is done goes by the actor's mailbox as housekeeping does.

use std::time::Duration;

use super::Router;
use crate::domain::event::Position;
use crate::domain::ids::ActorKey;
use crate::journal::JournalSettings;
use crate::ports::StoreError;
use crate::runtime::inspection::{ActorStatus, Passivated, Phases};
use crate::runtime::policy::Policy;
use crate::runtime::vitals::Trace;
use crate::signal::Signal;
use crate::world::Rules;

/// How far the snapshot of an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Saved {
    /// The newest snapshot holds what the actor decided up to here; 0 = there is none.
    pub decided: Position,
    /// And what it was told up to here.
    pub told: Position,
    /// Version of the snapshot's encoding; 0 = there is none.
    pub version: u16,
    /// Whether facts that concern it are above the snapshot.
    pub dirty: bool,
    /// The newest committed position of the journal.
    pub committed: Position,
}

/// Everything that changes without a restart.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// For every kind that has no policy of its own.
    pub policy: Policy,
    /// Policies of single kinds.
    pub kinds: Vec<(&'static str, Policy)>,
    /// The domain's numbers.
    pub rules: Rules,
    /// The journal's numbers.
    pub journal: JournalSettings,
}

/// Does the same with the registry of a key's kind.
macro_rules! of_its_kind {
    ($router:expr, $key:expr, $registry:ident, $id:ident => $what:expr) => {
        match $key {
            ActorKey::Conversation($id) => {
                let $registry = &$router.conversations;
                $what
            }
            ActorKey::Session($id) => {
                let $registry = &$router.sessions;
                $what
            }
            ActorKey::Shunt($id) => {
                let $registry = &$router.shunts;
                $what
            }
            ActorKey::Inbox($id) => {
                let $registry = &$router.inboxes;
                $what
            }
        }
    };
}

/// Does the same with every registry.
macro_rules! of_all_kinds {
    ($router:expr, $registry:ident => $what:expr) => {
        [
            {
                let $registry = &$router.conversations;
                $what
            },
            {
                let $registry = &$router.sessions;
                $what
            },
            {
                let $registry = &$router.shunts;
                $what
            },
            {
                let $registry = &$router.inboxes;
                $what
            },
        ]
    };
}

impl Router {
    /// Goes by other numbers from now on.
    pub fn tune(&self, tuning: Tuning) {
        let Tuning { policy, kinds, rules, journal } = tuning;
        let of = |kind: &str| {
            let own = kinds.iter().find(|(own, _)| *own == kind).map(|(_, policy)| policy);
            own.unwrap_or(&policy).clone()
        };
        self.service.set_capacity(policy.service_capacity);
        self.conversations.set_policy(of("conversation"));
        self.sessions.set_policy(of("session"));
        self.shunts.set_policy(of("shunt"));
        self.inboxes.set_policy(of("inbox"));
        self.world.rules.store(std::sync::Arc::new(rules));
        self.world.journal.set_settings(journal);
    }

    /// How many actors of each kind are in which phase.
    pub fn phases(&self) -> [(&'static str, Phases); 4] {
        of_all_kinds!(self, registry => (registry.kind(), registry.phases()))
    }

    /// All active actors of a kind, or of all; in no order. For whoever looks: it takes moments per thousand.
    pub fn statuses(&self, kind: Option<&str>) -> Vec<ActorStatus> {
        let every = of_all_kinds!(self, registry => {
            if kind.is_none_or(|kind| kind == registry.kind()) { registry.statuses() } else { Vec::new() }
        });
        every.into_iter().flatten().collect()
    }

    /// An actor, if it is active.
    pub fn actor_status(&self, key: &ActorKey) -> Option<ActorStatus> {
        of_its_kind!(self, key, registry, id => registry.status(id))
    }

    /// How far an actor's snapshot is.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn saved(&self, key: &ActorKey) -> Result<Saved, StoreError> {
        let snapshot = self.world.store.load(key).await?;
        let (dirty, committed) = (self.world.journal.is_dirty(key), self.world.journal.committed());
        Ok(match snapshot {
            Some(held) => {
                Saved { decided: held.decided, told: held.told, version: held.version, dirty, committed }
            }
            None => Saved { dirty, committed, ..Saved::default() },
        })
    }

    /// Has an actor leave memory now, if it may; one that has something to save is told to save it.
    pub fn passivate_actor(&self, key: &ActorKey) -> Passivated {
        let clean = !self.world.journal.is_dirty(key);
        let outcome = of_its_kind!(self, key, registry, id => registry.passivate_now(id, clean));
        if outcome == Passivated::Unsaved {
            self.dispatch.tell(key, Signal::Snapshot);
        }
        outcome
    }

    /// Has an actor write its snapshot, activating it if need be.
    pub fn snapshot_actor(&self, key: &ActorKey) {
        self.dispatch.tell_or_wake(key, Signal::Snapshot);
    }

    /// Takes an actor out of service until it is resumed or the service starts again; whether it was told.
    pub fn quarantine_actor(&self, key: &ActorKey, reason: &str) -> bool {
        of_its_kind!(self, key, registry, id => registry.quarantine(id, reason.to_owned()))
    }

    /// Lets a quarantined actor recover again, with a fresh restart budget; whether it was quarantined.
    pub fn resume_actor(&self, key: &ActorKey) -> bool {
        of_its_kind!(self, key, registry, id => registry.resume(id))
    }

    /// Has an active actor note its turns for so long; whether it is active.
    pub fn trace_actor(&self, key: &ActorKey, lasts: Duration) -> bool {
        of_its_kind!(self, key, registry, id => registry.trace(id, lasts))
    }

    /// The trace of an active actor, and how long it lasts still.
    pub fn actor_trace(&self, key: &ActorKey) -> Option<(Trace, Duration)> {
        of_its_kind!(self, key, registry, id => registry.traced(id))
    }

    /// Threads that run nothing for longer than `limit`, in words that name what hangs on them; `None` = all run. Call
    /// it now and then: it asks the threads for their next sign of life.
    pub fn hangs(&self, limit: Duration) -> Option<String> {
        let silent = self.shards.silent(limit);
        let (shard, lasts) = silent.first()?;
        let mut text = format!("shard {shard} has not run for {} ms", lasts.as_millis());
        let hanging = of_all_kinds!(self, registry => (registry.kind(), registry.hanging(limit)));
        for (kind, hanging) in hanging {
            for (key, operation, lasts) in hanging {
                text.push_str(&format!("; {kind}/{key} is in {operation} for {} ms", lasts.as_millis()));
            }
        }
        Some(text)
    }

    /// Commands that the whole service holds, and how many it may hold.
    pub fn load(&self) -> (usize, usize) {
        (self.service.held(), self.service.capacity())
    }
}
