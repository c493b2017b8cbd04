//! What the service aims at, and whether a run showed it.

use super::results::Results;

/// What is wanted.
#[derive(Clone, Copy)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

/// How a figure is written.
#[derive(Clone, Copy)]
pub enum Unit {
    Percent,
    Times,
    Milliseconds,
    Seconds,
    Bytes,
}

/// One aim.
pub struct Aim {
    pub what: &'static str,
    pub wanted: Wanted,
    pub unit: Unit,
    /// What a run showed; `None` if it did not measure this.
    measured: fn(&Results) -> Option<f64>,
}

/// An aim beside what was measured.
pub struct Verdict {
    pub aim: &'static Aim,
    pub measured: Option<f64>,
}

pub const AIMS: &[Aim] = &[
    Aim {
        what: "Durable messageAdd, 64 connections, warm: share of the ceiling's requests/s",
        wanted: Wanted::AtLeast(0.5),
        unit: Unit::Percent,
        measured: |results| share(results, "add-64"),
    },
    Aim {
        what: "One hot conversation: share of that",
        wanted: Wanted::AtLeast(0.8),
        unit: Unit::Percent,
        measured: |results| {
            let (hot, warm) = (results.scenario("add-hot")?, results.scenario("add-64")?);
            Some(super::figures::median_ratio(&hot.service.rounds, &warm.service.rounds))
        },
    },
    Aim {
        what: "p99 of durable messageAdd at half of that load, against the disk's own fsync p99",
        wanted: Wanted::AtMost(5.0),
        unit: Unit::Times,
        measured: |results| Some(half_load(results)? / results.fsync.as_ref()?.p99_ms),
    },
    Aim {
        what: "The same p99, absolute",
        wanted: Wanted::AtMost(25.0),
        unit: Unit::Milliseconds,
        measured: half_load,
    },
    Aim {
        what: "Throughput with three times as much offered: share of the best",
        wanted: Wanted::AtLeast(0.85),
        unit: Unit::Percent,
        measured: |results| results.overload.as_ref().map(|overload| overload.done / overload.best),
    },
    Aim {
        what: "findMessage, last 20, hot: share of the ceiling",
        wanted: Wanted::AtLeast(0.5),
        unit: Unit::Percent,
        measured: |results| share(results, "find-hot-64"),
    },
    Aim {
        what: "messageCount: share of the ceiling",
        wanted: Wanted::AtLeast(0.75),
        unit: Unit::Percent,
        measured: |results| share(results, "count-64"),
    },
    Aim {
        what: "updateReadById, nothing new: share of the ceiling",
        wanted: Wanted::AtLeast(0.75),
        unit: Unit::Percent,
        measured: |results| share(results, "read-nothing-64"),
    },
    Aim {
        what: "Group send, 100,000 members against 10",
        wanted: Wanted::AtMost(1.2),
        unit: Unit::Times,
        measured: |results| factor(results, "group-size"),
    },
    Aim {
        what: "Page at depth 1,000,000 against depth 0",
        wanted: Wanted::AtMost(1.2),
        unit: Unit::Times,
        measured: |results| factor(results, "page-depth"),
    },
    Aim {
        what: "Mark-read at 1,000,000 unread against 1",
        wanted: Wanted::AtMost(1.2),
        unit: Unit::Times,
        measured: |results| factor(results, "read-depth"),
    },
    Aim {
        what: "conversationList first page, 10,000 conversations against 10",
        wanted: Wanted::AtMost(1.5),
        unit: Unit::Times,
        measured: |results| factor(results, "list-size"),
    },
    Aim {
        what: "Bytes on disk per 100-byte message after compaction",
        wanted: Wanted::AtMost(400.0),
        unit: Unit::Bytes,
        measured: |results| {
            let disk = results.disk.iter().find(|disk| disk.id == "trimmed")?;
            Some(disk.bytes as f64 / disk.messages as f64)
        },
    },
    Aim {
        what: "Heap of an active idle conversation",
        wanted: Wanted::AtMost(4_096.0),
        unit: Unit::Bytes,
        measured: |results| results.heap.iter().find(|weight| weight.id == "read").map(|weight| weight.bytes),
    },
    Aim {
        what: "The first findMessage of a cold conversation after kill -9, p99",
        wanted: Wanted::AtMost(20.0),
        unit: Unit::Milliseconds,
        measured: |results| results.scenario("find-first").map(|scenario| scenario.service.p99_ms),
    },
    Aim {
        what: "Resident memory after 1,000,000 activations and passivations, against before",
        wanted: Wanted::AtMost(1.1),
        unit: Unit::Times,
        measured: |results| results.churn.as_ref().map(|churn| churn.after as f64 / churn.before as f64),
    },
    Aim {
        what: "Ready with 1,000,000 messages, the slowest start",
        wanted: Wanted::AtMost(2.0),
        unit: Unit::Seconds,
        measured: |results| {
            let seconds = results.starts.iter().flat_map(|start| &start.seconds);
            seconds.copied().max_by(f64::total_cmp)
        },
    },
    Aim {
        what: "Throughput of messageAdd that lasts with 2 cores against 1",
        wanted: Wanted::AtLeast(1.7),
        unit: Unit::Times,
        measured: |results| {
            results.cores.iter().find(|cores| cores.id == "machine").map(|cores| cores.factor)
        },
    },
];

fn share(results: &Results, id: &str) -> Option<f64> {
    results.scenario(id).map(|scenario| scenario.share)
}

fn factor(results: &Results, id: &str) -> Option<f64> {
    results.comparison(id).map(super::results::Comparison::factor)
}

/// p99 at half of the throughput that 64 connections reached.
fn half_load(results: &Results) -> Option<f64> {
    results.at_load("add", 0.5).map(|rate| rate.service.p99_ms)
}

/// Every aim with what the run showed.
pub fn verdicts(results: &Results) -> Vec<Verdict> {
    AIMS.iter().map(|aim| Verdict { aim, measured: (aim.measured)(results) }).collect()
}

impl Wanted {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bound) => measured >= bound,
            Self::AtMost(bound) => measured <= bound,
        }
    }

    pub fn show(self, unit: Unit) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {}", unit.show(bound)),
            Self::AtMost(bound) => format!("≤ {}", unit.show(bound)),
        }
    }
}

impl Unit {
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.0} %", value * 100.0),
            Self::Times => format!("{value:.2}x"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => format!("{value:.0} B"),
        }
    }
}

impl Verdict {
    pub fn measured(&self) -> String {
        self.measured.map_or_else(|| "not measured".to_owned(), |value| self.aim.unit.show(value))
    }

    pub fn word(&self) -> &'static str {
        match self.measured.map(|value| self.aim.wanted.is_met(value)) {
            Some(true) => "met",
            Some(false) => "not met",
            None => "",
        }
    }

    /// For the terminal.
    pub fn line(&self) -> String {
        let wanted = self.aim.wanted.show(self.aim.unit);
        format!("{:<84} {wanted:>9}: {:>12}  {}", self.aim.what, self.measured(), self.word())
    }
}
