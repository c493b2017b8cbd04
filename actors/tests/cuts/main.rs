//! Recovery by itself: a random life of the real service is recorded, write by write, and cut at every boundary.
//! What starts from a cut must show, and decide next, what a fold of the whole journal up to there does.
//!
//! Keeps: every cut between two writes, whatever they are (a batch, pages ahead of a snapshot, a
//! snapshot, a checkpoint, a
//! trim, the taking of the store), and any mix of older snapshots with the whole journal. Loses: cuts inside a
//! write, which the contract of the ports forbids and each engine is tried for.
//!
//! `SEED=… cargo test --test cuts` repeats a run; `STEPS=…` makes it longer.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod hot;
mod picture;
mod recorder;
mod service;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::memory::MemoryStore;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use picture::Picture;
use recorder::{Recorder, Write, again, replay};
use service::{Keyed, Life, NOW, eager, start, still};

/// Commands in a life. Each leaves several writes, and each write is a cut.
const STEPS: u64 = 45;

/// The life starts the service again after so many commands.
const RESTART_EVERY: u64 = 20;

/// Mixes of snapshots that are tried.
const MIXES: usize = 25;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a life left behind.
struct Recorded {
    seed: u64,
    writes: Vec<Write>,
    keyed: Vec<Keyed>,
    leases: Vec<Uuid>,
    sessions: Vec<Uuid>,
    /// What the service that lived it showed at the end.
    alive: Picture,
}

impl Recorded {
    async fn record() -> Self {
        let seed = from_environment("SEED").unwrap_or_else(rand::random);
        let steps = from_environment("STEPS").unwrap_or(STEPS);
        println!("SEED={seed} STEPS={steps}");
        let mut random = StdRng::seed_from_u64(seed);
        let store = Arc::new(Recorder::default());
        let clock = Arc::new(ManualClock::at(NOW));
        let mut running = start(store.clone(), clock.clone(), eager()).await;
        let (mut keyed, mut leases, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..steps {
            if step % RESTART_EVERY == RESTART_EVERY - 1 {
                running.stop().await;
                running = start(store.clone(), clock.clone(), eager()).await;
            }
            let mut life = Life {
                router: &running.router,
                random: &mut random,
                keyed: &mut keyed,
                leases: &mut leases,
                sessions: &mut sessions,
            };
            if step == 0 {
                life.staff().await;
            }
            life.step().await;
            clock.advance(random.random_range(1..2_000));
            // Snapshots are written beside the commands: sometimes they get time to overtake them.
            tokio::time::sleep(Duration::from_millis(random.random_range(0..6))).await;
        }
        sessions.sort();
        sessions.dedup();
        let alive = picture::shown(&running.router, &sessions).await;
        let writes = store.writes().await;
        running.stop().await;
        Self { seed, writes, keyed, leases, sessions, alive }
    }

    /// What a service on `store` shows and decides next.
    async fn seen_on(&self, store: MemoryStore) -> Picture {
        // It starts at the time of the newest batch: an earlier clock is raised to it.
        let running = start(Arc::new(store), Arc::new(ManualClock::at(NOW)), still()).await;
        let mut picture = picture::shown(&running.router, &self.sessions).await;
        picture.extend(picture::next(&running.router, &self.keyed, &self.leases).await);
        running.stop().await;
        picture
    }

    /// The fold of the whole journal among `writes`: no snapshot, no checkpoint, nothing trimmed.
    async fn fold(&self, writes: &[Write]) -> Picture {
        let whole = |write: &&Write| {
            !matches!(write, Write::Pages(..) | Write::Save(..) | Write::Checkpoint(_) | Write::Trim(_))
        };
        self.seen_on(replay(writes.iter().filter(whole)).await).await
    }
}

#[track_caller]
fn assert_same(found: &Picture, expected: &Picture, context: &str) {
    assert_eq!(found.len(), expected.len(), "{context}");
    for (found, expected) in found.iter().zip(expected) {
        let differs = found.lines().zip(expected.lines()).find(|(one, other)| one != other);
        assert!(found == expected, "{context}: {differs:?}\nfound {found}\nexpected {expected}");
    }
}

fn on_one_thread(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
}

#[test]
fn what_starts_from_any_cut_is_the_fold_of_the_whole_up_to_there() {
    on_one_thread(async {
        let recorded = Recorded::record().await;
        let writes = &recorded.writes;
        let crashed = MemoryStore::new();
        let mut expected = recorded.fold(&[]).await;
        for (index, write) in writes.iter().enumerate() {
            again(&crashed, write).await;
            if matches!(write, Write::Append(_) | Write::Put(..)) {
                expected = recorded.fold(&writes[..=index]).await;
            }
            let found = recorded.seen_on(crashed.copy()).await;
            let context = format!("SEED={}: cut after write {index} of {}", recorded.seed, writes.len());
            assert_same(&found, &expected, &context);
        }
        let count = |wanted: fn(&Write) -> bool| writes.iter().filter(|write| wanted(write)).count();
        let batches = count(|write| matches!(write, Write::Append(_)));
        let saves = count(|write| matches!(write, Write::Save(..)));
        let trims = count(|write| matches!(write, Write::Trim(_)));
        println!("{} cuts: {batches} batches, {saves} snapshots, {trims} trims", writes.len());
        assert!(batches > 20 && saves > 20 && trims > 2, "the life was worth recording");
    });
}

#[test]
fn any_mix_of_older_snapshots_with_the_whole_journal_is_the_fold_of_the_whole() {
    on_one_thread(async {
        let recorded = Recorded::record().await;
        let mut random = StdRng::seed_from_u64(recorded.seed);
        let expected = recorded.fold(&recorded.writes).await;
        let mut saves: HashMap<&ActorKey, usize> = HashMap::new();
        for write in &recorded.writes {
            if let Write::Save(snapshot, ..) = write {
                *saves.entry(&snapshot.key).or_default() += 1;
            }
        }
        for mix in 0..MIXES {
            // Of each actor the first so many snapshots; the mark of each stays below the whole.
            let mut left: HashMap<&ActorKey, usize> =
                saves.iter().map(|(key, all)| (*key, random.random_range(0..=*all))).collect();
            let taken = recorded.writes.iter().filter(|write| match write {
                Write::Save(snapshot, ..) => left.get_mut(&snapshot.key).is_some_and(|left| {
                    let taken = *left > 0;
                    *left = left.saturating_sub(1);
                    taken
                }),
                Write::Checkpoint(_) | Write::Trim(_) => false,
                _ => true,
            });
            let found = recorded.seen_on(replay(taken).await).await;
            assert_same(&found, &expected, &format!("SEED={}: mix {mix}", recorded.seed));
        }
    });
}

#[test]
fn what_lived_through_it_shows_the_fold_of_the_whole() {
    on_one_thread(async {
        let recorded = Recorded::record().await;
        let fold = recorded.fold(&recorded.writes).await;
        let context = format!("SEED={}: alive", recorded.seed);
        assert_same(&recorded.alive, &fold[..recorded.alive.len()].to_vec(), &context);
    });
}

/// A snapshot as the fuzz target `snapshots` takes it: kind, version, length of the state, state, one page.
fn seed(write: &Write) -> Option<(&'static str, Vec<u8>)> {
    let Write::Save(snapshot, pages, _) = write else { return None };
    let kinds = ["conversation", "inbox", "shunt", "session"];
    let kind = kinds.iter().position(|kind| *kind == snapshot.key.kind())?;
    let mut seed = vec![u8::try_from(kind).ok()?, u8::try_from(snapshot.version).ok()?];
    seed.extend(u16::try_from(snapshot.state.len()).ok()?.to_be_bytes());
    seed.extend_from_slice(&snapshot.state);
    if let Some(page) = pages.first() {
        seed.extend(page.content.to_string().into_bytes());
    }
    Some((snapshot.key.kind(), seed))
}

/// `cargo test --test cuts -- --ignored`: six snapshots of each kind, from the smallest to one of 4 KiB.
#[test]
#[ignore = "writes tests/fuzz/seeds/snapshots"]
fn writes_seeds_for_the_fuzzing_of_snapshots() {
    on_one_thread(async {
        let recorded = Recorded::record().await;
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/seeds/snapshots");
        let mut by_kind: HashMap<&str, Vec<Vec<u8>>> = HashMap::new();
        for (kind, seed) in recorded.writes.iter().filter_map(seed).filter(|(_, seed)| seed.len() < 4_096) {
            by_kind.entry(kind).or_default().push(seed);
        }
        for (kind, mut seeds) in by_kind {
            seeds.sort_by_key(Vec::len);
            let last = seeds.len() - 1;
            for number in 0..6 {
                let path = format!("{directory}/{kind}-{number}");
                std::fs::write(path, &seeds[last * number / 5]).expect("written");
            }
        }
    });
}
