//! What operators see of actors, do to them and tune. Nothing here asks an actor anything: what is seen comes from
//! cells that hosts write, what is done goes by the actor's mailbox as housekeeping does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Router;
use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, EntId};
use crate::journal::JournalSettings;
use crate::ports::StoreError;
use crate::runtime::inspection::{ActorStatus, Glance, Passivated, Phases};
use crate::runtime::policy::Policy;
use crate::runtime::storm::StormSettings;
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

/// A thread of actors that runs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hang {
    /// Which thread, for how long, and what kinds of actors are in hand there. Names nobody: anyone may read it.
    pub what: String,
    /// The actors that are in hand there, for operators.
    pub who: Vec<String>,
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
    /// When crashes are a storm.
    pub storm: StormSettings,
    /// How long a thread of actors may run nothing before it hangs.
    pub hang_after: Duration,
    /// Of how many requests one is traced.
    pub sample_one_in: u64,
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
        let Tuning { policy, kinds, rules, journal, storm, hang_after, sample_one_in } = tuning;
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
        self.observation.set_storm(storm);
        self.observation.tracer().set_one_in(sample_one_in);
        self.hang_after.store(hang_after.as_millis() as u64, Ordering::Relaxed);
    }

    /// How many actors of each kind are in which phase.
    pub fn phases(&self) -> [(&'static str, Phases); 4] {
        of_all_kinds!(self, registry => (registry.kind(), registry.phases()))
    }

    /// Active actors of a kind, in a phase or in any, whose key is behind `after`, by key: the first `limit` of them, and
    /// how many there are. For whoever looks: it takes moments per thousand.
    pub fn actors_page(
        &self,
        kind: &str,
        phase: Option<&str>,
        after: &str,
        limit: usize,
    ) -> (Vec<ActorStatus>, usize) {
        let pages = of_all_kinds!(self, registry => {
            (registry.kind() == kind).then(|| registry.page(phase, after, limit))
        });
        pages.into_iter().flatten().next().unwrap_or_default()
    }

    /// What all active actors did so far, in no order.
    pub fn glances(&self) -> Vec<(ActorKey, Glance)> {
        let mut all: Vec<(ActorKey, Glance)> = Vec::new();
        all.extend(
            self.conversations.glances().into_iter().map(|(id, seen)| (ActorKey::Conversation(id), seen)),
        );
        all.extend(self.sessions.glances().into_iter().map(|(id, seen)| (ActorKey::Session(id), seen)));
        all.extend(self.inboxes.glances().into_iter().map(|(key, seen)| (ActorKey::Inbox(key), seen)));
        all.extend(self.enterprises().into_iter().map(|(ent, seen)| (ActorKey::Shunt(ent), seen)));
        all
    }

    /// The enterprises whose routing is active, in no order.
    pub fn enterprises(&self) -> Vec<(EntId, Glance)> {
        self.shunts.glances()
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

    /// Threads that run nothing for longer than [`Tuning::hang_after`]; `None` = all run. Call it now and then: it asks
    /// the threads for their next sign of life.
    pub fn hangs(&self) -> Option<Hang> {
        let limit = Duration::from_millis(self.hang_after.load(Ordering::Relaxed));
        let silent = self.shards.silent(limit);
        let (shard, lasts) = silent.first()?;
        let mut hang =
            Hang { what: format!("shard {shard} has not run for {} ms", lasts.as_millis()), who: Vec::new() };
        let hanging = of_all_kinds!(self, registry => (registry.kind(), registry.hanging(limit)));
        for (kind, hanging) in hanging {
            for (key, operation, lasts) in hanging {
                hang.what.push_str(&format!("; {kind} is in {operation} for {} ms", lasts.as_millis()));
                hang.who.push(format!("{kind}/{key}"));
            }
        }
        Some(hang)
    }

    /// Commands that the whole service holds, and how many it may hold.
    pub fn load(&self) -> (usize, usize) {
        (self.service.held(), self.service.capacity())
    }
}
