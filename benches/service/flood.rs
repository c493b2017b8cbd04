//! More requests than can be handled: arrivals at a fixed rate over many connections, refusals allowed.

use std::cell::{Cell, RefCell};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::figures::Latencies;
use super::pool::Pool;
use super::server::Server;
use super::wire;

/// An arrival for which no connection becomes free in this time is given up, as a client's user would.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came of a flood.
pub struct Flood {
    /// From sending to the answer, of what was done while more was offered.
    pub done: Latencies,
    /// Answered 429 or 503.
    pub refused: u64,
    /// Arrivals that found no free connection.
    pub given_up: u64,
    /// The most resident memory seen, in bytes.
    pub resident: u64,
}

struct Seen {
    done: RefCell<Latencies>,
    refused: Cell<u64>,
    given_up: Cell<u64>,
    next: Cell<u64>,
}

/// So many arrivals a second for so many seconds.
///
/// # Panics
/// If anything is answered but done, 429 and 503.
pub fn flood(server: &Server, pool: &Pool, connections: usize, rate: f64, seconds: f64) -> Flood {
    let streams: Vec<TcpStream> = (0..connections).map(|_| wire::connect(server.address)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seen = Seen {
        done: RefCell::new(Latencies::new()),
        refused: Cell::new(0),
        given_up: Cell::new(0),
        next: Cell::new(0),
    };
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(seconds);
    let resident = runtime.block_on(async {
        let load = streams.into_iter().map(|stream| connection(stream, pool, begin, end, rate, &seen));
        let load = futures::future::join_all(load);
        let look = async {
            let mut most = server.resident();
            while Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(500)).await;
                most = most.max(server.resident());
            }
            most
        };
        futures::future::join(load, look).await.1
    });
    Flood {
        done: seen.done.into_inner(),
        refused: seen.refused.get(),
        given_up: seen.given_up.get(),
        resident,
    }
}

async fn connection(stream: TcpStream, pool: &Pool, begin: Instant, end: Instant, rate: f64, seen: &Seen) {
    stream.set_nonblocking(true).expect("a socket");
    let mut stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
    let mut received = vec![0; wire::USUAL_BYTES];
    loop {
        let due = begin + Duration::from_secs_f64(seen.next.get() as f64 / rate);
        if due >= end || Instant::now() >= end {
            return;
        }
        seen.next.set(seen.next.get() + 1);
        if due.elapsed() > PATIENCE {
            seen.given_up.set(seen.given_up.get() + 1);
            continue;
        }
        tokio::time::sleep_until(due.into()).await;
        let sent = Instant::now();
        stream.write_all(pool.take().expect("a pool that cycles")).await.expect("sent");
        let answer = wire::receive(&mut stream, &mut received).await;
        if Instant::now() >= end {
            return; // what is answered while nothing is offered any more counts for nothing
        }
        if matches!(&received[9..12], b"429" | b"503") {
            seen.refused.set(seen.refused.get() + 1);
        } else {
            wire::assert_done(&received, answer);
            seen.done.borrow_mut().record(sent.elapsed());
        }
    }
}
