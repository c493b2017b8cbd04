//! One conversation with a million messages: what it takes to start, on disk, to page in and to mark as read.

use std::ops::Range;
use std::time::{Duration, Instant};

use rand::Rng;

use crate::service::disk;
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::{Request, history, message, message_to_all, read};
use crate::service::results::{OnDisk, Start};
use crate::service::run::{Case, Run};
use crate::service::scale::grouped;
use crate::service::server::{Server, store};
use crate::service::text::{chance, content};
use crate::service::wire::Connection;

/// Who writes and who has not read any of it.
const WRITER: u64 = 6_000_000;
const READER: u64 = 6_000_001;

/// Different texts: a million would be 300 MB of requests.
const TEXTS: usize = 50_000;

/// Connections that fill the store.
const FILLING: usize = 256;

/// Pages begin within so many messages of an end: both ends are then in memory alike, and depth alone differs.
const NEAR: u64 = 40;

/// Different requests in a pool.
const REQUESTS: usize = 4_000;

/// Longer than trimming the whole journal takes.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn run(run: &mut Run) {
    let deep = run.scale.deep;
    run.say(&format!("depth: one conversation with {} messages", grouped(deep)));
    let folder = run.folder("depth");
    let server = Server::service(&folder, &[]);
    let mut texts = chance(30);
    let requests = (0..TEXTS.min(deep)).map(|_| message(WRITER, READER, &content(&mut texts)));
    let filled = load::drain(&server, &Pool::times(requests.collect(), deep), FILLING);
    run.say(&format!("sent at {:.0}/s", filled.latencies.count() as f64 / filled.seconds));
    let conversation = conversation(&server);
    starts(run, server);
    size(run);
    let server = Server::service(&folder, &[]);
    pages(run, &server, &conversation);
    marks(run, &server, &conversation);
    anywhere(run, &server, &conversation);
    server.stop();
    run.forget("depth");
}

fn conversation(server: &Server) -> String {
    let page = load::ask(server.address, &history(READER, WRITER, "", 1));
    page["data"][0]["conversationId"].as_str().expect("a conversationId").to_owned()
}

/// From the start of the process to its ready line, killed in the middle of its work and after a clean stop.
fn starts(run: &mut Run, mut server: Server) {
    let messages = grouped(run.scale.deep);
    for (kind, end) in [("kill -9", Server::kill as fn(Server)), ("a clean stop", stop)] {
        let title = format!("with {messages} messages after {kind}");
        server = start_again(run, server, "depth", title, end);
    }
    server.stop();
}

/// Ends a service and starts it again, so many times, and notes how long it took until it was ready.
pub fn start_again(
    run: &mut Run,
    mut server: Server,
    folder: &str,
    title: String,
    end: impl Fn(Server),
) -> Server {
    let mut seconds = Vec::new();
    for _ in 0..run.scale.starts {
        end(server);
        server = Server::service(&run.folder(folder), &[]);
        seconds.push(server.ready_in.as_secs_f64());
    }
    run.say(&format!("ready {title}: {seconds:.2?} s"));
    run.results.starts.push(Start { title, seconds });
    server
}

pub fn stop(server: Server) {
    server.stop();
}

/// The store's files: with the journal of the last 24 hours, and without it.
fn size(run: &mut Run) {
    let folder = run.folder("depth");
    note_size(run, "kept", "with the journal that is kept for 24 hours");
    // Without retention the journal is trimmed behind the snapshots; a stop writes out what RocksDB holds in
    // memory and lets the compactions that are due end.
    for _ in 0..3 {
        let server = Server::service(&folder, &["journal.retention_hours=0"]);
        server.still("messagecenter_journal_trimmed_batches", PATIENCE);
        server.stop();
    }
    note_size(run, "trimmed", "with the journal trimmed (journal.retention_hours = 0)");
}

fn note_size(run: &mut Run, id: &str, title: &str) {
    let (bytes, messages) = (disk::bytes_in(&store(&run.folder("depth"))), run.scale.deep as u64);
    run.say(&format!("{title}: {bytes} bytes on disk, {:.0} a message", bytes as f64 / messages as f64));
    let (id, title) = (id.to_owned(), title.to_owned());
    run.results.disk.push(OnDisk { id, title, bytes, messages });
}

/// A page of 20 near the newest message and near the oldest one.
fn pages(run: &mut Run, server: &Server, conversation: &str) {
    let deep = run.scale.deep as u64;
    let new = page_pool(conversation, 31, deep - NEAR..deep);
    let old = page_pool(conversation, 32, 21..21 + NEAR);
    let title = |depth: &str| format!("findMessage, a page of 20 at depth {depth}");
    run.contest(
        server,
        vec![
            Case::new("page-new", title("0"), new),
            Case::new("page-old", title(&grouped(run.scale.deep)), old),
        ],
    );
    let title = format!("page at depth {} against depth 0", grouped(run.scale.deep));
    run.compare("page-depth", &title, "page-new", "page-old");
}

/// A page of 20 anywhere: seldom in memory, which keeps a few pages of each conversation.
fn anywhere(run: &mut Run, server: &Server, conversation: &str) {
    let pool = page_pool(conversation, 33, 21..run.scale.deep as u64);
    let title = "findMessage, a page of 20 anywhere (from disk)";
    run.contest(server, vec![Case::new("page-any", title, pool)]);
}

fn page_pool(conversation: &str, seed: u64, before: Range<u64>) -> Pool {
    let mut chance = chance(seed);
    let mut next = || {
        let before = format!("{conversation}.{}", chance.random_range(before.clone()));
        history(READER, WRITER, &before, 20)
    };
    Pool::cycle((0..REQUESTS).map(|_| next()).collect())
}

/// One message further with a million unread, against the one unread message of a conversation; over one
/// connection, because marks that overtake each other have nothing left to do.
fn marks(run: &mut Run, server: &Server, conversation: &str) {
    let count = run.scale.single_unread as u64;
    let single = Pool::once(single_unread(server, count));
    let steps = (1..=count.min(run.scale.deep as u64 / 2))
        .map(|seq| read(READER, WRITER, &format!("{conversation}.{seq}")));
    let deep = Pool::once(steps.collect());
    let messages = grouped(run.scale.deep);
    run.contest(
        server,
        vec![
            Case::new("read-one", "updateReadById at 1 unread", single).over(1),
            Case::new("read-deep", format!("updateReadById at {messages} unread"), deep).over(1),
        ],
    );
    let title = format!("mark-read at {messages} unread against 1");
    run.compare("read-depth", &title, "read-one", "read-deep");
    let begin = Instant::now();
    let rest = load::ask(server.address, &read(READER, WRITER, ""));
    let milliseconds = begin.elapsed().as_secs_f64() * 1_000.0;
    assert_eq!(rest["count"], 0, "all of it is read: {rest}");
    let note =
        format!("Marking all of the {messages} unread messages as read at once took {milliseconds:.1} ms.");
    run.say(&note);
    run.results.notes.push(note);
}

/// So many conversations with one unread message, and the requests that read it.
fn single_unread(server: &Server, count: u64) -> Vec<Request> {
    const AT_ONCE: u64 = 500;
    let mut texts = chance(34);
    let mut connection = Connection::open(server.address);
    let mut requests = Vec::new();
    for first in (0..count).step_by(AT_ONCE as usize) {
        let writer = 6_100_000 + first / AT_ONCE;
        let readers = (first..count.min(first + AT_ONCE)).map(|reader| 6_200_000 + reader);
        connection.ask(&message_to_all(writer, readers.clone(), &content(&mut texts)));
        requests.extend(readers.map(|reader| read(reader, writer, "")));
    }
    requests
}
