//! The actor of one enterprise's routing: the only one who decides who serves whom there.
//!
//! Guarantees: every turn is one fact; votes for agents and their first answers are counted once each, as committed;
//! every answer, reads included, leaves only once everything it could have seen is on disk; deadlines bind when judged
//! and are swept besides, so a place that lapsed is given on although nobody asks. Loses nothing at a crash but
//! heartbeats, and waking up counts as one of everybody.
//!
//! Its snapshot is the whole state (see [`domain::shunt::state`](crate::domain::shunt::state)).

#[cfg(test)]
mod tests;
pub(crate) mod watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::domain::event::{Fact, Position, Recorded, ShuntChange, ShuntFact};
use crate::domain::ids::{ActorKey, Address, EntId, Millis};
use crate::domain::refusal::Refusal;
use crate::domain::shadow::Sides;
use crate::domain::shunt::{Answer, Command, Numbers, State};
use crate::journal::Loaded;
use crate::log::Log;
use crate::ports::StoreError;
use crate::recovering;
use crate::runtime::behaviour::{Behaviour, RecoverError, Turn};
use crate::runtime::failure::Failure;
use crate::runtime::panics::without_quotes;
use crate::runtime::reply::Reply;
use crate::signal::Signal;
use crate::world::World;
use watch::Watch;

/// Version of the snapshot's encoding. Version 1 lacks groups, turns and figures, and is read as having none.
const SNAPSHOT_VERSION: u16 = 2;

/// A command and when it was admitted: the time it is judged at.
#[derive(Debug, Clone, PartialEq)]
pub struct ShuntCommand {
    /// When it was admitted.
    pub at: Millis,
    /// What is asked.
    pub command: Command,
}

/// An active routing.
pub struct ShuntActor {
    ent: EntId,
    world: Arc<World>,
    log: Log,
    numbers: Numbers,
    state: State,
    /// Makes ids that rise with the clock, also within one millisecond.
    ids: ContextV7,
    /// What the newest snapshot holds: decided here, and told.
    saved: (Position, Position),
    /// Whether a snapshot is being written.
    saving: bool,
    watch: Watch,
    /// How many merged visitors were looked at; `None` = none since it woke.
    merged: Option<usize>,
}

impl ShuntActor {
    fn rebuild(ent: EntId, world: Arc<World>, loaded: &Loaded) -> Result<Self, StoreError> {
        let mut state = State::new(ent);
        if let Some(snapshot) = &loaded.snapshot {
            if !(1..=SNAPSHOT_VERSION).contains(&snapshot.version) {
                return Err(StoreError::Corrupt(snapshot.not_understood()));
            }
            let decoded = State::decode(ent, &snapshot.state);
            state = decoded.map_err(|error| StoreError::Corrupt(without_quotes(&error.to_string())))?;
        }
        let numbers = world.rules.load().routing;
        state.woke(world.clock.now(), &numbers);
        let log = Log::new(ActorKey::Shunt(ent), Arc::clone(&world.journal), loaded);
        let mut actor = Self {
            ent,
            numbers,
            saved: (log.decided(), log.told()),
            log,
            state,
            ids: ContextV7::new(),
            saving: false,
            watch: Watch::new(ent, &world),
            merged: None,
            world,
        };
        for event in &loaded.events {
            if actor.log.hold(event) {
                actor.apply(event);
            }
        }
        actor.state.take_tally(); // that was counted when it happened
        Ok(actor)
    }

    fn fresh_id(&self, at: Millis) -> Uuid {
        let millis = at.unsigned_abs();
        let nanos = (millis % 1_000) as u32 * 1_000_000;
        Uuid::new_v7(Timestamp::from_unix(&self.ids, millis / 1_000, nanos))
    }

    /// Makes the changes a fact and applies it; nothing is applied when the journal does not take it.
    fn record(
        &mut self,
        at: Millis,
        changes: Vec<ShuntChange>,
        turn: &mut Turn<Self>,
    ) -> Result<(), Failure> {
        if changes.is_empty() {
            return Ok(());
        }
        let fact = Fact::Shunt(ShuntFact { ent: self.ent, changes });
        for event in self.log.append(at, vec![fact], turn)? {
            self.apply(&event);
            if let Fact::Shunt(fact) = &event.fact {
                self.world.routing.count(&fact.changes);
            }
        }
        self.world.routing.add(self.state.take_tally());
        Ok(())
    }

    fn apply(&mut self, event: &Recorded) {
        match &event.fact {
            Fact::Shunt(fact) => {
                for change in &fact.changes {
                    self.state.apply(event.at, change);
                }
            }
            Fact::Conversation(fact) => self.state.told(event.at, &fact.event),
        }
    }

    /// What visitors have open here who were merged since the last look becomes the users', before anything else is
    /// decided.
    fn follow_merges(&mut self, at: Millis, turn: &mut Turn<Self>) -> Result<(), Failure> {
        let aliases = Arc::clone(&self.world.aliases);
        let count = aliases.count();
        if self.merged == Some(count) {
            return Ok(());
        }
        let mut merged = match self.merged {
            Some(seen) => aliases.since(seen),
            None if count == 0 => Vec::new(),
            None => {
                let user_of = |known: &Address| aliases.user_of(known).map(|user| (known.clone(), user));
                self.state.customers().filter_map(user_of).collect()
            }
        };
        merged.retain(|(visitor, _)| self.state.knows_customer(visitor));
        for (visitor, user) in merged {
            let at = at.max(self.state.latest());
            let command = Command::Promote { visitor, user, most: usize::MAX };
            let decision = self.state.decide(at, self.fresh_id(at), &command, &self.numbers);
            self.record(at, decision.changes, turn)?;
        }
        self.merged = Some(count);
        Ok(())
    }

    /// Lets time take effect without anybody asking; whether it has.
    fn settle(&mut self, at: Millis, turn: &mut Turn<Self>) -> bool {
        !self.state.awaits_time(at) || self.do_unasked(at, &Command::Settle, turn)
    }

    /// Whether what follows from the command is recorded.
    fn do_unasked(&mut self, at: Millis, command: &Command, turn: &mut Turn<Self>) -> bool {
        let at = at.max(self.state.latest());
        let fresh = self.fresh_id(at);
        let decision = self.state.decide(at, fresh, command, &self.numbers);
        let recorded = self.record(at, decision.changes, turn);
        if let Err(failure) = &recorded {
            // The next sweep tries again; until then whoever asks gets the same failure.
            tracing::debug!(ent = self.ent, reason = failure.as_str(), "deadlines were not recorded");
        }
        recorded.is_ok()
    }

    fn save(&mut self, turn: &mut Turn<Self>) {
        let held = (self.log.decided(), self.log.told());
        if self.saving || held == self.saved {
            return;
        }
        self.state.forget_old();
        let state = match self.state.encode() {
            Ok(state) => Bytes::from(state),
            Err(error) => {
                tracing::error!(ent = self.ent, %error, "the routing could not be encoded");
                return;
            }
        };
        let snapshot = self.log.snapshot(SNAPSHOT_VERSION, state, Sides::default());
        self.saving = true;
        turn.park(snapshot.write(Vec::new()), move |actor, outcome: Result<(), StoreError>, _| {
            actor.saving = false;
            match outcome {
                Ok(()) => actor.saved = held,
                Err(error) => tracing::warn!(ent = actor.ent, %error, "snapshot not written"),
            }
        });
    }
}

impl Behaviour for ShuntActor {
    const KIND: &'static str = "shunt";
    const TICKS: bool = true;
    type Key = EntId;
    type Command = ShuntCommand;
    type Answer = Result<Answer, Refusal>;
    type Kept = ();
    type Notice = Signal;
    type World = World;

    fn recover(
        ent: EntId,
        world: Arc<World>,
        restart: bool,
    ) -> BoxFuture<'static, Result<Self, RecoverError>> {
        Box::pin(async move {
            let build = |loaded| Box::pin(ready(Self::rebuild(ent, Arc::clone(&world), &loaded))) as _;
            recovering::recover(&world.journal, &ActorKey::Shunt(ent), restart, build).await
        })
    }

    fn handle(&mut self, asked: ShuntCommand, reply: Reply<Self::Answer>, turn: &mut Turn<Self>) {
        let ShuntCommand { at, mut command } = asked;
        self.numbers = self.world.rules.load().routing;
        if !turn.read_only()
            && let Err(failure) = self.follow_merges(at, turn)
        {
            return reply.fail(failure);
        }
        command.rename_customer(|customer| self.world.aliases.person(customer));
        let at = at.max(self.state.latest()); // commands may be admitted in another order than they arrive
        let fresh = self.fresh_id(at);
        let decision = if turn.read_only() {
            self.state.look(at, &command, &self.numbers)
        } else {
            self.state.decide(at, fresh, &command, &self.numbers)
        };
        match self.record(at, decision.changes, turn) {
            Ok(()) => self.log.answer(reply, decision.outcome),
            Err(failure) => reply.fail(failure),
        }
    }

    fn told(&mut self, notice: Signal, turn: &mut Turn<Self>) {
        match notice {
            Signal::Heartbeat { agent, at } => {
                if self.state.heard(&agent, at) && !turn.read_only() {
                    self.settle(at, turn);
                }
            }
            Signal::Spoke { session, at } => self.state.spoke(session, at),
            Signal::Snapshot if !turn.read_only() => self.save(turn),
            Signal::Snapshot => {}
            Signal::RolledBack => {
                if self.log.lost() {
                    turn.reload();
                }
            }
            Signal::Committed(event) => {
                if self.log.hold(&event) {
                    self.apply(&event);
                    self.world.routing.add(self.state.take_tally());
                }
            }
        }
    }

    fn tick(&mut self, turn: &mut Turn<Self>) {
        let now = self.world.clock.now();
        let rules = self.world.rules.load();
        // A merge that cannot be recorded is tried again at the next tick.
        if self.follow_merges(now, turn).is_err() {
            return;
        }
        let settled = if rules.routing == self.numbers {
            self.settle(now, turn)
        } else {
            // Other numbers give other deadlines.
            self.numbers = rules.routing;
            self.do_unasked(now, &Command::Settle, turn)
        };
        if settled {
            self.watch.look(&self.state, now.max(self.state.latest()), &rules);
        }
    }

    fn pinned(&self) -> bool {
        !self.state.is_at_rest()
    }

    fn away(world: &World) -> Option<Duration> {
        world.journal.breaker().reads_remaining()
    }

    fn reads(asked: &ShuntCommand) -> bool {
        asked.command.reads()
    }

    fn operation(asked: &ShuntCommand) -> &'static str {
        asked.command.name()
    }
}
