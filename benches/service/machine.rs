//! What the run was made on and with; neither host names nor paths.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
    /// Of the store.
    pub filesystem: String,
}

impl Machine {
    pub fn look(store: &Path) -> Self {
        Self {
            cpu: value_of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: value_of("/proc/meminfo", "MemTotal")
                .split_whitespace()
                .next()
                .and_then(|kib| kib.parse::<f64>().ok())
                .map_or(0.0, |kib| (kib / 1024.0 / 102.4).round() / 10.0),
            kernel: first_line(std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()),
            filesystem: filesystem(store),
        }
    }
}

/// The first value of a `name : value` file of `/proc`.
fn value_of(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_default()
}

/// The type of the filesystem that the longest mount point above `store` has.
fn filesystem(store: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let above = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        store.starts_with(point).then(|| (point.len(), kind.to_owned()))
    });
    above.max_by_key(|(length, _)| *length).map(|(_, kind)| kind).unwrap_or_default()
}

/// Name and version of the product and of what matters beneath it.
pub fn versions() -> Vec<(String, String)> {
    let lock = include_str!("../../Cargo.lock");
    let of = |name: &str| {
        let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
        let line = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
        (name.to_owned(), line.unwrap_or("?").trim_matches('"').to_owned())
    };
    let mut versions = vec![
        ("messagecenter".to_owned(), format!("{} ({})", env!("CARGO_PKG_VERSION"), commit())),
        ("rustc".to_owned(), said("rustc", &["--version"]).trim_start_matches("rustc ").to_owned()),
    ];
    let beneath = ["actix-web", "actix", "tokio", "surrealdb", "surrealdb-rocksdb", "mimalloc"];
    versions.extend(beneath.map(of));
    versions
}

fn commit() -> String {
    let commit = said("git", &["rev-parse", "--short", "HEAD"]);
    let changed = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    format!("commit {commit}{}", if changed { " with changes" } else { "" })
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| first_line(String::from_utf8_lossy(&output.stdout).into_owned())).unwrap_or_default()
}

fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
