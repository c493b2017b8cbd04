//! The journal on a store in memory, committer and caller on one thread: appending, the gate, and commits of 64
//! facts or of one (drain, frame, write, index, deliver, let the answers go).

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::clock::{Clock, ManualClock};
use messagecenter_actors::domain::event::{Fact, Position, Recorded};
use messagecenter_actors::domain::ids::{ActorKey, ConversationKey};
use messagecenter_actors::journal::{Deliver, Journal, JournalSettings};
use messagecenter_actors::memory::MemoryStore;
use tokio::runtime::{Builder, Runtime};

use super::Piece;
use super::people::{AT, CALLER, pair, sent};

/// Conversations that write.
const CONVERSATIONS: u32 = 64;

/// A journal is replaced after so many facts: it remembers each until a snapshot holds it, and here is none.
const LONGEST: Position = 16_384;

/// Settings under which nothing happens but commits.
pub fn settings() -> JournalSettings {
    JournalSettings { checkpoint_interval: Duration::from_secs(86_400), ..JournalSettings::default() }
}

/// A runtime on the caller's thread: it runs only while something is waited for.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// An audience that listens to nothing.
struct Nobody;

impl Deliver for Nobody {
    fn deliver(&self, _: &ActorKey, _: &Arc<Recorded>) {}
    fn observe(&self, _: &Arc<Recorded>) {}
    fn rolled_back(&self) {}
    fn checkpoint(&self, _: &ActorKey) {}
}

/// A journal and who writes to it.
struct Ledger {
    journal: Arc<Journal>,
    runtime: Runtime,
    keys: Vec<ConversationKey>,
    decided: Position,
}

impl Ledger {
    fn new() -> Self {
        let runtime = runtime();
        let clock = Clock::new(Arc::new(ManualClock::at(AT)));
        let store = Arc::new(MemoryStore::new());
        let handle = runtime.handle().clone();
        let journal = runtime.block_on(Journal::start(store, clock, settings(), handle)).unwrap();
        runtime.block_on(async { journal.attach(Arc::new(Nobody)) });
        let keys = (0..CONVERSATIONS).map(|user| pair(CALLER, user)).collect();
        let mut ledger = Self { journal, runtime, keys, decided: 0 };
        // Every actor is in the index from here on, as in a service that has run for a while.
        for fact in ledger.facts(u64::from(CONVERSATIONS)) {
            ledger.append(fact);
        }
        ledger.commit();
        ledger
    }

    /// Begins anew when it has become long.
    fn renew(&mut self) {
        if self.decided > LONGEST {
            *self = Self::new();
        }
    }

    fn facts(&self, count: u64) -> Vec<Fact> {
        let seqs = self.decided + 1..=self.decided + count;
        seqs.zip(self.keys.iter().cycle()).map(|(seq, key)| sent(key, CALLER, seq)).collect()
    }

    fn append(&mut self, fact: Fact) -> Vec<Arc<Recorded>> {
        let events = self.journal.append(1, self.decided, AT, vec![fact]).unwrap();
        self.decided = events[0].position;
        events
    }

    fn commit(&self) {
        self.runtime.block_on(self.journal.settled());
    }
}

/// Appends facts one by one, as actors do.
pub struct Appending {
    ledger: Ledger,
    facts: Vec<Fact>,
    events: Vec<Vec<Arc<Recorded>>>,
}

impl Appending {
    pub fn new() -> Self {
        Self { ledger: Ledger::new(), facts: Vec::new(), events: Vec::with_capacity(64) }
    }
}

impl Piece for Appending {
    fn prepare(&mut self) {
        self.events.clear();
        self.ledger.commit();
        self.ledger.renew();
        self.facts = self.ledger.facts(Self::OPERATIONS);
    }

    fn go(&mut self) {
        for fact in self.facts.drain(..) {
            self.events.push(self.ledger.append(fact));
        }
    }
}

/// Passes the gate where everything is committed already, as most reads do.
pub struct Passing(Ledger);

impl Passing {
    pub fn new() -> Self {
        Self(Ledger::new())
    }
}

impl Piece for Passing {
    fn go(&mut self) {
        for _ in 0..Self::OPERATIONS {
            let release = Box::new(|outcome: Result<(), _>| outcome.unwrap());
            self.0.journal.release_after(1, self.0.decided, release);
        }
    }
}

thread_local! {
    /// Answers let go on this thread.
    static RELEASED: Cell<u64> = const { Cell::new(0) };
}

/// Commits `FACTS` queued facts that an answer each waits for; an operation is one fact.
pub struct Committing<const FACTS: u64>(Ledger);

impl<const FACTS: u64> Committing<FACTS> {
    pub fn new() -> Self {
        Self(Ledger::new())
    }
}

impl<const FACTS: u64> Piece for Committing<FACTS> {
    const OPERATIONS: u64 = FACTS;

    fn prepare(&mut self) {
        RELEASED.set(0);
        let Self(ledger) = self;
        ledger.renew();
        for fact in ledger.facts(FACTS) {
            ledger.append(fact);
            let release = Box::new(|outcome: Result<(), _>| {
                outcome.unwrap();
                RELEASED.set(RELEASED.get() + 1);
            });
            ledger.journal.release_after(1, ledger.decided, release);
        }
    }

    fn go(&mut self) {
        self.0.commit();
        assert_eq!(RELEASED.get(), FACTS);
    }
}
