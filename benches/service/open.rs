//! The open loop: requests arrive at fixed rates, which are shares of what the closed loop did.

use super::figures::Figures;
use super::load;
use super::pool::Pool;
use super::request::Request;
use super::results::Rate;
use super::run::{CONNECTIONS, Run};
use super::server::Server;

/// Measures a scenario of the closed loop at `loads` of what it did over [`CONNECTIONS`].
pub fn at_rates(run: &mut Run, server: &Server, id: &str, requests: Vec<Request>, loads: &[f64]) {
    let Some(closed) = run.results.scenario(&format!("{id}-{CONNECTIONS}")) else { return };
    let (throughput, title) = (closed.service.per_second, closed.title.clone());
    let pool = Pool::cycle(requests);
    for load in loads {
        let offered = throughput * load;
        let before = Commits::of(server);
        let rounds: Vec<_> = (0..run.scale.open_rounds)
            .map(|_| load::open(server, &pool, CONNECTIONS, offered, run.scale.open_seconds))
            .collect();
        let commit_bytes = Commits::of(server).mean_since(&before);
        let service = Figures::of(&rounds);
        run.say(&format!(
            "open loop, {title}, {:>3.0} % of closed: {offered:>6.0}/s offered, {:>6.0}/s done, p50 {:>6.2} ms, \
             p99 {:>6.2} ms, p99.9 {:>6.2} ms, max {:>6.1} ms, server {:.2} cores, generator {:.2}, {:.0} bytes a commit",
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
        let (id, title) = (id.to_owned(), title.clone());
        run.results.open_loop.push(Rate { id, title, load: *load, offered, service, commit_bytes });
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
