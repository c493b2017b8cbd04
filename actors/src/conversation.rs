//! The conversation actor: the sole decider of what happens in one conversation, of any kind.
//!
//! Guarantees: `seq` without a gap; an answer leaves only after everything it shows is on disk; what it
//! recovers equals what it was. A command that needs a page of history not in memory waits for it beside the
//! mailbox and is then judged anew.
//!
//! - [`command`]: what it is asked and answers;
//! - `handling`: each command, from judgement to answer;
//! - `retaining`: messages that are not kept;
//! - `saving`: snapshots;
//! - `recovery`: back from snapshot and journal.

pub mod command;
mod handling;
mod recovery;
mod retaining;
mod saving;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use uuid::Uuid;

pub use self::command::{ConversationAnswer, ConversationCommand, ReadBy};
pub(crate) use self::recovery::stored_state;
pub use self::retaining::Retained;
pub(crate) use self::retaining::holds_too_much;
pub(crate) use self::saving::{page_counts, read_history};
use crate::api::Rejection;
use crate::domain::conversation::{ConversationState, Limits};
use crate::domain::event::{Fact, Position};
use crate::domain::ids::{ActorKey, ConversationKey, Millis};
use crate::domain::message::StoredMessage;
use crate::domain::refusal::Refusal;
use crate::log::Log;
use crate::ports::{Collection, Store, StoreError};
use crate::runtime::behaviour::{Behaviour, RecoverError, Turn};
use crate::runtime::failure::{Failure, SOON};
use crate::runtime::reply::Reply;
use crate::signal::Signal;
use crate::world::{Rules, World};

/// How often one command may wait for pages. Once is the rule; a second time means that other readers pushed
/// its pages out while it waited.
const MAX_LOADS: u32 = 3;

/// See the module's head.
pub struct Conversation {
    id: Uuid,
    world: Arc<World>,
    limits: Limits,
    log: Log,
    /// `None` until somebody names it by its key or something happens in it.
    state: Option<ConversationState>,
    /// Decided and told positions that the newest snapshot holds.
    saved: (Position, Position),
    /// A snapshot is being written.
    saving: bool,
}

impl From<&Rules> for Limits {
    fn from(rules: &Rules) -> Self {
        Self {
            withdraw_window: rules.withdraw_window,
            withdraw_window_agent: rules.withdraw_window_agent,
            groups_open: rules.groups_open,
            idempotency_age: rules.idempotency_age,
            idempotency_count: rules.idempotency_count,
            retention: rules.retention,
        }
    }
}

type Answer = Result<ConversationAnswer, Refusal>;

impl Behaviour for Conversation {
    const KIND: &'static str = "conversation";
    type Key = Uuid;
    type Command = ConversationCommand;
    type Answer = Answer;
    type Kept = ReadBy;
    type Notice = Signal;
    type World = World;

    fn recover(id: Uuid, world: Arc<World>, restart: bool) -> BoxFuture<'static, Result<Self, RecoverError>> {
        Box::pin(recovery::recover(id, world, restart))
    }

    fn handle(&mut self, command: ConversationCommand, reply: Reply<Answer>, turn: &mut Turn<Self>) {
        self.limits = Limits::from(&**self.world.rules.load());
        let decided = self.log.decided();
        self.take(command, reply, 0, turn);
        if self.log.decided() == decided {
            turn.unchanged();
        }
    }

    fn told(&mut self, notice: Signal, turn: &mut Turn<Self>) {
        match notice {
            Signal::Committed(event) => {
                if self.log.hold(&event) {
                    self.take_in(&event.fact, event.at);
                }
            }
            Signal::Snapshot if !turn.read_only() => self.save(turn),
            Signal::RolledBack => {
                if self.log.lost() {
                    turn.reload();
                }
            }
            Signal::Snapshot | Signal::Heartbeat { .. } | Signal::Spoke { .. } => {}
        }
    }

    fn away(world: &World) -> Option<Duration> {
        world.journal.breaker().reads_remaining()
    }

    fn reads(command: &ConversationCommand) -> bool {
        command.reads()
    }

    fn operation(command: &ConversationCommand) -> &'static str {
        command.name()
    }
}

impl Conversation {
    fn take(
        &mut self,
        command: ConversationCommand,
        reply: Reply<Answer>,
        loads: u32,
        turn: &mut Turn<Self>,
    ) {
        if let Some(key) = command.key() {
            self.named(key);
        }
        if let ConversationCommand::Retain { at } = command {
            return self.retain(at, reply, turn);
        }
        let missing = self.missing_pages(&command);
        if !missing.is_empty() {
            return self.load(missing, command, reply, loads, turn);
        }
        match self.perform(command, turn) {
            Ok(answer) => self.log.answer(reply, Ok(answer)),
            // A refusal shows state as well, so it waits like any answer.
            Err(Rejection::Refused(refusal)) => self.log.answer(reply, Err(refusal)),
            Err(Rejection::Failed(failure)) => reply.fail(failure),
        }
    }

    /// The router derives the id from the key, so whoever knows the key tells what this actor is.
    fn named(&mut self, key: &ConversationKey) {
        if self.state.is_none() {
            self.state = Some(ConversationState::new(self.id, key.clone()));
        }
    }

    /// Loads pages beside the mailbox and then takes the command again.
    fn load(
        &mut self,
        missing: Vec<u64>,
        command: ConversationCommand,
        reply: Reply<Answer>,
        loads: u32,
        turn: &mut Turn<Self>,
    ) {
        if loads == MAX_LOADS {
            tracing::error!(conversation = %self.id, pages = ?missing, "history pages do not stay in memory");
            return reply.fail(Failure::StorageDown(SOON));
        }
        let world = Arc::clone(&self.world);
        let key = ActorKey::Conversation(self.id);
        let oldest = missing.first().copied();
        let work = async move { load_pages(&*world.store, &key, &missing).await };
        turn.park(work, move |actor: &mut Self, loaded, turn| match (loaded, &mut actor.state) {
            (Ok(pages), Some(state)) => {
                pages.into_iter().for_each(|(number, messages)| state.put_page(number, messages));
                actor.take(command, reply, loads + 1, turn);
                if let Some(state) = &mut actor.state {
                    state.evict_pages();
                }
            }
            (Ok(_), None) => reply.fail(Failure::Restarting(SOON)),
            // They were removed while they were read.
            (Err(StoreError::Corrupt(_)), Some(state)) if oldest < Some(state.history().first_page()) => {
                actor.take(command, reply, loads + 1, turn);
            }
            (Err(error), _) => {
                tracing::warn!(conversation = %actor.id, %error, "history page not loaded");
                reply.fail(Failure::StorageDown(actor.world.journal.storage_wait()));
            }
        });
    }

    /// Takes in a committed or just appended fact.
    fn take_in(&mut self, fact: &Fact, at: Millis) {
        take_in(self.id, &mut self.state, fact, at, &self.limits);
    }
}

/// Takes a fact into what is known of conversation `id`.
fn take_in(id: Uuid, known: &mut Option<ConversationState>, fact: &Fact, at: Millis, limits: &Limits) {
    match fact {
        Fact::Conversation(fact) => {
            known.get_or_insert_with(|| ConversationState::new(id, fact.key.clone())).apply(
                &fact.event,
                at,
                limits,
            );
        }
        Fact::Shunt(fact) => {
            if known.is_none() {
                *known = fact.service_of(id).map(|key| ConversationState::new(id, key));
            }
            if let Some(state) = known {
                state.told(fact, at);
            }
        }
    }
}

/// Reads pages of a history from storage.
async fn load_pages(
    store: &dyn Store,
    key: &ActorKey,
    numbers: &[u64],
) -> Result<Vec<LoadedPage>, StoreError> {
    let mut loaded = Vec::with_capacity(numbers.len());
    for number in numbers {
        let page = store.page(key, Collection::History, *number).await?;
        let page =
            page.ok_or_else(|| StoreError::Corrupt(format!("{key}: history page {number} is absent")))?;
        loaded.push((*number, saving::read_history(key, page)?));
    }
    Ok(loaded)
}

type LoadedPage = (u64, Vec<StoredMessage>);
