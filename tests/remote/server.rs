//! A SurrealDB server as a child process, on a port of its own, that can be killed, paused, slowed and started
//! again on the same data.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Longer than any start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// An unoptimised server on a busy machine takes its time to sign somebody in.
pub const PATIENT: [&str; 2] = ["--set", "storage.connect_timeout_ms=180000"];

/// A user of the one database, with the role EDITOR and nothing else.
pub const CLERK: [&str; 6] = [
    "--set",
    "storage.auth_level=database",
    "--set",
    "storage.username=clerk",
    "--set",
    "storage.password=secret",
];

/// A running server; killed when dropped.
pub struct Server {
    program: PathBuf,
    path: String,
    port: u16,
    /// Certificate and key, for wss.
    tls: Option<(PathBuf, PathBuf)>,
    child: Mutex<Child>,
}

impl Server {
    /// Starts a server with its data in `folder`, in a RocksDB that syncs every commit, with a namespace and a
    /// database `main` and the user of [`CLERK`].
    pub async fn start(folder: &Path) -> Self {
        Self::start_on(format!("rocksdb://{}?sync=every", folder.join("surreal").display()), None).await
    }

    /// The same on any engine, with TLS if there are a certificate and a key.
    pub async fn start_on(path: String, tls: Option<(PathBuf, PathBuf)>) -> Self {
        let program = std::env::var_os("SURREAL_SERVER").filter(|path| !path.is_empty());
        let program =
            PathBuf::from(program.expect("SURREAL_SERVER names the server: use `make test-remote`"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Mutex::new(Self::spawn(&program, &path, port, tls.as_ref()));
        let server = Self { program, path, port, tls, child };
        server.until_it_answers().await;
        if server.tls.is_none() {
            let define = "DEFINE NAMESPACE IF NOT EXISTS main; USE NS main; DEFINE DATABASE IF NOT EXISTS main; \
                          USE DB main; DEFINE USER IF NOT EXISTS clerk ON DATABASE PASSWORD 'secret' ROLES EDITOR; \
                          DEFINE USER IF NOT EXISTS guest ON DATABASE PASSWORD 'secret' ROLES VIEWER; \
                          DEFINE USER IF NOT EXISTS head ON NAMESPACE PASSWORD 'secret' ROLES EDITOR;";
            server.sql(define).await;
        }
        server
    }

    fn spawn(program: &Path, path: &str, port: u16, tls: Option<&(PathBuf, PathBuf)>) -> Child {
        let mut command = Command::new(program);
        command.args(["start", "--no-banner", "--log", "none", "--user", "root", "--pass", "root"]);
        // For tests/remote/surrealkv.rs: small memtables are full often. RocksDB has settings of its own.
        command.env("SURREAL_SURREALKV_MAX_MEMTABLE_SIZE", "1048576");
        command.args(["--bind", &format!("127.0.0.1:{port}")]);
        if let Some((certificate, key)) = tls {
            command.arg("--web-crt").arg(certificate).arg("--web-key").arg(key);
        }
        command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the server starts")
    }

    async fn until_it_answers(&self) {
        let began = Instant::now();
        loop {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                break;
            }
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "the server does not answer: {ended:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if self.tls.is_none() {
            self.sql("RETURN 1;").await; // it listens before it serves
        }
    }

    /// Runs a text as the root user, past the service; gives the server's answer.
    pub async fn sql(&self, text: &str) -> String {
        let began = Instant::now();
        let client = reqwest::Client::new();
        loop {
            let request = client
                .post(format!("http://127.0.0.1:{}/sql", self.port))
                .basic_auth("root", Some("root"))
                .header("Accept", "application/json")
                .body(text.to_owned());
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    let answer = answer.text().await.unwrap();
                    assert!(!answer.contains("\"ERR\""), "{answer}");
                    return answer;
                }
                other => assert!(began.elapsed() < PATIENCE, "{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// `ws://…` or `wss://…`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// kill -9; its data stay.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill(); // it may have ended
        child.wait().unwrap();
    }

    /// Starts it again on the same port and data.
    pub async fn restart(&self) {
        *self.child.lock().unwrap() = Self::spawn(&self.program, &self.path, self.port, self.tls.as_ref());
        self.until_it_answers().await;
    }

    fn signal(&self, signal: &str) {
        let id = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// It does nothing any more, while its connections stay.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// It works only a tenth of the time, for so long.
    pub async fn slow(&self, how_long: Duration) {
        let until = Instant::now() + how_long;
        while Instant::now() < until {
            self.pause();
            tokio::time::sleep(Duration::from_millis(90)).await;
            self.resume();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
