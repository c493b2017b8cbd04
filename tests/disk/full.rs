//! A full disk, a disk that may only be read, a disk that fails to sync: clear 503s, nothing lost, and service as
//! soon as the disk is well, without anybody's help.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::calls::{acknowledged_or_installed, calls};
use super::synced::{CALLS, may_trace, whole};
use super::writer::{Told, all_write, content, history, lost, send, send_until_done};
use crate::program::process::{Program, run_to_end};

/// Longer than it takes to notice, or to recover, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Small memtables and frequent checkpoints, so that RocksDB also writes tables on the full disk.
const BUSY: [&str; 4] = ["--set", "storage.memtable_bytes=1048576", "--set", "checkpoint.interval_ms=200"];

/// A file system of its own, in memory; unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, and says so, where mounting is not permitted.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={size}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mount {
            Ok(done) if done.status.success() => Some(Self(folder)),
            refused => {
                eprintln!(
                    "SKIPPED: mounting is not permitted here, so nothing is shown of this disk: {refused:?}"
                );
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn url(&self) -> String {
        format!("rocksdb://{}", self.path().join("store").display())
    }

    fn remount(&self, how: &str) {
        let remount = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &remount]).arg(self.path()).status().unwrap().success());
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        use std::io::Write;
        let mut filler = std::fs::File::create(self.path().join("filler")).unwrap();
        while filler.write(&[1; 4_096]).is_ok_and(|written| written > 0) {}
    }

    fn make_space(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status(); // the folder stays then
    }
}

async fn ready_says(program: &Program, status: u16) -> Duration {
    let began = Instant::now();
    while program.get("/readyz").await.0 != status {
        assert!(began.elapsed() < PATIENCE, "readiness does not become {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_forgotten_as_soon_as_there_is_space() {
    let Some(disk) = Disk::mount("64m") else { return };
    let url = disk.url();
    let mut arguments = vec!["--storage", &url];
    arguments.extend(BUSY);
    let program = Arc::new(Program::start(disk.path(), &arguments).await);
    let mut told = all_write(&program, 4, 5).await;
    for round in 0..2 {
        disk.fill();
        // What fits into the log's last page may still be acknowledged.
        let mut refusals = BTreeMap::<i64, u32>::new();
        let began = Instant::now();
        let large = "x".repeat(100_000);
        let mut n = 0;
        while refusals.values().sum::<u32>() < 10 {
            assert!(began.elapsed() < PATIENCE, "{refusals:?}");
            let content = format!("{} {large}", content(9, round * 1_000 + n));
            match send(&program, 9, &content).await {
                Ok(seq) => drop(told.entry(9).or_default().insert(seq, content)),
                Err((status, code)) => {
                    assert!(status == 503 && code / 100 == 503, "{status} {code}");
                    *refusals.entry(code).or_default() += 1;
                }
            }
            n += 1;
        }
        ready_says(&program, 503).await;
        let (_, body) = program.get("/readyz").await;
        assert!(body.contains("storage does not commit"), "{body}");
        disk.make_space();
        let recovered = ready_says(&program, 200).await;
        println!("refused with {refusals:?}; ready {recovered:?} after there was space");
        let content = content(8, round);
        let (seq, _) = send_until_done(&program, 8, &content).await;
        told.entry(8).or_default().insert(seq, content);
        assert_eq!(lost(&program, &told).await, Vec::<String>::new());
    }
    Arc::into_inner(program).unwrap().killed().await;
    let again = Program::start(disk.path(), &arguments).await;
    for number in told.keys() {
        history(&again, *number).await.unwrap();
    }
    assert_eq!(lost(&again, &told).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_may_only_be_read_is_refused_by_name_and_its_store_is_whole_afterwards() {
    let Some(disk) = Disk::mount("64m") else { return };
    let url = disk.url();
    let program = Arc::new(Program::start(disk.path(), &["--storage", &url]).await);
    let told = all_write(&program, 2, 5).await;
    Arc::into_inner(program).unwrap().killed().await;
    disk.remount("ro");
    let elsewhere = tempfile::tempdir().unwrap();
    let refused =
        run_to_end(elsewhere.path(), &["serve", "--address", "127.0.0.1:0", "--storage", &url]).await;
    disk.remount("rw");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    let last = said.lines().last().unwrap();
    let store = disk.path().join("store").display().to_string();
    assert!(last.contains(&store) && last.contains("Read-only file system"), "{said}");
    let program = Program::start(disk.path(), &["--storage", &url]).await;
    assert_eq!(lost(&program, &told).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_synced_is_not_acknowledged_although_it_can_be_read() {
    if !may_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let url = format!("rocksdb://{}", folder.path().join("store").display());
    // Each thread's 30th to 34th sync fails; the engine's next incarnation counts anew.
    let mut command = tokio::process::Command::new("strace");
    command.args(["-D", "-f", "-yy", "-s", "1000000", "-e", CALLS, "-e", "signal=none"]);
    command.args(["-e", "inject=fdatasync:error=EIO:when=30..34", "-o"]);
    command.arg(&trace).arg(env!("CARGO_BIN_EXE_messagecenter"));
    let program = Arc::new(Program::start_by(command, folder.path(), &["--storage", &url]).await);
    let writing: Vec<_> = (0..4)
        .map(|number| {
            let program = Arc::clone(&program);
            tokio::spawn(async move {
                let mut told = Told::new();
                for n in 0..15 {
                    let content = content(number, n);
                    let (seq, _) = send_until_done(&program, number, &content).await;
                    assert_eq!(told.insert(seq, content), None, "a seq is told once");
                }
                (number, told)
            })
        })
        .collect();
    let mut told = BTreeMap::new();
    for writer in writing {
        let (number, all) = writer.await.unwrap();
        told.insert(number, all);
    }
    for (number, told) in &told {
        assert_eq!(history(&program, *number).await.as_ref(), Ok(told), "nothing else is there");
    }
    let program = Arc::into_inner(program).unwrap();
    program.terminate();
    program.ended().await;
    let trace = whole(&trace).await;
    assert!(trace.contains("(INJECTED)"), "no sync failed");
    let unsynced: Vec<_> =
        acknowledged_or_installed(&calls(&trace)).into_iter().filter(|one| !one.synced).collect();
    assert!(unsynced.is_empty(), "{unsynced:?}");
}
