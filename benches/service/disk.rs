//! What the disk does by itself, and what lies on it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::figures::Latencies;
use super::results::Fsync;

/// Appends `bytes` and waits until they are on the disk, `times` in a row, with nobody else at work: what a
/// commit of that size costs at least. Appending to a growing file is what a write-ahead log does.
pub fn fsync(folder: &Path, bytes: usize, times: usize) -> Fsync {
    let path = folder.join("fsync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).expect("a file beside the store");
    let content: Vec<u8> = (0..bytes).map(|index| (index * 31 % 251) as u8).collect();
    let mut latencies = Latencies::new();
    for _ in 0..times {
        let begin = Instant::now();
        write_and_sync(&mut file, &content);
        latencies.record(begin.elapsed());
    }
    drop(file);
    std::fs::remove_file(&path).expect("its own file");
    Fsync { bytes, times, p50_ms: latencies.at(0.5), p99_ms: latencies.at(0.99), max_ms: latencies.max() }
}

fn write_and_sync(file: &mut File, content: &[u8]) {
    file.write_all(content).expect("written");
    file.sync_data().expect("synced");
}

/// The sizes of all files in a folder and below it, summed.
pub fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let about = entry.metadata().expect("about it");
        if about.is_dir() { bytes_in(&entry.path()) } else { about.len() }
    };
    entries.map(size).sum()
}
