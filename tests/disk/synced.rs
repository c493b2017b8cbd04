//! Under strace: between reading a write request and writing its answer, the log with its record was synced.

use std::path::Path;
use std::sync::Arc;

use super::calls::{Acknowledged, acknowledged, calls};
use super::writer::{all_write, one_of_each};
use crate::program::process::Program;

/// Writers at once, and what each sends.
const WRITERS: u64 = 12;
const EACH: usize = 12;

/// Nothing is written but what requests ask for, so that no other sync is taken for theirs.
const QUIET: [&str; 4] =
    ["--set", "checkpoint.interval_ms=3600000", "--set", "passivation.idle_after_ms=3600000"];

pub const CALLS: &str =
    "trace=read,recvfrom,recvmsg,write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,sync_file_range";

/// Whether this process may trace another one; says so if not.
pub fn may_trace() -> bool {
    let probe = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let probe = probe.expect("strace is installed: `make test` does so (.ci/tools test)");
    if !probe.status.success() {
        let said = String::from_utf8_lossy(&probe.stderr);
        eprintln!("SKIPPED: ptrace is not permitted here, so nothing is shown about fsync: {said}");
    }
    probe.status.success()
}

/// Starts the program under strace, lets `work` be done, ends it, and gives what was acknowledged.
async fn traced(sync: &str, work: impl AsyncFnOnce(&Arc<Program>) -> usize) -> (Vec<Acknowledged>, String) {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let url = format!("rocksdb://{}?sync={sync}", folder.path().join("store").display());
    // -D: the program stays this process's own child.
    let mut command = tokio::process::Command::new("strace");
    command.args(["-D", "-f", "-yy", "-s", "1000000", "-e", CALLS, "-e", "signal=none", "-o"]);
    command.arg(&trace).arg(env!("CARGO_BIN_EXE_messagecenter"));
    let mut arguments = vec!["--storage", &url];
    arguments.extend(QUIET);
    let program = Arc::new(Program::start_by(command, folder.path(), &arguments).await);
    let asked = work(&program).await;
    let program = Arc::into_inner(program).unwrap();
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    let trace = whole(&trace).await;
    let found = acknowledged(&calls(&trace));
    assert_eq!(found.len(), asked, "every acknowledgement is in the trace");
    (found, trace)
}

/// The trace, once strace has written that the program has ended.
pub async fn whole(path: &Path) -> String {
    loop {
        let trace = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        if trace.trim_end().ends_with("+++ exited with 0 +++") {
            return trace;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn unsynced(found: &[Acknowledged]) -> Vec<&str> {
    found.iter().filter(|one| !one.synced).map(|one| one.what.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledgement_of_many_writers_follows_a_sync_of_its_own_record() {
    if !may_trace() {
        return;
    }
    let all = WRITERS as usize * EACH;
    let work = async |program: &Arc<Program>| {
        all_write(program, WRITERS, EACH).await;
        all
    };
    let (found, trace) = traced("every", work).await;
    assert_eq!(unsynced(&found), Vec::<&str>::new());
    // The same trace without its syncs: the question can be answered with no.
    let without: String = trace
        .lines()
        .filter(|line| !line.contains("fdatasync") && !line.contains("fsync"))
        .fold(String::with_capacity(trace.len()), |text, line| text + line + "\n");
    assert_eq!(unsynced(&acknowledged(&calls(&without))).len(), all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sort_of_write_is_synced_before_it_is_acknowledged() {
    if !may_trace() {
        return;
    }
    let mut left_out = Vec::new();
    let (found, _) = traced("every", async |program| {
        let (done, others) = one_of_each(program).await;
        left_out = others;
        done
    })
    .await;
    assert_eq!(left_out, Vec::<String>::new(), "endpoints that write");
    assert_eq!(unsynced(&found), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_syncs_never_is_found_out() {
    if !may_trace() {
        return;
    }
    let work = async |program: &Arc<Program>| {
        all_write(program, 2, 5).await;
        10
    };
    let (found, _) = traced("never", work).await;
    assert_eq!(unsynced(&found).len(), 10, "{found:?}");
}
