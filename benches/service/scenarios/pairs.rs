//! Durable messageAdd in warm one-to-one conversations: closed loop over their number of connections, one hot
//! conversation, and open loop at fixed rates beside the disk's own fsync.

use rand::Rng;
use rand::rngs::StdRng;

use crate::service::disk;
use crate::service::figures::Figures;
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::{Request, message};
use crate::service::results::Rate;
use crate::service::run::{CONNECTIONS, Case, Run};
use crate::service::scale::grouped;
use crate::service::server::Server;
use crate::service::text::{Zipf, chance, content};

/// Different texts in a pool.
const TEXTS: usize = 4_000;

/// Offered rates as shares of the closed loop's throughput.
const LOADS: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

pub fn run(run: &mut Run) {
    run.say("pairs: messageAdd in warm one-to-one conversations");
    let pairs = run.scale.pairs;
    let server = Server::service(&run.folder("pairs"), &[]);
    load::drain(&server, &Pool::once(first_messages(pairs)), CONNECTIONS);
    let title = format!("messageAdd, {} warm conversations (Zipf)", grouped(pairs));
    let mut cases: Vec<Case> = Vec::new();
    for connections in run.scale.connections {
        let pool = Pool::cycle(messages(pairs));
        cases.push(Case::new(format!("add-{connections}"), title.clone(), pool).over(*connections));
    }
    let mut texts = chance(3);
    let hot = (0..TEXTS).map(|_| between(0, &mut texts)).collect();
    cases.push(Case::new("add-hot", "messageAdd, one hot conversation", Pool::cycle(hot)));
    run.contest(&server, cases);
    open_loop(run, &server);
    server.stop();
    quiet_disk(run);
    run.forget("pairs");
}

/// A first message in each pair.
pub fn first_messages(pairs: usize) -> Vec<Request> {
    let mut texts = chance(1);
    (0..pairs).map(|pair| between(pair, &mut texts)).collect()
}

/// Messages over the pairs as Zipf has it, from either side.
pub fn messages(pairs: usize) -> Vec<Request> {
    let (zipf, mut texts) = (Zipf::new(pairs), chance(2));
    let mut next = || between(zipf.pick(&mut texts), &mut texts);
    (0..TEXTS).map(|_| next()).collect()
}

/// Who talk in a pair; nobody is in two.
pub fn people(pair: usize) -> (u64, u64) {
    let one = 1_000_000 + 2 * pair as u64;
    (one, one + 1)
}

fn between(pair: usize, texts: &mut StdRng) -> Request {
    let (one, other) = people(pair);
    let (from, to) = if texts.random_bool(0.5) { (one, other) } else { (other, one) };
    message(from, to, &content(texts))
}

fn open_loop(run: &mut Run, server: &Server) {
    let Some(closed) = run.results.scenario(&format!("add-{CONNECTIONS}")) else { return };
    let throughput = closed.service.per_second;
    let pool = Pool::cycle(messages(run.scale.pairs));
    for load in LOADS {
        let offered = throughput * load;
        let before = Commits::of(server);
        let rounds: Vec<_> = (0..run.scale.open_rounds)
            .map(|_| load::open(server, &pool, CONNECTIONS, offered, run.scale.open_seconds))
            .collect();
        let commit_bytes = Commits::of(server).mean_since(&before);
        let service = Figures::of(&rounds);
        run.say(&format!(
            "open loop, {:>3.0} % of closed: {offered:>6.0}/s offered, {:>6.0}/s done, p50 {:>6.2} ms, p99 {:>6.2} ms, \
             p99.9 {:>6.2} ms, max {:>6.1} ms, server {:.2} cores, generator {:.2}, {:.0} bytes a commit",
            load * 100.0,
            service.per_second,
            service.p50_ms,
            service.p99_ms,
            service.p999_ms,
            service.max_ms,
            service.server_cores,
            service.generator_cores,
            commit_bytes,
        ));
        let connections = CONNECTIONS;
        run.results.open_loop.push(Rate { load, offered, connections, service, commit_bytes });
    }
}

/// What the committer has written.
struct Commits {
    bytes: f64,
    count: f64,
}

impl Commits {
    fn of(server: &Server) -> Self {
        let bytes = server.metric("messagecenter_commit_bytes_sum");
        Self { bytes, count: server.metric("messagecenter_commit_bytes_count") }
    }

    fn mean_since(&self, before: &Self) -> f64 {
        (self.bytes - before.bytes) / (self.count - before.count).max(1.0)
    }
}

/// The disk alone, right after the open loop and with appends of the size that commits had at half load.
fn quiet_disk(run: &mut Run) {
    let half = run.results.open_loop.iter().find(|rate| rate.load == 0.5);
    let bytes = half.map_or(4_096, |rate| rate.commit_bytes.ceil() as usize).max(1);
    let fsync = disk::fsync(&run.folder("pairs"), bytes, run.scale.syncs);
    run.say(&format!(
        "the disk alone: {bytes} bytes and fsync: p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms",
        fsync.p50_ms, fsync.p99_ms, fsync.max_ms
    ));
    run.results.fsync = Some(fsync);
}
