//! Recovery stays short, and nothing that replay or retention needs is deleted.

use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::journal::JournalSettings;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::JournalStore;

use crate::world::*;

fn eager() -> JournalSettings {
    JournalSettings {
        checkpoint_interval: Duration::from_secs(1),
        checkpoint_lag_events: 10,
        checkpoint_actors: 3,
        retention: Duration::ZERO,
        ..JournalSettings::default()
    }
}

async fn save_all(world: &World) {
    let committed = world.journal.committed();
    for key in world.journal.dirty_keys() {
        world.journal.save(1, snapshot(&key, committed, committed), vec![]).await.unwrap();
    }
}

fn asked(world: &World) -> Vec<ActorKey> {
    let key = |seen| if let Seen::Checkpoint(key) = seen { Some(key) } else { None };
    world.audience.seen().into_iter().filter_map(key).collect()
}

#[tokio::test(start_paused = true)]
async fn the_longest_unsaved_actors_are_asked_for_snapshots_few_at_a_time() {
    let world = World::with(MemoryStore::new(), eager()).await;
    for seq in 1..=30 {
        world.send(&format!("n{seq}"), 1);
    }
    world.committed(30).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let first_round = asked(&world);
    assert_eq!(first_round.len(), 3);
    let mut oldest = [conversation("n1"), inbox("n1"), inbox("other")];
    oldest.sort();
    assert_eq!(first_round, oldest, "the oldest first");
    let committed = world.journal.committed();
    for key in first_round {
        world.journal.save(1, snapshot(&key, committed, committed), vec![]).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(asked(&world)[3..].contains(&conversation("n2")), "{:?}", asked(&world));
}

/// Lets those asked write their snapshots, five times 100 ms.
async fn written_as_asked(world: &World) {
    let committed = world.journal.committed();
    for _ in 0..5 {
        for key in asked(world) {
            world.journal.save(1, snapshot(&key, committed, committed), vec![]).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_lag_the_next_are_asked_as_soon_as_those_asked_have_written() {
    let world = World::with(MemoryStore::new(), eager()).await;
    for seq in 1..=40 {
        world.send(&format!("n{seq}"), 1);
    }
    world.committed(40).await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    written_as_asked(&world).await;
    assert!(asked(&world).len() >= 15, "{:?}", asked(&world));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_urgent_is_spread_over_what_is_committed_meanwhile() {
    let world =
        World::with(MemoryStore::new(), JournalSettings { checkpoint_lag_events: 100, ..eager() }).await;
    for seq in 1..=120 {
        world.send(&format!("n{seq}"), 1);
    }
    world.committed(120).await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    written_as_asked(&world).await;
    let before = asked(&world).len();
    assert!((3..=6).contains(&before), "at first only so many: {before}");
    world.send("more", 1);
    world.committed(121).await;
    written_as_asked(&world).await;
    let after = asked(&world).len();
    assert!(after > before, "what is committed lets the next be asked: {after}");
}

#[tokio::test(start_paused = true)]
async fn one_that_has_much_to_write_is_followed_by_others_only_after_more_was_committed() {
    let world =
        World::with(MemoryStore::new(), JournalSettings { checkpoint_lag_events: 100, ..eager() }).await;
    world.send("hot", 1);
    for seq in 1..=30 {
        world.send(&format!("n{seq}"), 1);
    }
    for seq in 2..=101 {
        world.send("hot", seq);
    }
    world.committed(131).await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    written_as_asked(&world).await;
    let others =
        |asked: Vec<ActorKey>| asked.iter().filter(|key| matches!(key, ActorKey::Conversation(_))).count();
    assert!(asked(&world).contains(&conversation("hot")));
    let before = others(asked(&world));
    assert!(before <= 2, "{:?}", asked(&world));
    for seq in 1..=20 {
        world.send("more", seq);
        world.committed(131 + seq).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    written_as_asked(&world).await;
    assert!(others(asked(&world)) > before + 2, "{:?}", asked(&world));
}

#[tokio::test(start_paused = true)]
async fn what_had_to_be_asked_for_at_once_is_not_made_up_for_by_letting_others_lag() {
    let world =
        World::with(MemoryStore::new(), JournalSettings { checkpoint_lag_events: 100, ..eager() }).await;
    let saved = async || {
        let committed = world.journal.committed();
        for key in asked(&world).into_iter().filter(|key| world.journal.is_dirty(key)) {
            world.journal.save(1, snapshot(&key, committed, committed), vec![]).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    for seq in 1..=600 {
        world.send(&format!("n{seq}"), 1);
    }
    world.committed(600).await;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    for _ in 0..400 {
        saved().await;
    }
    // Each has one fact, so where the oldest stands is how far the others came.
    for seq in 601..=900 {
        world.send(&format!("n{seq}"), 1);
        world.committed(seq).await;
        saved().await;
    }
    let dirty = world.journal.dirty_keys();
    let behind = dirty.iter().filter(|key| matches!(key, ActorKey::Conversation(_))).count();
    assert!(behind < 150, "{behind} lag, and it becomes urgent at 200");
}

#[tokio::test(start_paused = true)]
async fn actors_that_write_no_snapshot_do_not_keep_others_from_being_asked() {
    let world = World::with(MemoryStore::new(), eager()).await;
    for seq in 1..=30 {
        world.send(&format!("n{seq}"), 1);
    }
    world.committed(30).await;
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    assert_eq!(asked(&world).len(), 3, "at once only so many");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let all = asked(&world);
    assert!(
        all.len() >= 6 && all.iter().collect::<std::collections::BTreeSet<_>>().len() == all.len(),
        "{all:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_of_whoever_was_asked_is_awaited_until_it_is_written_or_asked_for_anew() {
    let world = World::with(MemoryStore::new(), eager()).await;
    for seq in 1..=30 {
        world.send(&format!("n{seq}"), 1);
    }
    world.committed(30).await;
    let awaited = |name: &str| world.journal.awaits_snapshot_of(&conversation(name));
    assert!(!awaited("n1"));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(asked(&world).len(), 3);
    assert!(asked(&world).iter().all(|key| world.journal.awaits_snapshot_of(key)));
    assert!(!awaited("n30"), "it is behind no more than it may be");
    world.journal.save(1, snapshot(&conversation("n1"), 30, 30), vec![]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!awaited("n1") && world.journal.awaits_snapshot_of(&inbox("n1")));
    // Nobody else writes: those are asked in turn, each for as long as its snapshot may come.
    let mut most = 0;
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let dirty = world.journal.dirty_keys();
        most = most.max(dirty.iter().filter(|key| world.journal.awaits_snapshot_of(key)).count());
    }
    assert_eq!(most, 24, "only so many are waited for at the same time");
}

/// How long it takes to commit so many more facts of one conversation, by tens.
async fn commit_more(world: &World, facts: u64) -> Duration {
    let began = tokio::time::Instant::now();
    for _ in 0..facts / 10 {
        let last = (0..10).map(|_| world.send("a", 1)).last().unwrap();
        world.committed(last).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn commits_wait_for_snapshots_that_lag_too_far_until_they_are_written() {
    let world =
        World::with(MemoryStore::new(), JournalSettings { checkpoint_lag_events: 1_000, ..eager() }).await;
    assert!(commit_more(&world, 2_400).await < Duration::from_millis(500), "nothing lags too far");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(commit_more(&world, 100).await < Duration::from_millis(50), "nor does anything yet");
    commit_more(&world, 1_200).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let waited = commit_more(&world, 1_000).await;
    assert!(
        (1_500..=2_500).contains(&waited.as_millis()),
        "500 a second, however little is saved: {waited:?}"
    );
    save_all(&world).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let waited = commit_more(&world, 1_000).await;
    assert!(waited < Duration::from_millis(200), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn twelve_snapshots_are_written_at_once_while_commits_wait_for_them_and_else_two() {
    let store = MemoryStore::new();
    let settings = JournalSettings { checkpoint_lag_events: 1_000, ..eager() };
    let world = World::with(store.clone(), settings).await;
    let later = || tokio::time::sleep(Duration::from_millis(1_100));
    let begin = |name: &'static str| {
        store.faults().hold_saves(true);
        for number in 0..14 {
            let journal = Arc::clone(&world.journal);
            let snapshot = snapshot(&conversation(&format!("{name}{number}")), 0, 0);
            tokio::spawn(async move { journal.save(1, snapshot, vec![]).await });
        }
    };
    begin("b");
    commit_more(&world, 1_000).await;
    later().await;
    assert_eq!(store.faults().saves_held(), 2);
    commit_more(&world, 2_600).await;
    later().await;
    assert_eq!(store.faults().saves_held(), 12, "also those that had to wait before");
    store.faults().hold_saves(false);
    save_all(&world).await;
    later().await;
    begin("c");
    later().await;
    assert_eq!(store.faults().saves_held(), 2);
}

#[tokio::test(start_paused = true)]
async fn commits_do_not_wait_for_actors_that_write_no_snapshot_although_they_were_asked() {
    let world =
        World::with(MemoryStore::new(), JournalSettings { checkpoint_lag_events: 1_000, ..eager() }).await;
    commit_more(&world, 4_000).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(commit_more(&world, 500).await > Duration::from_millis(500));
    // Asked three times: at once, after ten seconds and after twenty more.
    tokio::time::sleep(Duration::from_secs(40)).await;
    let waited = commit_more(&world, 500).await;
    assert!(waited < Duration::from_millis(200), "{waited:?}");
    let times = asked(&world).iter().filter(|key| **key == conversation("a")).count();
    assert_eq!(times, 3, "each time after a longer while");
}

#[tokio::test(start_paused = true)]
async fn actors_that_are_not_behind_are_left_alone() {
    let world = World::with(MemoryStore::new(), eager()).await;
    for seq in 1..=10 {
        world.send("a", seq);
    }
    world.committed(10).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(asked(&world), []);
}

#[tokio::test(start_paused = true)]
async fn an_actor_is_asked_when_its_facts_are_old() {
    let world = World::with(MemoryStore::new(), eager()).await;
    world.committed(world.send("a", 1)).await;
    world.clock.advance(100_000);
    world.journal.append(1, 0, NOW + 100_000, vec![sent("b", 1)]).unwrap();
    world.committed(2).await;
    world.clock.advance(250_000);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let behind = asked(&world);
    assert!(behind.contains(&conversation("a")) || behind.is_empty());
    world.clock.advance(500_000);
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(asked(&world).contains(&conversation("a")));
}

#[tokio::test(start_paused = true)]
async fn the_checkpoint_is_the_batch_of_the_oldest_unsaved_fact() {
    let world = World::with(MemoryStore::new(), eager()).await;
    world.store.faults().hold_appends(true);
    world.send("a", 1);
    World::breathe().await;
    for seq in 1..=5 {
        world.send("b", seq);
    }
    world.send("c", 1);
    world.store.faults().hold_appends(false);
    world.committed(7).await;
    // Batches: 1 and 2..=7. Everything but the last fact is saved.
    save_all(&world).await;
    world.committed(world.send("d", 1)).await;
    world.journal.checkpoint_now().await.unwrap();
    assert_eq!(world.store.bounds().await.unwrap().replay_from, 8);
    save_all(&world).await;
    world.journal.checkpoint_now().await.unwrap();
    assert_eq!(world.store.bounds().await.unwrap().replay_from, 9, "nothing is left to replay");
    let again = World::with(world.store.copy(), settings()).await;
    assert_eq!(again.journal.dirty_keys(), []);
    again.committed(again.send("e", 1)).await;
    assert_eq!(again.journal.committed(), 9);
}

#[tokio::test(start_paused = true)]
async fn replay_begins_at_a_batch_even_if_its_first_facts_are_saved() {
    let world = World::with(MemoryStore::new(), eager()).await;
    world.store.faults().hold_appends(true);
    world.send("a", 1);
    World::breathe().await;
    world.send("b", 1);
    world.send("c", 1);
    world.store.faults().hold_appends(false);
    world.committed(3).await;
    for key in world.journal.dirty_keys() {
        if key != conversation("c") {
            world.journal.save(1, snapshot(&key, 3, 3), vec![]).await.unwrap();
        }
    }
    world.journal.checkpoint_now().await.unwrap();
    assert_eq!(world.store.bounds().await.unwrap().replay_from, 2);
    let again = World::with(world.store.copy(), settings()).await;
    let loaded = again.journal.load(&conversation("c"), false).await.unwrap();
    assert_eq!(positions(&loaded.events), [3]);
}

/// One large fact a minute, so that each lies behind a milestone of its own.
async fn write_minutes(world: &World, minutes: u64) {
    for minute in 1..=minutes {
        world.clock.advance(60_000);
        let at = NOW + minute as i64 * 60_000;
        world.journal.append(1, 0, at, vec![sized("a", minute, 10_000)]).unwrap();
        world.committed(minute).await;
    }
}

#[tokio::test(start_paused = true)]
async fn trimming_keeps_what_replay_needs_whatever_its_age() {
    let world = World::with(MemoryStore::new(), settings_with(Duration::ZERO, u64::MAX)).await;
    write_minutes(&world, 20).await;
    world.journal.save(1, snapshot(&inbox("a"), 20, 20), vec![]).await.unwrap();
    world.journal.save(1, snapshot(&inbox("other"), 20, 20), vec![]).await.unwrap();
    world.journal.save(1, snapshot(&conversation("a"), 12, 0), vec![]).await.unwrap();
    world.journal.checkpoint_now().await.unwrap();
    let bounds = world.store.bounds().await.unwrap();
    assert_eq!((bounds.oldest, bounds.replay_from), (13, 13));
    let loaded = world.journal.load(&conversation("a"), false).await.unwrap();
    assert_eq!(positions(&loaded.events), (13..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn trimming_keeps_the_retention_in_time() {
    let world = World::with(MemoryStore::new(), settings_with(Duration::from_secs(300), u64::MAX)).await;
    write_minutes(&world, 20).await;
    save_all(&world).await;
    world.journal.checkpoint_now().await.unwrap();
    let bounds = world.store.bounds().await.unwrap();
    assert_eq!(bounds.replay_from, 21);
    assert!((10..=15).contains(&bounds.oldest), "five minutes are kept, not much more: {bounds:?}");
}

#[tokio::test(start_paused = true)]
async fn trimming_keeps_no_more_than_the_retention_in_bytes() {
    let world = World::with(MemoryStore::new(), settings_with(Duration::from_secs(86_400), 50_000)).await;
    write_minutes(&world, 20).await;
    save_all(&world).await;
    world.journal.checkpoint_now().await.unwrap();
    let bounds = world.store.bounds().await.unwrap();
    assert!((13..=17).contains(&bounds.oldest), "about five facts of 10 kB are kept: {bounds:?}");
}

#[tokio::test(start_paused = true)]
async fn retention_goes_on_over_what_an_earlier_start_wrote() {
    let keep_all = settings_with(Duration::from_secs(86_400), u64::MAX);
    let world = World::with(MemoryStore::new(), keep_all).await;
    write_minutes(&world, 200).await;
    save_all(&world).await;
    world.journal.close().await;
    let bounds = world.store.bounds().await.unwrap();
    assert_eq!((bounds.oldest, bounds.replay_from), (1, 201));
    let few = JournalSettings { max_events: 2, ..settings_with(Duration::from_secs(3_600), u64::MAX) };
    let again = World::with(world.store.clone(), few).await;
    again.clock.advance(200 * 60_000);
    again.journal.checkpoint_now().await.unwrap();
    let bounds = again.store.bounds().await.unwrap();
    assert!((120..=140).contains(&bounds.oldest), "one hour is kept: {bounds:?}");
}

fn settings_with(retention: Duration, retention_bytes: u64) -> JournalSettings {
    JournalSettings { retention, retention_bytes, ..settings() }
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_missed_in_an_outage_is_made_up_for() {
    let world = World::with(MemoryStore::new(), eager()).await;
    world.committed(world.send("a", 1)).await;
    save_all(&world).await;
    world.store.faults().set_away(true);
    assert!(world.journal.checkpoint_now().await.is_err());
    world.store.faults().set_away(false);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(world.store.bounds().await.unwrap().replay_from, 2);
}
