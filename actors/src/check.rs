//! What must hold of a store, checked from what is stored: for operators, and for tests of backups.
//!
//! Reads only, so it may look at any store that nobody writes to meanwhile. Every actor is put together from its
//! snapshot, its pages and the journal, as its recovery would, and compared with a recount:
//!
//! - the journal is dense and readable, and everything stored lies at or below its end;
//! - `seq` is 1, 2, 3 … without a gap in every conversation (behind what retention removed, of which nothing is stored
//!   any more), no read mark lies above the newest message, and unread
//!   by marks equals unread counted from the messages;
//! - every row of every inbox agrees with its conversation, and no reader lacks its row;
//! - places of agents are their sessions and reservations, queues hold those who wait, and routing, sessions and
//!   conversations name the same open sessions.
//!
//! An actor that cannot be read is one fault: what would be compared with it is not compared.
//!
//! Memory: some 60 bytes per reader of a conversation, and the open sessions.

mod conversations;
mod inboxes;
mod journal;
mod routing;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Range;
use std::sync::Arc;

use uuid::Uuid;

use crate::conversation::page_counts;
use crate::domain::conversation::Limits;
use crate::domain::event::{Position, Reader, Recorded};
use crate::domain::ids::{ActorKey, EntId, InboxKey};
use crate::journal::Unsaved;
use crate::ports::{JournalBounds, Snapshot, Store, StoreError};
use crate::world::Rules;

/// Snapshots read at a time.
const WINDOW: usize = 64;

/// Something that does not hold. Names ids, never names of people or content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: an actor, the journal.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// The newest position.
    pub position: Position,
    /// Batches of the journal.
    pub batches: u64,
    /// Enterprises with routing.
    pub shunts: u64,
    /// Sessions, open and ended.
    pub sessions: u64,
    /// Conversations.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// Inboxes.
    pub inboxes: u64,
    /// Rows of inboxes.
    pub rows: u64,
    /// Comparisons left out, because one side cannot be read: that is a fault of its own.
    pub not_compared: u64,
    /// What does not hold.
    pub faults: u64,
}

/// Checks everything; `found` is told of every fault as it is found.
///
/// # Errors
/// The store does not answer. What it holds and nobody can read is a fault, not an error.
pub async fn check(
    store: &dyn Store,
    rules: &Rules,
    found: &mut (dyn FnMut(&Fault) + Send),
) -> Result<Checked, StoreError> {
    store.whole().await?;
    let bounds = store.bounds().await?;
    let mut check = Check {
        store,
        limits: Limits::from(rules),
        bounds,
        found,
        checked: Checked { position: bounds.newest, ..Checked::default() },
        marks: HashMap::new(),
        open: HashMap::new(),
        unreadable: Unreadable::default(),
    };
    let readable = check.journal().await?;
    let Some(mut unsaved) = readable else { return Ok(check.checked) };
    for kind in ActorKey::KINDS {
        check.kind(kind, &mut unsaved).await?;
    }
    check.leftovers();
    let after = store.bounds().await?;
    if after.newest != bounds.newest {
        let what = "was written to during the check: what it found may come of that; stop the service first";
        check.fault("the store", what);
    }
    Ok(check.checked)
}

/// How far a reader is in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// Its newest message; 0 for groups, whose rows do not hold it.
    head: u64,
    read: u64,
    /// 0 for groups, whose rows do not hold it.
    unread: u64,
    /// Whether the reader must have a row.
    needs_row: bool,
}

/// An open session as routing has it.
struct Open {
    ent: EntId,
    agent: Option<Arc<str>>,
    conversation: Uuid,
    seen_by_session: bool,
    seen_by_conversation: bool,
}

struct Check<'a> {
    store: &'a dyn Store,
    limits: Limits,
    bounds: JournalBounds,
    found: &'a mut (dyn FnMut(&Fault) + Send),
    checked: Checked,
    /// By conversation and a hash of the reader.
    marks: HashMap<(Uuid, u64), Mark>,
    open: HashMap<Uuid, Open>,
    unreadable: Unreadable,
}

/// Who could not be read whole: each is a fault of its own, and what would be compared with it is not.
#[derive(Default)]
struct Unreadable {
    /// Any enterprise's routing.
    shunts: bool,
    sessions: HashSet<Uuid>,
    conversations: HashSet<Uuid>,
    /// By a hash of the reader.
    inboxes: HashSet<u64>,
    /// Whole pieces of the store, whoever is in them.
    kinds: HashSet<&'static str>,
}

impl Unreadable {
    fn add(&mut self, key: &ActorKey) {
        match key {
            ActorKey::Shunt(_) => self.shunts = true,
            ActorKey::Session(id) => _ = self.sessions.insert(*id),
            ActorKey::Conversation(id) => _ = self.conversations.insert(*id),
            ActorKey::Inbox(inbox) => _ = self.inboxes.insert(reader_hash(&reader_of(inbox))),
        }
    }

    fn shunts(&self) -> bool {
        self.shunts || self.kinds.contains("shunt")
    }

    fn session(&self, id: Uuid) -> bool {
        self.sessions.contains(&id) || self.kinds.contains("session")
    }

    fn conversation(&self, id: Uuid) -> bool {
        self.conversations.contains(&id) || self.kinds.contains("conversation")
    }

    fn inbox(&self, reader: u64) -> bool {
        self.inboxes.contains(&reader) || self.kinds.contains("inbox")
    }
}

/// An actor as it is stored: its snapshot, and the facts that this lacks.
struct Stored {
    key: ActorKey,
    snapshot: Option<Snapshot>,
    facts: Vec<Arc<Recorded>>,
}

impl Check<'_> {
    fn fault(&mut self, place: impl fmt::Display, what: impl Into<String>) {
        self.checked.faults += 1;
        (self.found)(&Fault { place: place.to_string(), what: what.into() });
    }

    /// Whether both sides of a comparison are `readable`; counts it if not.
    fn comparable(&mut self, readable: bool) -> bool {
        self.checked.not_compared += u64::from(!readable);
        readable
    }

    /// What a reading gave; `None` if it is not readable, which is a fault.
    fn readable<T>(
        &mut self,
        place: impl fmt::Display,
        read: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Corrupt(what)) => {
                self.fault(place, what);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Every actor of one kind: those with a snapshot, then those that only the journal knows.
    async fn kind(&mut self, kind: &'static str, unsaved: &mut Unsaved) -> Result<(), StoreError> {
        let mut only_journal: BTreeSet<ActorKey> =
            unsaved.keys().filter(|key| key.kind() == kind).cloned().collect();
        let mut after = String::new();
        loop {
            let piece = self.store.snapshots_after(kind, &after, WINDOW).await;
            let Some(snapshots) = self.readable(format!("snapshots of {kind}s"), piece)? else {
                self.unreadable.kinds.insert(kind);
                return Ok(());
            };
            let Some(last) = snapshots.last() else { break };
            after = last.key.id();
            for snapshot in snapshots {
                only_journal.remove(&snapshot.key);
                self.actor(snapshot.key.clone(), Some(snapshot), unsaved).await?;
            }
        }
        for key in only_journal {
            self.actor(key, None, unsaved).await?;
        }
        Ok(())
    }

    async fn actor(
        &mut self,
        key: ActorKey,
        snapshot: Option<Snapshot>,
        unsaved: &mut Unsaved,
    ) -> Result<(), StoreError> {
        let (decided, told) = snapshot.as_ref().map_or((0, 0), |s| (s.decided, s.told));
        if decided.max(told) > self.bounds.newest {
            let what = format!("its snapshot is of {}, above the journal's end", decided.max(told));
            self.fault(&key, what);
        }
        let facts = unsaved.of(self.store, &key, decided, told).await;
        let Some(facts) = self.readable(&key, facts)? else {
            self.unreadable.add(&key);
            return Ok(());
        };
        let stored = Stored { key, snapshot, facts };
        let whole = match stored.key.clone() {
            ActorKey::Shunt(ent) => self.shunt(ent, &stored),
            ActorKey::Session(id) => self.session(id, &stored),
            ActorKey::Conversation(id) => self.conversation(id, &stored).await?,
            ActorKey::Inbox(inbox) => self.inbox(&inbox, &stored).await?,
        };
        if !whole {
            self.unreadable.add(&stored.key);
        }
        Ok(())
    }

    /// What one side knows and the other does not.
    fn leftovers(&mut self) {
        let open = std::mem::take(&mut self.open);
        for (id, open) in open {
            let place = ActorKey::Shunt(open.ent);
            if !open.seen_by_session && self.comparable(!self.unreadable.session(id)) {
                self.fault(&place, format!("session {id} is open here, and ended or unknown to itself"));
            }
            let readable = !self.unreadable.conversation(open.conversation);
            if !open.seen_by_conversation && self.comparable(readable) {
                let what =
                    format!("session {id} is open here, but not in conversation {}", open.conversation);
                self.fault(&place, what);
            }
        }
        let marks = std::mem::take(&mut self.marks);
        let mut without: BTreeSet<Uuid> = BTreeSet::new();
        for ((id, reader), mark) in marks {
            if mark.needs_row && self.comparable(!self.unreadable.inbox(reader)) {
                without.insert(id);
            }
        }
        for conversation in without {
            let place = ActorKey::Conversation(conversation);
            self.fault(place, "the inbox of one of its readers has no row for it");
        }
    }
}

/// Names a reader of a conversation in little space.
fn reader_hash(reader: &Reader) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(reader)
}

/// Who reads through an inbox.
fn reader_of(inbox: &InboxKey) -> Reader {
    match inbox {
        InboxKey::Party(address) => Reader::Party(address.clone()),
        InboxKey::Desk(_) => Reader::Desk,
    }
}

/// Which pages of messages a snapshot says there are.
fn message_pages(snapshot: Option<&Snapshot>) -> Result<Range<u64>, StoreError> {
    Ok(snapshot.map(page_counts).transpose()?.map(|(messages, _)| messages).unwrap_or_default())
}
