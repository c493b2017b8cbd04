//! The registry with 1,000 active actors: finding one by its key, and telling one a notice.

use std::fmt::Display;
use std::hash::Hash;
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use futures::executor::block_on;
use futures::future::{self, BoxFuture};
use messagecenter_actors::domain::ids::{Address, InboxKey};
use messagecenter_actors::runtime::admission::Admission;
use messagecenter_actors::runtime::behaviour::{Behaviour, RecoverError, Turn};
use messagecenter_actors::runtime::observation::Observation;
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::runtime::registry::Registry;
use messagecenter_actors::runtime::reply::Reply;
use messagecenter_actors::runtime::shards::Shards;
use uuid::Uuid;

use super::Piece;
use super::people::{CALLER, pair};

const ACTORS: u32 = 1_000;

/// What names an actor.
pub trait Name: Clone + Eq + Hash + Display + Send + Sync + Unpin + 'static {}

impl<K: Clone + Eq + Hash + Display + Send + Sync + Unpin + 'static> Name for K {}

/// An actor that does nothing. Its command holds its thread until the other end is dropped, so that what it
/// is told meanwhile is only put into its mailbox.
struct Idle<K>(PhantomData<fn() -> K>);

impl<K: Name> Behaviour for Idle<K> {
    const KIND: &'static str = "idle";
    type Key = K;
    type Command = Receiver<()>;
    type Answer = ();
    type Kept = ();
    type Notice = u64;
    type World = ();

    fn recover(_: K, _: Arc<()>, _: bool) -> BoxFuture<'static, Result<Self, RecoverError>> {
        Box::pin(future::ready(Ok(Self(PhantomData))))
    }

    fn handle(&mut self, held: Receiver<()>, reply: Reply<()>, _: &mut Turn<Self>) {
        reply.answer(());
        let _ = held.recv(); // an error is how it is let go
    }

    fn told(&mut self, notice: u64, _: &mut Turn<Self>) {
        black_box(notice);
    }

    fn operation(_: &Receiver<()>) -> &'static str {
        "hold"
    }
}

/// A registry whose actors are all active.
struct Active<K: Name> {
    registry: Arc<Registry<Idle<K>>>,
    shards: Arc<Shards>,
    keys: Vec<K>,
}

impl<K: Name> Active<K> {
    fn new(keys: Vec<K>) -> Self {
        let shards = Shards::start(1).unwrap();
        let (policy, service) = (Policy::default(), Admission::new(usize::MAX));
        let registry = Registry::new(policy, Arc::clone(&shards), Arc::new(()), service, Observation::new());
        let active = Self { registry, shards, keys };
        for key in &active.keys {
            drop(active.hold(key));
        }
        active
    }

    /// Has an actor hold its thread, once it has done all before, until what this gives is dropped.
    fn hold(&self, key: &K) -> Sender<()> {
        let (hold, held) = mpsc::channel();
        block_on(self.registry.ask(key, held)).unwrap();
        hold
    }
}

impl<K: Name> Drop for Active<K> {
    fn drop(&mut self) {
        self.shards.stop_blocking();
    }
}

fn inboxes() -> Active<InboxKey> {
    Active::new((0..ACTORS).map(|user| InboxKey::Party(Address::user(CALLER + user))).collect())
}

/// Finds active actors, as every command does first.
pub struct Finding<K: Name> {
    active: Active<K>,
}

impl Finding<Uuid> {
    pub fn conversation() -> Self {
        Self { active: Active::new((0..ACTORS).map(|user| pair(CALLER, user).id()).collect()) }
    }
}

impl Finding<InboxKey> {
    pub fn inbox() -> Self {
        Self { active: inboxes() }
    }
}

impl<K: Name> Piece for Finding<K> {
    const OPERATIONS: u64 = ACTORS as u64;

    fn go(&mut self) {
        for key in &self.active.keys {
            self.active.registry.wake(black_box(key)); // it is awake: this only finds it
        }
    }
}

/// Tells one actor, busy with something else, as the journal tells inboxes.
pub struct Telling {
    active: Active<InboxKey>,
    hold: Option<Sender<()>>,
}

impl Telling {
    pub fn new() -> Self {
        Self { active: inboxes(), hold: None }
    }
}

impl Piece for Telling {
    fn prepare(&mut self) {
        self.hold = None;
        self.hold = Some(self.active.hold(&self.active.keys[0]));
    }

    fn go(&mut self) {
        for notice in 0..Self::OPERATIONS {
            assert!(self.active.registry.tell(&self.active.keys[0], notice));
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.hold = None; // or the thread would never stop
    }
}
