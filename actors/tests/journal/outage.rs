//! Storage that fails, lies or goes away: every outcome is told truly, and nothing lost is built upon.

use std::time::Duration;

use messagecenter_actors::journal::AppendError;
use messagecenter_actors::ports::StoreError;
use messagecenter_actors::runtime::failure::Failure;

use crate::world::*;

fn conflict() -> StoreError {
    StoreError::Conflict("on purpose".to_owned())
}

fn unknown() -> StoreError {
    StoreError::Unknown("on purpose".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_conflict_or_a_short_absence_is_tried_again() {
    let world = World::new().await;
    world.store.faults().fail_append(conflict());
    world.store.faults().fail_append(StoreError::Unavailable("on purpose".to_owned()));
    let position = world.send("a", 1);
    assert_eq!(world.answer(1, position).await.unwrap(), Ok(()));
    assert_eq!(world.store.batches().len(), 1);
    assert_eq!(world.audience.rollbacks(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_is_on_disk_is_committed_once() {
    let world = World::new().await;
    world.store.faults().lose_answer();
    let position = world.send("a", 1);
    assert_eq!(world.answer(1, position).await.unwrap(), Ok(()));
    assert_eq!(world.store.batches().len(), 1);
    assert_eq!(world.audience.observed(), [1]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_is_not_on_disk_is_written_again() {
    let world = World::new().await;
    world.store.faults().fail_append(unknown());
    let position = world.send("a", 1);
    assert_eq!(world.answer(1, position).await.unwrap(), Ok(()));
    assert_eq!(world.store.batches().len(), 1);
    assert_eq!(world.audience.observed(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_writer_stops_this_one() {
    let world = World::new().await;
    world.store.faults().fail_append(StoreError::Exists);
    let position = world.send("a", 1);
    // Nothing is there after all: written again.
    assert_eq!(world.answer(1, position).await.unwrap(), Ok(()));
    let mut foreign = world.store.batches()[0].clone();
    foreign.first = 2;
    foreign.id = uuid::Uuid::from_u128(1);
    messagecenter_actors::ports::JournalStore::append(&*world.opened, &foreign).await.unwrap();
    let position = world.send("a", 2);
    assert!(matches!(world.answer(1, position).await.unwrap(), Err(Failure::StorageDown(_))));
    assert_eq!(world.journal.healthy(), Err("another process owns the store"));
}

#[tokio::test(start_paused = true)]
async fn storage_that_stays_away_fails_callers_and_takes_no_more_until_it_answers() {
    let world = World::new().await;
    world.committed(world.send("a", 1)).await;
    world.store.faults().set_away(true);
    let first = world.send("a", 2);
    let first_answer = world.answer(1, first);
    World::breathe().await;
    let queued = world.send("b", 1);
    let queued_answer = world.answer(1, queued);
    let started = tokio::time::Instant::now();
    assert!(matches!(first_answer.await.unwrap(), Err(Failure::StorageDown(_))), "it was never written");
    assert!(matches!(queued_answer.await.unwrap(), Err(Failure::StorageDown(_))));
    assert!(started.elapsed() <= Duration::from_millis(2_100), "callers wait no longer than the setting");
    assert_eq!(world.journal.append(1, 1, NOW, vec![sent("c", 1)]), Err(AppendError::StorageDown));
    assert!(matches!(world.answer(1, first).await.unwrap(), Err(Failure::StorageDown(_))));
    assert_eq!(world.answer(1, 1).await.unwrap(), Ok(()), "what is on disk can be read");
    assert_eq!(world.journal.healthy(), Err("storage does not commit"));
    assert_eq!(world.audience.rollbacks(), 0);

    world.store.faults().set_away(false);
    world.journal.settled().await;
    World::breathe().await;
    assert_eq!(world.journal.healthy(), Ok(()));
    assert_eq!(world.audience.rollbacks(), 1);
    assert_eq!(world.journal.committed(), 1);
    let next = world.append(world.journal.generation(), 1, vec![sent("c", 1)]);
    assert_eq!(next, 2, "positions go on behind the last committed one");
    world.committed(next).await;
    assert_eq!(world.audience.observed(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn whoever_holds_lost_facts_is_stale_and_others_go_on() {
    let world = World::new().await;
    world.committed(world.send("a", 1)).await;
    world.store.faults().set_away(true);
    let lost = world.append(1, 1, vec![sent("a", 2)]);
    assert!(matches!(world.answer(1, lost).await.unwrap(), Err(Failure::StorageDown(_))));
    world.store.faults().set_away(false);
    world.journal.settled().await;
    World::breathe().await;
    // Others take the lost positions before the holder hears of it.
    let generation = world.journal.generation();
    assert_eq!(generation, 2);
    let other = world.append(1, 1, vec![sent("b", 1)]);
    assert_eq!(other, lost, "the same position, another fact");
    world.committed(other).await;
    assert!(world.journal.lost(1, lost));
    assert_eq!(world.journal.append(1, lost, NOW, vec![sent("a", 3)]), Err(AppendError::Stale));
    assert!(matches!(world.answer(1, lost).await.unwrap(), Err(Failure::Restarting(_))), "not even a read");
    let held = snapshot(&conversation("a"), lost, 0);
    assert!(matches!(world.journal.save(1, held, vec![]).await, Err(StoreError::Unavailable(_))));
    // An old generation without lost facts simply goes on.
    assert!(!world.journal.lost(1, 1));
    assert_eq!(world.append(1, 1, vec![read("a", 1)]), 3);
    // The holder recovers in the new generation, to what is committed.
    let loaded = world.journal.load(&conversation("a"), true).await.unwrap();
    assert_eq!(loaded.generation, generation);
    assert_eq!(positions(&loaded.events), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_unknown_for_too_long_is_told_and_settled_as_committed_when_it_was() {
    let world = World::new().await;
    world.store.faults().hold_appends(true);
    let in_doubt = world.send("a", 1);
    let in_doubt_answer = world.answer(1, in_doubt);
    World::breathe().await;
    let behind = world.send("b", 1);
    let behind_answer = world.answer(1, behind);
    assert_eq!(in_doubt_answer.await.unwrap(), Err(Failure::OutcomeUnknown));
    assert!(matches!(behind_answer.await.unwrap(), Err(Failure::StorageDown(_))), "it was never sent");
    // Nobody recovers to half the truth meanwhile.
    let early = world.journal.load(&conversation("a"), false).await;
    assert!(matches!(early, Err(StoreError::Unavailable(_))));
    world.store.faults().hold_appends(false);
    world.journal.settled().await;
    World::breathe().await;
    assert_eq!(world.journal.committed(), in_doubt);
    assert_eq!(world.audience.observed(), [in_doubt], "whom it concerns is told");
    assert_eq!(world.audience.rollbacks(), 1, "what was queued behind is lost");
    assert!(!world.journal.lost(1, in_doubt));
    assert!(world.journal.lost(1, behind));
    let loaded = world.journal.load(&conversation("a"), true).await.unwrap();
    assert_eq!(positions(&loaded.events), [in_doubt]);
    world.committed(world.append(1, in_doubt, vec![sent("a", 2)])).await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_unknown_for_too_long_is_dropped_when_it_is_not_on_disk() {
    let world = World::new().await;
    for _ in 0..1_000 {
        world.store.faults().fail_append(unknown());
    }
    let in_doubt = world.send("a", 1);
    assert_eq!(world.answer(1, in_doubt).await.unwrap(), Err(Failure::OutcomeUnknown));
    world.store.faults().clear();
    world.journal.settled().await;
    World::breathe().await;
    assert_eq!(world.journal.committed(), 0);
    assert_eq!(world.audience.rollbacks(), 1);
    let loaded = world.journal.load(&conversation("a"), true).await.unwrap();
    assert_eq!(loaded.events, []);
    world.committed(world.append(loaded.generation, 0, vec![sent("a", 1)])).await;
    assert_eq!(world.store.batches().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_went_on_after_a_loss_survives_the_next_one_by_its_own_facts() {
    let world = World::new().await;
    world.committed(world.append(1, 0, vec![sent("a", 1)])).await;
    let mut decided = 1;
    let mut generation = 1;
    for _ in 0..3 {
        world.store.faults().set_away(true);
        let lost = world.append(world.journal.generation(), 0, vec![sent("b", 1)]);
        assert!(world.answer(world.journal.generation(), lost).await.unwrap().is_err());
        world.store.faults().set_away(false);
        world.journal.settled().await;
        World::breathe().await;
        // As `Log::append` does: the generation is read before.
        let current = world.journal.generation();
        decided = world.append(generation, decided, vec![sent("a", decided + 1)]);
        generation = current;
        world.committed(decided).await;
        assert!(!world.journal.lost(generation, decided));
    }
}

#[tokio::test(start_paused = true)]
async fn closing_during_an_outage_does_not_hang() {
    let world = World::new().await;
    world.store.faults().set_away(true);
    let answer = world.answer(1, world.send("a", 1));
    assert!(answer.await.unwrap().is_err());
    tokio::time::timeout(Duration::from_secs(5), world.journal.close()).await.unwrap();
    assert_eq!(world.journal.append(1, 0, NOW, vec![sent("a", 1)]), Err(AppendError::Closed));
    assert_eq!(world.answer(1, 1).await.unwrap(), Err(Failure::Draining));
}
