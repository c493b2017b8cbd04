//! Upgrades that are interrupted, repeated, raced and refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use super::*;
use crate::options::StorageOptions;

async fn engine() -> Engine {
    Engine::open(&StorageOptions::new("mem://".parse().unwrap())).await.unwrap()
}

/// Runs a text as it is; what it answers does not matter.
async fn run(engine: &Engine, statements: String, step: &Step) {
    let _ = engine.query(Operation::Write, statements.leak(), binds(step)).await;
}

/// The statements of a step without the transaction around them.
fn statements(step: &Step) -> Vec<String> {
    let lines = step.text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text: Vec<&str> = lines.collect();
    let text = text.join("\n");
    let statements = text.split(';').map(str::trim).filter(|one| !matches!(*one, "" | "BEGIN" | "COMMIT"));
    statements.map(|one| format!("{one}; ")).collect()
}

/// Everything that is defined, as the engine tells it.
async fn defined(engine: &Engine) -> Value {
    engine.query(Operation::Read, "INFO FOR DB;", Object::new()).await.unwrap().value(0)
}

/// A store that every step before `step` was applied to.
async fn before(step: &Step) -> Engine {
    let engine = engine().await;
    assert_eq!(version(&engine).await.unwrap(), 0, "looking is what every start begins with");
    for earlier in STEPS.iter().filter(|earlier| earlier.version < step.version) {
        engine.query(Operation::Write, earlier.text, binds(earlier)).await.unwrap();
    }
    engine
}

#[tokio::test]
async fn a_start_after_an_interruption_at_any_statement_completes_the_schema() {
    let whole = engine().await;
    migrate(&whole).await.unwrap();
    let expected = defined(&whole).await;
    for step in STEPS {
        let statements = statements(step);
        assert!(statements.len() > 3, "a step has statements: {statements:?}");
        for done in 0..=statements.len() {
            let first: String = statements[..done].concat();
            // The transaction is left alone; and as if the engine had committed each statement by itself.
            for interrupted in [format!("BEGIN; {first}"), first] {
                let engine = before(step).await;
                run(&engine, interrupted.clone(), step).await;
                migrate(&engine).await.unwrap();
                assert_eq!(version(&engine).await.unwrap(), known_version(), "after {interrupted}");
                assert_eq!(defined(&engine).await, expected, "after {interrupted}");
                engine.close().await;
            }
        }
    }
    whole.close().await;
}

/// Counts how often it was applied.
const COUNTED: Step = Step {
    version: 2,
    name: "counted",
    text: framed!("DEFINE TABLE IF NOT EXISTS example SCHEMALESS; UPSERT example:1 SET n = (n ?? 0) + 1;"),
};

/// Fails after it has written.
const FAILING: Step = Step {
    version: 2,
    name: "failing",
    text: framed!(
        "DEFINE TABLE IF NOT EXISTS example SCHEMALESS; UPSERT example:1 SET n = 99; THROW 'no disk left';"
    ),
};

async fn applied(engine: &Engine) -> i64 {
    const TEXT: &str = "DEFINE TABLE IF NOT EXISTS example SCHEMALESS; SELECT n FROM example:1;";
    let mut answers = engine.query(Operation::Write, TEXT, Object::new()).await.unwrap();
    answers.rows(1).pop().map_or(0, |row| Row::new("example", row).unwrap().signed("n").unwrap())
}

fn first_and(second: Step) -> Vec<Step> {
    let first = &STEPS[0];
    vec![Step { version: first.version, name: first.name, text: first.text }, second]
}

#[tokio::test]
async fn each_step_is_applied_once_and_those_before_it_are_not_repeated() {
    let engine = engine().await;
    migrate_by(&engine, &first_and(COUNTED)[..1]).await.unwrap();
    assert_eq!(version(&engine).await.unwrap(), 1);
    for _ in 0..3 {
        migrate_by(&engine, &first_and(COUNTED)).await.unwrap();
        assert_eq!((version(&engine).await.unwrap(), applied(&engine).await), (2, 1));
    }
    engine.close().await;
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_of_its_own_and_is_made_up_for() {
    let engine = engine().await;
    let failed = migrate_by(&engine, &first_and(FAILING)).await;
    assert!(failed.unwrap_err().to_string().contains("no disk left"));
    assert_eq!((version(&engine).await.unwrap(), applied(&engine).await), (1, 0));
    migrate_by(&engine, &first_and(COUNTED)).await.unwrap();
    assert_eq!((version(&engine).await.unwrap(), applied(&engine).await), (2, 1));
    engine.close().await;
}

#[tokio::test]
async fn who_comes_late_with_a_step_neither_repeats_it_nor_takes_the_version_back() {
    let engine = engine().await;
    let steps = first_and(COUNTED);
    migrate_by(&engine, &steps).await.unwrap();
    for late in &steps {
        let refused = engine.query(Operation::Write, late.text, binds(late)).await;
        assert!(matches!(refused, Err(StoreError::Unknown(_))), "then the version is read again");
    }
    assert_eq!((version(&engine).await.unwrap(), applied(&engine).await), (2, 1));
    engine.close().await;
}

#[tokio::test]
async fn starters_at_once_apply_every_step_once() {
    let engine = engine().await;
    let steps = first_and(COUNTED);
    let starters = (0..4).map(|_| migrate_by(&engine, &steps));
    for outcome in futures::future::join_all(starters).await {
        outcome.unwrap();
    }
    assert_eq!((version(&engine).await.unwrap(), applied(&engine).await), (2, 1));
    engine.close().await;
}

#[tokio::test]
async fn a_newer_version_is_refused() {
    let engine = engine().await;
    migrate_by(&engine, &first_and(COUNTED)).await.unwrap();
    let refused = migrate_by(&engine, &STEPS[..1]).await; // as a program does that knows the first step only
    assert!(matches!(refused, Err(OpenError::Newer { found: 2, known: 1 })), "{refused:?}");
    assert_eq!(applied(&engine).await, 1, "and left alone");
    engine.close().await;
}

#[test]
fn every_file_of_the_schema_is_a_step_in_its_place() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema");
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    files.retain(|name| name.ends_with(".surql"));
    files.sort();
    let steps = STEPS.iter().map(|step| format!("{:04}_{}.surql", step.version, step.name));
    assert_eq!(files, steps.collect::<Vec<_>>());
    assert!(STEPS.iter().map(|step| step.version).eq(1..=known_version()), "versions have no gap");
}
