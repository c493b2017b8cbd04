//! Permits bound what is held; turns are shared fairly; draining waits for all that was admitted.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::time::Duration;

use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::policy::Policy;
use tokio::sync::oneshot;

use super::toy::{Command, Notice, Rig, Script, eventually, is_crashed, quick};

#[tokio::test]
async fn a_full_mailbox_refuses_with_a_time_to_retry_and_then_recovers() {
    let rig = Rig::new(Policy { mailbox_capacity: 2, ..quick() });
    let first = rig.begin("a", Command::Hold).await;
    eventually(|| rig.world.handled() == 1).await;
    let (open, gate) = oneshot::channel();
    let second = rig.begin("a", Command::Park(gate)).await;
    let refused = rig.ask("a", Command::Get).await;
    assert!(matches!(refused, Err(Failure::MailboxFull(after)) if after == Duration::from_secs(1)));
    assert_eq!(rig.ask("b", Command::Get).await, Ok(0), "the neighbour has places of its own");
    open.send(()).unwrap();
    assert_eq!(second.await.unwrap(), Ok(0));
    assert_eq!(rig.ask("a", Command::Release).await, Ok(0));
    assert_eq!(first.await.unwrap(), Ok(0));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    let refused = "messagecenter_commands_refused_total{kind=\"toy\",reason=\"mailbox_full\"}";
    assert_eq!(rig.metric(refused), 1.0);
    assert_eq!(rig.metric("messagecenter_commands_admitted_total"), 5.0);
}

#[tokio::test]
async fn a_full_service_refuses_for_all_its_actors() {
    let rig = Rig::new(Policy { service_capacity: 2, ..quick() });
    let first = rig.begin("a", Command::Hold).await;
    let (_keep, gate) = oneshot::channel();
    let second = rig.begin("b", Command::Park(gate)).await;
    assert!(matches!(rig.ask("c", Command::Get).await, Err(Failure::Overloaded(_))));
    second.abort();
    rig.registry.crash_or_restart(&"b".to_owned());
    eventually(|| rig.world.recoveries("b").len() == 2).await;
    assert_eq!(rig.ask("a", Command::Release).await, Ok(0));
    assert_eq!(first.await.unwrap(), Ok(0));
    assert_eq!(rig.ask("c", Command::Get).await, Ok(0));
}

#[tokio::test]
async fn a_crash_gives_its_permit_back() {
    let rig = Rig::new(Policy { mailbox_capacity: 1, service_capacity: 1, ..quick() });
    for _ in 0..5 {
        assert!(is_crashed(&rig.ask("a", Command::Panic).await));
        eventually(|| rig.world.recoveries("a").len() > 1).await;
    }
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
}

#[tokio::test]
async fn a_busy_actor_lets_its_neighbour_run() {
    let rig = Rig::new(Policy { turn_budget: 4, ..quick() });
    assert_eq!(rig.ask("neighbour", Command::Get).await, Ok(0));
    assert_eq!(rig.ask("busy", Command::Get).await, Ok(0));
    let mut busy = Vec::new();
    for _ in 0..300 {
        busy.push(rig.begin("busy", Command::Spin(Duration::from_millis(1))).await);
    }
    assert_eq!(rig.ask("neighbour", Command::Add(1)).await, Ok(1));
    assert!(rig.world.handled() < 250, "{} turns came first", rig.world.handled());
    for task in busy {
        assert_eq!(task.await.unwrap(), Ok(0));
    }
}

#[tokio::test]
async fn a_flood_of_notices_lets_the_neighbour_run() {
    let rig = Rig::new(Policy { turn_budget: 1, ..quick() });
    assert_eq!(rig.ask("busy", Command::Get).await, Ok(0));
    for _ in 0..10_000 {
        assert!(rig.tell("busy", Notice::Add(1)));
    }
    assert_eq!(rig.ask("neighbour", Command::Add(1)).await, Ok(1));
    assert_eq!(rig.ask("busy", Command::Get).await, Ok(10_000));
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_is_skipped() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    let abandoned = rig.begin("a", Command::Add(1)).await;
    abandoned.abort();
    let _ = abandoned.await;
    open.send(()).unwrap();
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    assert_eq!(rig.world.handled(), 1);
}

#[tokio::test]
async fn draining_refuses_what_is_new_and_waits_for_what_was_admitted() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    let admitted = rig.begin("a", Command::Park(gate)).await;
    rig.registry.close();
    assert_eq!(rig.ask("a", Command::Get).await, Err(Failure::Draining));
    assert_eq!(rig.ask("b", Command::Get).await, Err(Failure::Draining));
    let early = tokio::time::timeout(Duration::from_millis(50), rig.registry.drained()).await;
    assert!(early.is_err());
    assert!(rig.tell("a", Notice::Add(4)), "facts are told until the end");
    open.send(()).unwrap();
    rig.registry.drained().await;
    assert_eq!(admitted.await.unwrap(), Ok(4));
    rig.registry.tell_or_wake(&"b".to_owned(), Notice::Add(1));
    eventually(|| rig.world.committed.lock().get("b") == Some(&1)).await;
    rig.registry.stop().await;
    rig.registry.tell_or_wake(&"c".to_owned(), Notice::Add(1));
    assert_eq!(rig.registry.active(), 0);
    assert_eq!(rig.metric("messagecenter_actor_active"), 0.0);
}
