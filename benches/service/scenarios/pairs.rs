//! Durable messageAdd in warm one-to-one conversations: closed loop over their number of connections, one hot
//! conversation, and open loop at fixed rates beside the disk's own fsync.

use rand::Rng;
use rand::rngs::StdRng;

use crate::service::disk;
use crate::service::load;
use crate::service::open;
use crate::service::pool::Pool;
use crate::service::request::{Request, message};
use crate::service::run::{CONNECTIONS, Case, Run};
use crate::service::scale::grouped;
use crate::service::server::Server;
use crate::service::text::{Zipf, chance, content};

/// The scenario whose open loop is an aim.
pub const ADD: &str = "add";

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
    let mut cases = Case::over_each(run.scale.connections, ADD, &title, || messages(pairs));
    let mut texts = chance(3);
    let hot = (0..TEXTS).map(|_| between(0, &mut texts)).collect();
    cases.push(Case::new("add-hot", "messageAdd, one hot conversation", Pool::cycle(hot)));
    run.contest(&server, cases);
    open::at_rates(run, &server, ADD, messages(pairs), &LOADS);
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

/// The disk alone, right after the open loop and with appends of the size that commits had at half load.
fn quiet_disk(run: &mut Run) {
    let bytes = run.results.at_load(ADD, 0.5).map_or(4_096, |rate| rate.commit_bytes.ceil() as usize).max(1);
    let fsync = disk::fsync(&run.folder("pairs"), bytes, run.scale.syncs);
    run.say(&format!(
        "the disk alone: {bytes} bytes and fsync: p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms",
        fsync.p50_ms, fsync.p99_ms, fsync.max_ms
    ));
    run.results.fsync = Some(fsync);
}
