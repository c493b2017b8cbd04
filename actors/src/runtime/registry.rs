//! The registry of one kind of actor: key → active actor. Activates on demand, admits, tells, passivates.
//!
//! Guarantees: at most one actor per key that takes commands; a command admitted is handled or answered; a
//! notice told to an actor that stays active is put into its mailbox, in the order told. Activation,
//! passivation and telling of one key exclude each other by its slot lock, which is never held while anything
//! of others runs, but for a look whether a snapshot is awaited.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::dev::SendError;
use actix::dev::channel::AddressSender;
use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use super::admission::{Admission, LOOK_AGAIN, Permit, Refused};
use super::behaviour::Behaviour;
use super::failure::{Failure, SOON};
use super::host::{Host, Presence, Seed, Shared};
use super::kept::Kept;
use super::mail::{Mail, Pending};
use super::observation::{KindObservation, Observation};
use super::panics::Guarded;
use super::policy::Policy;
use super::reply::Reply;
use super::shards::Shards;
use super::spans;
use super::status::{Phase, Status};

/// Locks of the key map: many more than threads, so that they rarely meet.
const MAPS: usize = 64;

/// How long [`Registry::stop`] waits for hosts to end: a recovery that hangs must not keep the process.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// One active actor, as others see it.
pub(super) struct Slot<B: Behaviour> {
    address: AddressSender<Host<B>>,
    pub(super) admission: Arc<Admission>,
    pub(super) status: Arc<Status>,
    kept: Arc<Kept<B::Kept>>,
}

impl<B: Behaviour> Slot<B> {
    /// Puts mail into the mailbox; gives it back when there is none any more.
    pub(super) fn send(&self, mail: Mail<B>) -> Result<(), Mail<B>> {
        self.kept.put();
        match self.address.do_send(mail) {
            Ok(()) => Ok(()),
            Err(SendError::Full(mail) | SendError::Closed(mail)) => Err(mail),
        }
    }
}

/// Part of the key map.
pub(super) struct Keys<B: Behaviour> {
    pub(super) slots: HashMap<B::Key, Arc<Slot<B>>>,
    /// When keys were passivated lately: their next incarnation waits for what they may have left uncommitted.
    pub(super) passivated: HashMap<B::Key, Instant>,
}

/// The active actors of one kind.
pub struct Registry<B: Behaviour> {
    pub(super) maps: Vec<RwLock<Keys<B>>>,
    pub(super) shared: Arc<Shared>,
    pub(super) numbers: Arc<KindObservation>,
    hasher: RandomState,
    shards: Arc<Shards>,
    world: Arc<B::World>,
    service: Arc<Admission>,
    /// Slots in the maps. Written under a map's lock.
    pub(super) active: AtomicUsize,
    /// Set once: new commands are refused.
    closing: AtomicBool,
    /// Set once, before the maps are emptied: nothing is activated any more.
    stopped: AtomicBool,
    /// Held by every host; its other holders are the hosts that have not ended.
    alive: Arc<()>,
}

impl<B: Behaviour> Registry<B> {
    /// An empty registry. `service` bounds the commands of all registries that share it.
    pub fn new(
        policy: Policy,
        shards: Arc<Shards>,
        world: Arc<B::World>,
        service: Arc<Admission>,
        observer: Arc<Observation>,
    ) -> Arc<Self> {
        let numbers = Arc::new(observer.kind(B::KIND));
        let activations = Arc::new(Semaphore::new(policy.activation_concurrency.max(1)));
        let shared = Arc::new(Shared {
            policy: ArcSwap::from_pointee(policy),
            numbers: Arc::clone(&numbers),
            activations,
        });
        let empty = || RwLock::new(Keys { slots: HashMap::new(), passivated: HashMap::new() });
        Arc::new(Self {
            maps: (0..MAPS).map(|_| empty()).collect(),
            shared,
            numbers,
            hasher: RandomState::default(),
            shards,
            world,
            service,
            active: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            alive: Arc::new(()),
        })
    }

    /// Has the actor of `key` handle a command, activating it if need be. Dropping the future abandons the
    /// command: it is skipped if it was not started.
    ///
    /// # Errors
    /// Why there is no answer; [`Failure`] says whether something may have happened.
    pub async fn ask(&self, key: &B::Key, command: B::Command) -> Result<B::Answer, Failure> {
        let (now, trace) = (Instant::now(), spans::current());
        let admitted = self.admit(key, &command, now);
        let (slot, permit) = admitted.inspect_err(|failure| self.numbers.refused(*failure))?;
        self.numbers.admitted.inc();
        let (reply, mut answer) = Reply::new(Some(permit));
        slot.status.commanded(now);
        if let Err(mail) = slot.send(Mail::Command(Pending::new(command, reply, now, trace))) {
            slot.status.not_sent();
            // The actor ended without passivation. Its mail comes back whole, so a new one may have it.
            self.forget(key, &slot);
            let Mail::Command(unsent) = mail else { return Err(Failure::Restarting(SOON)) };
            let Some((command, dead_reply)) = unsent.start() else {
                return Err(Failure::Restarting(SOON));
            };
            drop(dead_reply);
            let admitted = self.admit(key, &command, now);
            let (slot, permit) = admitted.inspect_err(|failure| self.numbers.refused(*failure))?;
            let (reply, second_answer) = Reply::new(Some(permit));
            answer = second_answer;
            slot.status.commanded(now);
            // Sent or dropped, the reply answers.
            let _ = slot.send(Mail::Command(Pending::new(command, reply, now, trace)));
        }
        answer.await.unwrap_or(Err(Failure::Lost))
    }

    /// What `pick` finds among the answers that the actor keeps: as good as asking it now, without a turn of it and
    /// without a permit. `None` also when it is not active, something came since, or the registry is closed.
    pub fn kept<T>(&self, key: &B::Key, pick: impl FnMut(&B::Kept) -> Option<T>) -> Option<T> {
        let slot = self.active_slot(key)?;
        let found = slot.kept.find(pick).filter(|_| !self.closing())?;
        slot.status.used(Instant::now());
        self.numbers.kept.inc();
        Some(found)
    }

    /// Puts a notice into the actor's mailbox if it is active; whether it was.
    pub fn tell(&self, key: &B::Key, notice: B::Notice) -> bool {
        let notice = Mail::Notice(Guarded::new(notice));
        let map = self.map(key).read();
        let Some(slot) = map.slots.get(key) else { return false };
        slot.status.noticed();
        slot.send(notice).is_ok()
    }

    /// Activates the actor if it is not.
    pub fn wake(&self, key: &B::Key) {
        if let Err(failure) = self.slot(key) {
            tracing::debug!(kind = B::KIND, %key, reason = failure.as_str(), "not activated");
        }
    }

    /// Puts a notice into the actor's mailbox, activating it if need be.
    pub fn tell_or_wake(&self, key: &B::Key, notice: B::Notice) {
        self.wake(key);
        self.tell(key, notice);
    }

    /// Tells every active actor.
    pub fn broadcast(&self, notice: impl Fn() -> B::Notice) {
        for slot in self.slots().into_iter().map(|(_, slot)| slot) {
            let _ = slot.send(Mail::Notice(Guarded::new(notice()))); // an ended one has nothing to be told
        }
    }

    /// The keys of the actors that are active, activating or ending now.
    pub fn keys(&self) -> Vec<B::Key> {
        self.slots().into_iter().map(|(key, _)| key).collect()
    }

    /// How many actors are active.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// The actors that wait for an operator, and why.
    pub fn quarantined(&self) -> Vec<(String, String)> {
        self.slots()
            .into_iter()
            .filter(|(_, slot)| slot.status.phase() == Phase::Quarantined)
            .map(|(key, slot)| (key.to_string(), slot.status.reason()))
            .collect()
    }

    /// Lets a quarantined actor recover again, with a fresh restart budget; whether it was quarantined.
    pub fn resume(&self, key: &B::Key) -> bool {
        let Some(slot) = self.active_slot(key) else { return false };
        if slot.status.phase() != Phase::Quarantined {
            return false;
        }
        slot.status.enter(Phase::Rebuilding);
        slot.send(Mail::Resume).is_ok()
    }

    /// Makes an active actor drop its state and recover, as after a crash but counting none.
    pub fn crash_or_restart(&self, key: &B::Key) {
        if let Some(slot) = self.active_slot(key) {
            let _ = slot.send(Mail::Reload); // an ended one recovers anyway when it is activated
        }
    }

    /// The word for its kind of actors.
    pub const fn kind(&self) -> &'static str {
        B::KIND
    }

    /// Goes by another policy from now on; the actors that are active too. `shards` and `activation_concurrency` stay
    /// as they were at the start.
    pub fn set_policy(&self, policy: Policy) {
        let capacity = policy.mailbox_capacity;
        self.shared.policy.store(Arc::new(policy));
        // In this order: who is activated meanwhile has either read the new policy or is found here.
        for (_, slot) in self.slots() {
            slot.admission.set_capacity(capacity);
        }
    }

    /// Refuses new commands from now on. Notices still arrive and still activate, so that snapshots can be
    /// written.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Waits until no command is held any more. Meaningful after [`Registry::close`].
    pub async fn drained(&self) {
        let held = |slot: &Arc<Slot<B>>| slot.admission.held() > 0;
        while self.maps.iter().any(|map| map.read().slots.values().any(held)) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends every actor, with whatever it holds, and waits (at most a few seconds) until they have ended.
    pub async fn stop(&self) {
        self.close();
        self.stopped.store(true, Ordering::SeqCst);
        for map in &self.maps {
            let slots: Vec<_> = {
                let mut map = map.write();
                self.active.fetch_sub(map.slots.len(), Ordering::Relaxed);
                map.slots.drain().collect()
            };
            for (_, slot) in slots {
                slot.admission.close();
                let _ = slot.send(Mail::Stop); // ended already
            }
        }
        let deadline = Instant::now() + STOP_PATIENCE;
        while Arc::strong_count(&self.alive) > 1 && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) fn closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    pub(super) fn map(&self, key: &B::Key) -> &RwLock<Keys<B>> {
        let count = self.maps.len().max(1);
        let index = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default() % count;
        // `index` is below the number of maps.
        &self.maps[index]
    }

    /// A copy of the slots, so that nothing of others runs under a lock.
    pub(super) fn slots(&self) -> Vec<(B::Key, Arc<Slot<B>>)> {
        let mut all = Vec::with_capacity(self.active());
        for map in &self.maps {
            all.extend(map.read().slots.iter().map(|(key, slot)| (key.clone(), Arc::clone(slot))));
        }
        all
    }

    pub(super) fn active_slot(&self, key: &B::Key) -> Option<Arc<Slot<B>>> {
        self.map(key).read().slots.get(key).cloned()
    }

    /// Takes a place in the actor and in the service.
    fn admit(
        &self,
        key: &B::Key,
        command: &B::Command,
        now: Instant,
    ) -> Result<(Arc<Slot<B>>, Permit), Failure> {
        if self.closing() {
            return Err(Failure::Draining);
        }
        let service = self.service.admit().map_err(|refused| match refused {
            Refused::Full => Failure::Overloaded(self.service.retry_after()),
            Refused::Closed => Failure::Draining,
        })?;
        loop {
            let slot = self.slot_for_command(key)?;
            if slot.status.phase() == Phase::Quarantined && !(slot.status.serves_reads() && B::reads(command))
            {
                return Err(Failure::Quarantined);
            }
            let actor = match slot.admission.admit() {
                Ok(ticket) => ticket,
                Err(Refused::Full) => {
                    return Err(Failure::MailboxFull(slot.admission.retry_after()));
                }
                // Passivated since it was looked up, and out of the map before its lock was released.
                Err(Refused::Closed) => continue,
            };
            // Looked at again now that the place is counted: whoever drains sees either this place or none.
            if self.closing() {
                return Err(Failure::Draining);
            }
            return Ok((slot, Permit::new(actor, service, now)));
        }
    }

    /// The slot of `key`, activated if need be and if it could recover.
    fn slot_for_command(&self, key: &B::Key) -> Result<Arc<Slot<B>>, Failure> {
        if let Some(slot) = self.active_slot(key) {
            return Ok(slot);
        }
        match B::away(&self.world) {
            Some(left) => Err(Failure::StorageDown(left)),
            None => self.slot(key),
        }
    }

    /// The slot of `key`, activated if need be.
    pub(super) fn slot(&self, key: &B::Key) -> Result<Arc<Slot<B>>, Failure> {
        if let Some(slot) = self.active_slot(key) {
            return Ok(slot);
        }
        if let Some(left) = self.numbers.storm_refuses(key) {
            return Err(Failure::Restarting(left));
        }
        let mut map = self.map(key).write();
        if let Some(slot) = map.slots.get(key) {
            return Ok(Arc::clone(slot));
        }
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Failure::Draining);
        }
        let restart = map.passivated.remove(key).is_some();
        let slot = Arc::new(self.activate(key, restart));
        map.slots.insert(key.clone(), Arc::clone(&slot));
        self.active.fetch_add(1, Ordering::Relaxed);
        Ok(slot)
    }

    fn activate(&self, key: &B::Key, restart: bool) -> Slot<B> {
        // The capacity counts per sender and `do_send` ignores it: admission is the bound.
        let (sender, mailbox) = actix::dev::channel::channel(16);
        let (status, kept) = (Arc::new(Status::new()), Arc::new(Kept::default()));
        let admission = Admission::new(self.shared.policy.load().mailbox_capacity);
        let seed = Seed::<B> {
            key: key.clone(),
            world: Arc::clone(&self.world),
            shared: Arc::clone(&self.shared),
            status: Arc::clone(&status),
            kept: Arc::clone(&kept),
            admission: Arc::clone(&admission),
            restart,
            presence: Presence::new(Arc::clone(&self.numbers), Arc::clone(&self.alive)),
        };
        if !self.shards.run(self.hasher.hash_one(key), move || seed.grow(mailbox)) {
            tracing::warn!(kind = B::KIND, %key, "not activated: the shards have stopped");
        }
        Slot { address: sender, admission, status, kept }
    }

    /// Takes an ended actor out of the map, unless another has its place already.
    fn forget(&self, key: &B::Key, ended: &Arc<Slot<B>>) {
        let mut map = self.map(key).write();
        if map.slots.get(key).is_some_and(|slot| Arc::ptr_eq(slot, ended)) {
            map.slots.remove(key);
            map.passivated.insert(key.clone(), Instant::now());
            self.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
