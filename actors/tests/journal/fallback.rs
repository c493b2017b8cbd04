//! What an actor gets that falls back to its previous snapshot.

use std::time::Duration;

use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::domain::shadow::Side;
use messagecenter_actors::ports::{JournalStore, Snapshot, StateStore, StoreError};

use crate::world::{World, conversation, inbox, positions, settings, snapshot};

/// Facts 1 to 9 of a conversation, among those of another; snapshots at 4 and at 8.
async fn saved_twice() -> World {
    let world = World::new().await;
    for seq in 1..=9 {
        world.send(if seq % 4 == 3 { "other" } else { "a" }, seq);
        world.committed(seq).await;
        let side = match seq {
            4 => Side::First,
            8 => Side::Second,
            _ => continue,
        };
        for key in [conversation("a"), inbox("a")] {
            let (decided, told) = if matches!(key, ActorKey::Inbox(_)) { (0, seq) } else { (seq, 0) };
            let snapshot = Snapshot { side, ..snapshot(&key, decided, told) };
            world.journal.save(1, snapshot, vec![]).await.unwrap();
        }
    }
    world
}

#[tokio::test]
async fn every_fact_that_the_snapshot_before_lacks_is_there_and_unsaved_again() {
    let world = saved_twice().await;
    for key in [conversation("a"), inbox("a")] {
        assert_eq!(positions(&world.journal.load(&key, false).await.unwrap().events), [9]);
        let before = world.journal.load_previous(&key).await.unwrap().unwrap();
        assert_eq!(positions(&before.events), [5, 6, 8, 9]);
        let snapshot = before.snapshot.unwrap();
        assert_eq!((snapshot.decided.max(snapshot.told), snapshot.since), (4, Some(1)));
        // Whoever falls back once more finds the same.
        let again = world.journal.load_previous(&key).await.unwrap().unwrap();
        assert_eq!(positions(&again.events), [5, 6, 8, 9]);
    }
    assert!(world.journal.is_dirty(&inbox("a")));
    // A new snapshot takes the place of the newest, and everything is saved again.
    let renewed = Snapshot { side: Side::Second, ..snapshot(&conversation("a"), 9, 0) };
    world.journal.save(1, renewed, vec![]).await.unwrap();
    assert!(!world.journal.is_dirty(&conversation("a")));
    let kept = world.store.load_both(&conversation("a")).await.unwrap();
    assert_eq!(kept.newest.unwrap().since, Some(5));
    assert_eq!(kept.previous.unwrap().decided, 4);
}

#[tokio::test]
async fn after_a_restart_it_is_the_same() {
    let world = saved_twice().await;
    world.journal.close().await;
    let again = World::with(world.store.clone(), settings()).await;
    let before = again.journal.load_previous(&conversation("a")).await.unwrap().unwrap();
    assert_eq!(positions(&before.events), [5, 6, 8, 9]);
}

#[tokio::test]
async fn the_first_snapshot_is_done_without_from_the_first_fact_on() {
    let world = World::new().await;
    for seq in 1..=3 {
        world.send("a", seq);
    }
    world.committed(3).await;
    world.journal.save(1, snapshot(&conversation("a"), 3, 0), vec![]).await.unwrap();
    let before = world.journal.load_previous(&conversation("a")).await.unwrap().unwrap();
    assert_eq!((before.snapshot, positions(&before.events)), (None, vec![1, 2, 3]));
}

#[tokio::test]
async fn there_is_no_way_back_behind_what_was_trimmed_or_is_not_known() {
    let world = saved_twice().await;
    world.opened.trim(5).await.unwrap();
    let reaches = world.journal.load_previous(&conversation("a")).await.unwrap();
    assert_eq!(reaches.map(|before| positions(&before.events)), Some(vec![5, 6, 8, 9]));
    world.opened.trim(6).await.unwrap();
    assert!(world.journal.load_previous(&conversation("a")).await.unwrap().is_none(), "fact 5 is gone");
    let key = conversation("never");
    assert!(world.journal.load_previous(&key).await.unwrap().is_none(), "nobody");
    let old = Snapshot { since: None, ..snapshot(&key, 9, 0) };
    world.opened.save(&old, &[]).await.unwrap();
    assert!(world.journal.load_previous(&key).await.unwrap().is_none(), "saved by a program that kept one");
}

#[tokio::test]
async fn storage_that_is_away_is_no_reason_to_give_up() {
    let world = saved_twice().await;
    world.store.faults().set_away(true);
    let key = conversation("a");
    let outcome = tokio::time::timeout(Duration::from_secs(20), world.journal.load_previous(&key));
    let outcome = outcome.await.unwrap();
    assert!(matches!(outcome, Err(StoreError::Unavailable(_) | StoreError::Unknown(_))), "{outcome:?}");
}
