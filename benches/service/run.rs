//! One run: its options, its folder, what it has found out so far, and the contest that every scenario is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;

use super::figures::{Figures, Round, median_ratio};
use super::load;
use super::machine::{self, Machine};
use super::options::Options;
use super::pool::Pool;
use super::request::Request;
use super::results::{Comparison, Results, Scenario};
use super::scale::{FULL, QUICK, Scale};
use super::server::Server;
use super::wire::Connection;

/// The connections of every scenario that does not say otherwise.
pub const CONNECTIONS: usize = 64;

/// So many keep two cores busy; [`CONNECTIONS`] wait for the disk part of the time.
pub const SATURATING: usize = 4 * CONNECTIONS;

/// A load generator that is busier than this share of its one thread may be what limits a figure.
pub const BUSY: f64 = 0.95;

/// One scenario, ready to be measured.
pub struct Case {
    pub id: String,
    pub title: String,
    pub pool: Pool,
    pub connections: usize,
}

impl Case {
    pub fn new(id: impl Into<String>, title: impl Into<String>, pool: Pool) -> Self {
        Self { id: id.into(), title: title.into(), pool, connections: CONNECTIONS }
    }

    pub fn over(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// One for each number of connections, which is put behind the id.
    pub fn over_each(
        connections: &[usize],
        id: &str,
        title: &str,
        requests: impl Fn() -> Vec<Request>,
    ) -> Vec<Self> {
        let case = |connections: &usize| {
            Self::new(format!("{id}-{connections}"), title, Pool::cycle(requests())).over(*connections)
        };
        connections.iter().map(case).collect()
    }
}

/// A run.
pub struct Run {
    pub options: Options,
    pub scale: Scale,
    pub results: Results,
    folder: TempDir,
    began: Instant,
}

/// Someone who takes part in a contest, with its rounds so far.
struct Contender<'a> {
    server: &'a Server,
    pool: &'a Pool,
    connections: usize,
    rounds: Vec<Round>,
}

impl Run {
    pub fn new(options: Options) -> Self {
        let mut scale = if options.quick { QUICK } else { FULL };
        if let Some(seconds) = options.seconds {
            scale.seconds = seconds;
            scale.open_seconds = seconds.max(scale.open_seconds);
        }
        // Beside the build and not in /tmp, which may be memory: what is measured is a disk.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let results = Results {
            quick: options.quick,
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            machine: Machine::look(folder.path()),
            versions: machine::versions(),
            rounds: scale.rounds,
            round_seconds: scale.seconds,
            ..Results::default()
        };
        Self { options, scale, results, folder, began: Instant::now() }
    }

    /// A folder for a service, empty the first time it is asked for.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Frees the disk of a service that is not needed any more.
    pub fn forget(&self, name: &str) {
        std::fs::remove_dir_all(self.folder(name)).expect("its own folder");
    }

    /// Says what is being done, with the minutes since the beginning.
    pub fn say(&self, text: &str) {
        println!("{:>5.1} min  {text}", self.began.elapsed().as_secs_f64() / 60.0);
    }

    pub fn minutes(&self) -> f64 {
        self.began.elapsed().as_secs_f64() / 60.0
    }

    /// Runs one stage. One that fails (a request that was refused, a server that did not start) is noted, and
    /// the next one is run: half an hour of other figures is worth keeping.
    pub fn stage(&mut self, name: &str, stage: fn(&mut Self)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| stage(self))) {
            let why = panic.downcast_ref::<String>().map_or("see the run's output", String::as_str);
            let why: String = why.lines().take(1).chain(why.lines().last()).collect::<Vec<_>>().join(" … ");
            self.say(&format!("{name} FAILED: {why}"));
            self.results.failures.push(format!("{name}: {why}"));
        }
    }

    /// Measures each case and the ceiling for it, all in turn, so that what disturbs the machine meets everyone
    /// alike.
    pub fn contest(&mut self, service: &Server, cases: Vec<Case>) {
        let ceilings: Vec<(Server, Pool)> = cases.iter().map(|case| ceiling(service, &case.pool)).collect();
        let mut contenders = Vec::new();
        for (case, (bare, pool)) in cases.iter().zip(&ceilings) {
            let connections = case.connections;
            contenders.push(Contender { server: service, pool: &case.pool, connections, rounds: Vec::new() });
            contenders.push(Contender { server: bare, pool, connections, rounds: Vec::new() });
        }
        let scale = &self.scale;
        for number in 0..=scale.rounds {
            let seconds = if number == 0 { scale.warm_up } else { scale.seconds };
            for contender in &mut contenders {
                contender.pool.begin_round(scale.rounds + 1 - number);
                let round = load::closed(contender.server, contender.pool, contender.connections, seconds);
                if number > 0 {
                    contender.rounds.push(round);
                }
            }
        }
        let figures: Vec<Figures> =
            contenders.iter().map(|contender| Figures::of(&contender.rounds)).collect();
        for (case, figures) in cases.iter().zip(figures.chunks_exact(2)) {
            self.note(case, figures[0].clone(), figures[1].clone());
        }
    }

    fn note(&mut self, case: &Case, service: Figures, ceiling: Figures) {
        let share = median_ratio(&service.rounds, &ceiling.rounds);
        let share_cpu = median_ratio(&ceiling.cpu_rounds, &service.cpu_rounds);
        self.say(&format!(
            "{:<62} {:>7.0}/s of {:>7.0}/s = {:>3.0} %, CPU {:>5.1} µs of {:>4.1} µs, p50 {:>6.2} ms, p99 {:>6.2} ms, generator {:.2}/{:.2}, others {:.2}/{:.2}",
            format!("{}, {} connections", case.title, case.connections),
            service.per_second,
            ceiling.per_second,
            share * 100.0,
            service.server_cpu_us,
            ceiling.server_cpu_us,
            service.p50_ms,
            service.p99_ms,
            service.generator_cores,
            ceiling.generator_cores,
            service.other_cores,
            ceiling.other_cores,
        ));
        self.results.scenarios.push(Scenario {
            id: case.id.clone(),
            title: case.title.clone(),
            connections: case.connections,
            service,
            ceiling,
            share,
            share_cpu,
        });
    }

    /// How much longer the scenario `large` takes than `small`; both were in one contest.
    pub fn compare(&mut self, id: &str, title: &str, small: &str, large: &str) {
        let (Some(small), Some(large)) = (self.results.scenario(small), self.results.scenario(large)) else {
            panic!("{small} and {large} were measured before they are compared")
        };
        let comparison = Comparison {
            id: id.to_owned(),
            title: title.to_owned(),
            by_rate: median_ratio(&small.service.rounds, &large.service.rounds),
            by_cpu: median_ratio(&large.service.cpu_rounds, &small.service.cpu_rounds),
        };
        self.say(&format!("{title}: {:.2}x by rate, {:.2}x by CPU", comparison.by_rate, comparison.by_cpu));
        self.results.comparisons.push(comparison);
    }
}

/// A bare server that answers what the service answers to one request of each path, and the same requests.
fn ceiling(service: &Server, pool: &Pool) -> (Server, Pool) {
    let mut connection = Connection::open(service.address);
    let answer = |(path, request): (String, Box<[u8]>)| (path, connection.ask(&request).to_vec());
    let answers: Vec<(String, Vec<u8>)> = pool.samples().into_iter().map(answer).collect();
    (Server::bare(&answers), pool.again())
}
