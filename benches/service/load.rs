//! The load generator: cheap, because it shares the machine with what it measures. Requests are made before;
//! a connection costs one write and one read per request.
//!
//! - *Closed loop*: every connection sends its next request when the last one is answered. Shows throughput.
//! - *Open loop*: requests arrive at a fixed rate whatever the server does; latency counts from the moment a
//!   request was meant to be sent, so waiting behind a slow answer counts. Shows latency.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::figures::{Latencies, Round};
use super::pool::Pool;
use super::server::{Server, cpu_of, cpu_of_machine};
use super::wire::{self, Connection, USUAL_BYTES};

/// Time for the open loop's threads to start before the first request is due.
const LEAD: Duration = Duration::from_millis(50);

/// CPU time used so far.
struct Usage {
    server: f64,
    generator: f64,
    /// Of all processes, and taken by other machines on the same hardware.
    machine: f64,
}

impl Usage {
    fn now(server: &Server) -> Self {
        Self { server: server.cpu(), generator: cpu_of("self"), machine: cpu_of_machine() }
    }

    fn round(&self, server: &Server, seconds: f64, latencies: Latencies) -> Round {
        let now = Self::now(server);
        let (server_cpu, generator_cpu) = (now.server - self.server, now.generator - self.generator);
        let other_cpu = (now.machine - self.machine - server_cpu - generator_cpu).max(0.0);
        Round { seconds, latencies, server_cpu, generator_cpu, other_cpu }
    }
}

/// Closed loop for so many seconds, or until the pool's round has no more.
pub fn closed(server: &Server, pool: &Pool, connections: usize, seconds: f64) -> Round {
    let address = server.address;
    // Connected before the time begins: connecting is not what is measured.
    let streams: Vec<TcpStream> = (0..connections).map(|_| wire::connect(address)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let latencies = RefCell::new(Latencies::new());
    let before = Usage::now(server);
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(seconds);
    runtime.block_on(async {
        let connections = streams.into_iter().map(|stream| connection(stream, pool, end, &latencies));
        futures::future::join_all(connections).await;
    });
    before.round(server, begin.elapsed().as_secs_f64(), latencies.into_inner())
}

/// Sends everything that the pool has, however long it takes: fills a store.
pub fn drain(server: &Server, pool: &Pool, connections: usize) -> Round {
    const LONG: f64 = 3_600.0;
    pool.begin_round(1);
    closed(server, pool, connections, LONG)
}

async fn connection(stream: TcpStream, pool: &Pool, end: Instant, latencies: &RefCell<Latencies>) {
    stream.set_nonblocking(true).expect("a socket");
    let mut stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
    let mut received = vec![0; USUAL_BYTES];
    let mut now = Instant::now();
    while now < end
        && let Some(request) = pool.take()
    {
        let sent = now;
        stream.write_all(request).await.expect("sent");
        let answer = wire::receive(&mut stream, &mut received).await;
        wire::assert_done(&received, answer);
        now = Instant::now();
        latencies.borrow_mut().record(now - sent);
    }
}

/// Open loop: request `i` is due at `i / rate` seconds and belongs to connection `i mod connections`.
///
/// A thread for each connection, which sleeps until its next request is due: tokio's timer counts in whole
/// milliseconds, and that error would show as latency. (What is left of it is some 60 µs.)
pub fn open(server: &Server, pool: &Pool, connections: usize, rate: f64, seconds: f64) -> Round {
    let arrivals = (rate * seconds) as usize;
    let address = server.address;
    let opened: Vec<Connection> = (0..connections).map(|_| Connection::open(address)).collect();
    // Written to before the first request is due: threads that each grow a list at the same moment have the kernel clear
    // 2 MiB for each, which stopped generator and server for up to 60 ms.
    let mut measured: Vec<Vec<Duration>> = (0..connections)
        .map(|number| vec![Duration::MAX; (number..arrivals).step_by(connections).len()])
        .collect();
    let before = Usage::now(server);
    let begin = Instant::now() + LEAD;
    thread::scope(|scope| {
        for (number, (connection, latencies)) in opened.into_iter().zip(&mut measured).enumerate() {
            let due = (number..arrivals).step_by(connections);
            let due = due.map(move |arrival| begin + Duration::from_secs_f64(arrival as f64 / rate));
            scope.spawn(move || on_schedule(connection, pool, due, latencies));
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut latencies = Latencies::new();
    for latency in measured.into_iter().flatten() {
        latencies.record(latency);
    }
    before.round(server, seconds, latencies)
}

fn on_schedule(
    mut connection: Connection,
    pool: &Pool,
    due: impl Iterator<Item = Instant>,
    latencies: &mut [Duration],
) {
    for (due, latency) in due.zip(latencies) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        connection.ask(pool.take().expect("a pool that cycles"));
        *latency = due.elapsed();
    }
}

/// Asks once and gives the body, taken apart.
pub fn ask(address: SocketAddr, request: &[u8]) -> serde_json::Value {
    Connection::open(address).ask_json(request)
}
