//! What is counted over all rounds, and the faults that must not be there.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// How the service broke its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Something acknowledged, or shown by a read, is not there.
    Lost,
    /// Something is there twice, or that nobody asked for.
    Duplicated,
    /// A seq holds something else than it was acknowledged or shown with.
    Reissued,
    /// A count, cursor, vote, session, place or reservation is not what was told.
    Wrong,
}

#[derive(Default)]
struct Counts {
    acknowledged: BTreeMap<&'static str, u64>,
    in_doubt: u64,
    recovered: u64,
    absent: u64,
    compared: u64,
    faults: Vec<(Fault, String)>,
    recoveries: Vec<Duration>,
    /// By way of dying: how often it happened, how often it was waited for in vain.
    deaths: BTreeMap<String, (u64, u64)>,
}

/// Written by all clients at once.
#[derive(Default)]
pub struct Figures(Mutex<Counts>);

impl Figures {
    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().expect("no panic"))
    }

    pub fn acknowledged(&self, what: &'static str) {
        self.with(|counts| *counts.acknowledged.entry(what).or_default() += 1);
    }

    /// A request was without an answer when the process died, or its client gave up.
    pub fn in_doubt(&self) {
        self.with(|counts| counts.in_doubt += 1);
    }

    /// A send in doubt turned out to have happened, or not.
    pub fn resolved(&self, happened: bool) {
        self.with(|counts| if happened { counts.recovered += 1 } else { counts.absent += 1 });
    }

    /// So many messages were compared with what was told.
    pub fn compared(&self, messages: usize) {
        self.with(|counts| counts.compared += messages as u64);
    }

    pub fn fault(&self, fault: Fault, what: String) {
        self.with(|counts| counts.faults.push((fault, what)));
    }

    pub fn ready_after(&self, recovery: Duration) {
        self.with(|counts| counts.recoveries.push(recovery));
    }

    pub fn died(&self, how: &str, as_planned: bool) {
        self.with(|counts| {
            let (happened, missed) = counts.deaths.entry(how.to_owned()).or_default();
            *(if as_planned { happened } else { missed }) += 1;
        });
    }

    /// How often the process died in this way.
    pub fn deaths(&self, how: &str) -> u64 {
        self.with(|counts| counts.deaths.get(how).map_or(0, |(happened, _)| *happened))
    }

    /// The faults found since this was asked last.
    pub fn faults(&self) -> Vec<(Fault, String)> {
        self.with(|counts| std::mem::take(&mut counts.faults))
    }

    /// Ends the test if there is a fault.
    pub fn must_be_clean(&self, seed: u64) {
        let faults = self.faults();
        for (fault, what) in faults.iter().take(40) {
            println!("{fault:?}: {what}");
        }
        let of = |kind| faults.iter().filter(|(fault, _)| *fault == kind).count();
        assert!(
            faults.is_empty(),
            "SEED={seed}: {} lost, {} duplicated, {} reissued, {} wrong",
            of(Fault::Lost),
            of(Fault::Duplicated),
            of(Fault::Reissued),
            of(Fault::Wrong)
        );
    }

    /// Acknowledgements so far.
    pub fn total(&self) -> u64 {
        self.with(|counts| counts.acknowledged.values().sum())
    }

    /// One line on the round that ended.
    pub fn line(&self) -> String {
        self.with(|counts| {
            let total: u64 = counts.acknowledged.values().sum();
            format!(
                "acknowledged {total}, in doubt {}, recovered {}, last recovery {:?}",
                counts.in_doubt,
                counts.recovered,
                counts.recoveries.last().copied().unwrap_or_default()
            )
        })
    }

    /// Everything, once all rounds are over and nothing was wrong.
    pub fn summary(&self) -> String {
        self.with(|counts| {
            let mut recoveries = counts.recoveries.clone();
            recoveries.sort();
            let at = |share: usize| {
                let index = (recoveries.len() * share / 100).min(recoveries.len().saturating_sub(1));
                recoveries.get(index).map_or(0, Duration::as_millis)
            };
            let deaths: Vec<String> = counts
                .deaths
                .iter()
                .map(|(how, (happened, missed))| format!("  {how}: {happened}, not reached {missed}"))
                .collect();
            let total: u64 = counts.acknowledged.values().sum();
            format!(
                "acknowledged {total}: {:?}\nsends in doubt {}: {} had happened, {} had not\n\
                 messages compared {}\nlost 0, duplicated 0, reissued 0, wrong 0\n\
                 recovery ms: p50 {}, p99 {}, max {}, of {} starts\nthe process died\n{}",
                counts.acknowledged,
                counts.in_doubt,
                counts.recovered,
                counts.absent,
                counts.compared,
                at(50),
                at(99),
                at(100),
                recoveries.len(),
                deaths.join("\n")
            )
        })
    }
}
