//! What comes back after kills, snapshots and restarts.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::*;
use crate::domain::event::{SessionOpened, ShuntChange};

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let stage = Stage::new().await;
    for _ in 0..150 {
        stage.send(&pair(), 1).await.unwrap();
    }
    stage.snapshot(&pair()).await;
    stage.send_keyed(&pair(), 2, Some("k")).await.unwrap();
    stage.withdraw(&pair(), 1, 3).await.unwrap();
    stage.vote(&pair(), 2, 70, 1).await.unwrap();
    stage.read(&pair(), user(2), Some(100)).await.unwrap();
    let before = stage.whole_history(&pair(), user(1)).await;
    let stage = stage.killed().await;
    assert_eq!(stage.whole_history(&pair(), user(1)).await, before);
    assert_eq!(
        stage.read(&pair(), user(2), Some(1)).await.map(|mark| (mark.read_seq, mark.unread)),
        Ok((100, 50))
    );
    assert_eq!(stage.send_keyed(&pair(), 2, Some("k")).await.unwrap().message.seq, 151);
    assert_eq!(stage.send(&pair(), 1).await.unwrap().message.seq, 152);
}

#[tokio::test]
async fn keys_survive_in_the_snapshot_as_well() {
    let stage = Stage::new().await;
    let first = stage.send_keyed(&pair(), 1, Some("k")).await.unwrap();
    stage.snapshot(&pair()).await;
    let stage = stage.killed().await;
    assert_eq!(stage.send_keyed(&pair(), 1, Some("k")).await, Ok(first));
}

#[tokio::test]
async fn old_pages_are_loaded_when_they_are_asked_for() {
    let stage = Stage::new().await;
    for _ in 0..64 * 12 {
        stage.send(&pair(), 1).await.unwrap();
    }
    stage.snapshot(&pair()).await;
    let stage = stage.killed().await;
    let page = stage.history(&pair(), user(2), Some(10)).await.unwrap();
    let seqs: Vec<u64> = page.rows.iter().map(|row| row.message.seq).collect();
    assert_eq!(seqs, (11..=110).collect::<Vec<u64>>());
    stage.withdraw(&pair(), 1, 200).await.unwrap();
    assert_eq!(stage.vote(&pair(), 2, 200, 1).await.unwrap_err(), Refusal::Withdrawn.into());
    assert_eq!(stage.whole_history(&pair(), user(2)).await.len(), 64 * 12);
}

#[tokio::test]
async fn a_stranger_makes_nothing_load_and_learns_nothing() {
    let stage = Stage::new().await;
    stage.send(&pair(), 1).await.unwrap();
    stage.snapshot(&pair()).await;
    let stage = stage.killed().await;
    assert_eq!(stage.history(&pair(), user(3), None).await.unwrap_err(), Refusal::UnknownConversation.into());
    assert_eq!(stage.vote(&pair(), 3, 1, 1).await.unwrap_err(), Refusal::UnknownMessage.into());
}

#[tokio::test]
async fn members_and_their_marks_survive() {
    let stage = Stage::new().await;
    let members = (1..=200).map(Address::user).collect();
    let (name, avatar, at) = ("Nine".to_owned(), String::new(), 1_000_000);
    let define = ConversationCommand::DefineGroup { key: group(), name, avatar, members: Some(members), at };
    stage.ask(group().id(), define).await.unwrap();
    stage.send(&group(), 7).await.unwrap();
    stage.send(&group(), 8).await.unwrap();
    stage.read(&group(), user(150), Some(1)).await.unwrap();
    stage.snapshot(&group()).await;
    let change = ConversationCommand::ChangeMembers {
        add: vec![Address::user(900)],
        remove: vec![Address::user(1)],
        at: 1_000_000,
    };
    stage.ask(group().id(), change).await.unwrap();
    let stage = stage.killed().await;
    assert_eq!(stage.read(&group(), user(7), Some(0)).await.unwrap().unread, 1);
    assert_eq!(stage.read(&group(), user(150), Some(0)).await.map(|m| (m.read_seq, m.unread)), Ok((1, 1)));
    assert_eq!(stage.read(&group(), user(900), Some(0)).await.unwrap().unread, 0);
    assert_eq!(stage.send(&group(), 1).await.unwrap_err(), Refusal::UnknownConversation.into());
    let answer = stage.ask(group().id(), ConversationCommand::Members { page: 3, size: 80 }).await.unwrap();
    assert!(matches!(answer, ConversationAnswer::Members(rows, 200) if rows.len() == 40));
}

#[tokio::test]
async fn the_open_session_is_known_live_and_after_a_kill() {
    let stage = Stage::new().await;
    let desk = ConversationKey::Service(4, Address::user(1));
    let needs = stage.send_as(&desk, by_user(1), 4, None).await.unwrap();
    assert!(matches!(needs, ConversationAnswer::NeedsSession { ent: 4, .. }));
    let session = Uuid::now_v7();
    let opened = SessionOpened {
        session,
        customer: Address::user(1),
        conversation: desk.id(),
        group: String::new(),
        shown_name: String::new(),
        app_id: String::new(),
        receive_app_id: String::new(),
    };
    let assigned = ShuntChange::Assigned {
        session,
        customer: Address::user(1),
        agent: Arc::from("5"),
        agent_name: String::new(),
    };
    stage.routed(4, vec![ShuntChange::SessionOpened(opened), assigned]).await;
    assert!(matches!(stage.send_as(&desk, by_user(1), 4, None).await, Ok(ConversationAnswer::Sent(_))));
    let stage = stage.killed().await;
    assert!(matches!(stage.send_as(&desk, by_agent(5), 4, None).await, Ok(ConversationAnswer::Sent(_))));
    stage.snapshot(&desk).await;
    let stage = stage.killed().await;
    let history = stage.history(&desk, agent(5, 4), None).await.unwrap();
    assert!(history.rows.iter().all(|row| row.message.session == Some(session)));
    assert_eq!(history.total, 2);
    assert_eq!(stage.read(&desk, agent(6, 4), Some(0)).await.unwrap().unread, 1);
}

/// One step of a random walk through everything that changes a conversation.
async fn step(stage: &Stage, key: &ConversationKey, random: &mut StdRng) {
    let who = random.random_range(1..=2);
    let seq = random.random_range(1..=300);
    match random.random_range(0..100) {
        0..50 => drop(stage.send(key, who).await.unwrap()),
        50..65 => drop(stage.read(key, user(who), Some(seq)).await),
        65..78 => drop(stage.withdraw(key, who, seq).await),
        78..91 => drop(stage.vote(key, who, seq, if random.random() { 1 } else { -1 }).await),
        91..95 => drop(stage.send_keyed(key, who, Some(&format!("k{}", seq % 20))).await.unwrap()),
        95..98 => stage.snapshot(key).await,
        _ => stage.conversations.crash_or_restart(&key.id()),
    }
}

#[tokio::test]
async fn recovery_equals_live_after_any_walk() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for key in [pair(), group()] {
        let mut stage = Stage::new().await;
        for _ in 0..6 {
            for _ in 0..100 {
                step(&stage, &key, &mut random).await;
            }
            let live = (
                stage.whole_history(&key, user(1)).await,
                stage.read(&key, user(1), Some(0)).await,
                stage.read(&key, user(2), Some(0)).await,
            );
            stage = stage.killed().await;
            let recovered = (
                stage.whole_history(&key, user(1)).await,
                stage.read(&key, user(1), Some(0)).await,
                stage.read(&key, user(2), Some(0)).await,
            );
            assert_eq!(recovered, live, "seed {seed}");
        }
    }
}
