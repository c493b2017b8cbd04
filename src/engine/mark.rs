//! What a store on disk must still hold: the file `ACKNOWLEDGED` in its directory.
//!
//! It says how much of RocksDB's log was synced and which batch of the journal was acknowledged last, so that the
//! next start finds out when the disk gave less back than was acknowledged. It is written after each commit and
//! synced now and then only: what it says was always true before, so an older one asks for less, never for too
//! much. Two places are written in turn, each with a sum, so that one that was half written leaves the other.
//!
//! The length of the log is looked at before a write begins and noted when that write is synced: the sync covers
//! everything that was in the file before it, and records that were being written then. It so lags one write behind; the position of the journal does not.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::log_check::{check, crc32c, cut};

/// The file's name. RocksDB leaves names alone that it does not know.
pub(super) const FILE: &str = "ACKNOWLEDGED";

/// Bytes of one of the two places, less than a sector.
const PLACE: usize = 512;

/// Logs that are remembered: more are never alive at once, as memtables are few.
const LOGS: usize = 8;

/// A log by its number, and how much of it was synced.
pub(super) type Synced = (u64, u64);

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    /// How often it was written.
    written: u64,
    /// First position of the newest acknowledged batch; 0 = none.
    pub(super) first: u64,
    logs: Vec<Synced>,
}

impl Known {
    fn to_bytes(&self, scope: &str) -> Vec<u8> {
        let said = json!([self.written, scope, self.first, self.logs]).to_string();
        let mut bytes = format!("{:08x} {said}", crc32c(said.as_bytes())).into_bytes();
        bytes.resize(PLACE - 1, b' ');
        bytes.push(b'\n');
        bytes
    }

    /// What one place says; the position only if it is that of `scope`.
    fn of(place: &[u8], scope: &str) -> Option<Self> {
        let (sum, said) = std::str::from_utf8(place).ok()?.trim_end().split_once(' ')?;
        if u32::from_str_radix(sum, 16).ok()? != crc32c(said.as_bytes()) {
            return None;
        }
        let said: Value = serde_json::from_str(said).ok()?;
        let of_scope = said[1].as_str() == Some(scope);
        let logs = said[3].as_array()?.iter().map(|log| Some((log[0].as_u64()?, log[1].as_u64()?)));
        Some(Self {
            written: said[0].as_u64()?,
            first: if of_scope { said[2].as_u64()? } else { 0 },
            logs: logs.collect::<Option<_>>()?,
        })
    }

    /// Reads the file of a store; `None` if there is none that can be read.
    pub(super) fn read(directory: &Path, scope: &str) -> Option<Self> {
        let bytes = std::fs::read(directory.join(FILE)).ok()?;
        let known =
            bytes.chunks(PLACE).filter_map(|place| Self::of(place, scope)).max_by_key(|known| known.written);
        if known.is_none() {
            tracing::warn!(file = FILE, "it cannot be read: this start does not find out what the disk lost");
        }
        known
    }

    /// How the logs in `directory` are less than what was synced, in words.
    pub(super) fn damage(&self, directory: &Path) -> Option<String> {
        for (number, synced) in &self.logs {
            let name = log_name(*number);
            match check(&directory.join(&name), *synced) {
                // RocksDB has written to its tables what was in it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Some(format!("{name} cannot be read: {error}")),
                Ok(None) => {}
                Ok(Some(what)) => {
                    return Some(format!(
                        "{name}: {what}; it was synced and acknowledged up to byte {synced}"
                    ));
                }
            }
        }
        None
    }
}

/// Takes garbage that RocksDB would read for ever off the newest log in `directory`; nothing of it was acknowledged, as
/// `known` has it, in which there is no [`Known::damage`]. Only off the newest one: behind a cut in an older one RocksDB
/// would go on with the next.
pub(super) fn cut_garbage(directory: &Path, known: Option<&Known>) {
    let Some(number) = newest_log(directory) else { return };
    let logs = known.map_or(&[][..], |known| &known.logs);
    let synced = logs.iter().find(|(known, _)| *known == number).map_or(0, |(_, synced)| *synced);
    let log = log_name(number);
    match cut(&directory.join(&log), synced) {
        Ok(None) => {}
        Ok(Some(end)) => tracing::warn!(log, end, synced, "garbage behind what was synced was cut off"),
        Err(error) => tracing::warn!(log, %error, "whether it ends with garbage is not known"),
    }
}

fn log_name(number: u64) -> String {
    format!("{number:06}.log")
}

/// The file of an open store.
pub(super) struct Mark {
    directory: PathBuf,
    scope: String,
    file: File,
    state: Mutex<State>,
}

struct State {
    known: Known,
    /// The log that is written to, and how long it was when it was looked at.
    newest: Option<Synced>,
}

impl Mark {
    /// Opens the file of a store whose logs were read back, so that nothing is expected of them any more.
    pub(super) fn open(directory: &Path, scope: &str, known: Option<Known>) -> io::Result<Self> {
        let path = directory.join(FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let known = Known { logs: Vec::new(), ..known.unwrap_or_default() };
        let mark = Self {
            directory: directory.to_path_buf(),
            scope: scope.to_owned(),
            file,
            state: Mutex::new(State { known, newest: None }),
        };
        for _ in 0..2 {
            mark.write(&mut mark.state.lock())?;
        }
        mark.file.sync_all()?; // later writes stay within these bytes: they need no space
        Ok(mark)
    }

    /// Forgets the file: the store promises less from now on.
    pub(super) fn forget(directory: &Path) {
        let _ = std::fs::remove_file(directory.join(FILE)); // mostly there is none
    }

    fn write(&self, state: &mut State) -> io::Result<()> {
        state.known.written += 1;
        let place = state.known.written % 2 * PLACE as u64;
        self.file.write_all_at(&state.known.to_bytes(&self.scope), place)
    }

    fn write_or_warn(&self, state: &mut State) {
        if let Err(error) = self.write(state) {
            tracing::warn!(%error, file = FILE, "it cannot be written");
        }
    }

    /// How long the log is now, for [`Mark::synced`].
    pub(super) fn look(&self) -> Option<Synced> {
        let mut state = self.state.lock();
        let length = |number: u64| {
            std::fs::metadata(self.directory.join(log_name(number))).ok().map(|file| (number, file.len()))
        };
        let before = state.newest;
        let mut now = before.and_then(|(number, _)| length(number));
        // Every write makes the log longer, unless RocksDB has begun the next one.
        if now.is_none() || now == before {
            now = newest_log(&self.directory).and_then(length);
        }
        state.newest = now;
        now
    }

    /// A write that began after `seen` was looked at is synced. Written with the next commit or sync: that of a
    /// journal's batch follows at once.
    pub(super) fn synced(&self, seen: Synced) {
        let logs = &mut self.state.lock().known.logs;
        match logs.iter_mut().find(|(number, _)| *number == seen.0) {
            Some((_, bytes)) => *bytes = seen.1.max(*bytes),
            None => {
                logs.push(seen);
                logs.sort_unstable();
                let old = logs.len().saturating_sub(LOGS);
                logs.drain(..old);
            }
        }
    }

    /// The batch that begins at `first` is committed.
    pub(super) fn committed(&self, first: u64) {
        let mut state = self.state.lock();
        state.known.first = state.known.first.max(first);
        self.write_or_warn(&mut state);
    }

    /// Brings the file to the disk.
    pub(super) fn sync(&self) {
        self.write_or_warn(&mut self.state.lock());
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(%error, file = FILE, "it cannot be synced");
        }
    }
}

fn newest_log(directory: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(directory).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".log")?.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_place_that_is_not_whole_is_not() {
        let known = Known { written: 7, first: 12, logs: vec![(4, 900), (9, 0)] };
        let place = known.to_bytes("main/main");
        assert_eq!(place.len(), PLACE);
        assert_eq!(Known::of(&place, "main/main"), Some(known.clone()));
        assert_eq!(Known::of(&place, "main/other"), Some(Known { first: 0, ..known }));
        for byte in 0..40 {
            let mut damaged = place.clone();
            damaged[byte] ^= 4;
            assert_eq!(Known::of(&damaged, "main/main"), None, "byte {byte}");
        }
    }

    #[test]
    fn the_longest_names_and_numbers_fit_into_a_place() {
        let known = Known { written: u64::MAX, first: u64::MAX, logs: vec![(1 << 40, 1 << 40); LOGS] };
        let scope = format!("{0}/{0}", "x".repeat(64));
        assert_eq!(known.to_bytes(&scope).len(), PLACE);
        assert_eq!(Known::of(&known.to_bytes(&scope), &scope), Some(known));
    }
}
