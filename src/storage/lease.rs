//! Who may write: the lease in `meta:['lease', 0]`, and how whoever held it before is kept out.
//!
//! Each start of the service takes the next epoch. The argument for safety, per kind of engine:
//!
//! - *A server* can be written by many processes, so every write checks the lease in its own transaction, with
//!   `SELECT … FOR UPDATE`: that makes the lease part of what the commit validates. (A plain `SELECT` reads a
//!   snapshot: a commit that overlaps a change of the lease would pass.) Either the taking of the lease commits
//!   first, and the write is refused; or the write commits first, and the new holder reads it during recovery.
//! - *An embedded store* is open in one process only: RocksDB locks its directory, memory cannot be shared. So
//!   every taking goes through this object, and comparing epochs here decides the same, without four more
//!   statements in every commit (in an unoptimised build they triple the time of a commit). The guard of the
//!   comparison travels with the statement: the lease is not taken while a write of the epoch before is still
//!   under way.

use std::sync::Arc;

use messagecenter_actors::ports::StoreError;
use surrealdb_types::{Object, Value};
use tokio::sync::RwLock;

use super::engine::Engine;
use super::failure::{Operation, corrupt};
use super::value::integer;

const TAKE: &str =
    "UPSERT meta:['lease', 0] SET epoch = (epoch ?? 0) + 1, taken_at = time::now() RETURN VALUE epoch;";

/// How often taking is tried when others take the lease at the same moment.
const ATTEMPTS: usize = 5;

/// One write as both kinds of engine need it. Made by [`guarded!`].
pub(super) struct Guarded {
    pub(super) plain: &'static str,
    pub(super) checked: &'static str,
}

/// A write's statements, once as one transaction and once with the lease checked in it.
macro_rules! guarded {
    ($statements:literal) => {
        $crate::lease::Guarded {
            plain: concat!("BEGIN; ", $statements, " COMMIT;"),
            checked: concat!(
                "BEGIN; ",
                "LET $lease = (SELECT VALUE epoch FROM ONLY meta:['lease', 0] FOR UPDATE); ",
                "IF ($lease ?? 0) != $epoch { THROW 'fenced' }; ",
                $statements,
                " COMMIT;"
            ),
        }
    };
}
pub(super) use guarded;

/// The lease as this process holds it.
pub(super) struct Lease {
    /// Whether writes check the lease in their transaction.
    in_commits: bool,
    /// The epoch taken through this object; 0 before the first. Writes hold the read half, taking the write half.
    epoch: Arc<RwLock<u64>>,
}

impl Lease {
    /// Not taken yet.
    pub(super) fn new(in_commits: bool) -> Self {
        Self { in_commits, epoch: Arc::new(RwLock::new(0)) }
    }

    /// Takes the next epoch.
    pub(super) async fn take(&self, engine: &Engine) -> Result<u64, StoreError> {
        let mut held = self.epoch.write().await;
        let mut attempt = 1;
        let mut answers = loop {
            match engine.query(Operation::Write, TAKE, Object::new()).await {
                Err(StoreError::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                other => break other?,
            }
        };
        let epoch = match answers.rows(0).pop() {
            Some(Value::Number(number)) => number.to_int().and_then(|epoch| u64::try_from(epoch).ok()),
            _ => None,
        };
        let epoch = epoch.ok_or_else(|| corrupt("meta:['lease', 0].epoch is not a number"))?;
        *held = epoch;
        Ok(epoch)
    }

    /// Runs a write of `epoch` (of the held one if `None`) unless another holder followed.
    pub(super) async fn write(
        &self,
        engine: &Engine,
        text: &Guarded,
        binds: Object,
        epoch: Option<u64>,
    ) -> Result<(), StoreError> {
        self.write_holding(engine, text, binds, epoch, ()).await
    }

    /// As [`Lease::write`]; `also` is dropped when the statement has ended, even if the caller went away.
    pub(super) async fn write_holding(
        &self,
        engine: &Engine,
        text: &Guarded,
        mut binds: Object,
        epoch: Option<u64>,
        also: impl Send + 'static,
    ) -> Result<(), StoreError> {
        let held = Arc::clone(&self.epoch).read_owned().await;
        let epoch = epoch.unwrap_or(*held);
        if self.in_commits {
            binds.insert("epoch", integer(epoch));
            return engine.query_holding(Operation::Write, text.checked, binds, (held, also)).await.map(drop);
        }
        if epoch < *held {
            return Err(StoreError::Fenced(format!("epoch {epoch} was followed by {}", *held)));
        }
        engine.query_holding(Operation::Write, text.plain, binds, (held, also)).await.map(drop)
    }
}
