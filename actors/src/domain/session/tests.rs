//! Every stage meets every event.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use super::machine::{Event, Stage};

/// One row per stage, one column per event of [`Event::ALL`]; `-` = changes nothing.
const TABLE: [(Stage, [&str; 9]); 6] = [
    //                 opened    offered    assigned   bot took   requeued  moved     replied    warned     ended
    (Stage::Unopened, ["queued", "-", "-", "-", "-", "-", "-", "-", "-"]),
    (Stage::Queued, ["-", "offered", "serving", "bot", "-", "queued", "-", "-", "ended"]),
    (Stage::Offered, ["-", "-", "serving", "-", "queued", "queued", "-", "-", "ended"]),
    (Stage::WithBot, ["-", "-", "serving", "-", "-", "queued", "-", "bot", "ended"]),
    (Stage::Serving, ["-", "-", "serving", "-", "queued", "queued", "serving", "serving", "ended"]),
    (Stage::Ended, ["-", "-", "-", "-", "-", "-", "-", "-", "-"]),
];

fn word(stage: Option<Stage>) -> &'static str {
    match stage {
        None => "-",
        Some(Stage::Unopened) => "unopened",
        Some(Stage::Queued) => "queued",
        Some(Stage::Offered) => "offered",
        Some(Stage::WithBot) => "bot",
        Some(Stage::Serving) => "serving",
        Some(Stage::Ended) => "ended",
    }
}

#[test]
fn every_stage_meets_every_event_as_the_table_says() {
    assert_eq!(TABLE.map(|(stage, _)| stage), Stage::ALL);
    for (stage, row) in TABLE {
        for (event, expected) in Event::ALL.into_iter().zip(row) {
            assert_eq!(word(stage.after(event)), expected, "{stage:?} meets {event:?}");
        }
    }
}
