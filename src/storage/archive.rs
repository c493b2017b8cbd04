//! Reading everything piece by piece, and filling an empty store.
//!
//! A piece is `SELECT … FROM array::first([$range]) LIMIT n`: only where the planner cannot know the range does SurrealDB
//! stop reading at the limit (given as a parameter or in the text, it would read all of it). `meta:restore` is there while a store is being
//! filled: until it is gone nobody may take the store, so what a restore left unfinished is never served.

use async_trait::async_trait;
use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::domain::shadow::Side;
use messagecenter_actors::ports::{ArchiveStore, Entry, Kept, RestoredEnds, Snapshot, StoreError};
use surrealdb_types::{Array, Object, Value};

use super::SurrealStore;
use super::directory::entry_of;
use super::failure::{Operation, corrupt};
use super::lease::{Guarded, guarded};
use super::state::row_of;
use super::value::{Row, integer, named_behind, object, range_behind, text};

/// The most that one statement reads, in rows or (with both sides of each) snapshots.
const WINDOW: usize = 512;

const READ: &str = "SELECT * FROM array::first([$id]) LIMIT $limit;";
const FILLING: &str = "SELECT since FROM meta:restore;";
const BEGIN: Guarded = guarded!(
    "UPSERT meta:restore SET since = time::now() RETURN NONE; \
     UPSERT meta:['journal', 0] MERGE $ends RETURN NONE;"
);
const END: Guarded = guarded!("DELETE meta:restore RETURN NONE;");

impl SurrealStore {
    async fn piece(&self, range: Value, limit: usize) -> Result<Vec<Value>, StoreError> {
        let limit = integer(limit as u64);
        let binds = object([("id", range), ("limit", limit)]);
        Ok(self.engine.query(Operation::Read, READ, binds).await?.rows(0))
    }
}

#[async_trait]
impl ArchiveStore for SurrealStore {
    async fn snapshots_after(
        &self,
        kind: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Snapshot>, StoreError> {
        // Texts sort below arrays, so an empty array ends what starts with `kind`.
        let end = [text(kind), Value::Array(Array::new())];
        let behind = range_behind("snapshot", [text(kind), text(after)], end);
        let most = Side::ALL.len() * limit.min(WINDOW);
        let rows = self.piece(behind, most).await?;
        // The last one's second side may lie behind the piece.
        let cut = rows.len() == most;
        let mut found: Vec<Vec<Snapshot>> = Vec::new();
        for row in rows {
            let row = Row::new("snapshot", row)?;
            let id = row.text_of_key()?;
            let key = ActorKey::parse(kind, &id)
                .ok_or_else(|| corrupt(&format!("snapshot:['{kind}', '{id}'] names no actor")))?;
            let snapshot = row_of(key, row)?;
            match found.last_mut() {
                Some(sides) if sides.first().is_some_and(|first| first.key == snapshot.key) => {
                    sides.push(snapshot)
                }
                _ => found.push(vec![snapshot]),
            }
        }
        if cut && found.last().is_some_and(|last| last.len() == 1) {
            found.pop();
        }
        Ok(found.into_iter().take(limit).filter_map(|sides| Kept::of(sides).newest).collect())
    }

    async fn rows_after(
        &self,
        entry: Entry,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
        let rows = self.piece(named_behind(entry.table(), after), limit.min(WINDOW)).await?;
        rows.into_iter().map(|row| entry_of(entry, row)).collect()
    }

    async fn whole(&self) -> Result<(), StoreError> {
        let mut answers = self.engine.query(Operation::Read, FILLING, Object::new()).await?;
        if answers.rows(0).is_empty() {
            return Ok(());
        }
        Err(corrupt("a restore into this store did not end; restore again into an empty one"))
    }

    async fn begin_restore(&self, ends: RestoredEnds) -> Result<(), StoreError> {
        self.begin_at(ends, &BEGIN).await
    }

    async fn end_restore(&self) -> Result<(), StoreError> {
        self.lease.write(&self.engine, &END, Object::new(), None).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use messagecenter_actors::ports::DirectoryStore as _;

    use super::*;
    use crate::StorageOptions;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_piece_reads_no_more_than_its_limit() {
        let store = SurrealStore::open(&StorageOptions::new("mem://".parse().unwrap())).await.unwrap();
        for number in 0..200 {
            let id = format!("{number:04}");
            store.put(Entry::User, &id, &serde_json::json!({ "name": id })).await.unwrap();
        }
        let explained = format!("EXPLAIN ANALYZE {READ}");
        let binds = object([("id", named_behind(Entry::User.table(), "")), ("limit", integer(10))]);
        let answer = store.engine.query(Operation::Read, Box::leak(explained.into_boxed_str()), binds).await;
        let plan = format!("{:?}", answer.unwrap().rows(0));
        let digits =
            |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
        let read = plan.split("rows: ").skip(1).map(|rest| digits(rest).unwrap_or(0));
        let read: Vec<u64> = read.filter(|rows: &u64| *rows > 0).collect();
        assert!(!read.is_empty() && read.iter().all(|rows| *rows <= 10), "{plan}");
    }
}
