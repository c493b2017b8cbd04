//! Asks the admin listener: one request, one connection. Enough for a page a second, and no further dependency.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Asked {
    /// Nobody is there, or it broke off.
    #[error("the admin listener at {address} does not answer: {why}")]
    NoAnswer {
        /// Where.
        address: String,
        /// Why.
        why: String,
    },
    /// It said no.
    #[error("the admin listener at {address} says no: {why}")]
    Refused {
        /// Where.
        address: String,
        /// What it said.
        why: String,
    },
}

/// A way to one admin listener.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
    token: String,
}

impl Client {
    /// To `host:port`, with a token.
    pub fn new(address: &str, token: &str) -> Self {
        Self { address: address.to_owned(), token: token.to_owned() }
    }

    /// The envelope at a path.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub async fn get(&self, path: &str) -> Result<Value, Asked> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).map_err(|error| self.no_answer(&error))
    }

    /// The text at a path.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub async fn text(&self, path: &str) -> Result<String, Asked> {
        let asked = timeout(PATIENCE, self.ask(path)).await;
        let answer = asked
            .map_err(|_| self.no_answer(&"it takes too long"))?
            .map_err(|error| self.no_answer(&error))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| self.no_answer(&"no HTTP"))?;
        if head.split(' ').nth(1) == Some("200") {
            return Ok(body.to_owned());
        }
        let said: Option<Value> = serde_json::from_str(body).ok();
        let said = said.and_then(|said| said.get("error_msg")?.as_str().map(str::to_owned));
        let why = said.unwrap_or_else(|| head.lines().next().unwrap_or_default().to_owned());
        Err(Asked::Refused { address: self.address.clone(), why })
    }

    async fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let (address, token) = (&self.address, &self.token);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn no_answer(&self, why: &dyn std::fmt::Display) -> Asked {
        Asked::NoAnswer { address: self.address.clone(), why: why.to_string() }
    }
}
