//! What a request allocates and what an idle conversation holds, counted by the allocator of `benches/counted.rs`.
//! Nothing here is timed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::pairs;
use super::people::People;
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::{Request, count, history, post, user};
use crate::service::results::{Allocation, Weight};
use crate::service::run::Run;
use crate::service::server::Server;

/// Connections while counting: enough for commits to be shared as under load.
const COUNTING: usize = 16;

/// What was begun has ended by then: a checkpoint comes every 2 s.
const SETTLE: Duration = Duration::from_secs(5);

/// Nothing is put away while it is weighed, and no recent facts are kept beside the actors.
const WEIGHING: [&str; 3] =
    ["passivation.idle_after_ms=3600000", "passivation.active_limit=10000000", "journal.cache_bytes=0"];

pub fn run(run: &mut Run) {
    run.say("heap: building the program that counts");
    let program = program();
    allocations(run, &program);
    weights(run, &program);
}

/// Builds `benches/counted.rs` (nothing to do if it is built) and asks cargo where it is.
fn program() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["bench", "--locked", "--bench", "counted", "--no-run", "--message-format=json"]);
    // What cargo told this program about itself would make build scripts run again, and most dependencies with them.
    for (name, _) in std::env::vars_os() {
        let kept = ["CARGO_HOME", "CARGO_TARGET_DIR"].iter().any(|kept| name == *kept);
        if !kept && name.to_str().is_some_and(|name| name.starts_with("CARGO_")) {
            command.env_remove(name);
        }
    }
    let built = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "benches/counted.rs does not build");
    let messages = built.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut made = messages.filter(|message| message["target"]["name"] == "counted");
    let path = made.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    path.expect("cargo says where it is")
}

fn allocations(run: &mut Run, program: &Path) {
    let mut server = Server::counted(program, &run.folder("allocations"), &[]);
    let people = People::new(100);
    people.settle(&server);
    thread::sleep(SETTLE);
    let operations: [(&str, Vec<Request>); 6] = [
        ("messageAdd, one-to-one", people.messages()),
        ("messageAdd, a group", people.group_messages()),
        ("findMessage, last 20", people.histories()),
        ("messageCount", people.counts()),
        ("updateReadById, nothing new", people.reads()),
        ("conversationList, 20 rows", people.lists()),
    ];
    for (title, requests) in operations {
        load::drain(&server, &Pool::times(requests.clone(), run.scale.counted / 10), COUNTING);
        let before = server.allocated();
        load::drain(&server, &Pool::times(requests, run.scale.counted), COUNTING);
        let after = server.allocated();
        let per_request = |after: u64, before: u64| (after - before) as f64 / run.scale.counted as f64;
        let allocation = Allocation {
            title: title.to_owned(),
            allocations: per_request(after.allocations, before.allocations),
            bytes: per_request(after.bytes, before.bytes),
        };
        run.say(&format!(
            "{title}: {:.0} allocations, {:.0} bytes",
            allocation.allocations, allocation.bytes
        ));
        run.results.allocations.push(allocation);
    }
    server.stop();
    run.forget("allocations");
}

fn weights(run: &mut Run, program: &Path) {
    let folder = run.folder("weights");
    let pairs = run.scale.weighed;
    let one = |pair: usize| pairs::people(pair).0;
    let other = |pair: usize| pairs::people(pair).1;
    let send = Pool::once(pairs::first_messages(pairs));
    let read = Pool::once((0..pairs).map(|pair| history(one(pair), other(pair), "", 20)).collect());
    let open = Pool::once((0..pairs).map(|pair| open(one(pair), other(pair))).collect());
    let ask = Pool::once((0..pairs).map(|pair| count(one(pair))).collect());
    let [sent] = weigh(program, &folder, [&send]);
    note(run, "sent", "a conversation that was written to, its message in memory", sent);
    let [read, inbox] = weigh(program, &folder, [&read, &ask]);
    note(run, "read", "a conversation that was read, its message in memory", read);
    note(run, "inbox", "an inbox with one conversation", inbox);
    let [opened] = weigh(program, &folder, [&open]);
    note(run, "opened", "a conversation without a message in memory", opened);
    run.forget("weights");
}

/// Gets the conversation, which is there, without its history.
fn open(who: u64, peer: u64) -> Request {
    let body = json!({ "msgType": 1, "userType": 2, "receiveId": peer.to_string() });
    post("createChatSession", &user(who), &body)
}

fn note(run: &mut Run, id: &str, title: &str, bytes: f64) {
    run.say(&format!("heap of {title}: {bytes:.0} bytes"));
    let (id, title, conversations) = (id.to_owned(), title.to_owned(), run.scale.weighed);
    run.results.heap.push(Weight { id, title, conversations, bytes });
}

/// The heap that grew while each request of a pool activated something, by request; one pool after the other.
fn weigh<const N: usize>(program: &Path, folder: &Path, pools: [&Pool; N]) -> [f64; N] {
    let mut server = Server::counted(program, folder, &WEIGHING);
    // What is made once (threads' buffers, the first of everything) is there before.
    load::ask(server.address, &history(1, 2, "", 20));
    thread::sleep(SETTLE);
    let weights = pools.map(|pool| {
        let before = server.allocated();
        let asked = load::drain(&server, pool, COUNTING).latencies.count();
        thread::sleep(SETTLE);
        (server.allocated().alive as f64 - before.alive as f64) / asked as f64
    });
    server.stop();
    weights
}
