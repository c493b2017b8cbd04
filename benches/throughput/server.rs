//! The processes under load.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// The release binary on a fresh embedded store, every commit synced.
    pub fn service(store: &Path) -> Self {
        let url = format!("rocksdb://{}?sync=every", store.join("store").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_messagecenter"));
        command.args(["serve", "--address", "127.0.0.1:0", "--storage", &url]).current_dir(store);
        Self::start(command)
    }

    /// This program again, as the bare handler.
    pub fn bare(role: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.env(role, "1");
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("the ready line");
        let address = line.split("http://").nth(1).expect("an address").split([',', ' ', '\n']).next();
        let address = address.expect("an address").parse().expect("an address");
        Self { child, address }
    }

    /// CPU time so far, in seconds.
    pub fn cpu(&self) -> f64 {
        cpu_of(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

/// User and system time of a process from `/proc/{pid}/stat`, in seconds; 100 ticks a second on Linux.
pub fn cpu_of(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}
