//! The tables, by version: each step of `schema/` is applied once, in order, in a transaction of its own that
//! also records it in `meta:schema`. A store of a newer version is refused before anything is read or written.

use messagecenter_actors::fail_point;
use messagecenter_actors::ports::StoreError;
use surrealdb_types::{Object, Value};

use super::engine::Engine;
use super::failure::Operation;
use super::options::OpenError;
use super::value::{Row, object, signed, text};

struct Step {
    version: i64,
    name: &'static str,
    text: &'static str,
}

const STEPS: &[Step] =
    &[Step { version: 1, name: "tables", text: include_str!("../../schema/0001_tables.surql") }];

/// Another process may bring a shared store up to date at the same moment; one of the two then reads again.
const ATTEMPTS: usize = 5;

/// The newest version that this program knows.
pub const fn known_version() -> i64 {
    match STEPS.last() {
        Some(step) => step.version,
        None => 0,
    }
}

/// Brings the store to [`known_version`]. Repeating it changes nothing.
pub(super) async fn migrate(engine: &Engine) -> Result<(), OpenError> {
    let mut attempt = 1;
    loop {
        match try_migrate(engine).await {
            Err(OpenError::Schema(StoreError::Conflict(_) | StoreError::Unknown(_)))
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            other => return other,
        }
    }
}

async fn try_migrate(engine: &Engine) -> Result<(), OpenError> {
    let found = version(engine).await?;
    let known = known_version();
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for step in STEPS.iter().filter(|step| step.version > found) {
        let record = object([("version", signed(step.version)), ("name", text(step.name))]);
        let binds = object([("step", Value::Object(record))]);
        fail_point!(MigrationBeforeStep);
        engine.query(Operation::Write, step.text, binds).await?;
        fail_point!(MigrationAfterStep);
        tracing::info!(version = step.version, name = step.name, "schema brought up to date");
    }
    Ok(())
}

/// The version in the store; 0 when it is new.
async fn version(engine: &Engine) -> Result<i64, StoreError> {
    // Reading a table that was never defined is an error in SurrealDB.
    const TEXT: &str = "DEFINE TABLE IF NOT EXISTS meta SCHEMALESS PERMISSIONS NONE; \
                        SELECT version FROM meta:schema;";
    let mut answers = engine.query(Operation::Write, TEXT, Object::new()).await?;
    match answers.rows(1)?.pop() {
        None => Ok(0),
        Some(row) => Row::new("meta", row)?.signed("version"),
    }
}
