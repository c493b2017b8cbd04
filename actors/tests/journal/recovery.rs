//! What an actor recovers from is the whole truth, whatever is saved, trimmed or restarted meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::domain::event::{Position, Recorded};
use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::ports::{JournalStore, Snapshot, StoreError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::world::*;

#[tokio::test]
async fn an_actor_gets_the_facts_its_snapshot_lacks_by_its_two_marks() {
    let world = World::new().await;
    let service = messagecenter_actors::domain::ids::ConversationKey::Service(
        3,
        messagecenter_actors::domain::ids::Address::user("a"),
    );
    let key = ActorKey::Conversation(service.id());
    let own = |seq| {
        let event = messagecenter_actors::domain::event::ConversationEvent::Withdrawn { seq };
        messagecenter_actors::domain::event::Fact::Conversation(
            messagecenter_actors::domain::event::ConversationFact {
                conversation: service.id(),
                key: service.clone(),
                event,
            },
        )
    };
    for n in 0..3 {
        world.append(1, 0, vec![own(n)]); // 1, 3, 5
        world.append(1, 0, vec![assigned(3, 1, "a")]); // 2, 4, 6
    }
    world.committed(6).await;
    // The actor had decided 5 before it was told 4.
    world.journal.save(1, snapshot(&key, 5, 2), vec![]).await.unwrap();
    for restart in [false, true] {
        let loaded = world.journal.load(&key, restart).await.unwrap();
        assert_eq!(positions(&loaded.events), [4, 6]);
        assert_eq!(loaded.snapshot, Some(Snapshot { since: Some(1), ..snapshot(&key, 5, 2) }));
    }
    world.journal.close().await;
    let again = World::with(world.store.clone(), settings()).await;
    assert_eq!(positions(&again.journal.load(&key, false).await.unwrap().events), [4, 6]);
}

#[tokio::test]
async fn a_snapshot_that_holds_everything_leaves_nothing_to_replay() {
    let world = World::new().await;
    world.committed(world.send("a", 1)).await;
    assert!(world.journal.is_dirty(&conversation("a")));
    assert!(world.journal.is_dirty(&inbox("a")));
    world.journal.save(1, snapshot(&conversation("a"), 1, 0), vec![]).await.unwrap();
    assert!(!world.journal.is_dirty(&conversation("a")));
    assert!(world.journal.is_dirty(&inbox("a")), "everyone has a snapshot of its own");
    world.journal.close().await;
    // After a restart the index knows no snapshots; the first load learns what is covered.
    let again = World::with(world.store.clone(), settings()).await;
    assert!(again.journal.is_dirty(&conversation("a")));
    assert_eq!(again.journal.load(&conversation("a"), false).await.unwrap().events, []);
    assert!(!again.journal.is_dirty(&conversation("a")));
}

#[tokio::test]
async fn a_snapshot_waits_for_the_facts_it_holds() {
    let world = World::new().await;
    world.store.faults().hold_appends(true);
    let position = world.send("a", 1);
    let journal = Arc::clone(&world.journal);
    let save =
        tokio::spawn(async move { journal.save(1, snapshot(&conversation("a"), position, 0), vec![]).await });
    World::breathe().await;
    assert!(!save.is_finished());
    world.store.faults().hold_appends(false);
    save.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_lost_facts_is_refused() {
    let world = World::new().await;
    world.store.faults().set_away(true);
    let lost = world.send("a", 1);
    let saved = world.journal.save(1, snapshot(&conversation("a"), lost, 0), vec![]).await;
    assert!(matches!(saved, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn an_actor_that_activates_again_waits_for_its_own_facts_only() {
    let world = World::new().await;
    world.committed(world.send("b", 1)).await;
    world.store.faults().hold_appends(true);
    let position = world.send("a", 1);
    let others = world.journal.load(&conversation("b"), false).await.unwrap();
    assert_eq!(positions(&others.events), [1], "others need not wait");
    let journal = Arc::clone(&world.journal);
    let load = tokio::spawn(async move { journal.load(&conversation("a"), false).await });
    World::breathe().await;
    assert!(!load.is_finished());
    world.store.faults().hold_appends(false);
    assert_eq!(positions(&load.await.unwrap().unwrap().events), [position]);
}

#[tokio::test]
async fn a_save_during_a_load_loses_nothing() {
    let world = World::new().await;
    for seq in 1..=3 {
        world.committed(world.send("a", seq)).await;
    }
    let key = conversation("a");
    world.store.faults().hold_loads(true);
    let journal = Arc::clone(&world.journal);
    let load = tokio::spawn({
        let key = key.clone();
        async move { journal.load(&key, false).await }
    });
    World::breathe().await;
    // The load has read the index and waits for the snapshot; a save of an earlier incarnation comes in.
    let journal = Arc::clone(&world.journal);
    let save = tokio::spawn(async move { journal.save(1, snapshot(&conversation("a"), 2, 0), vec![]).await });
    World::breathe().await;
    world.store.faults().hold_loads(false);
    let loaded = load.await.unwrap().unwrap();
    save.await.unwrap().unwrap();
    let held = loaded.snapshot.map_or(0, |snapshot| snapshot.decided);
    let seen: Vec<_> = (1..=held).chain(positions(&loaded.events)).collect();
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(positions(&world.journal.load(&key, false).await.unwrap().events), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_load_during_an_absence_fails_to_be_tried_again() {
    let world = World::new().await;
    world.store.faults().set_away(true);
    let loaded = world.journal.load(&conversation("a"), false).await;
    assert!(matches!(loaded, Err(StoreError::Unavailable(_))));
    world.store.faults().set_away(false);
    world.journal.load(&conversation("a"), false).await.unwrap();
}

#[tokio::test]
async fn a_journal_with_a_gap_or_unreadable_facts_does_not_start() {
    let world = World::new().await;
    for seq in 1..=3 {
        world.committed(world.send("a", seq)).await;
    }
    let start = |store| async {
        let wall = Arc::new(messagecenter_actors::clock::ManualClock::at(NOW));
        let clock = messagecenter_actors::clock::Clock::new(wall);
        let handle = tokio::runtime::Handle::current();
        messagecenter_actors::journal::Journal::start(Arc::new(store), clock, settings(), handle)
            .await
            .map(|_| ())
    };
    let broken = messagecenter_actors::memory::MemoryStore::new();
    let epoch = broken.acquire().await.unwrap();
    for (index, mut batch) in world.store.batches().into_iter().enumerate() {
        batch.epoch = epoch;
        if index == 1 {
            batch.events = bytes::Bytes::from_static(b"\x01\x91\xc0");
        }
        broken.append(&batch).await.unwrap();
    }
    assert!(matches!(start(broken).await, Err(StoreError::Corrupt(_))));
    let gap = messagecenter_actors::memory::MemoryStore::new();
    let epoch = gap.acquire().await.unwrap();
    for mut batch in world.store.batches().into_iter().filter(|batch| batch.first != 2) {
        batch.epoch = epoch;
        gap.append(&batch).await.unwrap();
    }
    assert!(matches!(start(gap).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn facts_can_be_read_from_any_position() {
    let world = World::new().await;
    for turn in 1..=40_u64 {
        let facts = (0..turn % 7 + 1).map(|seq| sent("a", seq)).collect();
        let last = world.append(1, 0, facts);
        world.committed(last).await;
    }
    world.committed(world.append(1, 0, (0..900).map(|seq| sent("a", seq)).collect())).await;
    let newest = world.journal.committed();
    let read = |from, limit| messagecenter_actors::journal::facts_from(&world.store, from, limit);
    for from in (1..=newest).step_by(13).chain([newest]) {
        let found = positions(&read(from, usize::MAX).await.unwrap());
        assert_eq!(found, (from..=newest).collect::<Vec<_>>());
        let found = positions(&read(from, 10).await.unwrap());
        assert_eq!(found, (from..).take(found.len()).collect::<Vec<_>>());
        assert!(found.len() >= 10 || found.last() == Some(&newest));
    }
    assert_eq!(read(newest + 1, 10).await.unwrap(), []);
    world.opened.trim(60).await.unwrap();
    let oldest = world.store.bounds().await.unwrap().oldest;
    assert_eq!(positions(&read(1, 1).await.unwrap())[0], oldest, "what was trimmed is left out");
}

/// The oracle: what each actor is concerned by, by folding the whole journal.
#[derive(Default)]
struct Oracle {
    events: Vec<Arc<Recorded>>,
}

impl Oracle {
    fn of(&self, key: &ActorKey, decided: Position, told: Position) -> Vec<Position> {
        let concerns = |event: &&Arc<Recorded>| {
            let own = event.fact.decider() == *key;
            let mark = if own { decided } else { told };
            event.position > mark && (own || event.fact.audience().contains(key))
        };
        positions(&self.events.iter().filter(concerns).cloned().collect::<Vec<_>>())
    }
}

/// Random histories of sends, reads, assignments, snapshots, checkpoints and restarts: at every moment every
/// actor would recover exactly what folding the whole journal gives.
#[tokio::test(start_paused = true)]
async fn recovery_from_any_cut_gives_the_same_as_the_whole() {
    for seed in 0..40_u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let settings = messagecenter_actors::journal::JournalSettings {
            max_events: random.random_range(1..6),
            retention: Duration::ZERO,
            cache_bytes: if seed % 2 == 0 { 1 } else { 1 << 20 },
            ..settings()
        };
        let mut world = World::with(messagecenter_actors::memory::MemoryStore::new(), settings.clone()).await;
        let mut oracle = Oracle::default();
        let mut marks: HashMap<ActorKey, (Position, Position)> = HashMap::new();
        let names = ["a", "b", "c", "d"];
        for step in 0..120 {
            match random.random_range(0..10) {
                0..6 => {
                    let name = names[random.random_range(0..names.len())];
                    let facts = (0..random.random_range(1..4)).map(|n| match random.random_range(0..3) {
                        0 => sent(name, n),
                        1 => read(name, n),
                        _ => sized(name, n, 50),
                    });
                    let facts = facts.collect();
                    world.clock.advance(random.random_range(0..100_000));
                    let at = NOW + step * 1_000;
                    let events = world.journal.append(1, 0, at, facts).unwrap();
                    oracle.events.extend(events);
                }
                6 => {
                    world
                        .journal
                        .append(1, 0, NOW, vec![assigned(1, 2, "a")])
                        .map(|e| oracle.events.extend(e))
                        .unwrap();
                }
                7 => {
                    world.journal.settled().await;
                    let keys = world.journal.dirty_keys();
                    if !keys.is_empty() {
                        let key = &keys[random.random_range(0..keys.len())];
                        let committed = world.journal.committed();
                        let (decided, told) = marks.get(key).copied().unwrap_or_default();
                        let decided = random.random_range(decided..=committed);
                        let told = random.random_range(told..=committed);
                        world.journal.save(1, snapshot(key, decided, told), vec![]).await.unwrap();
                        marks.insert(key.clone(), (decided, told));
                    }
                }
                8 => world.journal.checkpoint_now().await.unwrap(),
                _ => {
                    world.journal.settled().await;
                    let left = if random.random_bool(0.5) {
                        world.journal.close().await;
                        world.store.clone()
                    } else {
                        world.store.copy() // a crash: no last checkpoint
                    };
                    world = World::with(left, settings.clone()).await;
                }
            }
            let name = names[random.random_range(0..names.len())];
            let service = messagecenter_actors::domain::ids::ConversationKey::Service(
                1,
                messagecenter_actors::domain::ids::Address::user("a"),
            );
            let keys = [
                conversation(name),
                inbox(name),
                inbox("other"),
                ActorKey::Shunt(1),
                ActorKey::Conversation(service.id()),
            ];
            let key = &keys[random.random_range(0..keys.len())];
            let (decided, told) = marks.get(key).copied().unwrap_or_default();
            let loaded = world.journal.load(key, true).await.unwrap();
            let expected = oracle.of(key, decided, told);
            assert_eq!(positions(&loaded.events), expected, "seed {seed}, step {step}, {key}");
            for event in &loaded.events {
                assert_eq!(*event, oracle.events[event.position as usize - 1], "seed {seed}, step {step}");
            }
        }
    }
}
