//! Back from what is committed: snapshot, the pages that later facts touch, then the facts.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::saving::{Small, read_members};
use super::{Conversation, load_pages, take_in};
use crate::domain::conversation::{ConversationState, Limits};
use crate::domain::event::{ConversationEvent, Fact, Reader, Recorded};
use crate::domain::history::page_of;
use crate::domain::ids::{ActorKey, Kind};
use crate::domain::members::Cursor;
use crate::domain::paged::PageRows;
use crate::journal::Loaded;
use crate::log::Log;
use crate::ports::{Collection, Snapshot, Store, StoreError};
use crate::recovering;
use crate::runtime::behaviour::RecoverError;
use crate::world::World;

pub(super) async fn recover(
    id: Uuid,
    world: Arc<World>,
    restart: bool,
) -> Result<Conversation, RecoverError> {
    let build = |loaded| Box::pin(rebuild(id, Arc::clone(&world), loaded)) as _;
    recovering::recover(&world.journal, &ActorKey::Conversation(id), restart, build).await
}

async fn rebuild(id: Uuid, world: Arc<World>, loaded: Loaded) -> Result<Conversation, StoreError> {
    let log = Log::new(ActorKey::Conversation(id), Arc::clone(&world.journal), &loaded);
    let state = match &loaded.snapshot {
        Some(snapshot) => restore(id, &*world.store, snapshot, &loaded.events).await?,
        None => None,
    };
    let limits = Limits::from(&**world.rules.load());
    let saved = (log.decided(), log.told());
    let mut conversation = Conversation { id, world, limits, log, state, saved, saving: false };
    for event in &loaded.events {
        if conversation.log.hold(event) {
            conversation.take_in(&event.fact, event.at);
        }
    }
    Ok(conversation)
}

/// What a conversation knows by its snapshot and the facts that it lacks, without an actor.
pub(crate) async fn stored_state(
    id: Uuid,
    store: &dyn Store,
    limits: &Limits,
    snapshot: Option<&Snapshot>,
    events: &[Arc<Recorded>],
) -> Result<Option<ConversationState>, StoreError> {
    let mut known = match snapshot {
        Some(snapshot) => restore(id, store, snapshot, events).await?,
        None => None,
    };
    for event in events {
        take_in(id, &mut known, &event.fact, event.at, limits);
    }
    Ok(known)
}

async fn restore(
    id: Uuid,
    store: &dyn Store,
    snapshot: &Snapshot,
    events: &[Arc<Recorded>],
) -> Result<Option<ConversationState>, StoreError> {
    let (key, small) = (&snapshot.key, Small::read(snapshot)?);
    let Some(core) = small.core else {
        return Ok(None);
    };
    let readers: Vec<PageRows<Reader, Cursor>> = if core.key.kind() == Kind::Group {
        let pages = store.named_pages(snapshot, Collection::Members, small.member_pages).await?;
        pages.iter().map(|page| read_members(key, page)).collect::<Result<_, _>>()?
    } else {
        vec![(0, small.readers)]
    };
    let forgotten = forgotten(core.forgotten, events);
    let needed: Vec<u64> = needed_pages(core.head, forgotten, events).into_iter().collect();
    let mut state = ConversationState::restored(id, core, readers, snapshot.sides.clone());
    for (number, messages) in load_pages(store, key, &needed).await? {
        state.put_page(number, messages);
    }
    let head = state.core().head;
    if head > forgotten && state.history().get(head).is_none() {
        return Err(StoreError::Corrupt(format!("{key}: message {head} is not in its page")));
    }
    Ok(Some(state))
}

/// Up to where messages are removed once the events are taken in.
fn forgotten(before: u64, events: &[Arc<Recorded>]) -> u64 {
    let removed = events.iter().filter_map(|event| match &event.fact {
        Fact::Conversation(fact) => match &fact.event {
            ConversationEvent::Forgotten { through } => Some(*through),
            _ => None,
        },
        Fact::Shunt(_) => None,
    });
    removed.fold(before, u64::max)
}

/// Stored pages that must be in memory before the events are taken in: the newest one, and each that an event
/// changes. Pages beyond the snapshot's newest come into being with the events. Those that an event removes are not
/// needed, and a backup may lack them: it copies pages after snapshots.
fn needed_pages(head: u64, forgotten: u64, events: &[Arc<Recorded>]) -> BTreeSet<u64> {
    let touched = events.iter().filter_map(|event| match &event.fact {
        Fact::Conversation(fact) => match &fact.event {
            ConversationEvent::Withdrawn { seq } | ConversationEvent::Voted { seq, .. } => Some(*seq),
            _ => None,
        },
        Fact::Shunt(_) => None,
    });
    touched.chain([head]).filter(|seq| *seq > forgotten && *seq <= head).map(page_of).collect()
}
