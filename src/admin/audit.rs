//! What operators did: one row per act, numbered without a gap, kept in the store.
//!
//! Guarantees: a row is durable before its act begins, so there is no act without a row; a row without an outcome is of
//! an act that was cut off. The newest [`KEPT`] rows are kept.

use std::sync::Arc;

use messagecenter_actors::ports::{Entry, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::tokens::Holder;

/// Rows that are kept: years of an ordinary service.
pub const KEPT: u64 = 10_000;

/// How often the newest number is noted beside the rows; what came later is found by looking, so many at a time.
const NOTED_EVERY: u64 = 256;

/// Rows of one page at most.
pub const PAGE: u64 = 200;

/// The row that notes the newest number.
const NEWEST: &str = "newest";

/// One act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its number, from 1.
    pub id: u64,
    /// When, in epoch milliseconds.
    pub at: i64,
    /// The name of the token.
    pub who: String,
    /// Its role.
    pub role: String,
    /// The endpoint.
    pub operation: String,
    /// The path.
    pub target: String,
    /// Why, as the operator said.
    pub reason: String,
    /// More about what changed: the differences of settings, for one.
    pub detail: Value,
    /// `done`, or the name of the error; empty while it runs.
    pub outcome: String,
}

/// The rows of one store.
pub struct AuditLog {
    store: Arc<dyn Store>,
    /// The newest number given. Held while a row is inserted, so that numbers have no gap.
    newest: Mutex<u64>,
}

fn corrupt(error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt(format!("audit: {error}"))
}

impl AuditLog {
    /// Finds where the rows end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let noted = store.get(Entry::Audit, &[NEWEST.to_owned()]).await?;
        let noted = noted.first().and_then(|(_, row)| row.get("id")?.as_u64()).unwrap_or(0);
        let mut newest = noted;
        loop {
            let next: Vec<String> = (newest + 1..=newest + NOTED_EVERY).map(|id| id.to_string()).collect();
            let found = store.get(Entry::Audit, &next).await?;
            let Some(last) = found.iter().filter_map(|(id, _)| id.parse().ok()).max() else { break };
            newest = last;
        }
        Ok(Self { store, newest: Mutex::new(newest) })
    }

    /// Notes an act that is about to begin.
    ///
    /// # Errors
    /// Those of the store; nothing may be done then.
    pub async fn begin(
        &self,
        at: i64,
        who: &Holder,
        operation: &str,
        target: &str,
        reason: &str,
    ) -> Result<Row, StoreError> {
        let mut newest = self.newest.lock().await;
        let id = *newest + 1;
        let row = Row {
            id,
            at,
            who: who.name.clone(),
            role: who.role.as_str().to_owned(),
            operation: operation.to_owned(),
            target: target.to_owned(),
            reason: reason.to_owned(),
            detail: Value::Null,
            outcome: String::new(),
        };
        self.put(&row).await?;
        *newest = id;
        if id.is_multiple_of(NOTED_EVERY)
            && let Err(error) = self.store.put(Entry::Audit, NEWEST, &json!({ "id": id })).await
        {
            tracing::warn!(%error, "the newest number of the audit was not noted");
        }
        drop(newest);
        if let Some(oldest) = id.checked_sub(KEPT).filter(|oldest| *oldest > 0)
            && let Err(error) = self.store.delete(Entry::Audit, &oldest.to_string()).await
        {
            tracing::warn!(%error, "an old row of the audit was not deleted");
        }
        Ok(row)
    }

    /// Notes how an act ended.
    ///
    /// # Errors
    /// Those of the store; the act is done all the same.
    pub async fn end(&self, mut row: Row, outcome: &str, detail: Value) -> Result<(), StoreError> {
        outcome.clone_into(&mut row.outcome);
        row.detail = detail;
        self.put(&row).await
    }

    async fn put(&self, row: &Row) -> Result<(), StoreError> {
        let content = serde_json::to_value(row).map_err(|error| corrupt(&error))?;
        self.store.put(Entry::Audit, &row.id.to_string(), &content).await
    }

    /// At most `limit` (and [`PAGE`]) rows below number `before`, the newest first, and the newest number.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, before: u64, limit: u64) -> Result<(Vec<Row>, u64), StoreError> {
        let newest = *self.newest.lock().await;
        let end = before.min(newest + 1);
        let ids: Vec<String> =
            (end.saturating_sub(limit.min(PAGE)).max(1)..end).map(|id| id.to_string()).collect();
        let found = self.store.get(Entry::Audit, &ids).await?;
        let rows = found.into_iter().map(|(_, row)| serde_json::from_value::<Row>(row));
        let mut rows: Vec<Row> = rows.collect::<Result<_, _>>().map_err(|error| corrupt(&error))?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
        Ok((rows, newest))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot write its own input has failed")]

    use messagecenter_actors::memory::MemoryStore;
    use messagecenter_actors::ports::DirectoryStore as _;

    use super::super::tokens::Role;
    use super::*;

    #[tokio::test]
    async fn a_newest_number_that_could_not_be_noted_costs_no_row() {
        let store = MemoryStore::new();
        let ann = Holder { name: "ann".to_owned(), role: Role::Operator };
        let log = AuditLog::open(Arc::new(store.clone())).await.unwrap();
        for _ in 0..3 * NOTED_EVERY {
            log.begin(5, &ann, "restart", "/x", "why").await.unwrap();
        }
        store.put(Entry::Audit, NEWEST, &json!({ "id": 1 })).await.unwrap();
        let again = AuditLog::open(Arc::new(store)).await.unwrap();
        assert_eq!(again.begin(6, &ann, "resume", "/y", "").await.unwrap().id, 3 * NOTED_EVERY + 1);
    }

    #[tokio::test]
    async fn numbers_go_on_after_a_restart_and_pages_go_back() {
        let store = MemoryStore::new();
        let ann = Holder { name: "ann".to_owned(), role: Role::Operator };
        let log = AuditLog::open(Arc::new(store.clone())).await.unwrap();
        for number in 1..=NOTED_EVERY + 3 {
            let row = log.begin(5, &ann, "restart", "/x", "why").await.unwrap();
            assert_eq!(row.id, number);
            log.end(row, "done", Value::Null).await.unwrap();
        }
        let again = AuditLog::open(Arc::new(store)).await.unwrap();
        let row = again.begin(6, &ann, "resume", "/y", "").await.unwrap();
        assert_eq!(row.id, NOTED_EVERY + 4);
        let (rows, newest) = again.list(u64::MAX, 2).await.unwrap();
        assert_eq!((newest, rows.len()), (NOTED_EVERY + 4, 2));
        assert_eq!(rows.iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>(), ["", "done"]);
        let (rows, _) = again.list(2, 50).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [1]);
    }
}
