//! The actor of one customer-service session: a projection of its enterprise's routing.
//!
//! Guarantees: it decides nothing and holds committed facts only, so its answers need no gate; whoever was
//! told that a session opened, was assigned or ended finds it so here. An id that nobody opened is unknown,
//! and asking for it stores nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use uuid::Uuid;

use crate::domain::event::{Fact, Position, Recorded};
use crate::domain::ids::ActorKey;
use crate::domain::session::{Known, Session};
use crate::domain::shadow::Sides;
use crate::journal::Loaded;
use crate::log::Log;
use crate::ports::StoreError;
use crate::recovering;
use crate::runtime::behaviour::{Behaviour, RecoverError, Turn};
use crate::runtime::reply::Reply;
use crate::signal::Signal;
use crate::world::World;

/// Version of the snapshot's encoding.
const SNAPSHOT_VERSION: u16 = 1;

/// What a session is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCommand {
    /// What is known of it.
    View,
}

/// An active session, open or ended.
pub struct SessionActor {
    id: Uuid,
    log: Log,
    known: Known,
    /// What the newest snapshot holds.
    saved: Position,
    /// Whether a snapshot is being written.
    saving: bool,
}

impl SessionActor {
    fn rebuild(id: Uuid, world: &World, loaded: &Loaded) -> Result<Self, StoreError> {
        let mut known = Known::default();
        if let Some(snapshot) = &loaded.snapshot {
            if snapshot.version != SNAPSHOT_VERSION {
                return Err(StoreError::Corrupt(snapshot.not_understood()));
            }
            let decoded = rmp_serde::from_slice(&snapshot.state);
            known = decoded.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        }
        let log = Log::new(ActorKey::Session(id), Arc::clone(&world.journal), loaded);
        let mut actor = Self { id, saved: log.told(), log, known, saving: false };
        for event in &loaded.events {
            if actor.log.hold(event) {
                actor.apply(event);
            }
        }
        Ok(actor)
    }

    fn apply(&mut self, event: &Recorded) {
        if let Fact::Shunt(fact) = &event.fact {
            self.known.apply(self.id, event.at, fact);
        }
    }

    fn save(&mut self, turn: &mut Turn<Self>) {
        let told = self.log.told();
        if self.saving || told <= self.saved {
            return;
        }
        let state = match rmp_serde::to_vec(&self.known) {
            Ok(state) => Bytes::from(state),
            Err(error) => {
                tracing::error!(session = %self.id, %error, "the session could not be encoded");
                return;
            }
        };
        let snapshot = self.log.snapshot(SNAPSHOT_VERSION, state, Sides::default());
        self.saving = true;
        turn.park(snapshot.write(Vec::new()), move |actor, outcome: Result<(), StoreError>, _| {
            actor.saving = false;
            match outcome {
                Ok(()) => actor.saved = told,
                Err(error) => tracing::warn!(session = %actor.id, %error, "snapshot not written"),
            }
        });
    }
}

impl Behaviour for SessionActor {
    const KIND: &'static str = "session";
    type Key = Uuid;
    type Command = SessionCommand;
    /// `None` = nobody ever opened it.
    type Answer = Option<Session>;
    type Kept = ();
    type Notice = Signal;
    type World = World;

    fn recover(id: Uuid, world: Arc<World>, restart: bool) -> BoxFuture<'static, Result<Self, RecoverError>> {
        Box::pin(async move {
            let build = |loaded| Box::pin(ready(Self::rebuild(id, &world, &loaded))) as _;
            recovering::recover(&world.journal, &ActorKey::Session(id), restart, build).await
        })
    }

    fn handle(
        &mut self,
        SessionCommand::View: SessionCommand,
        reply: Reply<Self::Answer>,
        _turn: &mut Turn<Self>,
    ) {
        reply.answer(self.known.0.clone());
    }

    fn told(&mut self, notice: Signal, turn: &mut Turn<Self>) {
        match notice {
            Signal::Committed(event) => {
                if self.log.hold(&event) {
                    self.apply(&event);
                }
            }
            Signal::Snapshot if !turn.read_only() => self.save(turn),
            // It decides nothing, so it is never ahead of the disk.
            Signal::Snapshot | Signal::RolledBack | Signal::Heartbeat { .. } | Signal::Spoke { .. } => {}
        }
    }

    fn away(world: &World) -> Option<Duration> {
        world.journal.breaker().reads_remaining()
    }

    fn reads(SessionCommand::View: &SessionCommand) -> bool {
        true
    }

    fn operation(_command: &SessionCommand) -> &'static str {
        "view"
    }
}
