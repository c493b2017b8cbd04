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
use crate::service::request::{Request, history, post, user};
use crate::service::results::{Allocation, Weight};
use crate::service::run::Run;
use crate::service::scale::grouped;
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
        thread::sleep(SETTLE);
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
    let count = run.scale.weighed;
    let people = |pair: usize| (1_000_000 + 2 * pair as u64, 1_000_001 + 2 * pair as u64);
    weigh(
        run,
        program,
        &folder,
        "sent",
        "sent to: a conversation and both inboxes",
        pairs::first_messages(count),
    );
    let reading = (0..count).map(|pair| history(people(pair).0, people(pair).1, "", 20));
    weigh(run, program, &folder, "read", "read: a conversation, its message in memory", reading.collect());
    let opening = (0..count).map(|pair| {
        let body = json!({ "msgType": 1, "userType": 2, "receiveId": people(pair).1.to_string() });
        post("createChatSession", &user(people(pair).0), &body)
    });
    weigh(run, program, &folder, "opened", "opened: a conversation, no message in memory", opening.collect());
    run.forget("weights");
}

/// The heap that grew while each of `requests` activated a conversation, by conversation.
fn weigh(run: &mut Run, program: &Path, folder: &Path, id: &str, title: &str, requests: Vec<Request>) {
    let conversations = requests.len();
    let mut server = Server::counted(program, folder, &WEIGHING);
    // What is made once (tables, threads' buffers, connections) is there before: a tenth goes first.
    let (first, rest) = requests.split_at(conversations / 10);
    load::drain(&server, &Pool::once(first.to_vec()), COUNTING);
    thread::sleep(SETTLE);
    let before = server.allocated();
    load::drain(&server, &Pool::once(rest.to_vec()), COUNTING);
    thread::sleep(SETTLE);
    let bytes = (server.allocated().alive as f64 - before.alive as f64) / rest.len() as f64;
    run.say(&format!(
        "heap of {} conversations that were {title}: {bytes:.0} bytes each",
        grouped(rest.len())
    ));
    let (id, title) = (id.to_owned(), title.to_owned());
    run.results.heap.push(Weight { id, title, conversations: rest.len(), bytes });
    server.stop();
}
