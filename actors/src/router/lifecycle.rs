//! Start, sweep and drain: what the router does besides forwarding.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use foldhash::{HashMap, HashMapExt};
use futures::StreamExt;
use prometheus_client::registry::Registry as Metrics;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::Router;
use super::dispatch::Dispatch;
use crate::aliases::REGISTRAR;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::domain::ids::ActorKey;
use crate::fail_point;
use crate::heads::Heads;
use crate::journal::{Journal, JournalSettings};
use crate::ports::{Store, StoreError, WallClock};
use crate::runtime::admission::Admission;
use crate::runtime::observation::Observation;
use crate::runtime::policy::Policy;
use crate::runtime::registry::Registry;
use crate::runtime::shards::Shards;
use crate::runtime::sweep::Written;
use crate::signal::Signal;
use crate::world::{RetentionMetrics, RoutingMetrics, Rules, World};

#[cfg(test)]
mod tests;

/// How often timers fire, and whoever is beyond the limits leaves memory. Deadlines bind when judged, so this bounds only
/// how late a place is noticed to be free when nobody asks.
pub const SWEEP_INTERVAL: Duration = Duration::from_millis(200);

/// After so many intervals idle actors are looked for, a second: all that are active are looked at for it, which takes
/// tens of milliseconds with hundreds of thousands.
const IDLE_SWEEP_EVERY: u32 = 5;

/// Enterprises woken at once at the start: all of them would take every place of the service.
const WOKEN_AT_ONCE: usize = 64;

/// How long a shutdown waits for what was admitted: longer than any commit or load is tried. What hangs longer
/// is given up, so that it does not keep the process.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// Actors asked for their last snapshot at once. Inactive ones are activated for it, and after as many those that have
/// written theirs leave down to the limit: this bounds the memory.
const SNAPSHOTS_AT_ONCE: usize = 512;

/// How long a thread of actors may run nothing before it hangs, until something else is set: no turn takes that long,
/// and a machine that is merely busy gives every thread its share sooner.
pub const HANG_AFTER: Duration = Duration::from_secs(5);

/// How often a shutdown looks which snapshots are still missing.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How long an actor has for its last snapshot before it is asked once more.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long a shutdown waits for dirty actors to write their snapshots. What is missed is replayed.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(20);

/// What a router is started with.
pub struct Startup {
    /// Storage of any engine.
    pub store: Arc<dyn Store>,
    /// Wall time.
    pub wall: Arc<dyn WallClock>,
    /// Supervision, admission, passivation.
    pub policy: Policy,
    /// The domain's numbers.
    pub rules: Rules,
    /// The journal's numbers.
    pub journal: JournalSettings,
    /// Where the committer and the sweep run.
    pub handle: Handle,
}

/// A running router, its sweep and its retention.
pub struct Running {
    /// The door.
    pub router: Arc<Router>,
    dispatch: Arc<Dispatch>,
    sweep: JoinHandle<()>,
    retention: JoinHandle<()>,
}

impl Running {
    /// Recovers from the store and starts; returns once every enterprise's routing is awake, so that no
    /// deadline is missed.
    ///
    /// # Errors
    /// Storage that cannot be read, is held by another process, or is corrupt.
    pub async fn start(startup: Startup, metrics: &mut Metrics) -> Result<Self, StoreError> {
        let Startup { store, wall, policy, rules, journal, handle } = startup;
        let clock = Clock::new(wall);
        let journal = Journal::start(store, clock.clone(), journal, handle.clone()).await?;
        journal.metrics().register(metrics);
        journal.breaker().metrics().register(metrics);
        let store = journal.store();
        let observation = Observation::new();
        observation.register(metrics);
        journal.breaker().observed_by(Arc::clone(&observation));
        journal.traced_by(Arc::clone(observation.tracer()));
        let routing = RoutingMetrics::default();
        routing.register(metrics);
        let aliases = Arc::default();
        let rules = ArcSwap::from_pointee(rules);
        let retention = RetentionMetrics::default();
        retention.register(metrics);
        let store_used = Arc::clone(&store);
        let world = Arc::new(World { journal, store: store_used, clock, rules, aliases, routing, retention });
        let shards =
            Shards::start(policy.shards).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let service = Admission::new(policy.service_capacity);
        let conversations = Registry::new(
            policy.clone(),
            shards.clone(),
            world.clone(),
            service.clone(),
            observation.clone(),
        );
        let sessions = Registry::new(
            policy.clone(),
            shards.clone(),
            world.clone(),
            service.clone(),
            observation.clone(),
        );
        let shunts = Registry::new(
            policy.clone(),
            shards.clone(),
            world.clone(),
            service.clone(),
            observation.clone(),
        );
        let inboxes =
            Registry::new(policy, shards.clone(), world.clone(), service.clone(), observation.clone());
        let heads = Arc::new(Heads::new());
        let dispatch = Arc::new(Dispatch {
            conversations: Arc::clone(&conversations),
            sessions: Arc::clone(&sessions),
            shunts: Arc::clone(&shunts),
            inboxes: Arc::clone(&inboxes),
            heads: Arc::clone(&heads),
            aliases: Arc::clone(&world.aliases),
        });
        world.journal.attach(Arc::clone(&dispatch) as Arc<dyn crate::journal::Deliver>);
        let directory = Arc::new(Directory::new(store));
        let router = Arc::new(Router {
            conversations,
            sessions,
            shunts,
            inboxes,
            world,
            heads,
            directory,
            recent: super::service::Recent::default(),
            service,
            observation,
            shards,
            hang_after: AtomicU64::new(HANG_AFTER.as_millis() as u64),
            dispatch: Arc::clone(&dispatch),
        });
        let sweep = handle.spawn(sweep(Arc::downgrade(&router)));
        let retention = handle.spawn(super::retention::walk(Arc::downgrade(&router)));
        let running = Self { router, dispatch, sweep, retention };
        if let Err(error) = running.router.wake_routing().await {
            running.stop().await;
            return Err(error);
        }
        fail_point!(RecoveryBeforeReady);
        Ok(running)
    }

    /// Finishes what was admitted, writes snapshots, closes the journal and ends the threads. New commands are
    /// refused with `Draining` from the first moment. Takes a bounded time whatever hangs.
    pub async fn stop(self) {
        let router = &self.router;
        self.retention.abort();
        router.conversations.close();
        router.sessions.close();
        router.shunts.close();
        router.inboxes.close();
        if tokio::time::timeout(DRAIN_PATIENCE, router.service.drained()).await.is_err() {
            tracing::warn!(
                commands = router.service.held(),
                "some commands hang; stopping without their answers"
            );
        }
        self.sweep.abort();
        fail_point!(DrainBeforeSnapshots);
        router.world.journal.hurry();
        let snapshots = self.snapshot_all();
        if tokio::time::timeout(SNAPSHOT_PATIENCE, snapshots).await.is_err() {
            tracing::warn!("not every actor wrote its snapshot in time; the next start replays more");
        }
        fail_point!(DrainBeforeJournalClose);
        router.world.journal.close().await;
        tokio::join!(
            router.conversations.stop(),
            router.sessions.stop(),
            router.shunts.stop(),
            router.inboxes.stop()
        );
        router.shards.stop().await;
    }

    async fn snapshot_all(&self) {
        let journal = &self.router.world.journal;
        let mut asked: HashMap<ActorKey, Instant> = HashMap::new();
        let mut since_sweep = 0;
        // Storage that is away, or taken by another process, takes no snapshots either.
        while journal.healthy().is_ok() {
            let dirty = journal.oldest_dirty(SNAPSHOTS_AT_ONCE);
            if dirty.is_empty() {
                return;
            }
            asked.retain(|key, when| when.elapsed() < ASK_AGAIN_AFTER && journal.is_dirty(key));
            for key in dirty {
                if let Entry::Vacant(entry) = asked.entry(key) {
                    self.dispatch.tell_or_wake(entry.key(), Signal::Snapshot);
                    entry.insert(Instant::now());
                    since_sweep += 1;
                }
            }
            if since_sweep >= SNAPSHOTS_AT_ONCE {
                since_sweep = 0;
                let awaited =
                    |key: &ActorKey| if journal.is_dirty(key) { Written::Awaited } else { Written::All };
                self.router.sweep(&awaited);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Router {
    /// Wakes every enterprise's routing: its reservations have deadlines and its customers may be waiting.
    async fn wake_routing(&self) -> Result<(), StoreError> {
        let mut keys = self.world.store.keys("shunt").await?;
        keys.extend(self.world.journal.dirty_keys());
        keys.sort();
        keys.dedup();
        if keys.contains(&ActorKey::Shunt(REGISTRAR)) {
            // Before any routing wakes: each looks then whether its customers were merged.
            self.learn_aliases().await?;
        }
        let wakes = keys.into_iter().filter_map(|key| match key {
            ActorKey::Shunt(ent) => Some(self.wake_shunt(ent)),
            _ => None,
        });
        let mut wakes = futures::stream::iter(wakes).buffer_unordered(WOKEN_AT_ONCE);
        while let Some(outcome) = wakes.next().await {
            if let Err(failure) = outcome {
                tracing::error!(?failure, "an enterprise's routing did not wake");
            }
        }
        Ok(())
    }

    /// Drops the state of an active actor, which then recovers from what is committed. For tests and operators.
    pub fn restart_actor(&self, key: &ActorKey) {
        match key {
            ActorKey::Conversation(id) => self.conversations.crash_or_restart(id),
            ActorKey::Session(id) => self.sessions.crash_or_restart(id),
            ActorKey::Shunt(ent) => self.shunts.crash_or_restart(ent),
            ActorKey::Inbox(key) => self.inboxes.crash_or_restart(key),
        };
    }
}

impl Router {
    /// Ticks timers and has actors leave memory: those beyond the limits, and idle ones, which are told to write their
    /// snapshots first.
    pub(crate) fn sweep_and_save(&self) {
        let journal = &self.world.journal;
        let written = |key: &ActorKey| match journal.is_dirty(key) {
            false => Written::All,
            true if journal.awaits_snapshot_of(key) => Written::Awaited,
            true => Written::Part,
        };
        for key in self.sweep(&written) {
            self.dispatch.tell(&key, Signal::Snapshot);
        }
    }

    /// Ticks timers.
    fn tick(&self) {
        self.conversations.tick();
        self.sessions.tick();
        self.shunts.tick();
        self.inboxes.tick();
    }

    /// Whether more actors of some kind are active than may be.
    fn is_crowded(&self) -> bool {
        self.conversations.is_crowded()
            || self.sessions.is_crowded()
            || self.shunts.is_crowded()
            || self.inboxes.is_crowded()
    }

    /// Sweeps all kinds of actors; those idle ones that must write a snapshot before they may leave.
    fn sweep(&self, written: &dyn Fn(&ActorKey) -> Written) -> Vec<ActorKey> {
        let conversations = self.conversations.sweep(&|id| written(&ActorKey::Conversation(*id)));
        let mut unwritten: Vec<_> = conversations.into_iter().map(ActorKey::Conversation).collect();
        let sessions = self.sessions.sweep(&|id| written(&ActorKey::Session(*id)));
        unwritten.extend(sessions.into_iter().map(ActorKey::Session));
        let shunts = self.shunts.sweep(&|ent| written(&ActorKey::Shunt(*ent)));
        unwritten.extend(shunts.into_iter().map(ActorKey::Shunt));
        let inboxes = self.inboxes.sweep(&|key| written(&ActorKey::Inbox(key.clone())));
        unwritten.extend(inboxes.into_iter().map(ActorKey::Inbox));
        unwritten
    }
}

/// Sweeps until the router is gone.
async fn sweep(router: std::sync::Weak<Router>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    let mut since_idle = 0;
    loop {
        interval.tick().await;
        let Some(router) = router.upgrade() else { return };
        since_idle += 1;
        if since_idle < IDLE_SWEEP_EVERY && !router.is_crowded() {
            router.tick();
            continue;
        }
        since_idle = 0;
        router.sweep_and_save();
    }
}
