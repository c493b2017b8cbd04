//! A closed-loop load generator: every connection sends its next request when the last one is answered.

use std::time::{Duration, Instant};

use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Server, cpu_of};

/// Warm one-to-one conversations.
const CONVERSATIONS: u32 = 1_000;

/// What one round showed.
pub struct Figures {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub server_cpu_us: f64,
    pub generator_cpu: f64,
}

/// Loads `server` for so many seconds.
pub async fn run(server: &Server, connections: u64, seconds: u64) -> Figures {
    let (cpu_before, own_before) = (server.cpu(), cpu_of("self"));
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let address = server.address;
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("a connection");
                stream.set_nodelay(true).expect("no delay");
                let mut latencies = Vec::new();
                let mut buffer = vec![0; 16 * 1024];
                while Instant::now() < end {
                    let request = request();
                    let sent = Instant::now();
                    stream.write_all(&request).await.expect("sent");
                    let status = answer(&mut stream, &mut buffer).await;
                    assert_eq!(status, *b"200", "a refused request would flatter the figures");
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for worker in workers {
        latencies.extend(worker.await.expect("a worker"));
    }
    let elapsed = begin.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let requests = latencies.len() as f64;
    let at = |share: f64| latencies[((requests - 1.0) * share) as usize].as_secs_f64() * 1_000.0;
    Figures {
        per_second: requests / elapsed,
        p50_ms: at(0.50),
        p99_ms: at(0.99),
        server_cpu_us: (server.cpu() - cpu_before) * 1e6 / requests,
        generator_cpu: (cpu_of("self") - own_before) / elapsed,
    }
}

/// A text of 100 bytes in one of the warm conversations.
fn request() -> Vec<u8> {
    let pair = rand::rng().random_range(0..CONVERSATIONS);
    let body = format!(
        "{{\"ownType\":2,\"type\":1,\"receiveId\":\"{}\",\"title\":\"\",\"content\":\"{:0100}\",\"item\":0,\"link\":\"\",\"itemType\":1}}",
        pair * 2 + 1,
        pair
    );
    format!(
        "POST /message/messageAdd HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nnewUserId: {}\r\ncontent-length: {}\r\n\r\n{body}",
        pair * 2 + 2,
        body.len()
    )
    .into_bytes()
}

/// Reads one whole answer; gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> [u8; 3] {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("an answer");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head]).expect("text");
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if filled >= head + 4 + length.expect("content-length") {
            return [buffer[9], buffer[10], buffer[11]];
        }
    }
}
