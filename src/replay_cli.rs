//! `messagecenter replay`: what would have happened under other rules.
//!
//! Reads the journal's routing from the store and changes nothing. An embedded store is open in one process
//! only, so it is for a stopped service, a copy, or a store on a server.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::DateTime;
use messagecenter_actors::domain::event::{Fact, ShuntChange};
use messagecenter_actors::domain::ids::{ActorKey, EntId, Millis};
use messagecenter_actors::domain::shunt::State;
use messagecenter_actors::domain::shunt::replay::meter::Outcome;
use messagecenter_actors::domain::shunt::replay::{Scenario, replay};
use messagecenter_actors::journal::encoding;
use messagecenter_actors::ports::{Store, StoreError};

/// Batches read at a time; bounds the memory of reading.
const WINDOW: usize = 64;

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store did not answer, or holds what this program cannot read.
    #[error("cannot read the journal: {0}")]
    Store(#[from] StoreError),
    /// Whoever reads the output has gone, or the disk is full.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Which stretch of time, whose, and under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Only this enterprise; `None` = every one.
    pub ent: Option<EntId>,
    /// From when on customers count.
    pub from: Millis,
    /// Until when.
    pub to: Millis,
    /// The other rules.
    pub scenario: Scenario,
}

/// A time as typed: RFC 3339 or epoch milliseconds.
///
/// # Errors
/// What is allowed.
pub fn time(text: &str) -> Result<Millis, String> {
    if let Ok(millis) = text.parse() {
        return Ok(millis);
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.timestamp_millis()),
        Err(_) => Err("expected RFC 3339 (2026-01-31T09:00:00+08:00) or epoch milliseconds".to_owned()),
    }
}

/// Runs the journal's routing again and prints both courses side by side, one table per enterprise.
///
/// # Errors
/// Storage, or an output that cannot be written.
pub async fn run(
    store: &dyn Store,
    asked: &Asked,
    output: &mut (dyn Write + Send),
) -> Result<(), ReplayError> {
    store.whole().await?;
    let changes = read(store, asked).await?;
    if changes.is_empty() {
        writeln!(output, "the journal holds no routing of that time")?;
    }
    for (ent, changes) in changes {
        let changes = with_staff(store, ent, changes).await?;
        let report = replay(ent, &changes, asked.from, &asked.scenario);
        writeln!(output, "enterprise {ent}")?;
        writeln!(output, "  {:<22} {:>14} {:>14}", "", "as it was", "what if")?;
        for (name, show) in ROWS {
            writeln!(output, "  {name:<22} {:>14} {:>14}", show(&report.real), show(&report.what_if))?;
        }
    }
    output.flush()?;
    Ok(())
}

/// What is printed of a course.
type Show = fn(&Outcome) -> String;

const ROWS: [(&str, Show); 8] = [
    ("customers", |course| course.came.to_string()),
    ("served", |course| course.served.to_string()),
    ("abandoned", |course| course.abandoned.to_string()),
    ("turned away", |course| course.turned_away.to_string()),
    ("wait p50 (s)", |course| seconds(course.wait_p50)),
    ("wait p95 (s)", |course| seconds(course.wait_p95)),
    ("load", |course| course.load.map_or("-".to_owned(), |load| format!("{:.1} %", load * 100.0))),
    ("spread per place-hour", |course| course.spread.map_or("-".to_owned(), |spread| format!("{spread:.2}"))),
];

fn seconds(millis: Option<Millis>) -> String {
    millis.map_or("-".to_owned(), |millis| format!("{:.1}", millis as f64 / 1_000.0))
}

/// Agents and groups put before the journal kept begins are in the routing's snapshot.
async fn with_staff(
    store: &dyn Store,
    ent: EntId,
    changes: Vec<(Millis, ShuntChange)>,
) -> Result<Vec<(Millis, ShuntChange)>, ReplayError> {
    let Some(snapshot) = store.load(&ActorKey::Shunt(ent)).await? else { return Ok(changes) };
    let broken = |error: rmp_serde::decode::Error| StoreError::Corrupt(error.to_string());
    let state = State::decode(ent, &snapshot.state).map_err(broken)?;
    let began = changes.first().map_or(0, |(at, _)| *at);
    let staff = state.staff_missing_in(&changes).into_iter().map(|change| (began, change));
    Ok(staff.chain(changes).collect())
}

async fn read(
    store: &dyn Store,
    asked: &Asked,
) -> Result<BTreeMap<EntId, Vec<(Millis, ShuntChange)>>, ReplayError> {
    let mut changes: BTreeMap<EntId, Vec<(Millis, ShuntChange)>> = BTreeMap::new();
    let mut cursor = store.bounds().await?.oldest.max(1);
    loop {
        let batches = store.scan(cursor, u64::MAX, WINDOW).await?;
        let Some(last) = batches.last() else { return Ok(changes) };
        cursor = last.first + u64::from(last.count);
        for event in batches.iter().map(encoding::decode).collect::<Result<Vec<_>, _>>()?.concat() {
            let Fact::Shunt(fact) = &event.fact else { continue };
            let wanted = asked.ent.is_none_or(|ent| ent == fact.ent) && event.at <= asked.to;
            if wanted {
                let of_ent = changes.entry(fact.ent).or_default();
                of_ent.extend(fact.changes.iter().map(|change| (event.at, change.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_spellings() {
        assert_eq!(time("1767225600000"), Ok(1_767_225_600_000));
        assert_eq!(time("2026-01-01T08:00:00+08:00"), Ok(1_767_225_600_000));
        assert!(time("yesterday").is_err());
    }
}
