//! Places where a test lets the process die. They exist with the feature `fail-points` only: without it this
//! module is not compiled and [`fail_point!`](crate::fail_point) is nothing.
//!
//! `MESSAGECENTER_FAIL_POINTS="commit.after_write=kill@17"` ends the process at the 17th passage of that place,
//! `kill@17+250` ends it 250 µs after that passage, in the middle of whatever follows. Several places are
//! separated by commas.
//!
//! The end is `abort`: no destructor, no exit handler and no flush runs, in no thread, and the kernel ends all
//! threads at once. The files are left as SIGKILL would leave them; the signal is another one (SIGABRT), so
//! whoever started the process can tell a fail point from a kill of its own.

pub mod poison;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The environment variable that arms places.
pub const VARIABLE: &str = "MESSAGECENTER_FAIL_POINTS";

/// Makes the enum, its list and its names from one table.
macro_rules! points {
    ($($variant:ident $name:literal $place:literal;)*) => {
        /// A place where the process can be let die.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point {
            $(#[doc = $place] $variant,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, as the environment variable spells it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Where it lies.
            pub const fn place(self) -> &'static str {
                match self { $(Self::$variant => $place,)* }
            }
        }
    };
}

points! {
    MigrationBeforeStep "migration.before_step" "A step of the schema is about to be applied.";
    MigrationAfterStep "migration.after_step" "A step of the schema is applied, the store is not open yet.";
    RecoveryLeaseTaken "recovery.lease_taken" "The store is taken, nothing is read yet.";
    RecoveryMiddle "recovery.middle" "One batch of the journal was read back, others may follow.";
    RecoveryBeforeReady "recovery.before_ready" "Routing is awake, nothing listens yet.";
    ActorLoading "actor.loading" "An actor's snapshot is read, its facts are not.";
    CommitBefore "commit.before" "A batch is about to be written.";
    CommitAfterWrite "commit.after_write" "A batch is on disk, nobody knows it yet.";
    CommitBeforeDelivery "commit.before_delivery" "A batch is known to be on disk, nobody was told of its facts.";
    CommitBeforeRelease "commit.before_release" "Actors were told of a batch's facts, no answer has left.";
    AnswerReleased "answer.released" "One answer of a batch has left, others may follow.";
    SnapshotBeforeWrite "snapshot.before_write" "A snapshot is about to be written.";
    SnapshotAfterWrite "snapshot.after_write" "A snapshot is on disk, nobody knows it yet.";
    CheckpointBeforeRecord "checkpoint.before_record" "Snapshots are on disk, the checkpoint is about to be recorded.";
    CheckpointBeforeTrim "checkpoint.before_trim" "The checkpoint is recorded, the journal is about to be trimmed.";
    CheckpointAfterTrim "checkpoint.after_trim" "The journal was trimmed.";
    DrainBeforeSnapshots "drain.before_snapshots" "Everything admitted is answered, the last snapshots are not written.";
    DrainBeforeJournalClose "drain.before_journal_close" "The last snapshots are written, the journal is open.";
    DrainBeforeStoreClose "drain.before_store_close" "The journal is closed, the store is open.";
}

/// A place that is to end the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    point: Point,
    passage: u64,
    delay: Duration,
}

struct Armed {
    order: Order,
    passed: AtomicU64,
}

static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

/// The process passes `point`; ends it if that was ordered.
pub fn pass(point: Point) {
    for armed in ARMED.get_or_init(from_environment).iter().filter(|armed| armed.order.point == point) {
        if armed.passed.fetch_add(1, Ordering::Relaxed) + 1 == armed.order.passage {
            end(armed.order.delay);
        }
    }
}

fn end(delay: Duration) {
    if delay.is_zero() {
        std::process::abort();
    }
    std::thread::spawn(move || {
        std::thread::sleep(delay);
        std::process::abort();
    });
}

/// A spelling mistake must not make a test pass: it ends the process as wrong settings do.
fn from_environment() -> Vec<Armed> {
    let text = std::env::var(VARIABLE).unwrap_or_default();
    match orders(&text) {
        Ok(orders) => orders.into_iter().map(|order| Armed { order, passed: AtomicU64::new(0) }).collect(),
        Err(part) => {
            eprintln!("{VARIABLE}: {part:?} is not POINT=kill@PASSAGE or POINT=kill@PASSAGE+MICROSECONDS");
            std::process::exit(2);
        }
    }
}

/// Reads the variable; the error is the part that cannot be read.
fn orders(text: &str) -> Result<Vec<Order>, &str> {
    text.split(',').filter(|part| !part.is_empty()).map(|part| order(part).ok_or(part)).collect()
}

fn order(part: &str) -> Option<Order> {
    let (name, when) = part.split_once("=kill@")?;
    let (passage, micros) = when.split_once('+').unwrap_or((when, "0"));
    let point = Point::ALL.iter().copied().find(|point| point.name() == name)?;
    let passage = passage.parse().ok().filter(|passage| *passage > 0)?;
    Some(Order { point, passage, delay: Duration::from_micros(micros.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_documented() {
        let expected = [
            Order { point: Point::CommitAfterWrite, passage: 17, delay: Duration::ZERO },
            Order { point: Point::CommitBefore, passage: 2, delay: Duration::from_micros(250) },
        ];
        assert_eq!(
            orders("commit.after_write=kill@17,commit.before=kill@2+250").as_deref(),
            Ok(&expected[..])
        );
        assert_eq!(orders("").as_deref(), Ok(&[][..]));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for wrong in
            ["commit.afterwrite=kill@1", "commit.before=kill@0", "commit.before", "commit.before=kill@1+"]
        {
            assert_eq!(orders(wrong), Err(wrong));
        }
    }

    #[test]
    fn no_name_is_used_twice() {
        let names: std::collections::BTreeSet<&str> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
    }
}
