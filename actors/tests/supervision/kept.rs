//! An answer that is kept is as good as a new one, and is gone as soon as something comes.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messagecenter_actors::runtime::policy::Policy;
use tokio::sync::oneshot;

use super::toy::{Command, Notice, Rig, eventually, is_crashed, quick};

/// A toy `a` that keeps its answer.
async fn keeping() -> Rig {
    let rig = Rig::new(quick());
    keep(&rig, 0).await;
    rig
}

async fn keep(rig: &Rig, sum: i64) {
    assert_eq!(rig.ask("a", Command::Keep).await, Ok(sum));
    eventually(|| rig.kept("a") == Some(sum)).await;
}

#[tokio::test]
async fn a_kept_answer_needs_no_turn() {
    let rig = Rig::new(quick());
    assert_eq!(rig.kept("a"), None, "it is not even active");
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    assert_eq!(rig.kept("a"), None, "it keeps nothing yet");
    keep(&rig, 0).await;
    let (turns, given) = (rig.world.handled(), rig.metric("messagecenter_answers_kept_total"));
    assert_eq!(rig.kept("a"), Some(0));
    assert_eq!(rig.kept("b"), None, "its neighbour keeps nothing");
    assert_eq!(rig.world.handled(), turns);
    assert_eq!(rig.metric("messagecenter_answers_kept_total"), given + 1.0);
}

#[tokio::test]
async fn what_changes_nothing_leaves_what_is_kept() {
    let rig = keeping().await;
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    eventually(|| rig.kept("a") == Some(0)).await;
}

#[tokio::test]
async fn nothing_is_kept_as_soon_as_a_notice_is_told_however_late_it_is_taken_in() {
    let rig = keeping().await;
    let busy = rig.begin("a", Command::Spin(Duration::from_millis(100))).await;
    assert!(rig.tell("a", Notice::Add(3)));
    assert_eq!(rig.kept("a"), None);
    busy.await.unwrap().unwrap();
    assert_eq!(rig.ask("a", Command::Get).await, Ok(3));
    assert_eq!(rig.kept("a"), None, "what was kept before does not come back");
    keep(&rig, 3).await;
}

#[tokio::test]
async fn four_answers_are_kept_and_then_the_newest_four() {
    let rig = Rig::new(quick());
    let mut newest = 0;
    let holds =
        |wanted: i64| rig.registry.kept(&"a".to_owned(), |at| (*at == wanted).then_some(())).is_some();
    for _ in 0..6 {
        newest = rig.ask("a", Command::KeepCount).await.unwrap();
        eventually(|| holds(newest)).await;
    }
    assert!((newest - 3..=newest).all(holds));
    assert!(!(newest - 5..newest - 3).any(holds));
}

#[tokio::test]
async fn nothing_is_kept_after_a_command_that_may_have_changed_something() {
    let rig = keeping().await;
    assert_eq!(rig.ask("a", Command::Add(2)).await, Ok(2));
    assert_eq!(rig.kept("a"), None);
    keep(&rig, 2).await;
}

#[tokio::test]
async fn nothing_is_kept_once_parked_work_goes_on() {
    let rig = keeping().await;
    let (open, gate) = oneshot::channel();
    let parked = rig.begin("a", Command::ParkAndAdd(gate, 4)).await;
    keep(&rig, 0).await;
    open.send(()).unwrap();
    assert_eq!(parked.await.unwrap(), Ok(4));
    assert_eq!(rig.kept("a"), None);
}

#[tokio::test]
async fn a_crash_and_a_reload_take_what_is_kept_along() {
    let rig = keeping().await;
    assert!(is_crashed(&rig.ask("a", Command::Panic).await));
    assert_eq!(rig.kept("a"), None);
    keep(&rig, 0).await;
    rig.world.committed.lock().insert("a".to_owned(), 9);
    rig.registry.crash_or_restart(&"a".to_owned());
    assert_eq!(rig.kept("a"), None);
    keep(&rig, 9).await;
}

#[tokio::test]
async fn an_actor_that_is_quarantined_for_parked_work_that_panics_keeps_nothing() {
    let rig = Rig::new(Policy { restart_budget: 0, ..quick() });
    keep(&rig, 0).await;
    let parked = rig.ask("a", Command::ParkPanicking).await;
    assert!(parked.is_err(), "{parked:?}");
    eventually(|| !rig.registry.quarantined().is_empty()).await;
    assert_eq!(rig.kept("a"), None);
}

#[tokio::test]
async fn an_actor_in_quarantine_and_a_closed_registry_give_nothing_that_is_kept() {
    let rig = keeping().await;
    rig.registry.quarantine(&"a".to_owned(), "by hand".to_owned());
    eventually(|| !rig.registry.quarantined().is_empty()).await;
    assert_eq!(rig.kept("a"), None);
    let rig = keeping().await;
    rig.registry.close();
    assert_eq!(rig.kept("a"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_told_something_never_finds_an_answer_from_before_it() {
    let rig = Arc::new(keeping().await);
    let done = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn({
        let (rig, done) = (Arc::clone(&rig), Arc::clone(&done));
        async move {
            while !done.load(Ordering::Relaxed) {
                rig.ask("a", Command::Keep).await.unwrap();
            }
        }
    });
    for told in 1..=20_000 {
        assert!(rig.tell("a", Notice::Add(1)));
        for _ in 0..told % 50 {
            assert!(rig.kept("a").is_none_or(|sum| sum == told));
        }
        if told % 1_000 == 0 {
            eventually(|| rig.kept("a") == Some(told)).await;
        }
    }
    done.store(true, Ordering::Relaxed);
    asking.await.unwrap();
}
