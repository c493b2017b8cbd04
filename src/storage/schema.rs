//! The tables, by version: each step of `schema/` is applied once, in order.
//!
//! Guarantees: a step is one transaction that also records its version in `meta:schema` and refuses to run on a
//! store that has it already, so an interruption leaves a store of some version that the next start brings up
//! to date, and of two processes that start at once neither applies a step again nor takes the version back.
//! Besides, every statement of a step may be repeated. A store of a newer version is refused before anything
//! is written.

use std::cmp::Ordering;

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
    /// Made by [`framed!`].
    text: &'static str,
}

/// One step's statements as the transaction that its version belongs to.
macro_rules! framed {
    ($statements:expr) => {
        concat!(
            "BEGIN; ",
            "LET $found = (SELECT VALUE version FROM ONLY meta:schema FOR UPDATE); ",
            "IF ($found ?? 0) >= $step.version { THROW 'another process brought the schema up to date' };\n",
            $statements,
            "\nUPSERT meta:schema SET version = $step.version, name = $step.name, applied_at = time::now() \
             RETURN NONE; ",
            "COMMIT;"
        )
    };
}

#[cfg(test)]
mod tests;

const STEPS: &[Step] = &[
    Step { version: 1, name: "tables", text: framed!(include_str!("../../schema/0001_tables.surql")) },
    Step { version: 2, name: "operators", text: framed!(include_str!("../../schema/0002_operators.surql")) },
    Step { version: 3, name: "two_sides", text: framed!(include_str!("../../schema/0003_two_sides.surql")) },
];

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
    migrate_by(engine, STEPS).await
}

/// Whether the store is of [`known_version`]; changes nothing.
pub(super) async fn is_current(engine: &Engine) -> Result<(), OpenError> {
    let (found, known) = (version(engine).await?, known_version());
    match found.cmp(&known) {
        Ordering::Less => Err(OpenError::Older { found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(OpenError::Newer { found, known }),
    }
}

async fn migrate_by(engine: &Engine, steps: &[Step]) -> Result<(), OpenError> {
    let mut attempt = 1;
    loop {
        match try_migrate(engine, steps).await {
            Err(OpenError::Schema(StoreError::Conflict(_) | StoreError::Unknown(_)))
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            other => return other,
        }
    }
}

async fn try_migrate(engine: &Engine, steps: &[Step]) -> Result<(), OpenError> {
    let found = version(engine).await?;
    let known = steps.last().map_or(0, |step| step.version);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for step in steps.iter().filter(|step| step.version > found) {
        fail_point!(MigrationBeforeStep);
        engine.query(Operation::Write, step.text, binds(step)).await?;
        fail_point!(MigrationAfterStep);
        tracing::info!(version = step.version, name = step.name, "schema brought up to date");
    }
    Ok(())
}

fn binds(step: &Step) -> Object {
    let record = object([("version", signed(step.version)), ("name", text(step.name))]);
    object([("step", Value::Object(record))])
}

/// The version in the store; 0 when it is new.
async fn version(engine: &Engine) -> Result<i64, StoreError> {
    // Reading a table that was never defined is an error in SurrealDB.
    const TEXT: &str = "DEFINE TABLE IF NOT EXISTS meta SCHEMALESS PERMISSIONS NONE; \
                        SELECT version FROM meta:schema;";
    let mut answers = engine.query(Operation::Write, TEXT, Object::new()).await?;
    match answers.rows(1).pop() {
        None => Ok(0),
        Some(row) => Row::new("meta", row)?.signed("version"),
    }
}
