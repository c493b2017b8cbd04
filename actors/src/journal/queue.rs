//! What is decided and not yet on disk: facts in their order, and the answers that wait for them.
//!
//! Guarantees: positions are dense and given in queue order; one turn's facts stay in one batch; an answer is
//! given up or let go exactly once; facts lost with a failed commit never look committed to whoever holds
//! them, although their positions are given out again (each loss starts a new generation).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{AppendError, encoding};
use crate::domain::event::{Fact, Position, Recorded};
use crate::domain::ids::{ActorKey, Millis};
use crate::runtime::failure::{Failure, SOON};
use crate::runtime::reply::Release;
use crate::runtime::spans::Trace;

/// What the journal accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Facts are taken and committed.
    Open,
    /// A commit has no outcome yet, or storage is away: nothing is taken until it answers.
    Stalled,
    /// Another process owns the store: nothing is taken ever again.
    Fenced,
    /// What is queued is committed, nothing is taken.
    Closing,
    /// Nothing happens any more.
    Closed,
}

/// Facts above `last` were lost at the beginning of `generation`.
#[derive(Debug, Clone, Copy)]
struct Cut {
    generation: u64,
    last: Position,
}

/// One turn's facts, or some of them.
struct Group {
    events: Vec<Arc<Recorded>>,
    encoded: Vec<u8>,
    traced: Option<Traced>,
}

/// A turn of a sampled request, and when it appended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traced {
    pub turn: Trace,
    pub appended: Instant,
}

/// The facts of one commit.
pub(super) struct Drained {
    pub first: Position,
    pub last: Position,
    pub at: Millis,
    pub events: Arc<Vec<Arc<Recorded>>>,
    pub encoded: Bytes,
    /// Those of its turns that are traced, each once.
    pub traced: Vec<Traced>,
}

/// An answer with its outcome: called outside the lock.
pub(super) type Due = (Release, Result<(), Failure>);

/// The queue. Everything is under one short lock of the journal's.
pub(super) struct Queue {
    mode: Mode,
    generation: u64,
    cuts: Vec<Cut>,
    next: Position,
    committed: Position,
    groups: VecDeque<Group>,
    /// Taken for a commit and not yet published, oldest first; at most two batches.
    in_flight: VecDeque<Arc<Vec<Arc<Recorded>>>>,
    /// By position, then by arrival.
    waiting: BTreeMap<(Position, u64), Release>,
    arrivals: u64,
}

impl Queue {
    pub fn new(committed: Position) -> Self {
        Self {
            mode: Mode::Open,
            generation: 1,
            cuts: Vec::new(),
            next: committed + 1,
            committed,
            groups: VecDeque::new(),
            in_flight: VecDeque::new(),
            waiting: BTreeMap::new(),
            arrivals: 0,
        }
    }

    pub const fn mode(&self) -> Mode {
        self.mode
    }

    pub const fn generation(&self) -> u64 {
        self.generation
    }

    pub const fn committed(&self) -> Position {
        self.committed
    }

    /// The last position given out, committed or not.
    pub const fn last_given(&self) -> Position {
        self.next - 1
    }

    /// Whether an actor of `generation` that decided up to `decided` holds facts that were lost since.
    pub fn lost(&self, generation: u64, decided: Position) -> bool {
        let since = self.cuts.iter().rev().take_while(|cut| cut.generation > generation);
        since.into_iter().any(|cut| decided > cut.last)
    }

    /// The newest uncommitted position that `key` decided.
    pub fn pending(&self, key: &ActorKey) -> Option<Position> {
        let queued = self.groups.iter().rev().flat_map(|group| group.events.iter().rev());
        let in_flight = self.in_flight.iter().rev().flat_map(|events| events.iter().rev());
        queued.chain(in_flight).find(|event| event.fact.decider() == *key).map(|event| event.position)
    }

    /// Queues facts of one turn; `turn`: its span, if it is traced. The second part says whether the committer sleeps
    /// and must be woken.
    pub fn append(
        &mut self,
        generation: u64,
        decided: Position,
        at: Millis,
        facts: Vec<Fact>,
        encoded: Vec<u8>,
        turn: Option<Trace>,
    ) -> Result<(Vec<Arc<Recorded>>, bool), AppendError> {
        match self.mode {
            Mode::Open => {}
            Mode::Stalled | Mode::Fenced => return Err(AppendError::StorageDown),
            Mode::Closing | Mode::Closed => return Err(AppendError::Closed),
        }
        if self.lost(generation, decided) {
            return Err(AppendError::Stale);
        }
        if facts.is_empty() {
            return Ok((Vec::new(), false));
        }
        let positions = self.next..;
        let events: Vec<_> =
            positions.zip(facts).map(|(position, fact)| Arc::new(Recorded { position, at, fact })).collect();
        self.next += events.len() as u64;
        let was_empty = self.groups.is_empty();
        let traced = turn.map(|turn| Traced { turn, appended: Instant::now() });
        self.groups.push_back(Group { events: events.clone(), encoded, traced });
        Ok((events, was_empty))
    }

    /// Keeps an answer until `position` is committed, or gives it back with its outcome; `down`: what to wait if
    /// storage is.
    pub fn wait(
        &mut self,
        generation: u64,
        position: Position,
        release: Release,
        down: Duration,
    ) -> Option<Due> {
        if self.lost(generation, position) {
            return Some((release, Err(Failure::Restarting(SOON))));
        }
        if position <= self.committed {
            return Some((release, Ok(())));
        }
        match self.mode {
            Mode::Open | Mode::Closing => {}
            Mode::Stalled | Mode::Fenced => return Some((release, Err(Failure::StorageDown(down)))),
            Mode::Closed => return Some((release, Err(Failure::Draining))),
        }
        self.arrivals += 1;
        self.waiting.insert((position, self.arrivals), release);
        None
    }

    /// Takes what one commit may hold; `None` if nothing is queued.
    pub fn drain(&mut self, max_events: usize, max_bytes: usize) -> Option<Drained> {
        let mut events = Vec::new();
        let mut parts = Vec::new();
        let mut traced: Vec<Traced> = Vec::new();
        let mut bytes = 0;
        while let Some(group) = self.groups.front() {
            let fits =
                events.len() + group.events.len() <= max_events && bytes + group.encoded.len() <= max_bytes;
            if !events.is_empty() && !fits {
                break;
            }
            let Some(group) = self.groups.pop_front() else { break };
            bytes += group.encoded.len();
            events.extend(group.events);
            parts.push(group.encoded);
            let seen = traced.last().map(|traced| traced.turn);
            traced.extend(group.traced.filter(|traced| seen != Some(traced.turn)));
        }
        let (first, last) = (events.first()?.position, events.last()?.position);
        let at = events.iter().map(|event| event.at).max().unwrap_or_default();
        let encoded = encoding::frame(events.len() as u32, parts.iter().map(Vec::as_slice), bytes);
        let events = Arc::new(events);
        self.in_flight.push_back(Arc::clone(&events));
        Some(Drained { first, last, at, events, encoded, traced })
    }

    /// Everything up to `last` is committed and delivered: the answers to let go.
    pub fn advance(&mut self, last: Position) -> Vec<Due> {
        self.committed = last;
        while self.in_flight.front().and_then(|events| events.last()).is_some_and(|e| e.position <= last) {
            self.in_flight.pop_front();
        }
        let later = self.waiting.split_off(&(last + 1, 0));
        let due = std::mem::replace(&mut self.waiting, later);
        due.into_values().map(|release| (release, Ok(()))).collect()
    }

    /// The commit up to `last` has no outcome in time: what waits for it gets `failure`, what is queued behind
    /// it is dropped unwritten, with `behind` for an answer, and nothing is taken until [`Queue::resume`].
    pub fn stall(&mut self, last: Position, failure: Failure, behind: Failure) -> Vec<Due> {
        if self.mode == Mode::Open {
            self.mode = Mode::Stalled;
        }
        self.give_up(last, failure, behind)
    }

    /// Another process owns the store: everything fails, for good.
    pub fn fence(&mut self, last: Position, failure: Failure, behind: Failure) -> Vec<Due> {
        self.mode = Mode::Fenced;
        self.give_up(last, failure, behind)
    }

    /// Forgets what was lost above `committed` and starts a new generation; still takes nothing.
    pub fn cut(&mut self) {
        self.generation += 1;
        self.cuts.push(Cut { generation: self.generation, last: self.committed });
        self.next = self.committed + 1;
        self.groups.clear();
        self.in_flight.clear();
    }

    /// Takes facts again after [`Queue::cut`].
    pub fn resume(&mut self) {
        if self.mode == Mode::Stalled {
            self.mode = Mode::Open;
        }
    }

    /// Takes nothing more; what is queued is still committed.
    pub fn close(&mut self) {
        if matches!(self.mode, Mode::Open | Mode::Stalled) {
            self.mode = Mode::Closing;
        }
    }

    /// The committer has ended: what still waits never gets an outcome.
    pub fn end(&mut self) -> Vec<Due> {
        if self.mode != Mode::Fenced {
            self.mode = Mode::Closed;
        }
        self.give_up(self.committed, Failure::Draining, Failure::Draining)
    }

    fn give_up(&mut self, last: Position, up_to: Failure, behind: Failure) -> Vec<Due> {
        self.groups.clear();
        let waiting = std::mem::take(&mut self.waiting);
        let fail = |((position, _), release): ((Position, u64), Release)| {
            (release, Err(if position <= last { up_to } else { behind }))
        };
        waiting.into_iter().map(fail).collect()
    }
}
