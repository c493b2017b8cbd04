//! The real program as a child process: started, asked over HTTP, ended.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Longer than any start or drain on a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// A service that said it was ready. Killed when dropped.
pub struct Program {
    child: tokio::process::Child,
    /// The line it said it was ready with.
    pub ready_line: String,
    /// `http://address:port`.
    pub base: String,
    pub client: reqwest::Client,
}

impl Program {
    /// Starts `messagecenter serve` in `folder` on a free port and waits until it is ready.
    pub async fn start(folder: &Path, arguments: &[&str]) -> Self {
        let command = tokio::process::Command::new(env!("CARGO_BIN_EXE_messagecenter"));
        Self::start_by(command, folder, arguments).await
    }

    /// The same by a command that ends with the program, such as one that traces it.
    pub async fn start_by(command: tokio::process::Command, folder: &Path, arguments: &[&str]) -> Self {
        Self::attempt(command, folder, arguments).await.expect("one line on standard output")
    }

    /// The same, or how it ended instead of becoming ready.
    pub async fn attempt(
        mut command: tokio::process::Command,
        folder: &Path,
        arguments: &[&str],
    ) -> Result<Self, Option<i32>> {
        let mut child = command
            .args(["serve", "--address", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("ready in time").unwrap();
        let Some(ready_line) = line else {
            return Err(child.wait().await.unwrap().code());
        };
        let base = ready_line
            .split_whitespace()
            .find_map(|word| word.strip_suffix(',').filter(|word| word.starts_with("http://")))
            .unwrap_or_else(|| panic!("an address in {ready_line:?}"))
            .to_owned();
        Ok(Self { child, ready_line, base, client: reqwest::Client::new() })
    }

    /// Posts JSON with headers and gives the status and the envelope.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let mut request = self.client.post(format!("{}{path}", self.base)).body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Gets a path: the status and the text.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends SIGTERM, as an operator or an orchestrator does.
    pub fn terminate(&self) {
        let id = self.child.id().expect("still running").to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// kill -9, and waits until it is gone.
    pub async fn killed(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for the end and gives the exit code.
    pub async fn ended(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("ends in time").unwrap().code()
    }
}

/// Runs the program to its end in `folder`; it must end by itself.
pub async fn run_to_end(folder: &Path, arguments: &[&str]) -> Output {
    let folder: PathBuf = folder.to_owned();
    let child: Child = Command::new(env!("CARGO_BIN_EXE_messagecenter"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    tokio::time::timeout(PATIENCE, waiting).await.expect("ends by itself").unwrap()
}
