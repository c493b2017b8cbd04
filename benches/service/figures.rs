//! What a round showed, and what several rounds of the same together show.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latencies from 1 µs to 2 minutes, to three digits.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("bounds in order"))
    }

    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the same bounds");
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// In milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e6
    }

    /// In milliseconds.
    pub fn max(&self) -> f64 {
        self.0.max() as f64 / 1e6
    }
}

/// One round against one server.
pub struct Round {
    pub seconds: f64,
    pub latencies: Latencies,
    /// CPU time that the server took, in seconds.
    pub server_cpu: f64,
    /// CPU time that this program took, in seconds.
    pub generator_cpu: f64,
    /// CPU time that everything else on this machine took, in seconds.
    pub other_cpu: f64,
}

/// What several rounds against one server showed.
#[derive(Serialize, Deserialize, Clone)]
pub struct Figures {
    /// Requests a second, the median round.
    pub per_second: f64,
    /// Percentiles over the requests of all rounds.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// CPU time of the server per request; also CPU-seconds per million requests. The median round.
    pub server_cpu_us: f64,
    /// Cores that the server and the load generator kept busy. The median round.
    pub server_cores: f64,
    pub generator_cores: f64,
    /// Cores that nobody in the run kept busy: the kernel's own work, or a machine that was not idle.
    pub other_cores: f64,
    /// Every round's requests a second and CPU time per request, in order.
    pub rounds: Vec<f64>,
    pub cpu_rounds: Vec<f64>,
}

impl Figures {
    pub fn of(rounds: &[Round]) -> Self {
        let mut all = Latencies::new();
        for round in rounds {
            all.add(&round.latencies);
        }
        let per_second = each(rounds, |round| round.latencies.count() as f64 / round.seconds);
        let cpu_us = each(rounds, |round| round.server_cpu * 1e6 / round.latencies.count().max(1) as f64);
        Self {
            per_second: median(&per_second),
            p50_ms: all.at(0.5),
            p99_ms: all.at(0.99),
            p999_ms: all.at(0.999),
            max_ms: all.max(),
            server_cpu_us: median(&cpu_us),
            server_cores: median(&each(rounds, |round| round.server_cpu / round.seconds)),
            generator_cores: median(&each(rounds, |round| round.generator_cpu / round.seconds)),
            other_cores: median(&each(rounds, |round| round.other_cpu / round.seconds)),
            rounds: per_second,
            cpu_rounds: cpu_us,
        }
    }
}

fn each(rounds: &[Round], of: impl Fn(&Round) -> f64) -> Vec<f64> {
    rounds.iter().map(of).collect()
}

pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The median over rounds of `above / below`: rounds next to each other saw the same machine.
pub fn median_ratio(above: &[f64], below: &[f64]) -> f64 {
    let ratios: Vec<f64> = above.iter().zip(below).map(|(above, below)| above / below).collect();
    median(&ratios)
}
