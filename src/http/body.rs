//! A request's body: whole, unpacked, and never larger than the limit.
//!
//! Guarantees: at most the limit and one unpacked piece is held, however much a packed body would become. A
//! body that is refused is still read for a while, so that its sender sees the answer and not a broken
//! connection.

use actix_web::HttpRequest;
use actix_web::dev::Decompress;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, ContentEncoding};
use actix_web::web::{Bytes, Payload};
use futures::{Stream, StreamExt, stream};

use super::errors::{BAD_ENCODING, BODY_INCOMPLETE, BODY_TOO_LARGE, Problem};

/// Packed bytes unpacked at a time. Deflate packs at most 1032 : 1, so a piece becomes at most about 1 MiB; and
/// pieces below 2 KiB are unpacked in place instead of on another thread.
const PIECE_BYTES: usize = 1024;

/// How much of a refused body is read and thrown away. A client that sends more sees its connection close.
const DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// Reads the body.
///
/// # Errors
/// Larger than `limit`, an unknown or broken encoding, or a body that breaks off.
pub async fn read(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let outcome = read_all(request, payload, limit).await;
    if outcome.is_err() {
        discard(payload).await;
    }
    outcome
}

async fn read_all(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    if announced(request) > limit as u64 {
        return Err(too_large(limit));
    }
    if !is_packed(request)? {
        return gather(payload, limit).await;
    }
    let pieces = payload.flat_map(|chunk| stream::iter(pieces(chunk)));
    gather(&mut Decompress::new(Box::pin(pieces), ContentEncoding::Gzip), limit).await
}

fn announced(request: &HttpRequest) -> u64 {
    let header = request.headers().get(CONTENT_LENGTH);
    header.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

fn is_packed(request: &HttpRequest) -> Result<bool, Problem> {
    let mut encodings = request.headers().get_all(CONTENT_ENCODING);
    let Some(encoding) = encodings.next() else { return Ok(false) };
    let encoding = encoding.to_str().unwrap_or("?").trim().to_ascii_lowercase();
    match (encoding.as_str(), encodings.next()) {
        ("" | "identity", None) => Ok(false),
        ("gzip" | "x-gzip", None) => Ok(true),
        _ => Err(Problem::saying(
            &BAD_ENCODING,
            "header \"Content-Encoding\" must be gzip or identity".to_owned(),
        )),
    }
}

fn pieces(chunk: Result<Bytes, PayloadError>) -> Vec<Result<Bytes, PayloadError>> {
    let mut chunk = match chunk {
        Ok(chunk) => chunk,
        Err(error) => return vec![Err(error)],
    };
    let mut pieces = Vec::with_capacity(chunk.len() / PIECE_BYTES + 1);
    while !chunk.is_empty() {
        pieces.push(Ok(chunk.split_to(chunk.len().min(PIECE_BYTES))));
    }
    pieces
}

async fn gather<S>(chunks: &mut S, limit: usize) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let first = match chunks.next().await {
        Some(chunk) => chunk.map_err(broken)?,
        None => return Ok(Bytes::new()),
    };
    if first.len() > limit {
        return Err(too_large(limit));
    }
    let Some(second) = chunks.next().await else { return Ok(first) }; // most bodies: nothing is copied
    let mut whole = Vec::with_capacity(first.len() * 2);
    whole.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(broken)?;
        if whole.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&chunk);
        next = chunks.next().await;
    }
    Ok(Bytes::from(whole))
}

async fn discard(payload: &mut Payload) {
    let mut left = DISCARDED_BYTES;
    while let Some(Ok(chunk)) = payload.next().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::saying(&BODY_TOO_LARGE, format!("the body is larger than {limit} bytes"))
}

fn broken(error: PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::plain(&BODY_TOO_LARGE),
        // An error with a cause comes from unpacking; a body that breaks off has none.
        PayloadError::EncodingCorrupted | PayloadError::Io(_) | PayloadError::Incomplete(Some(_)) => {
            Problem::plain(&BAD_ENCODING)
        }
        _ => Problem::plain(&BODY_INCOMPLETE),
    }
}
