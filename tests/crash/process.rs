//! The real binary as a child process, and what a client can learn from an answer or from its absence.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use messagecenter_actors::fail_point;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::engine::Engine;
use crate::harness::{Who, nobody};

/// Longer than any start, answer or drain on a busy machine; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// The process has died, or refuses everything because it is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// What became of one request.
#[derive(Debug)]
pub enum Said {
    /// Done: the whole answer.
    Done(Value),
    /// Refused by the rules, with this code: nothing happened.
    Refused(i64),
    /// Nothing happened, and it may be tried again.
    Nothing,
    /// It may have happened.
    Unknown,
    /// The process is gone; `sent`: it may have happened before.
    Gone { sent: bool },
}

/// An answer that says what is so.
#[derive(Debug)]
pub enum Final {
    Done(Value),
    Refused(i64),
}

impl Final {
    /// The answer, which must be "done".
    #[track_caller]
    pub fn done(self) -> Value {
        match self {
            Self::Done(answer) => answer,
            Self::Refused(code) => panic!("refused with {code}"),
        }
    }
}

/// Another build than that of the tests, which has no fail points: a release, say.
pub fn other_program() -> Option<OsString> {
    std::env::var_os("PROGRAM").filter(|path| !path.is_empty())
}

/// Runs `messagecenter check` on the store in `folder`: how it ended and what it said.
pub async fn check(engine: &Engine, folder: &Path) -> (ExitStatus, String) {
    let program = other_program().unwrap_or_else(|| env!("CARGO_BIN_EXE_messagecenter").into());
    let checking =
        Command::new(program).arg("check").args(engine.arguments(folder)).current_dir(folder).output();
    let output = tokio::time::timeout(PATIENCE, checking).await.expect("it ends").expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&said).into_owned())
}

/// A running `messagecenter serve`; killed when dropped.
pub struct Process {
    child: Mutex<Child>,
    base: String,
    client: reqwest::Client,
    /// From the start of the program to the line that says it is ready.
    pub recovery: Duration,
    /// When the program was started, as the wall clock says.
    pub started_at: i64,
}

impl Process {
    /// Starts the program on the store in `folder` with fail points armed as `armed` says; the error is how it
    /// ended instead of becoming ready.
    pub async fn start(
        engine: &Engine,
        folder: &Path,
        settings: &[&str],
        armed: &str,
    ) -> Result<Self, ExitStatus> {
        let started = Instant::now();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let started_at = i64::try_from(since.as_millis()).expect("a time in range");
        let mut child =
            Command::new(other_program().unwrap_or_else(|| env!("CARGO_BIN_EXE_messagecenter").into()))
                .args(["serve", "--address", "127.0.0.1:0"])
                .args(engine.arguments(folder))
                .args(["--set", "log.level=error"])
                .args(settings.iter().flat_map(|setting| ["--set", setting]))
                .env(fail_point::VARIABLE, armed)
                .current_dir(folder)
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .kill_on_drop(true)
                .spawn()
                .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("ready in time");
        let Some(line) = line.expect("text") else {
            return Err(child.wait().await.expect("an end"));
        };
        let address = line.split("http://").nth(1).expect("an address in the ready line");
        let address = address.split([',', ' ']).next().expect("an address");
        let client = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        Ok(Self {
            child: Mutex::new(child),
            base: format!("http://{address}"),
            client,
            recovery: started.elapsed(),
            started_at,
        })
    }

    /// SIGKILL.
    pub fn kill(&self) {
        let _ = self.child.lock().expect("no panic").start_kill(); // it may just have died by itself
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let Some(id) = self.child.lock().expect("no panic").id() else { return };
        let _ = std::process::Command::new("kill").args(["-TERM", &id.to_string()]).status();
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().expect("no panic").try_wait().expect("a child")
    }

    /// Waits for its end at most so long.
    pub async fn ends_within(&self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= until {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits for an end that must come.
    pub async fn end(&self) -> ExitStatus {
        self.ends_within(PATIENCE).await.expect("the process ends")
    }

    /// `POST /message/{operation}`, once.
    pub async fn post(&self, who: &Who, operation: &str, body: &Value) -> Said {
        self.once("POST", &format!("/message/{operation}"), who, body).await
    }

    /// `POST` to any path by nobody in particular, once.
    pub async fn act(&self, path: &str, body: &Value) -> Said {
        self.once("POST", path, &nobody(), body).await
    }

    /// `POST /message/{operation}`, for what may be repeated as it is.
    pub async fn ask(&self, who: &Who, operation: &str, body: &Value) -> Result<Final, Gone> {
        self.until_known("POST", &format!("/message/{operation}"), who, body).await
    }

    /// `GET`; a refusal is an answer without data.
    pub async fn get(&self, path: &str) -> Result<Value, Gone> {
        match self.until_known("GET", path, &nobody(), &Value::Null).await? {
            Final::Done(answer) => Ok(answer),
            Final::Refused(code) => Ok(json!({ "error_code": code, "data": null })),
        }
    }

    /// `PUT`, which must be done.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Gone> {
        Ok(self.until_known("PUT", path, &nobody(), body).await?.done())
    }

    async fn until_known(&self, method: &str, path: &str, who: &Who, body: &Value) -> Result<Final, Gone> {
        loop {
            match self.once(method, path, who, body).await {
                Said::Done(answer) => return Ok(Final::Done(answer)),
                Said::Refused(code) => return Ok(Final::Refused(code)),
                Said::Gone { .. } => return Err(Gone),
                Said::Nothing | Said::Unknown => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn once(&self, method: &str, path: &str, who: &Who, body: &Value) -> Said {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.base)).headers(who.headers());
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer: Value = match request.send().await {
            Ok(response) => match response.json().await {
                Ok(answer) => answer,
                Err(_) => return Said::Gone { sent: true },
            },
            Err(error) if error.is_timeout() => panic!("{path}: no answer within {PATIENCE:?}"),
            Err(error) => return Said::Gone { sent: !error.is_connect() },
        };
        match answer["error_code"].as_i64().expect("an error code") {
            0 => Said::Done(answer),
            50305 => Said::Gone { sent: false },
            50302 | 50307..=50310 => Said::Unknown,
            42901 | 50301..=50399 => Said::Nothing,
            code => {
                assert!(code >= 40300, "{path}: {answer}");
                Said::Refused(code)
            }
        }
    }
}

/// Presence of an agent, as it says so itself.
pub fn online() -> Value {
    json!({ "presence": "online" })
}
