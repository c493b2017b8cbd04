//! Rows of the directory: one record per id, the row whole in its field `row` (a row may have a field `id` of
//! its own, which as a top-level field would be the record's).

use async_trait::async_trait;
use messagecenter_actors::ports::{DirectoryStore, Entry, StoreError};
use surrealdb_types::{Array, RecordIdKey, Value};

use super::SurrealStore;
use super::failure::{Operation, corrupt};
use super::value::{Row, from_json, into_json, named, object};

const GET: &str = "SELECT * FROM $ids;";
const PUT: &str = "UPSERT $id CONTENT $content RETURN NONE;";
const INSERT: &str = "CREATE $id CONTENT $content RETURN NONE;";
const DELETE: &str = "DELETE $id RETURN BEFORE;";

fn written(entry: Entry, id: &str, row: &serde_json::Value) -> surrealdb_types::Object {
    let content = object([("row", from_json(row))]);
    object([("id", named(entry.table(), id)), ("content", Value::Object(content))])
}

/// A record's id and its row.
pub(super) fn entry_of(entry: Entry, row: Value) -> Result<(String, serde_json::Value), StoreError> {
    let mut row = Row::new(entry.table(), row)?;
    let RecordIdKey::String(id) = row.key()? else {
        return Err(corrupt(&format!("{} has a key that is no text", entry.table())));
    };
    Ok((id, into_json(row.take("row")?)))
}

#[async_trait]
impl DirectoryStore for SurrealStore {
    async fn get(
        &self,
        entry: Entry,
        ids: &[String],
    ) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Array = ids.iter().map(|id| named(entry.table(), id)).collect();
        let mut answers =
            self.engine.query(Operation::Read, GET, object([("ids", Value::Array(ids))])).await?;
        let rows = answers.rows(0).into_iter().map(|row| entry_of(entry, row));
        rows.collect()
    }

    async fn put(&self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), StoreError> {
        self.engine.query(Operation::Write, PUT, written(entry, id, row)).await.map(drop)
    }

    async fn insert(&self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), StoreError> {
        self.engine.query(Operation::Write, INSERT, written(entry, id, row)).await.map(drop)
    }

    async fn delete(&self, entry: Entry, id: &str) -> Result<bool, StoreError> {
        let binds = object([("id", named(entry.table(), id))]);
        let mut answers = self.engine.query(Operation::Write, DELETE, binds).await?;
        Ok(!answers.rows(0).is_empty())
    }
}
