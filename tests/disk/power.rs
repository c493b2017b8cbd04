//! What a power cut may leave: a store whose log was written further than it was synced, in any state behind
//! that point. And what it must not: a log that is damaged before it. The service either has everything that was
//! acknowledged or refuses to start and names the damage.
//!
//! `make test` tries a few dozen; POWER_CUTS asks for more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::writer::{Told, all_write, lost};
use crate::program::process::Program;

/// The store is as its log says: nothing else is written meanwhile.
const QUIET: [&str; 6] = [
    "--set",
    "checkpoint.interval_ms=3600000",
    "--set",
    "passivation.idle_after_ms=3600000",
    "--set",
    "log.level=error",
];

/// Damages of each sort that `make test` tries.
const SHORT: usize = 8;

const PAGE: usize = 4_096;

fn cuts() -> usize {
    std::env::var("POWER_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(SHORT)
}

fn random() -> StdRng {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(rand::random::<u32>);
    println!("SEED={seed}");
    StdRng::seed_from_u64(u64::from(seed))
}

/// A store at a moment at which everything acknowledged was synced, and what was acknowledged by then.
struct Image {
    folder: tempfile::TempDir,
    told: BTreeMap<u64, Told>,
    /// The log's name and what was in it.
    log: String,
    synced: Vec<u8>,
    /// What was written to it later.
    later: Vec<u8>,
    /// The file that says what must be there, as it was later.
    later_mark: Vec<u8>,
}

fn store(folder: &Path) -> PathBuf {
    folder.join("store")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn newest(store: &Path, ending: &str) -> String {
    let names =
        std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(ending)).max().unwrap()
}

/// Starts the program on a store; the error is what it said instead.
async fn start(folder: &Path) -> Result<Program, String> {
    let url = format!("rocksdb://{}", store(folder).display());
    let said = folder.join("said");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_messagecenter"));
    command.stderr(std::fs::File::create(&said).unwrap());
    let mut arguments = vec!["--storage", &url];
    arguments.extend(QUIET);
    match Program::attempt(command, folder, &arguments).await {
        Ok(program) => Ok(program),
        Err(code) => {
            let said = std::fs::read_to_string(&said).unwrap();
            assert_eq!(code, Some(1), "it refuses, it does not break: {said}");
            Err(said.lines().last().unwrap_or_default().to_owned())
        }
    }
}

impl Image {
    async fn take() -> Self {
        let (life, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = Arc::new(start(life.path()).await.unwrap());
        let told = all_write(&program, 6, 12).await;
        copy(&store(life.path()), &store(folder.path()));
        let log = newest(&store(life.path()), ".log");
        let synced = std::fs::read(store(folder.path()).join(&log)).unwrap();
        all_write(&program, 6, 12).await;
        Arc::into_inner(program).unwrap().killed().await;
        let whole = std::fs::read(store(life.path()).join(&log)).unwrap();
        assert!(
            whole.starts_with(&synced) && whole.len() > synced.len() + PAGE,
            "{} {}",
            whole.len(),
            synced.len()
        );
        let later = whole[synced.len()..].to_vec();
        let later_mark = std::fs::read(store(life.path()).join("ACKNOWLEDGED")).unwrap();
        Self { folder, told, log, synced, later, later_mark }
    }

    /// A copy of the store whose log is `log`.
    fn with_log(&self, log: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        copy(&store(self.folder.path()), &store(folder.path()));
        std::fs::write(store(folder.path()).join(&self.log), log).unwrap();
        folder
    }

    /// Starts on a copy: ready with everything, or the refusal.
    async fn judge(&self, folder: &Path, what: &str) -> Option<String> {
        match start(folder).await {
            Ok(program) => {
                assert_eq!(lost(&program, &self.told).await, Vec::<String>::new(), "{what}");
                program.killed().await;
                None
            }
            Err(said) => Some(said),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_behind_the_synced_end_of_the_log_everything_acknowledged_is_recovered() {
    let mut random = random();
    let image = Image::take().await;
    for n in 0..cuts() {
        let mut tail = image.later.clone();
        let at = random.random_range(0..tail.len());
        let what = match n % 4 {
            0 => {
                tail.truncate(at);
                "cut"
            }
            1 => {
                tail[at..].fill(0);
                "zeros"
            }
            2 => {
                random.fill(&mut tail[at..]);
                "garbage"
            }
            _ => {
                // A page that never reached the disk although later ones did.
                let end = (at + PAGE).min(tail.len());
                tail[at..end].fill(0);
                "a hole"
            }
        };
        let what = format!("{what} at {at} of {} behind the synced end", tail.len());
        let folder = image.with_log(&[image.synced.as_slice(), &tail].concat());
        assert_eq!(image.judge(folder.path(), &what).await, None, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_that_claims_to_be_of_a_recycled_log_does_not_keep_the_start_waiting() {
    const BLOCK: usize = 32 << 10;
    const RECYCLED: u8 = 5;
    let image = Image::take().await;
    let mut log = image.synced.clone();
    log.resize(log.len().next_multiple_of(BLOCK) + BLOCK, 0xff);
    let block = log.len() - BLOCK;
    log[block + 6] = RECYCLED;
    let folder = image.with_log(&log);
    assert_eq!(image.judge(folder.path(), "a block of a recycled log").await, None);
    let folder = image.with_log(&log);
    std::fs::remove_file(store(folder.path()).join("ACKNOWLEDGED")).unwrap();
    assert_eq!(image.judge(folder.path(), "the same where nobody knows what was synced").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_before_the_synced_end_of_the_log_is_named_and_nothing_is_lost_silently() {
    let mut random = random();
    let image = Image::take().await;
    for n in 0..cuts() {
        // Only a part of the log is unwritten at its end: nothing behind it tells of the rest.
        let mut log =
            if n % 2 == 0 { image.synced.clone() } else { [&image.synced[..], &image.later].concat() };
        let at = random.random_range(0..image.synced.len());
        let what = match n % 3 {
            0 => {
                log[at] ^= 1 << random.random_range(0..8);
                "a flipped bit"
            }
            1 => {
                log.truncate(at);
                "cut"
            }
            _ => {
                let end = (at + PAGE).min(image.synced.len());
                log[at..end].fill(0);
                "a hole"
            }
        };
        let what = format!("{what} at {at} of {}", image.synced.len());
        let folder = image.with_log(&log);
        let said = image.judge(folder.path(), &what).await.unwrap_or_else(|| panic!("{what}: it started"));
        assert!(said.contains("is damaged") && said.contains("ACKNOWLEDGED"), "{what}: {said}");
        assert!(said.contains(&image.log) || said.contains("the journal ends before"), "{what}: {said}");
        let still = std::fs::read(store(folder.path()).join(&image.log)).ok();
        if said.contains(&image.log) {
            assert_eq!(still, Some(log), "what is refused is left alone");
        }
        // An operator who accepts the loss may go on.
        if n == 1 {
            std::fs::remove_file(store(folder.path()).join("ACKNOWLEDGED")).unwrap();
            start(folder.path()).await.unwrap().killed().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_gone_or_older_than_what_was_acknowledged_is_found_out() {
    let image = Image::take().await;
    let gone = image.with_log(&image.synced);
    std::fs::remove_file(store(gone.path()).join(&image.log)).unwrap();
    let said = image.judge(gone.path(), "no log").await.expect("refused");
    assert!(said.contains("the journal ends before position"), "{said}");
    let older = image.with_log(&image.synced);
    std::fs::write(store(older.path()).join("ACKNOWLEDGED"), &image.later_mark).unwrap();
    let said = image.judge(older.path(), "an older log").await.expect("refused");
    assert!(said.contains(&format!("{}: it ends at byte {}", image.log, image.synced.len())), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_any_other_file_is_refused_or_told_to_those_who_ask() {
    let mut random = random();
    let image = Image::take().await;
    // A good end writes everything into tables.
    let life = image.with_log(&image.synced);
    let program = start(life.path()).await.unwrap();
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
    let files = [".sst", ".blob", "MANIFEST-", "CURRENT", "OPTIONS-"];
    let names: Vec<String> = std::fs::read_dir(store(life.path()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| files.iter().any(|file| name.contains(file)))
        .collect();
    let mut refused = 0;
    for n in 0..cuts().max(names.len()) {
        let name = &names[n % names.len()];
        let folder = tempfile::tempdir().unwrap();
        copy(&store(life.path()), &store(folder.path()));
        let path = store(folder.path()).join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = random.random_range(0..bytes.len().max(1));
        let what = if random.random_bool(0.3) || bytes.is_empty() {
            bytes.truncate(at);
            "cut"
        } else {
            bytes[at] ^= 1 << random.random_range(0..8);
            "a flipped bit"
        };
        std::fs::write(&path, &bytes).unwrap();
        let what = format!("{name}: {what} at {at}");
        if let Some(said) = image.judge(folder.path(), &what).await {
            assert!(said.contains("cannot") || said.contains("is damaged"), "{what}: {said}");
            refused += 1;
        }
    }
    println!("refused {refused}");
}
