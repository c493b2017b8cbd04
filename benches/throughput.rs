//! Durable `messageAdd` beside the ceiling: a bare actix-web handler with the same settings that parses the
//! same body and answers as many bytes. Both run as processes of their own, in turn, on the same machine; the
//! ratio is what counts.
//!
//! `cargo bench --bench throughput [-- SECONDS CONNECTIONS]`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on should stop"
)]

#[path = "throughput/bare.rs"]
mod bare;
#[path = "throughput/load.rs"]
mod load;
#[path = "throughput/server.rs"]
mod server;

use load::Figures;
use server::Server;

/// How often each side is measured, in turn; the median is shown.
const ROUNDS: usize = 5;

/// Set for the child process that plays the bare handler.
const BARE: &str = "MESSAGECENTER_BENCH_BARE";

fn main() {
    if std::env::var_os(BARE).is_some() {
        return bare::serve();
    }
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let seconds = arguments.next().unwrap_or(5);
    let connections = arguments.next().unwrap_or(64);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = tempfile::tempdir().expect("a folder");
    let service = Server::service(store.path());
    let ceiling = Server::bare(BARE);
    println!("{connections} connections, {ROUNDS} rounds of {seconds} s each, fsync on every commit");
    let mut shown = Vec::new();
    for server in [&ceiling, &service] {
        runtime.block_on(load::run(server, connections, 2)); // warm up: activates the conversations
    }
    for _ in 0..ROUNDS {
        let of_ceiling = runtime.block_on(load::run(&ceiling, connections, seconds));
        let of_service = runtime.block_on(load::run(&service, connections, seconds));
        shown.push((of_ceiling, of_service));
    }
    show("bare handler", shown.iter().map(|(bare, _)| bare));
    show("messageAdd", shown.iter().map(|(_, service)| service));
    let ratio = median(shown.iter().map(|(bare, service)| service.per_second / bare.per_second));
    println!("messageAdd reaches {:.0} % of the bare handler's requests per second", ratio * 100.0);
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn show<'a>(name: &str, rounds: impl Iterator<Item = &'a Figures> + Clone) {
    println!(
        "{name:>13}: {:>7.0} requests/s, p50 {:>6.2} ms, p99 {:>6.2} ms, server CPU {:>5.1} µs/request, generator CPU {:>3.0} %",
        median(rounds.clone().map(|figures| figures.per_second)),
        median(rounds.clone().map(|figures| figures.p50_ms)),
        median(rounds.clone().map(|figures| figures.p99_ms)),
        median(rounds.clone().map(|figures| figures.server_cpu_us)),
        median(rounds.map(|figures| figures.generator_cpu * 100.0)),
    );
}
