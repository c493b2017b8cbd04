//! Durable messageAdd with one core and with two.
//!
//! Where there are only two cores, the load generator needs some of them too, so it is measured in two ways:
//! the server alone is confined (as an operator would), and server and load generator are confined together (one
//! machine with one core against one with two). Only the second can show a factor near 2 there.
//!
//! What can last is measured, so each is under its full load before: snapshots lag by design and cost nothing for the
//! first seconds, which are more of them where less is done in each. For the same reason one runs after the other, without
//! a pause: a service that waits for its turn would write its snapshots then, and take the other's core for it.

use std::process::{Command, Stdio};

use super::pairs;
use crate::service::figures::{Figures, Round};
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::results::Cores;
use crate::service::run::{CONNECTIONS, Run, SATURATING};
use crate::service::server::Server;

/// The cores that are given, as `taskset` names them.
const ONE: &str = "0";
const TWO: &str = "0,1";

/// Id, what is confined, connections, and whether the load generator is confined as well.
const WAYS: [(&str, &str, usize, bool); 4] = [
    ("machine", "server and load generator are confined together", SATURATING, true),
    ("server", "only the server is confined", SATURATING, false),
    ("machine-64", "server and load generator are confined together", CONNECTIONS, true),
    ("server-64", "only the server is confined", CONNECTIONS, false),
];

pub fn run(run: &mut Run) {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        run.say("cores: there is only one");
        return;
    }
    run.say("cores: messageAdd with one core and with two");
    let [one, two] = [ONE, TWO].map(|cores| measure(run, cores));
    for ((id, confined, connections, _), rounds) in WAYS.iter().zip(one.into_iter().zip(two)) {
        note(run, id, &format!("{connections} connections, {confined}"), rounds);
    }
}

/// A round of each way, on these cores.
fn measure(run: &mut Run, cores: &str) -> [Round; WAYS.len()] {
    let service = Server::service_on(cores, &run.folder("cores"), &[]);
    let pairs = run.scale.pairs;
    let pool = Pool::cycle(pairs::messages(pairs));
    load::drain(&service, &Pool::once(pairs::first_messages(pairs)), CONNECTIONS);
    let all = every();
    confine(cores);
    load::closed(&service, &pool, SATURATING, run.scale.overload_seconds);
    // Snapshots come in waves of several seconds, so one round goes over some of them.
    let seconds = run.scale.overload_seconds / 2.0;
    let rounds = WAYS.map(|(_, _, connections, together)| {
        confine(if together { cores } else { &all });
        load::closed(&service, &pool, connections, seconds)
    });
    confine(&all);
    service.stop();
    run.forget("cores");
    rounds
}

fn note(run: &mut Run, id: &str, title: &str, (one, two): (Round, Round)) {
    let [one, two] = [one, two].map(|round| Figures::of(&[round]));
    let factor = two.per_second / one.per_second;
    run.say(&format!(
        "two cores against one, {title}: {factor:.2}x ({:.0}/s with server {:.2} and generator {:.2} cores, {:.0}/s with {:.2} and {:.2})",
        one.per_second, one.server_cores, one.generator_cores, two.per_second, two.server_cores, two.generator_cores
    ));
    run.results.cores.push(Cores { id: id.to_owned(), title: title.to_owned(), one, two, factor });
}

/// Confines this program, all its threads, to some cores.
fn confine(cores: &str) {
    let id = std::process::id().to_string();
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--cpu-list", "--pid", cores, &id]).stdout(Stdio::null());
    assert!(command.status().expect("taskset").success());
}

fn every() -> String {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").expect("the cores");
    online.trim().to_owned()
}
