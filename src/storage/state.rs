//! Snapshots (`snapshot:[kind, id]`) and their pages (`history`, `member`, `inbox_row`, each `[id, page]`).
//!
//! Each but `history` has a second place, its id and `1`, where every other write goes
//! ([`messagecenter_actors::domain::shadow`]). A snapshot, the pages handed over with it and the deletion of those it
//! does without are one transaction: a crash leaves the old ones whole or the new ones whole. A write whose caller stopped waiting still holds its actor: neither another write nor a read of the
//! snapshot begins before it has ended, so an older snapshot never lands on a newer one nor between reading a
//! snapshot and its pages. Pages are plain objects: `SELECT * FROM history:['<conversation id>', 0]` shows messages.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::domain::shadow::{Side, Sides};
use messagecenter_actors::ports::{Collection, Kept, Page, Snapshot, StateStore, StoreError};
use surrealdb_types::{Array, Object, Value};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::SurrealStore;
use super::failure::{Operation, corrupt};
use super::lease::{Guarded, guarded};
use super::value::{
    self, Row, both_sides, from_json, integer, into_json, object, range, record, record_on, text,
};

/// The most pages that one statement reads.
const WINDOW: u64 = 512;

/// One record, a range of them, or an array of ids.
const READ: &str = "SELECT * FROM $id;";
const KEYS: &str = "SELECT id FROM $id;";
const PUT: Guarded = guarded!("FOR $row IN $rows { UPSERT $row.id CONTENT $row.content RETURN NONE; };");
const PUT_AND_REMOVE: Guarded = guarded!(
    "FOR $row IN $rows { UPSERT $row.id CONTENT $row.content RETURN NONE; }; DELETE $removed RETURN NONE;"
);

/// The field that holds a page's content: it names what is in it.
const fn content_field(collection: Collection) -> &'static str {
    match collection {
        Collection::History => "messages",
        Collection::Members => "members",
        Collection::Rows => "rows",
    }
}

/// Locks that the writes of snapshots share: many more than run at once.
const STRIPES: usize = 256;

/// One write of a snapshot per actor at a time, counted until the engine has ended it.
pub(super) struct Saves {
    stripes: Vec<Arc<Mutex<()>>>,
    patience: Duration,
}

impl Saves {
    /// None is under way. `patience`: how long one that follows waits for it.
    pub(super) fn new(patience: Duration) -> Self {
        Self { stripes: (0..STRIPES).map(|_| Arc::default()).collect(), patience }
    }

    async fn alone(&self, key: &ActorKey) -> Result<OwnedMutexGuard<()>, StoreError> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let stripe = self.stripes.get(hash as usize % STRIPES).cloned().unwrap_or_default();
        let alone = tokio::time::timeout(self.patience, stripe.lock_owned()).await;
        alone.map_err(|_| StoreError::Unavailable("an earlier snapshot is still being written".to_owned()))
    }
}

fn snapshot_id(key: &ActorKey, side: Side) -> Value {
    record_on(side, "snapshot", [text(key.kind()), text(key.id())])
}

/// Whose page: the bare id for the kind of actor that a collection is made for, so that a person finds
/// `history:['<conversation id>', 0]`; `kind/id` for any other kind, which no bare id looks like.
fn owner(key: &ActorKey, collection: Collection) -> String {
    match (collection, key) {
        (Collection::History | Collection::Members, ActorKey::Conversation(_))
        | (Collection::Rows, ActorKey::Inbox(_)) => key.id(),
        _ => key.to_string(),
    }
}

fn page_key(key: &ActorKey, collection: Collection, number: u64) -> [Value; 2] {
    [text(owner(key, collection)), integer(number)]
}

fn snapshot_of(key: &ActorKey, row: Value) -> Result<Snapshot, StoreError> {
    row_of(key.clone(), Row::new("snapshot", row)?)
}

/// The snapshot of `key` from its record.
pub(super) fn row_of(key: ActorKey, mut row: Row) -> Result<Snapshot, StoreError> {
    let side = row.side_of_key();
    let (decided, told) = (row.integer("decided")?, row.integer("told")?);
    let since = row.integer("since").ok(); // without it nobody falls back from here
    // Where it stands is known, so if the rest is not, the previous one may serve.
    let (version, state, sides) =
        content_of(&mut row).unwrap_or((Snapshot::UNREADABLE, <_>::default(), <_>::default()));
    Ok(Snapshot { key, decided, told, version, state, side, sides, since })
}

fn content_of(row: &mut Row) -> Result<(u16, bytes::Bytes, Sides), StoreError> {
    // Left out if every page is on its first side, as a program that knew no other wrote it.
    let sides = if row.has("sides") { Sides::from_bytes(&row.bytes("sides")?) } else { Sides::default() };
    Ok((row.integer("version")?, row.bytes("state")?, sides))
}

fn page_of(collection: Collection, row: Value) -> Result<Page, StoreError> {
    let mut row = Row::new(collection.table(), row)?;
    Ok(Page {
        collection,
        side: row.side_of_key(),
        number: row.number_of_key()?,
        position: row.integer("position")?,
        content: into_json(row.take(content_field(collection))?),
    })
}

fn row(id: Value, content: Object) -> Value {
    Value::Object(object([("id", id), ("content", Value::Object(content))]))
}

fn page_row(key: &ActorKey, page: &Page) -> Value {
    let id = record_on(page.side, page.collection.table(), page_key(key, page.collection, page.number));
    let content =
        [("position", integer(page.position)), (content_field(page.collection), from_json(&page.content))];
    row(id, object(content))
}

fn snapshot_row(snapshot: &Snapshot) -> Value {
    let mut content = object([
        ("decided", integer(snapshot.decided)),
        ("told", integer(snapshot.told)),
        ("version", integer(u64::from(snapshot.version))),
        ("state", value::bytes(&snapshot.state)),
    ]);
    let sides = snapshot.sides.as_bytes();
    if !sides.is_empty() {
        content.insert("sides", value::bytes(&bytes::Bytes::copy_from_slice(sides)));
    }
    if let Some(since) = snapshot.since {
        content.insert("since", integer(since));
    }
    row(snapshot_id(&snapshot.key, snapshot.side), content)
}

impl SurrealStore {
    async fn read(&self, ids: Value) -> Result<Vec<Value>, StoreError> {
        Ok(self.engine.query(Operation::Read, READ, object([("id", ids)])).await?.rows(0))
    }

    /// Writes rows of this actor, and deletes its pages of messages with these numbers, in one transaction.
    async fn put(&self, key: &ActorKey, rows: Array, removed: Range<u64>) -> Result<(), StoreError> {
        let alone = self.saves.alone(key).await?;
        let mut binds = object([("rows", Value::Array(rows))]);
        if removed.is_empty() {
            return self.lease.write_holding(&self.engine, &PUT, binds, None, alone).await;
        }
        let page = |number| page_key(key, Collection::History, number);
        binds.insert("removed", range(Collection::History.table(), page(removed.start), page(removed.end)));
        self.lease.write_holding(&self.engine, &PUT_AND_REMOVE, binds, None, alone).await
    }
}

#[async_trait]
impl StateStore for SurrealStore {
    async fn load_both(&self, key: &ActorKey) -> Result<Kept, StoreError> {
        drop(self.saves.alone(key).await?);
        // A range costs 7 % more than one id, two ids cost 17 %.
        let rows = self.read(both_sides("snapshot", [text(key.kind()), text(key.id())])).await?;
        let both: Result<Vec<_>, _> = rows.into_iter().map(|row| snapshot_of(key, row)).collect();
        Ok(Kept::of(both?))
    }

    async fn page(
        &self,
        key: &ActorKey,
        collection: Collection,
        number: u64,
    ) -> Result<Option<Page>, StoreError> {
        let id = record(collection.table(), page_key(key, collection, number));
        self.read(id).await?.pop().map(|row| page_of(collection, row)).transpose()
    }

    async fn named_pages(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        count: u64,
    ) -> Result<Vec<Page>, StoreError> {
        let id = |number| {
            let key = page_key(&snapshot.key, collection, number);
            record_on(snapshot.sides.of(number), collection.table(), key)
        };
        let mut pages = Vec::new();
        for from in (0..count).step_by(WINDOW as usize) {
            let ids = (from..count.min(from + WINDOW)).map(id).collect();
            for row in self.read(Value::Array(ids)).await? {
                pages.push(page_of(collection, row)?);
            }
        }
        Ok(pages)
    }

    async fn pages(
        &self,
        key: &ActorKey,
        collection: Collection,
        from: u64,
        to: u64,
    ) -> Result<Vec<Page>, StoreError> {
        let mut pages = Vec::new();
        let mut start = from;
        while start < to {
            let end = start.saturating_add(WINDOW).min(to);
            let exact =
                range(collection.table(), page_key(key, collection, start), page_key(key, collection, end));
            for row in self.read(exact).await? {
                pages.push(page_of(collection, row)?);
            }
            start = end;
        }
        Ok(pages)
    }

    async fn put_pages(&self, key: &ActorKey, pages: &[Page]) -> Result<(), StoreError> {
        self.put(key, pages.iter().map(|page| page_row(key, page)).collect(), 0..0).await
    }

    async fn save_and_remove(
        &self,
        snapshot: &Snapshot,
        pages: &[Page],
        removed: Range<u64>,
    ) -> Result<(), StoreError> {
        let key = &snapshot.key;
        let rows =
            std::iter::once(snapshot_row(snapshot)).chain(pages.iter().map(|page| page_row(key, page)));
        self.put(key, rows.collect(), removed).await
    }

    async fn keys(&self, kind: &'static str) -> Result<Vec<ActorKey>, StoreError> {
        // Texts sort below arrays, so an empty array ends what starts with `kind`. This reads the states as
        // well: it is meant for kinds of which there are few.
        let all = range("snapshot", [text(kind), text("")], [text(kind), Value::Array(Array::new())]);
        let mut answers = self.engine.query(Operation::Read, KEYS, object([("id", all)])).await?;
        let keys = answers.rows(0).into_iter().map(|row| {
            let id = Row::new("snapshot", row)?.text_of_key()?;
            ActorKey::parse(kind, &id)
                .ok_or_else(|| corrupt(&format!("snapshot:['{kind}', …] has a key that names no actor")))
        });
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        keys.dedup(); // both sides of one lie next to each other
        Ok(keys)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use messagecenter_actors::ports::JournalStore as _;

    use super::*;
    use crate::StorageOptions;

    /// A snapshot with pages on both sides, and then this done to its record.
    async fn damaged(statement: &'static str) -> Result<Option<Snapshot>, StoreError> {
        let store = SurrealStore::open(&StorageOptions::new("mem://".parse().unwrap())).await.unwrap();
        store.acquire().await.unwrap();
        let key = ActorKey::Shunt(1);
        let snapshot = Snapshot::new(key.clone(), 7, 5, 2, vec![1, 2].into());
        let snapshot = Snapshot { sides: Sides::from_bytes(&[4]), since: Some(3), ..snapshot };
        store.save(&snapshot, &[]).await.unwrap();
        assert_eq!(store.load(&key).await.unwrap(), Some(snapshot));
        let binds = object([("id", snapshot_id(&key, Side::First))]);
        store.engine.query(Operation::Write, statement, binds).await.unwrap();
        store.load(&key).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_that_is_damaged_but_for_its_positions_is_unreadable_and_never_taken_for_another() {
        for statement in [
            "UPDATE $id SET state = 'x';",
            "UPDATE $id SET version = 70000;",
            "UPDATE $id UNSET version;",
            "UPDATE $id SET sides = 4;",
            "UPDATE $id SET sides = NULL;",
        ] {
            let read = damaged(statement).await.unwrap().unwrap();
            assert_eq!(read.version, Snapshot::UNREADABLE, "{statement}");
            assert_eq!((read.decided, read.told, read.since), (7, 5, Some(3)), "{statement}");
        }
        for statement in
            ["UPDATE $id SET decided = 'x';", "UPDATE $id SET told = -1;", "UPDATE $id UNSET told;"]
        {
            let read = damaged(statement).await;
            assert!(matches!(read, Err(StoreError::Corrupt(_))), "{statement}: {read:?}");
        }
        let read = damaged("UPDATE $id SET since = 'x';").await.unwrap().unwrap();
        assert_eq!((read.version, read.since), (2, None), "it is readable, but nobody falls back from it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_goes_on_keeps_the_next_of_its_actor_waiting_but_not_for_ever() {
        let saves = Saves::new(Duration::from_secs(1));
        let (mine, other) = (ActorKey::Shunt(1), ActorKey::Shunt(2));
        let going_on = saves.alone(&mine).await.unwrap();
        assert!(saves.alone(&other).await.is_ok());
        assert!(matches!(saves.alone(&mine).await, Err(StoreError::Unavailable(_))));
        drop(going_on);
        assert!(saves.alone(&mine).await.is_ok());
    }
}
