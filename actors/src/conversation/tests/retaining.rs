//! What is removed is removed on disk as well, with the snapshot that says so, and stays so after a kill.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::conversation::Retained;
use crate::domain::conversation::retaining::Retention;
use crate::domain::ids::ActorKey;
use crate::ports::Collection;

const DAY: i64 = 86_400_000;

async fn stored(stage: &Stage, key: &ConversationKey) -> Vec<u64> {
    let actor = ActorKey::Conversation(key.id());
    let pages = stage.world.store.pages(&actor, Collection::History, 0, 10_000).await.unwrap();
    pages.iter().map(|page| page.number).collect()
}

async fn said(stage: &Stage, key: &ConversationKey, count: u64) {
    for _ in 0..count {
        stage.send(key, 1).await.unwrap();
    }
}

async fn seqs(stage: &Stage, key: &ConversationKey) -> Vec<u64> {
    stage.whole_history(key, user(2)).await.iter().map(|row| row.message.seq).collect()
}

async fn unread(stage: &Stage, key: &ConversationKey) -> u64 {
    stage.read(key, user(2), Some(0)).await.unwrap().unread
}

#[tokio::test]
async fn sending_removes_what_is_too_much_and_the_next_snapshot_deletes_it() {
    let stage = Stage::new().await;
    said(&stage, &pair(), 200).await;
    stage.snapshot(&pair()).await;
    stage.keep(Retention { age: 0, messages: 100 });
    said(&stage, &pair(), 1).await;
    assert_eq!(seqs(&stage, &pair()).await, (65..=201).collect::<Vec<_>>());
    assert_eq!(unread(&stage, &pair()).await, 137);
    assert_eq!(stored(&stage, &pair()).await, [0, 1, 2, 3], "not before the fact is in a snapshot");
    let stage = stage.killed().await;
    assert_eq!(seqs(&stage, &pair()).await, (65..=201).collect::<Vec<_>>(), "a kill brings nothing back");
    stage.snapshot(&pair()).await;
    assert_eq!(stored(&stage, &pair()).await, [1, 2, 3]);
    assert_eq!(stage.world.retention.total(Kind::OneToOne), 64);
    let stage = stage.killed().await;
    assert_eq!(seqs(&stage, &pair()).await, (65..=201).collect::<Vec<_>>());
    assert_eq!(unread(&stage, &pair()).await, 137);
    assert_eq!(stage.send(&pair(), 1).await.unwrap().message.seq, 202);
}

#[tokio::test]
async fn what_is_too_old_goes_when_asked_and_is_deleted_at_once() {
    let stage = Stage::new().await;
    for _ in 0..5 {
        said(&stage, &pair(), 64).await;
        stage.clock.advance(DAY);
    }
    said(&stage, &pair(), 1).await;
    stage.snapshot(&pair()).await;
    // Only the newest page is in memory after this, so ages are read from storage.
    let stage = stage.killed().await;
    assert_eq!(stage.retain(&pair()).await, Retained::default(), "everything is kept");
    stage.keep(Retention { age: 6 * DAY, messages: 0 });
    assert_eq!(stage.retain(&pair()).await, Retained::default(), "nothing is that old");
    stage.keep(Retention { age: 3 * DAY, messages: 0 });
    assert_eq!(stage.retain(&pair()).await, Retained { removed: 128, more: false });
    assert_eq!(stage.retain(&pair()).await, Retained::default());
    assert_eq!(seqs(&stage, &pair()).await, (129..=321).collect::<Vec<_>>());
    stage.snapshot(&pair()).await;
    assert_eq!(stored(&stage, &pair()).await, [2, 3, 4, 5]);
    stage.clock.advance(100 * DAY);
    assert_eq!(stage.retain(&pair()).await, Retained { removed: 192, more: false });
    assert_eq!(seqs(&stage, &pair()).await, [321], "the newest page stays however old it is");
    let stage = stage.killed().await;
    assert_eq!(seqs(&stage, &pair()).await, [321]);
    assert_eq!((unread(&stage, &pair()).await, stage.send(&pair(), 1).await.unwrap().message.seq), (1, 322));
}

#[tokio::test]
async fn both_limits_hold_and_pages_that_were_never_stored_go_as_well() {
    let stage = Stage::new().await;
    for _ in 0..4 {
        said(&stage, &group(), 64).await;
        stage.clock.advance(DAY);
    }
    said(&stage, &group(), 1).await;
    stage.keep(Retention { age: 3 * DAY + 1, messages: 100 });
    assert_eq!(stage.retain(&group()).await, Retained { removed: 128, more: false }, "by number");
    stage.keep(Retention { age: 2 * DAY - 1, messages: 200 });
    assert_eq!(stage.retain(&group()).await, Retained { removed: 64, more: false }, "by age");
    stage.snapshot(&group()).await;
    assert_eq!(stored(&stage, &group()).await, [3, 4]);
    let view = stage.ask(group().id(), ConversationCommand::Group).await.unwrap();
    assert!(matches!(view, ConversationAnswer::Group(view) if view.messages == 65), "as the history has it");
}

#[tokio::test]
async fn much_is_removed_in_steps_each_deleted_before_the_next() {
    let stage = Stage::new().await;
    said(&stage, &pair(), 64 * 520).await;
    stage.snapshot(&pair()).await;
    let stage = stage.killed().await;
    stage.keep(Retention { age: 0, messages: 1 });
    assert_eq!(stage.retain(&pair()).await, Retained { removed: 64 * 512, more: true });
    stage.snapshot(&pair()).await;
    assert_eq!(stored(&stage, &pair()).await, (512..520).collect::<Vec<_>>());
    let mut last = stage.retain(&pair()).await;
    while last.more {
        last = stage.retain(&pair()).await; // the snapshot is written, its turn may not have ended yet
    }
    assert_eq!(last, Retained { removed: 64 * 7, more: false });
    assert_eq!(seqs(&stage, &pair()).await.len(), 64);
}

#[tokio::test]
async fn a_removed_message_is_unknown_to_who_reads_withdraws_or_votes() {
    let stage = Stage::new().await;
    stage.keep(Retention { age: 0, messages: 1 });
    said(&stage, &pair(), 130).await;
    stage.snapshot(&pair()).await;
    let stage = stage.killed().await;
    for seq in [1, 64, 128] {
        assert_eq!(stage.read(&pair(), user(2), Some(seq)).await, Err(Refusal::UnknownMessage.into()));
        assert_eq!(stage.withdraw(&pair(), 1, seq).await, Err(Refusal::UnknownMessage.into()));
        assert_eq!(stage.vote(&pair(), 2, seq, 1).await, Err(Refusal::UnknownMessage.into()));
    }
    assert_eq!(stage.vote(&pair(), 3, 1, 1).await, Err(Refusal::UnknownMessage.into()), "as to a stranger");
    assert_eq!(stage.read(&pair(), user(2), Some(129)).await.map(|mark| mark.unread), Ok(1));
    assert_eq!(stage.withdraw(&pair(), 1, 130).await, Ok(()));
    assert_eq!(unread(&stage, &pair()).await, 0);
}

#[tokio::test]
async fn votes_and_withdrawals_above_a_snapshot_need_no_page_that_was_removed_since() {
    let stage = Stage::new().await;
    said(&stage, &pair(), 130).await;
    stage.snapshot(&pair()).await;
    stage.vote(&pair(), 2, 3, 1).await.unwrap();
    stage.withdraw(&pair(), 1, 4).await.unwrap();
    said(&stage, &pair(), 70).await;
    stage.keep(Retention { age: 0, messages: 10 });
    assert_eq!(stage.retain(&pair()).await.removed, 128);
    // As in a backup, whose pages are copied after its snapshots: the older snapshot, its pages gone.
    let actor = ActorKey::Conversation(pair().id());
    let older = stage.world.store.load(&actor).await.unwrap().unwrap();
    stage.snapshot(&pair()).await;
    stage.world.store.save(&older, &[]).await.unwrap();
    assert_eq!(stored(&stage, &pair()).await, [2, 3]);
    let stage = stage.killed().await;
    assert_eq!(seqs(&stage, &pair()).await, (129..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_snapshot_that_failed_is_made_up_for_by_the_next() {
    let stage = Stage::new().await;
    said(&stage, &pair(), 130).await;
    stage.snapshot(&pair()).await;
    stage.keep(Retention { age: 0, messages: 1 });
    stage.store.faults().hold_appends(true);
    let key = pair();
    let (retained, ()) = tokio::join!(stage.retain(&key), async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert_eq!(stored(&stage, &pair()).await, [0, 1, 2], "nothing goes before the fact is on disk");
        stage.store.faults().hold_appends(false);
    });
    assert_eq!(retained.removed, 128);
    stage.snapshot(&pair()).await;
    assert_eq!(stored(&stage, &pair()).await, [2]);
    stage.clock.advance(DAY);
    said(&stage, &pair(), 70).await;
    stage.store.faults().set_away(true);
    assert!(
        stage.ask(pair().id(), ConversationCommand::Retain { at: stage.world.clock.now() }).await.is_ok()
    );
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    stage.store.faults().set_away(false);
    assert_eq!(stored(&stage, &pair()).await, [2], "the snapshot failed");
    stage.snapshot(&pair()).await;
    assert_eq!(stored(&stage, &pair()).await, [3]);
    assert_eq!(seqs(&stage, &pair()).await, (193..=200).collect::<Vec<_>>());
}

/// One step of a random walk in which messages are removed all the time.
async fn step(stage: &Stage, key: &ConversationKey, random: &mut StdRng) {
    let who = random.random_range(1..=2);
    let seq = random.random_range(1..=600);
    match random.random_range(0..100) {
        0..60 => drop(stage.send(key, who).await.unwrap()),
        60..68 => drop(stage.read(key, user(who), Some(seq)).await),
        68..76 => drop(stage.withdraw(key, who, seq).await),
        76..84 => drop(stage.vote(key, who, seq, 1).await),
        84..88 => drop(stage.history(key, user(who), Some(seq)).await.unwrap()),
        88..91 => stage.clock.advance(DAY / 2),
        91..94 => drop(stage.retain(key).await),
        94..97 => stage.snapshot(key).await,
        97..98 => stage.keep(Retention {
            age: random.random_range(0..4) * DAY,
            messages: random.random_range(0..4) * 70,
        }),
        _ => stage.conversations.crash_or_restart(&key.id()),
    }
}

#[tokio::test]
async fn recovery_equals_live_while_messages_are_removed() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for key in [pair(), group()] {
        let mut stage = Stage::new().await;
        let mut removed = false;
        for _ in 0..8 {
            for _ in 0..100 {
                step(&stage, &key, &mut random).await;
            }
            let live = (
                stage.whole_history(&key, user(1)).await,
                stage.read(&key, user(1), Some(0)).await,
                stage.read(&key, user(2), Some(0)).await,
            );
            removed |= live.0.first().is_some_and(|row| row.message.seq > 1);
            let rules = crate::world::Rules::clone(&stage.world.rules.load());
            stage = stage.killed().await;
            stage.world.rules.store(rules.into());
            let recovered = (
                stage.whole_history(&key, user(1)).await,
                stage.read(&key, user(1), Some(0)).await,
                stage.read(&key, user(2), Some(0)).await,
            );
            assert_eq!(recovered, live, "seed {seed}");
        }
        assert!(removed, "seed {seed}");
    }
}
