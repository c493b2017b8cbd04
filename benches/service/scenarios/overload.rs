//! Three times as much as can be done: what is done then, how long it takes, and what memory it costs.

use std::time::Duration;

use super::pairs;
use crate::service::flood::flood;
use crate::service::load;
use crate::service::pool::Pool;
use crate::service::results::Overload;
use crate::service::run::{CONNECTIONS, Run, SATURATING};
use crate::service::scale::grouped;
use crate::service::server::Server;

/// How many times the throughput is offered.
const TIMES: f64 = 3.0;

/// Connections. A client asks again when it was answered, so this is the most that is under way; what arrives while all
/// of them wait is given up at the client, as people do.
const CLIENTS: usize = 4_096;

/// Commands that the service may hold, a quarter of the connections: the others wait in sockets or are refused.
const CAPACITY: usize = 1_024;

/// Memory is looked at again after so long.
const SETTLE: Duration = Duration::from_secs(5);

pub fn run(run: &mut Run) {
    let capacity = format!("admission.service_capacity={CAPACITY}");
    let server = Server::service(&run.folder("overload"), &[capacity.as_str()]);
    let people = run.scale.pairs;
    load::drain(&server, &Pool::once(pairs::first_messages(people)), CONNECTIONS);
    let pool = Pool::cycle(pairs::messages(people));
    let seconds = run.scale.overload_seconds;
    // Snapshots lag by design and cost nothing for the first seconds; what is done afterwards is what can last. As long as
    // the flood.
    load::closed(&server, &pool, SATURATING, seconds);
    let round = load::closed(&server, &pool, SATURATING, seconds);
    let best = round.latencies.count() as f64 / round.seconds;
    let before = server.resident();
    let offered = best * TIMES;
    let flood = flood(&server, &pool, CLIENTS, offered, seconds);
    std::thread::sleep(SETTLE);
    let after = server.resident();
    let done = flood.done.count() as f64 / seconds;
    let refused = flood.refused as f64 / seconds;
    let given_up = flood.given_up as f64 / seconds;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    run.say(&format!(
        "overload, {} clients, {offered:.0}/s offered for {seconds} s: {done:.0}/s done of {best:.0}/s at best = {:.0} %, \
         {refused:.0}/s refused, {given_up:.0}/s given up, p50 {:.1} ms, p99 {:.1} ms, max {:.0} ms, \
         resident {:.0} MiB before, {:.0} at most, {:.0} after",
        grouped(CLIENTS),
        100.0 * done / best,
        flood.done.at(0.5),
        flood.done.at(0.99),
        flood.done.max(),
        mib(before),
        mib(flood.resident),
        mib(after),
    ));
    run.results.overload = Some(Overload {
        clients: CLIENTS,
        capacity: CAPACITY,
        seconds,
        best,
        offered,
        done,
        refused,
        given_up,
        p50_ms: flood.done.at(0.5),
        p99_ms: flood.done.at(0.99),
        max_ms: flood.done.max(),
        resident: [before, flood.resident, after],
    });
    server.stop();
    run.forget("overload");
}
