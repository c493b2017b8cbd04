//! Requests as bytes on a connection: what no well-behaved client would send.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::App;

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The head as it came, in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// The body's envelope; all four keys in their order.
    #[track_caller]
    pub fn envelope(&self) -> Value {
        let keys = ["{\"error_code\":", ",\"error_msg\":", ",\"data\":", ",\"count\":"];
        let places: Vec<Option<usize>> = keys.iter().map(|key| self.body.find(key)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "four keys in order: {self:?}");
        assert!(self.head.contains("content-type: application/json; charset=utf-8"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn code(&self) -> i64 {
        self.envelope()["error_code"].as_i64().expect("a number")
    }

    #[track_caller]
    pub fn text(&self) -> String {
        self.envelope()["error_msg"].as_str().expect("a text").to_owned()
    }
}

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.base.trim_start_matches("http://")).await.expect("a connection")
}

/// Sends these bytes and reads until the server closes: the head must say `Connection: close`.
pub async fn send(app: &App, bytes: &[u8]) -> Answer {
    let mut connection = connect(app).await;
    let (mut reading, mut writing) = connection.split();
    let mut received = Vec::new();
    let writes = async { writing.write_all(bytes).await }; // the server may answer before it has read all
    let (_, read) = tokio::join!(writes, reading.read_to_end(&mut received));
    assert!(read.is_ok() || !received.is_empty(), "no answer: {read:?}");
    Answer::of(&received)
}

/// A request with these header lines; the length is added.
pub async fn request(app: &App, line: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut head =
        format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    send(app, &[head.as_bytes(), body].concat()).await
}

/// `POST /message/{operation}`.
pub async fn post(app: &App, operation: &str, headers: &[&str], body: &[u8]) -> Answer {
    request(app, &format!("POST /message/{operation}"), headers, body).await
}

/// Sends the beginning, and the rest after so long.
pub async fn slowly(app: &App, beginning: &str, pause: Duration, rest: &str) -> Answer {
    let mut connection = connect(app).await;
    connection.write_all(beginning.as_bytes()).await.expect("sent");
    tokio::time::sleep(pause).await;
    connection.write_all(rest.as_bytes()).await.expect("sent");
    let mut received = Vec::new();
    connection.read_to_end(&mut received).await.expect("an answer");
    Answer::of(&received)
}
