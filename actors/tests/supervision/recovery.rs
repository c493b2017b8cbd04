//! Messages wait while state loads, but not for ever; storage that is away costs no budget.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::policy::Policy;
use tokio::sync::oneshot;

use super::toy::{Command, Notice, Rig, Script, eventually, quick};

#[tokio::test]
async fn commands_and_notices_wait_in_order_while_state_loads() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    let first = rig.begin("a", Command::Add(1)).await;
    assert!(rig.tell("a", Notice::Add(10)));
    let second = rig.begin("a", Command::Get).await;
    assert_eq!(rig.world.handled(), 0);
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(second.await.unwrap(), Ok(11));
}

#[tokio::test]
async fn storage_that_comes_back_soon_is_not_noticed() {
    let rig = Rig::new(Policy { restart_budget: 0, ..quick() });
    rig.world.script("a", [Script::Retry, Script::Retry, Script::Retry]);
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    assert_eq!(rig.metric("messagecenter_actor_restarts_total"), 0.0);
}

#[tokio::test]
async fn storage_that_stays_away_fails_commands_and_keeps_notices() {
    let rig = Rig::new(Policy { backoff_max: Duration::from_millis(20), ..quick() });
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Retry, Script::Wait(gate)]);
    let begun = Instant::now();
    assert!(matches!(rig.ask("a", Command::Add(1)).await, Err(Failure::StorageDown(_))));
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(matches!(rig.ask("a", Command::Add(1)).await, Err(Failure::StorageDown(_))));
    assert!(begun.elapsed() < Duration::from_millis(500), "who comes later does not wait");
    assert!(rig.tell("a", Notice::Add(5)));
    assert!(rig.tell("a", Notice::Add(6)));
    open.send(()).unwrap();
    eventually(|| rig.world.told.load(Ordering::SeqCst) == 2).await;
    assert_eq!(rig.ask("a", Command::Get).await, Ok(11));
}

#[tokio::test]
async fn nobody_is_activated_or_waited_for_while_storage_is_known_to_be_away() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Retry, Script::Wait(gate)]);
    let waits = rig.begin("a", Command::Get).await;
    eventually(|| rig.world.recoveries("a").len() == 2).await;
    let left = Duration::from_secs(7);
    *rig.world.away.lock() = Some(left);
    let begun = Instant::now();
    assert_eq!(rig.ask("b", Command::Get).await, Err(Failure::StorageDown(left)));
    assert!(rig.world.recoveries("b").is_empty() && rig.registry.active() == 1, "nobody new");
    assert!(matches!(waits.await.unwrap(), Err(Failure::StorageDown(_))));
    *rig.world.away.lock() = None;
    assert_eq!(rig.ask("b", Command::Get).await, Ok(0));
    open.send(()).unwrap();
    eventually(|| rig.world.recoveries("a").len() == 2).await;
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_load_that_is_only_slow_is_waited_for_longer_than_one_that_fails() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    let first = rig.begin("a", Command::Add(1)).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn too_many_notices_during_a_slow_recovery_are_left_to_the_journal() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    assert!(matches!(rig.ask("a", Command::Get).await, Err(Failure::StorageDown(_))));
    for _ in 0..5_000 {
        assert!(rig.tell("a", Notice::Add(1)));
    }
    eventually(|| rig.metric("messagecenter_mailbox_wait_seconds_count") == 0.0).await;
    assert!(matches!(rig.ask("a", Command::Get).await, Err(Failure::StorageDown(_))));
    rig.world.committed.lock().insert("a".to_owned(), 5_000);
    open.send(()).unwrap();
    eventually(|| rig.world.recoveries("a").len() == 2).await;
    assert_eq!(rig.ask("a", Command::Get).await, Ok(5_000));
}

#[tokio::test]
async fn no_more_actors_load_at_once_than_allowed() {
    let rig = Rig::new(Policy { activation_concurrency: 1, ..quick() });
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    rig.registry.wake(&"a".to_owned());
    eventually(|| rig.world.recoveries("a").len() == 1).await;
    let second = rig.begin("b", Command::Get).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(rig.world.recoveries("b").is_empty());
    open.send(()).unwrap();
    assert_eq!(second.await.unwrap(), Ok(0));
}

#[tokio::test]
async fn a_panic_while_loading_gives_its_place_back() {
    let rig = Rig::new(Policy { activation_concurrency: 1, ..quick() });
    rig.world.script("a", [Script::PanicInFuture, Script::PanicBeforeFuture]);
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    assert_eq!(rig.ask("b", Command::Get).await, Ok(0));
}
