//! How a body may come: in pieces, packed, without a type, too large, or not at all.

use crate::harness::App;
use crate::reading::wire::{post, request, send};

const USER: &str = "newUserId: 1001";
const LIMIT: usize = 1 << 20;

fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let head = "POST /message/messageCount HTTP/1.1\r\nHost: x\r\nConnection: close\r\nnewUserId: 1001\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let mut bytes = head.as_bytes().to_vec();
    for chunk in chunks {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

#[tokio::test]
async fn a_chunked_body_is_read_whole() {
    let app = App::start().await;
    let answer = send(&app, &chunked(&[b"{\"user", b"Type\"", b":2}"])).await;
    assert_eq!((answer.status, answer.code()), (200, 0), "{answer:?}");
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let app = App::start().await;
    for kind in ["X-None: 1", "Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded"] {
        assert_eq!(post(&app, "messageCount", &[USER, kind], br#"{"userType":2}"#).await.code(), 0, "{kind}");
    }
}

#[tokio::test]
async fn query_parameters_fill_nothing() {
    let app = App::start().await;
    let answer = request(&app, "POST /message/messageCount?userType=2&newUserId=1", &[USER], b"{}").await;
    assert_eq!(answer.text(), "field \"userType\" is not set");
}

#[tokio::test]
async fn broken_utf8_is_read_and_answered() {
    let app = App::start().await;
    let body = b"{\"userType\":2,\"\xff\xfe\":\"\xc3\x28\",\"x\":\"\\ud800\"}";
    assert_eq!(post(&app, "messageCount", &[USER], body).await.code(), 0);
    let answer = post(&app, "messageCount", &["newUserId: \u{4e00}"], b"{}").await;
    assert_eq!((answer.status, answer.code()), (400, 40008), "{answer:?}");
}

#[tokio::test]
async fn a_deep_body_is_read() {
    let app = App::start().await;
    let deep = format!("{{\"userType\":2,\"x\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(post(&app, "messageCount", &[USER], deep.as_bytes()).await.code(), 0);
    let cut = "[{\"a\":".repeat(100_000);
    assert_eq!(post(&app, "messageCount", &[USER], cut.as_bytes()).await.code(), 40000);
}

#[tokio::test]
async fn gzip_is_understood_and_other_encodings_are_named() {
    let app = App::start().await;
    let packed = include_bytes!("small.gz");
    let answer = post(&app, "messageCount", &[USER, "Content-Encoding: gzip"], packed).await;
    assert_eq!((answer.status, answer.code()), (200, 0), "{answer:?}");
    let half = &packed[..packed.len() / 2];
    for (encoding, body) in
        [("gzip", b"no gzip" as &[u8]), ("gzip", half), ("br", packed), ("gzip, gzip", packed)]
    {
        let answer =
            post(&app, "messageCount", &[USER, &format!("Content-Encoding: {encoding}")], body).await;
        assert_eq!((answer.status, answer.code()), (400, 40012), "{encoding}: {answer:?}");
    }
    let plain = post(&app, "messageCount", &[USER, "Content-Encoding: identity"], br#"{"userType":2}"#).await;
    assert_eq!(plain.code(), 0);
}

fn body_of(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"userType":2,"x":""#.to_vec();
    body.resize(bytes - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_read_and_a_larger_one_is_413_however_it_comes() {
    let app = App::start().await;
    assert_eq!(post(&app, "messageCount", &[USER], &body_of(LIMIT)).await.code(), 0);
    let large = body_of(LIMIT + 1);
    let halves: Vec<&[u8]> = large.chunks(LIMIT / 2).collect();
    let bomb = include_bytes!("bomb.gz");
    let answers = [
        post(&app, "messageCount", &[USER], &large).await,
        post(&app, "messageCount", &[USER], &body_of(9 * LIMIT)).await,
        send(&app, &chunked(&halves)).await,
        post(&app, "messageCount", &[USER, "Content-Encoding: gzip"], bomb).await,
    ];
    for answer in answers {
        let short: String = answer.body.chars().take(200).collect();
        assert_eq!((answer.status, answer.code()), (413, 41300), "{short}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_the_clients_mistake() {
    let app = App::start_with(|settings| settings.http.request_timeout_ms = 100).await;
    let head = "POST /message/messageCount HTTP/1.1\r\nHost: x\r\nConnection: close\r\nnewUserId: 1\r\n\
                Content-Length: 100\r\n\r\n{\"user";
    let answer = send(&app, head.as_bytes()).await;
    assert_eq!((answer.status, answer.code()), (400, 40013), "{answer:?}");
}
