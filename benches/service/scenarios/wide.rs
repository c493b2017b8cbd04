//! Many conversations: what it takes to start over them, their first requests after kill -9, and memory after a million
//! were activated and put away again.

use std::time::Duration;

use super::cold::{self, SETTLE};
use super::depth;
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::Request;
use crate::service::results::Churn;
use crate::service::run::{CONNECTIONS, Case, Run};
use crate::service::scale::grouped;
use crate::service::server::Server;

/// Messages of each.
const HISTORY: usize = 10;

/// Those measured first after the end of the process.
const FIRST: usize = 2_000;

/// Longer than the snapshots of everything take.
const PATIENCE: Duration = Duration::from_secs(400);

/// So few are kept active that nearly every request of a lap over all activates one, and puts another away.
const ACTIVE: &str = "passivation.active_limit=2000";

pub fn run(run: &mut Run) {
    let wide = run.scale.wide;
    run.say(&format!("wide: {} conversations with {HISTORY} messages each", grouped(wide)));
    let server = Server::service(&run.folder("wide"), &[]);
    let mut histories = cold::write_histories(&server, wide, HISTORY);
    // Filling is faster than snapshots are written: until no more actors lag than may.
    let dirty = server.still("messagecenter_dirty_actors", PATIENCE);
    run.say(&format!("{dirty} actors without a snapshot of their newest facts"));
    let server = starts(run, server);
    let others = histories.split_off(FIRST.min(wide / 2));
    let title = "findMessage, the first of a cold conversation after kill -9";
    run.contest(&server, vec![Case::new("find-first", title, Pool::once(histories)).over(1)]);
    server.stop();
    churn(run, others);
    run.forget("wide");
}

/// After a clean stop, and killed in the middle of its work; what is returned was killed.
fn starts(run: &mut Run, mut server: Server) -> Server {
    let (messages, conversations) = (grouped(run.scale.wide * HISTORY), grouped(run.scale.wide));
    for (kind, end) in [("a clean stop", depth::stop as fn(Server)), ("kill -9", Server::kill)] {
        let title = format!("with {messages} messages in {conversations} conversations after {kind}");
        server = depth::start_again(run, server, "wide", title, |server| {
            load::drain(&server, &Pool::once(super::pairs::first_messages(FIRST)), CONNECTIONS);
            end(server);
        });
    }
    server
}

fn churn(run: &mut Run, histories: Vec<Request>) {
    let server = Server::service(&run.folder("wide"), &[ACTIVE]);
    let pool = |times| Pool::times(histories.clone(), times);
    // What a lap fills once (caches, threads' buffers) is there before.
    load::drain(&server, &pool(histories.len()), CONNECTIONS);
    std::thread::sleep(SETTLE);
    let activations = || server.metric("messagecenter_activations_total{kind=\"conversation\"}");
    let (before, resident) = (activations(), server.resident());
    let requests = run.scale.activations;
    let drained = load::drain(&server, &pool(requests), CONNECTIONS);
    std::thread::sleep(SETTLE);
    let churn = Churn {
        activations: (activations() - before) as u64,
        seconds: drained.seconds,
        before: resident,
        after: server.resident(),
    };
    run.say(&format!(
        "{} activations at {:.0}/s: resident {:.1} MiB before, {:.1} MiB after",
        grouped(churn.activations as usize),
        churn.activations as f64 / churn.seconds,
        churn.before as f64 / f64::from(1 << 20),
        churn.after as f64 / f64::from(1 << 20),
    ));
    run.results.churn = Some(churn);
    server.stop();
}
