//! The server is killed, paused and slowed while clients write: a bounded wait, then 503; afterwards everything
//! that was acknowledged is there, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::server::{CLERK, PATIENT, Server};
use crate::disk::writer::{Told, content, history, send, send_until_done};
use crate::program::process::Program;

/// Answers come within `http.request_timeout_ms`, and a little more on a busy machine.
const BOUND: Duration = Duration::from_secs(6);

const WRITERS: u64 = 6;

struct Stage {
    folder: tempfile::TempDir,
    server: Server,
    program: Arc<Program>,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).await;
        let program = Arc::new(Self::start(&folder, &server).await);
        Self { folder, server, program }
    }

    async fn start(folder: &tempfile::TempDir, server: &Server) -> Program {
        let url = server.url();
        let mut arguments = vec!["--storage", &url];
        arguments.extend(CLERK);
        arguments.extend(PATIENT);
        Program::start(folder.path(), &arguments).await
    }

    /// Writers send by key until each message is acknowledged, while `outage` happens; then each finds exactly
    /// what it was told, also after a restart of the service.
    async fn under(self, outage: impl AsyncFnOnce(&Server)) {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (program, stop) = (Arc::clone(&self.program), Arc::clone(&stop));
                tokio::spawn(async move {
                    let (mut told, mut failures) = (Told::new(), BTreeMap::<i64, u32>::new());
                    for n in 0.. {
                        if stop.load(std::sync::atomic::Ordering::Relaxed) && n >= 5 {
                            break;
                        }
                        let content = content(number, n);
                        let (seq, failed) = send_until_done(&program, number, &content).await;
                        assert_eq!(told.insert(seq, content), None, "a seq is told once");
                        for code in failed {
                            *failures.entry(code).or_default() += 1;
                        }
                    }
                    (number, told, failures)
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        outage(&self.server).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut told = BTreeMap::new();
        for writer in writers {
            let (number, all, failures) = tokio::time::timeout(Duration::from_secs(120), writer)
                .await
                .expect("it recovers by itself")
                .unwrap();
            println!("writer {number}: {} acknowledged, failures {failures:?}", all.len());
            told.insert(number, all);
        }
        for (number, told) in &told {
            assert_eq!(history(&self.program, *number).await.as_ref(), Ok(told));
        }
        Arc::into_inner(self.program).unwrap().killed().await;
        let again = Self::start(&self.folder, &self.server).await;
        for (number, told) in &told {
            assert_eq!(history(&again, *number).await.as_ref(), Ok(told));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn a_paused_server_is_waited_for_no_longer_than_the_bound_and_used_again_when_it_goes_on() {
    let stage = Stage::set().await;
    assert_eq!(send(&stage.program, 50, &content(50, 0)).await, Ok(1));
    stage.server.pause();
    for n in 1..4 {
        let began = Instant::now();
        let (status, code) = send(&stage.program, 50, &content(50, n)).await.unwrap_err();
        assert!(
            status == 503 && code / 100 == 503 && began.elapsed() < BOUND,
            "{code} {:?}",
            began.elapsed()
        );
    }
    let began = Instant::now();
    while stage.program.get("/readyz").await.0 != 503 {
        assert!(began.elapsed() < BOUND, "readiness says so");
    }
    stage.server.resume();
    stage
        .under(async |server| {
            for millis in [300, 2_500, 7_000] {
                server.pause();
                tokio::time::sleep(Duration::from_millis(millis)).await;
                server.resume();
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn a_killed_server_that_comes_back_is_used_again_and_nothing_is_lost_or_doubled() {
    let outage = async |server: &Server| {
        for millis in [0, 1_000, 4_000] {
            server.kill();
            tokio::time::sleep(Duration::from_millis(millis)).await;
            server.restart().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    Stage::set().await.under(outage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn a_slow_server_loses_and_doubles_nothing() {
    Stage::set().await.under(async |server| server.slow(Duration::from_secs(8)).await).await;
}
