//! The real binary as a child process, and the contract spoken to it.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Who, text, user};

/// A running `messagecenter serve`; killed when dropped.
pub struct Process {
    child: std::sync::Mutex<Child>,
    base: String,
    client: reqwest::Client,
}

/// Where an acknowledged message was told to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub message: String,
    pub seq: i64,
}

impl Process {
    /// Starts on `store` with these settings and waits for the line that says it is ready.
    pub async fn start(store: &Path, settings: &[&str]) -> Self {
        let url = format!("rocksdb://{}?sync=every", store.join("store").display());
        let mut child = Command::new(env!("CARGO_BIN_EXE_messagecenter"))
            .args(["serve", "--address", "127.0.0.1:0", "--storage", &url])
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .current_dir(store)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let output = child.stdout.take().expect("its output");
        let line = BufReader::new(output).lines().next_line().await.expect("a line").expect("the ready line");
        let address = line.split("http://").nth(1).expect("an address in the ready line");
        let address = address.split([',', ' ']).next().expect("an address");
        let base = format!("http://{address}");
        Self { child: std::sync::Mutex::new(child), base, client: reqwest::Client::new() }
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.child.lock().expect("no panic").start_kill().expect("a running process");
    }

    /// `POST /message/{operation}`; `None` once the process is gone.
    pub async fn post(&self, who: &Who, operation: &str, body: Value) -> Option<Value> {
        let request = self.client.post(format!("{}/message/{operation}", self.base));
        let response = request.headers(who.headers()).body(body.to_string()).send().await.ok()?;
        response.json().await.ok()
    }

    /// Any method on any path; must be answered.
    pub async fn send(&self, method: &str, path: &str, body: Value) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["error_code"], 0, "{path}: {answer}");
        answer
    }

    /// Sends `content` in conversation `pair`, keyed by its content; `None` once the process is gone.
    pub async fn say(&self, pair: i64, content: &str) -> Option<Told> {
        let (from, to) = (1_000 + pair, (2_000 + pair).to_string());
        let reply = self.post(&user(from).key(content), "messageAdd", text(2, 1, &to, content)).await?;
        assert_eq!(reply["error_code"], 0, "{reply}");
        let message = reply["data"]["messageId"].as_str()?.to_owned();
        Some(Told { message, seq: reply["data"]["seq"].as_i64()? })
    }

    /// The whole history of conversation `pair`, oldest first, as its receiver sees it.
    pub async fn history(&self, pair: i64) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let last = rows.last().map_or(Value::from(""), |row| row["messageId"].clone());
            let body = json!({
                "msgType": 1, "userType": 2, "sendId": (1_000 + pair).to_string(), "pageSize": 100,
                "sort": "asc", "lastId": last,
            });
            let page = self.post(&user(2_000 + pair), "findMessage", body).await.expect("an answer");
            let page = page["data"].as_array().cloned().expect("rows");
            if page.is_empty() {
                return rows;
            }
            rows.extend(page);
        }
    }
}
