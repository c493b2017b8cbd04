//! The processes under load: started, asked what they use, ended.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::request::{nobody, request};
use super::wire::Connection;

/// Set for the child process that plays the bare handler.
pub const BARE: &str = "MESSAGECENTER_BENCH_BARE";

/// A drain that takes longer has failed: it writes a snapshot of every active actor.
const DRAIN: Duration = Duration::from_secs(300);

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    pub address: SocketAddr,
    /// From the start of the process to its line that says it is ready.
    pub ready_in: Duration,
}

impl Server {
    /// The release binary on the embedded store in `folder`, every commit synced; the defaults but for
    /// `settings`.
    pub fn service(folder: &Path, settings: &[&str]) -> Self {
        Self::start(serve(&mut Command::new(env!("CARGO_BIN_EXE_messagecenter")), folder, settings))
    }

    /// The same on some of the machine's cores, as `taskset` names them.
    pub fn service_on(cores: &str, folder: &Path, settings: &[&str]) -> Self {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", cores, env!("CARGO_BIN_EXE_messagecenter")]);
        Self::start(serve(&mut command, folder, settings))
    }

    /// The service in a program that counts its allocations: see `benches/counted.rs`.
    pub fn counted(program: &Path, folder: &Path, settings: &[&str]) -> Self {
        Self::start(serve(&mut Command::new(program), folder, settings))
    }

    /// This program again, as the bare handler; `answers` are paths with what is answered there.
    pub fn bare(answers: &[(String, Vec<u8>)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.env(BARE, "1");
        let mut text = Vec::new();
        for (path, answer) in answers {
            assert!(!answer.contains(&b'\n'), "an answer is one line");
            text.extend_from_slice(path.as_bytes());
            text.push(b'\n');
            text.extend_from_slice(answer);
            text.push(b'\n');
        }
        Self::start_telling(&mut command, &text)
    }

    fn start(command: &mut Command) -> Self {
        Self::begin(command.stdin(Stdio::piped()), |_| {})
    }

    fn start_telling(command: &mut Command, text: &[u8]) -> Self {
        Self::begin(command.stdin(Stdio::piped()), |child| {
            let mut input = child.stdin.take().expect("its input");
            input.write_all(text).expect("told");
        })
    }

    fn begin(command: &mut Command, tell: impl FnOnce(&mut Child)) -> Self {
        let begin = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(log()).spawn().expect("it starts");
        tell(&mut child);
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the ready line");
        let ready_in = begin.elapsed();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split([',', ' ', '\n']).next());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}; see its log above"));
        Self { address: address.parse().expect("an address"), child, output, ready_in }
    }

    /// CPU time so far, in seconds.
    pub fn cpu(&self) -> f64 {
        cpu_of(&self.child.id().to_string())
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        kib * 1024
    }

    /// The sum over the labels of a figure of `/metrics` whose line begins so; 0 before its first occurrence.
    pub fn metric(&self, begins: &str) -> f64 {
        let asked = request("GET", "/metrics", &nobody(), &serde_json::Value::Null);
        let text = Connection::open(self.address).ask_plain(&asked);
        let lines = text.lines().filter(|line| line.starts_with(begins));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until a figure of `/metrics` has not changed for five seconds (two checkpoints), at most for `patience`; its
    /// value then.
    pub fn still(&self, begins: &str, patience: Duration) -> f64 {
        const QUIET: Duration = Duration::from_secs(5);
        let begin = Instant::now();
        let (mut seen, mut since) = (self.metric(begins), begin);
        while since.elapsed() < QUIET && begin.elapsed() < patience {
            thread::sleep(Duration::from_millis(250));
            let now = self.metric(begins);
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        seen
    }

    /// What a counted service has allocated.
    pub fn allocated(&mut self) -> Allocated {
        let input: &mut ChildStdin = self.child.stdin.as_mut().expect("its input");
        input.write_all(b"\n").expect("asked");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("its numbers");
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [allocations, bytes, alive] = numbers[..] else { panic!("three numbers, not {line:?}") };
        Allocated { allocations, bytes, alive }
    }

    /// SIGTERM, and waits until it has drained and ended.
    pub fn stop(mut self) -> Duration {
        let begin = Instant::now();
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        while begin.elapsed() < DRAIN {
            if let Some(status) = self.child.try_wait().expect("its status") {
                assert!(status.success(), "it ended with {status}");
                return begin.elapsed();
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not drain within {DRAIN:?}");
    }

    /// SIGKILL.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// What a program has allocated since its start.
pub struct Allocated {
    pub allocations: u64,
    pub bytes: u64,
    /// Bytes not freed.
    pub alive: u64,
}

fn serve<'c>(command: &'c mut Command, folder: &Path, settings: &[&str]) -> &'c mut Command {
    std::fs::create_dir_all(folder).expect("a folder");
    let url = format!("rocksdb://{}?sync=every", store(folder).display());
    command.args(["serve", "--address", "127.0.0.1:0", "--storage", &url, "--set", "log.level=warn"]);
    command.args(settings.iter().flat_map(|setting| ["--set", setting])).current_dir(folder)
}

/// Where the store of a service started in `folder` lies.
pub fn store(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// Warnings of a service belong to the run's output.
fn log() -> Stdio {
    Stdio::inherit()
}

/// CPU time of the whole machine so far, in seconds: all but idling and waiting for disks.
pub fn cpu_of_machine() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("the machine");
    let all = stat.lines().next().expect("a line").split_whitespace().skip(1);
    let ticks: Vec<f64> = all.filter_map(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _idle, _disk, interrupts, soft, stolen, ..] = ticks[..] else {
        panic!("unknown /proc/stat")
    };
    (user + nice + system + interrupts + soft + stolen) / 100.0
}

/// User and system time of a process from `/proc/{pid}/stat`, in seconds; 100 ticks a second on Linux.
pub fn cpu_of(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}
