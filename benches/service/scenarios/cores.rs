//! Durable messageAdd with one core and with two.
//!
//! Where there are only two cores, the load generator needs some of them too, so it is measured in two ways:
//! the server alone is confined (as an operator would), and server and load generator are confined together (one
//! machine with one core against one with two). Only the second can show a factor near 2 there.

use std::process::{Command, Stdio};

use super::pairs;
use crate::service::figures::{Figures, Round, median_ratio};
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::results::Cores;
use crate::service::run::{CONNECTIONS, Run};
use crate::service::server::Server;

/// The cores that are given, as `taskset` names them.
const ONE: &str = "0";
const TWO: &str = "0,1";

pub fn run(run: &mut Run) {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        run.say("cores: there is only one");
        return;
    }
    run.say("cores: messageAdd with one core and with two");
    let folders = [run.folder("one"), run.folder("two")];
    let services = [Server::service_on(ONE, &folders[0], &[]), Server::service_on(TWO, &folders[1], &[])];
    let pairs = run.scale.pairs;
    let pool = Pool::cycle(pairs::messages(pairs));
    for service in &services {
        load::drain(service, &Pool::once(pairs::first_messages(pairs)), CONNECTIONS);
        load::closed(service, &pool, CONNECTIONS, run.scale.warm_up);
    }
    let mut free: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
    let mut together: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..run.scale.rounds {
        for (number, service) in services.iter().enumerate() {
            free[number].push(load::closed(service, &pool, CONNECTIONS, run.scale.seconds));
        }
        for (number, service) in services.iter().enumerate() {
            confine([ONE, TWO][number]);
            together[number].push(load::closed(service, &pool, CONNECTIONS, run.scale.seconds));
            confine(&every());
        }
    }
    note(run, "server", "only the server is confined, the load generator is not", &free);
    note(run, "machine", "server and load generator are confined together", &together);
    for service in services {
        service.stop();
    }
    run.forget("one");
    run.forget("two");
}

fn note(run: &mut Run, id: &str, title: &str, rounds: &[Vec<Round>; 2]) {
    let [one, two] = [Figures::of(&rounds[0]), Figures::of(&rounds[1])];
    let factor = median_ratio(&two.rounds, &one.rounds);
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
