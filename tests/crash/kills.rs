//! How the process dies in each round: at every fail point, at moments that nobody chose, and in a drain.

use std::collections::VecDeque;

use messagecenter_actors::fail_point::Point;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// Rounds without a fail point among those with one.
const UNPLANNED: usize = 8;

/// When a fail point is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// While a new store is made.
    Migration,
    /// While the service recovers.
    Start,
    /// While clients are served.
    Work,
    /// After SIGTERM.
    Drain,
}

pub fn stage(point: Point) -> Stage {
    match point.name().split('.').next() {
        Some("migration") => Stage::Migration,
        Some("recovery") => Stage::Start,
        Some("drain") => Stage::Drain,
        _ => Stage::Work,
    }
}

/// Whether it is passed often only while snapshots, passivation and trimming go on all the time.
pub fn needs_busy_storage(point: Point) -> bool {
    matches!(point.name().split('.').next(), Some("snapshot" | "checkpoint" | "actor"))
}

/// Arms a point, at a passage that a round reaches.
pub fn order(point: Point, random: &mut StdRng) -> String {
    let passages = match point {
        Point::AnswerReleased => 200,
        Point::CommitBefore
        | Point::CommitAfterWrite
        | Point::CommitBeforeDelivery
        | Point::CommitBeforeRelease => 30,
        Point::SnapshotBeforeWrite | Point::SnapshotAfterWrite | Point::ActorLoading => 15,
        Point::CheckpointBeforeRecord => 3,
        _ => 1, // trims among them: a round has few
    };
    let order = format!("{}=kill@{}", point.name(), random.random_range(1..=passages));
    // A little later the write itself is under way.
    let writes_next = matches!(
        point,
        Point::MigrationBeforeStep
            | Point::CommitBefore
            | Point::SnapshotBeforeWrite
            | Point::CheckpointBeforeRecord
            | Point::CheckpointBeforeTrim
    );
    if writes_next && random.random_bool(0.5) {
        return format!("{order}+{}", random.random_range(50..3_000));
    }
    order
}

/// The order of deaths: each block holds every point once, and some rounds without one.
#[derive(Default)]
pub struct Plan {
    block: VecDeque<Option<Point>>,
}

impl Plan {
    /// Nothing but kills at moments that nobody chose.
    pub fn without_points(rounds: usize) -> Self {
        Self { block: std::iter::repeat_n(None, rounds).collect() }
    }

    /// The next round's point.
    pub fn next(&mut self, random: &mut StdRng) -> Option<Point> {
        if self.block.is_empty() {
            let points = Point::ALL.iter().copied().map(Some);
            let mut block: Vec<_> = points.chain(std::iter::repeat_n(None, UNPLANNED)).collect();
            block.shuffle(random);
            self.block = block.into();
        }
        self.block.pop_front().flatten()
    }
}
