//! HTTP as the load generator speaks it: requests are bytes made beforehand, an answer is found in the bytes
//! received without building anything from it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tokio::io::AsyncReadExt as _;

/// How every answer of the service that is no refusal begins.
const DONE: &[u8] = b"{\"error_code\":0,";

/// Large enough for most answers to arrive in one read.
pub const USUAL_BYTES: usize = 32 * 1024;

/// Where a whole answer lies in the bytes received.
#[derive(Clone, Copy)]
pub struct Answer {
    /// Where its body begins.
    pub body: usize,
    /// Where it ends.
    pub end: usize,
}

/// The answer, once all of it is there.
pub fn complete(received: &[u8]) -> Option<Answer> {
    let head = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let body = head + 4;
    let end = body + content_length(&received[..head]);
    (received.len() >= end).then_some(Answer { body, end })
}

/// actix-web writes header names in lower case and always says the length of a body it has.
fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length: ";
    let at = head.windows(NAME.len()).position(|window| window == NAME).expect("content-length");
    let digits = head[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

/// A refused request costs less than a done one and would flatter the figures.
pub fn assert_done(received: &[u8], answer: Answer) {
    let done = received[9..12] == *b"200" && received[answer.body..answer.end].starts_with(DONE);
    assert!(done, "not done: {}", String::from_utf8_lossy(&received[..answer.end]));
}

/// A connection that blocks: for what is not timed, and for the open loop, which has a thread for each.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self { stream: connect(address), received: vec![0; USUAL_BYTES] }
    }

    /// Sends a request and waits for its answer; gives its body.
    pub fn ask(&mut self, request: &[u8]) -> &[u8] {
        let answer = self.exchange(request);
        assert_done(&self.received, answer);
        &self.received[answer.body..answer.end]
    }

    /// The same for what answers no envelope.
    pub fn ask_plain(&mut self, request: &[u8]) -> String {
        let answer = self.exchange(request);
        String::from_utf8_lossy(&self.received[answer.body..answer.end]).into_owned()
    }

    /// The same, taken apart.
    pub fn ask_json(&mut self, request: &[u8]) -> Value {
        serde_json::from_slice(self.ask(request)).expect("JSON")
    }

    fn exchange(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).expect("sent");
        let mut filled = 0;
        loop {
            if filled == self.received.len() {
                self.received.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.received[filled..]).expect("an answer");
            assert!(read > 0, "the server closed the connection");
            filled += read;
            if let Some(answer) = complete(&self.received[..filled]) {
                return answer;
            }
        }
    }
}

/// Receives one answer into `received`, which grows as it must.
pub async fn receive(stream: &mut tokio::net::TcpStream, received: &mut Vec<u8>) -> Answer {
    let mut filled = 0;
    loop {
        if filled == received.len() {
            received.resize(filled * 2, 0);
        }
        let read = stream.read(&mut received[filled..]).await.expect("an answer");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        if let Some(answer) = complete(&received[..filled]) {
            return answer;
        }
    }
}

/// A connection that sends at once what it is given.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream
}
