//! Everything that a run found out, as `results.json` holds it.

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::machine::Machine;

#[derive(Serialize, Deserialize, Default)]
pub struct Results {
    /// A quick run proves that the suite works and nothing else.
    pub quick: bool,
    pub date: String,
    pub minutes: f64,
    pub machine: Machine,
    /// Name and version of what was measured and of what matters beneath it.
    pub versions: Vec<(String, String)>,
    /// Rounds and seconds of each contender.
    pub rounds: usize,
    pub round_seconds: f64,
    pub scenarios: Vec<Scenario>,
    pub comparisons: Vec<Comparison>,
    pub open_loop: Vec<Rate>,
    pub fsync: Option<Fsync>,
    #[serde(default)]
    pub overload: Option<Overload>,
    pub allocations: Vec<Allocation>,
    pub heap: Vec<Weight>,
    pub memory: Vec<Memory>,
    #[serde(default)]
    pub churn: Option<Churn>,
    pub starts: Vec<Start>,
    pub disk: Vec<OnDisk>,
    pub cores: Vec<Cores>,
    /// Stages that failed, and why.
    pub failures: Vec<String>,
    /// What a reader should know about this run.
    pub notes: Vec<String>,
}

/// A scenario beside its ceiling.
#[derive(Serialize, Deserialize)]
pub struct Scenario {
    pub id: String,
    pub title: String,
    pub connections: usize,
    pub service: Figures,
    pub ceiling: Figures,
    /// The service's requests a second as a share of the ceiling's, the median of rounds next to each other.
    pub share: f64,
    /// The same by the server's CPU time per request, which the load generator has no part in.
    pub share_cpu: f64,
}

/// The same at two sizes.
#[derive(Serialize, Deserialize)]
pub struct Comparison {
    pub id: String,
    pub title: String,
    /// How many times longer the large one takes, by requests a second and by the server's CPU time.
    pub by_rate: f64,
    pub by_cpu: f64,
}

impl Comparison {
    /// The worse of the two.
    pub fn factor(&self) -> f64 {
        self.by_rate.max(self.by_cpu)
    }
}

/// One offered rate of the open loop.
#[derive(Serialize, Deserialize)]
pub struct Rate {
    /// The scenario's, without its connections.
    pub id: String,
    pub title: String,
    /// As a share of the closed loop's throughput.
    pub load: f64,
    pub offered: f64,
    pub service: Figures,
    /// Mean size of one commit in this time.
    pub commit_bytes: f64,
}

/// What the disk takes to make an append durable.
#[derive(Serialize, Deserialize, Clone)]
pub struct Fsync {
    pub bytes: usize,
    pub times: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// More than can be done.
#[derive(Serialize, Deserialize)]
pub struct Overload {
    pub clients: usize,
    /// Commands that the service may hold.
    pub capacity: usize,
    pub seconds: f64,
    /// Requests a second done at best, closed loop over as long a time.
    pub best: f64,
    pub offered: f64,
    pub done: f64,
    pub refused: f64,
    /// Arrivals for which no client was free.
    pub given_up: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Resident bytes before, at most, and after.
    pub resident: [u64; 3],
}

/// What one request allocates, background work included.
#[derive(Serialize, Deserialize)]
pub struct Allocation {
    pub title: String,
    pub allocations: f64,
    pub bytes: f64,
}

/// Heap per conversation, by how it was activated.
#[derive(Serialize, Deserialize)]
pub struct Weight {
    pub id: String,
    pub title: String,
    pub conversations: usize,
    pub bytes: f64,
}

/// Resident memory at one moment.
#[derive(Serialize, Deserialize)]
pub struct Memory {
    pub title: String,
    pub resident: u64,
    pub conversations: u64,
    pub inboxes: u64,
}

/// Conversations activated and put away, again and again.
#[derive(Serialize, Deserialize)]
pub struct Churn {
    pub activations: u64,
    pub seconds: f64,
    /// Resident bytes before, and a few seconds after.
    pub before: u64,
    pub after: u64,
}

/// Starts after one kind of end.
#[derive(Serialize, Deserialize)]
pub struct Start {
    pub title: String,
    pub seconds: Vec<f64>,
}

/// A store's files.
#[derive(Serialize, Deserialize)]
pub struct OnDisk {
    pub id: String,
    pub title: String,
    pub bytes: u64,
    pub messages: u64,
}

/// One way of giving one core and two.
#[derive(Serialize, Deserialize)]
pub struct Cores {
    pub id: String,
    pub title: String,
    pub one: Figures,
    pub two: Figures,
    pub factor: f64,
}

impl Results {
    /// The open loop of a scenario at a share of the closed loop's throughput.
    pub fn at_load(&self, id: &str, load: f64) -> Option<&Rate> {
        self.open_loop.iter().find(|rate| rate.id == id && rate.load == load)
    }

    pub fn scenario(&self, id: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| scenario.id == id)
    }

    pub fn comparison(&self, id: &str) -> Option<&Comparison> {
        self.comparisons.iter().find(|comparison| comparison.id == id)
    }
}
