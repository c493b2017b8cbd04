//! The ledger: clients of every sort write down what they are told, the real binary is killed under them, and
//! after each restart their books are compared with what the service says, in both directions.
//!
//! `make test` runs a short form, `make torture ROUNDS=200` as many rounds as wanted; `SEED` repeats the
//! choices of an earlier run, `ENGINE` names the storage (`rocksdb`, or `remote` for a SurrealDB server that is itself killed, paused and
//! slowed under load), `PROGRAM` another build of the program.
//! docs/durability.md says what this shows and what not.

mod clients;
mod desk;
mod engine;
mod figures;
mod kills;
mod ledger;
mod merging;
mod process;
mod routing;
mod scene;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::fail_point::Point;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::task::JoinHandle;

use clients::Client;
use desk::Desk;
use engine::Engine;
use figures::{Fault, Figures};
use kills::{Plan, Stage};
use ledger::Ledger;
use ledger::acts::How;
use process::{Gone, Process};
use scene::{Author, Place};

/// Rounds of the short form: every fail point once, and some kills that nobody placed.
const SHORT: u64 = 27;

/// Rounds that may follow for fail points that were not reached.
const MORE: u64 = 20;

/// Rounds after which people talk in new conversations; the old ones are still compared, in turn.
const GENERATION: i64 = 10;

/// Clients who send without a pause, so that each has a request in flight when the kill comes.
const TALKERS: usize = 12;

/// Clients who look, read on and vote; a reader of a conversation belongs to one of them.
const READERS: usize = 3;

/// The longest wait for a fail point, after which the round ends with a kill.
const WAIT: Duration = Duration::from_secs(4);

const SIGKILL: i32 = 9;
const SIGABRT: i32 = 6;

/// Nothing that the comparison looks at may lapse by itself while it runs.
const PATIENT: [&str; 4] = [
    "routing.lease_ms=86400000",
    "routing.heartbeat_lapse_ms=86400000",
    "messages.withdraw_window_ms=86400000",
    "passivation.idle_after_ms=500",
];

/// The same while snapshots, passivation, trimming and RocksDB's flushes go on all the time.
const BUSY: [&str; 8] = [
    PATIENT[0],
    PATIENT[1],
    PATIENT[2],
    "passivation.idle_after_ms=100",
    "checkpoint.interval_ms=50",
    "checkpoint.lag_events=100",
    "journal.retention_hours=0",
    "storage.memtable_bytes=1048576",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_doubled_or_reissued_however_the_process_dies() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let rounds = number("ROUNDS").unwrap_or(SHORT);
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut run = Run::new(Engine::from_environment(data.path()).await, seed);
    println!("ENGINE={} ROUNDS={rounds} SEED={seed}", run.engine.name());
    let points = rounds >= SHORT && process::other_program().is_none();
    if !points {
        run.leave_points_out(rounds);
    }
    for round in 0..rounds + MORE {
        if round >= rounds && (!points || run.unreached().is_empty()) {
            break;
        }
        run.round(i64::try_from(round).expect("a few rounds")).await;
    }
    run.finish().await;
    assert!(!points || run.unreached().is_empty(), "never reached: {:?}", run.unreached());
    println!("{}", run.figures().summary());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_forgot_what_it_acknowledged_is_found_out() {
    let mut run = Run::new(Engine::Rocksdb, 1);
    run.leave_points_out(1);
    run.round(0).await;
    let (store, earlier) = (run.folder.path().join("store"), run.folder.path().join("earlier"));
    let copied = std::process::Command::new("cp").arg("-a").args([&store, &earlier]).status();
    assert!(copied.expect("cp runs").success());

    let place = Place::Pair(1, 2);
    let (process, _) = run.start(&PATIENT, None, &[]).await;
    for content in ["first", "second", "third", "fourth"] {
        say(&run.ledger, &process, &place, content).await;
    }
    run.ledger.read(&process, &place, 2, 4).await.expect("it lives");
    process.kill();
    process.end().await;

    std::fs::remove_dir_all(&store).expect("the store is removed");
    std::fs::rename(&earlier, &store).expect("the earlier one takes its place");
    let process = Process::start(&run.engine, run.folder.path(), &PATIENT, "").await.expect("ready");
    say(&run.ledger, &process, &place, "takes the first one's number").await;
    say(&run.ledger, &process, &place, "second").await; // what was acknowledged before is stored anew
    run.ledger.check(&process, &[place]).await.expect("it lives on");
    let faults = run.figures().faults();
    for fault in [Fault::Lost, Fault::Duplicated, Fault::Reissued, Fault::Wrong] {
        assert!(faults.iter().any(|(found, _)| *found == fault), "no {fault:?} among {faults:?}");
    }
}

/// User 1 of `place` writes, with a key.
async fn say(ledger: &Ledger, process: &Process, place: &Place, content: &str) {
    let how = How { keyed: true, hangs_up: None };
    ledger.send(process, place, &Author::User(1), content, how).await.expect("it lives");
}

/// One store from its first start to its last.
struct Run {
    engine: Engine,
    seed: u64,
    random: StdRng,
    folder: tempfile::TempDir,
    ledger: Arc<Ledger>,
    desks: Vec<Arc<Desk>>,
    plan: Plan,
    /// Whether every fail point is to be reached.
    points: bool,
}

impl Run {
    fn new(engine: Engine, seed: u64) -> Self {
        let ledger = Arc::new(Ledger::default());
        let desks = vec![
            Arc::new(Desk::new(7, 2, 2, 1, Arc::clone(&ledger))), // one clerk: the order is always known
            Arc::new(Desk::new(8, 4, 3, 4, Arc::clone(&ledger))),
        ];
        Self {
            engine,
            seed,
            random: StdRng::seed_from_u64(seed),
            folder: tempfile::tempdir().expect("a temporary folder"),
            ledger,
            desks,
            plan: Plan::default(),
            points: true,
        }
    }

    fn leave_points_out(&mut self, rounds: u64) {
        self.plan = Plan::without_points(usize::try_from(rounds).expect("a few rounds"));
        self.points = false;
    }

    fn figures(&self) -> &Figures {
        &self.ledger.figures
    }

    fn unreached(&self) -> Vec<&'static str> {
        let names = Point::ALL.iter().map(|point| point.name());
        names.filter(|name| self.figures().deaths(name) == 0).collect()
    }

    async fn round(&mut self, round: i64) {
        let generation = round / GENERATION;
        let unreached = Point::ALL.iter().find(|point| self.figures().deaths(point.name()) == 0);
        let late = self.points && round >= i64::try_from(SHORT).expect("a few rounds");
        let point = self.plan.next(&mut self.random);
        let point = if late { unreached.copied().or(point) } else { point };
        let busy = point.is_some_and(kills::needs_busy_storage) || self.random.random_bool(0.5);
        let settings: &[&str] = if busy { &BUSY } else { &PATIENT };
        let places = Place::of_generation(generation);
        let mut looked_at = places.clone();
        if generation > 0 {
            looked_at.extend(Place::of_generation(self.random.random_range(0..generation)));
        }
        match point {
            Some(point) if kills::stage(point) == Stage::Migration => self.kill_migration(point).await,
            Some(point) if kills::stage(point) == Stage::Start => self.kill_start(point, settings).await,
            _ => {}
        }
        let later = |stage| point.filter(|point| kills::stage(*point) == stage);
        let armed = later(Stage::Work).or(later(Stage::Drain));
        let (process, armed) = self.start(settings, armed, &looked_at).await;
        let clients = self.clients(&process, round, &places);
        if armed.is_none()
            && let Some(what) = self.engine.disturb(&mut self.random).await
        {
            self.figures().died(what, true);
            println!("round {round}: {what}");
        }
        let death = match armed {
            Some(point) if kills::stage(point) == Stage::Drain => self.drain(&process, Some(point)).await,
            Some(point) => self.wait_for(&process, point).await,
            None if point.is_none() && self.random.random_bool(0.3) => self.drain(&process, None).await,
            None => self.kill(&process).await,
        };
        for client in clients {
            let Gone = client.await.expect("a client ends when the process is gone");
        }
        println!("round {round}: {death}; {}", self.figures().line());
        self.check_store().await;
    }

    /// What the process left behind is whole, before anything else opens it: `messagecenter check` on a copy, so that the
    /// next start finds the store as the death left it.
    async fn check_store(&self) {
        if !matches!(self.engine, Engine::Rocksdb) {
            return; // a server cannot be copied
        }
        let copy = tempfile::tempdir().expect("a temporary folder");
        let store = self.folder.path().join("store");
        let copied = std::process::Command::new("cp").arg("-a").arg(&store).arg(copy.path()).status();
        assert!(copied.expect("cp runs").success());
        let (status, said) = process::check(&self.engine, copy.path()).await;
        assert!(status.success(), "SEED={}: the store is not whole, {status}:\n{said}", self.seed);
    }

    /// Starts the service, which may die once at `armed` while it is compared, and compares.
    async fn start(
        &mut self,
        settings: &[&str],
        mut armed: Option<Point>,
        places: &[Place],
    ) -> (Arc<Process>, Option<Point>) {
        loop {
            let order = armed.map(|point| kills::order(point, &mut self.random)).unwrap_or_default();
            let status = match Process::start(&self.engine, self.folder.path(), settings, &order).await {
                Err(status) => status,
                Ok(process) => {
                    self.figures().ready_after(process.recovery);
                    let compared = self.compare(&process, places).await;
                    self.figures().must_be_clean(self.seed);
                    match compared {
                        Ok(()) => return (Arc::new(process), armed),
                        Err(Gone) => process.end().await,
                    }
                }
            };
            let point = armed.take().unwrap_or_else(|| panic!("it ended by itself: {status}"));
            self.died_at(point, status);
        }
    }

    async fn compare(&self, process: &Process, places: &[Place]) -> Result<(), Gone> {
        for place in places {
            if let Place::Group { id, first, last } = place {
                let members: Vec<i64> = (*first..=*last).collect();
                ledger::acts::define_group(process, id, &members).await?;
            }
        }
        self.ledger.check(process, places).await?;
        for desk in &self.desks {
            self.ledger.check(process, &desk.places()).await?;
            desk.check(process).await?;
        }
        Ok(())
    }

    fn clients(&self, process: &Arc<Process>, round: i64, places: &[Place]) -> Vec<JoinHandle<Gone>> {
        let random = |client: usize| {
            let round = u64::try_from(round).expect("not negative");
            StdRng::seed_from_u64(self.seed ^ (round << 32) ^ ((client as u64) << 20))
        };
        let client = |number: usize, places: Vec<Place>| Client {
            process: Arc::clone(process),
            ledger: Arc::clone(&self.ledger),
            places,
            name: format!("r{round}-c{number}"),
            random: random(number),
        };
        let talkers = (0..TALKERS).map(|n| tokio::spawn(client(n, places.to_vec()).talk()));
        let readers = (0..READERS).map(|n| {
            let own = places.iter().skip(n).step_by(READERS).cloned().collect();
            tokio::spawn(client(100 + n, own).read())
        });
        let clerks = self.desks.iter().enumerate().flat_map(|(desk, at)| {
            let numbers = 0..at.clerks;
            numbers.map(move |clerk| {
                tokio::spawn(Arc::clone(at).work(Arc::clone(process), clerk, random(200 + 10 * desk + clerk)))
            })
        });
        talkers.chain(readers).chain(clerks).collect()
    }

    /// SIGKILL at a moment that nobody chose.
    async fn kill(&mut self, process: &Process) -> String {
        self.pause(100..1_200).await;
        process.kill();
        let status = process.end().await;
        if self.stopped_itself(status) {
            return "stopped itself".to_owned();
        }
        assert_eq!(status.signal(), Some(SIGKILL), "{status}");
        self.figures().died("kill -9", true);
        "kill -9".to_owned()
    }

    /// Only on a server: a write that the service had given up for lost has landed after all, so that it cannot
    /// go on; the next start reads what is really there.
    fn stopped_itself(&self, status: ExitStatus) -> bool {
        let stopped = matches!(self.engine, Engine::Remote(_)) && status.code() == Some(1);
        if stopped {
            self.figures().died("stopped itself", true);
        }
        stopped
    }

    async fn wait_for(&self, process: &Process, point: Point) -> String {
        if let Some(status) = process.ends_within(WAIT).await {
            return self.died_at(point, status);
        }
        process.kill();
        process.end().await;
        self.figures().died(point.name(), false);
        format!("{} was not reached", point.name())
    }

    /// SIGTERM, and in its course a fail point or SIGKILL; or else a good end.
    async fn drain(&mut self, process: &Process, point: Option<Point>) -> String {
        self.pause(100..600).await;
        process.terminate();
        if point.is_none() {
            self.pause(0..300).await;
            process.kill();
        }
        let status = process.end().await;
        if self.stopped_itself(status) {
            return "stopped itself".to_owned();
        }
        match point {
            Some(point) => self.died_at(point, status),
            None => {
                let how = if status.success() { "drain" } else { "drain, then kill -9" };
                assert!(status.success() || status.signal() == Some(SIGKILL), "{status}");
                self.figures().died(how, true);
                how.to_owned()
            }
        }
    }

    fn died_at(&self, point: Point, status: ExitStatus) -> String {
        assert_eq!(status.signal(), Some(SIGABRT), "{}: {status}", point.name());
        self.figures().died(point.name(), true);
        point.name().to_owned()
    }

    async fn kill_start(&mut self, point: Point, settings: &[&str]) {
        let order = kills::order(point, &mut self.random);
        match Process::start(&self.engine, self.folder.path(), settings, &order).await {
            Err(status) => drop(self.died_at(point, status)),
            Ok(process) => {
                process.kill();
                process.end().await;
                self.figures().died(point.name(), false);
            }
        }
    }

    /// A new store dies while it is made; the next start finishes it.
    async fn kill_migration(&mut self, point: Point) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let order = kills::order(point, &mut self.random);
        match Process::start(&self.engine, folder.path(), &[], &order).await {
            Err(status) => drop(self.died_at(point, status)),
            Ok(process) => {
                process.kill(); // ordered a little late: it was ready before
                process.end().await;
                self.figures().died(point.name(), false);
            }
        }
        let next =
            Process::start(&self.engine, folder.path(), &[], "").await.expect("the next start finishes it");
        let answer = ledger::acts::counts(&next, 1).await.expect("an answer");
        assert_eq!(answer["count"], json!(0), "a new store is empty: {answer}");
        let (who, body) = Place::Pair(1, 2).send(&scene::Author::User(1), "the first");
        let answer = next.ask(&who, "messageAdd", &body).await.expect("an answer").done();
        assert_eq!(answer["data"]["seq"], json!(1), "{answer}");
    }

    /// The last start: everything ever told is compared.
    async fn finish(&mut self) {
        let every = self.ledger.places();
        let (process, _) = self.start(&PATIENT, None, &every).await;
        process.terminate();
        let status = process.end().await;
        assert!(status.success(), "a drain ends well: {status}");
        assert!(self.figures().total() > 0, "somebody was told something");
    }

    async fn pause(&mut self, millis: std::ops::Range<u64>) {
        let millis = self.random.random_range(millis);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}
