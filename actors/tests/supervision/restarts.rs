//! Restart budget, backoff, quarantine, reload, and the storm breaker.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::time::{Duration, Instant};

use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::runtime::sweep::Written;
use tokio::sync::oneshot;

use super::toy::{Command, Notice, Rig, Script, eventually, is_crashed, quick};

#[tokio::test]
async fn an_actor_over_its_budget_is_quarantined_until_it_is_resumed() {
    let rig = Rig::new(Policy { restart_budget: 2, ..quick() });
    let key = "a".to_owned();
    assert_eq!(rig.ask("a", Command::Add(5)).await, Ok(5));
    for _ in 0..3 {
        assert!(is_crashed(&rig.ask("a", Command::Panic).await));
    }
    assert_eq!(rig.ask("a", Command::Add(1)).await, Err(Failure::Quarantined));
    assert_eq!(rig.ask("neighbour", Command::Get).await, Ok(0));
    let quarantined = rig.registry.quarantined();
    assert_eq!(quarantined, [("a".to_owned(), "crashed 3 times, last in panic".to_owned())]);
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 1.0);
    rig.registry.sweep(&|_| Written::All);
    assert!(rig.registry.resume(&key));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(5));
    assert!(!rig.registry.resume(&key));
    assert!(rig.registry.quarantined().is_empty());
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 0.0);
    assert!(is_crashed(&rig.ask("a", Command::Panic).await), "the budget is fresh");
    assert_eq!(rig.ask("a", Command::Get).await, Ok(5));
}

#[tokio::test]
async fn commands_queued_behind_the_last_crash_are_refused_and_not_lost() {
    let rig = Rig::new(Policy { restart_budget: 0, ..quick() });
    let (crashed, behind) = tokio::join!(rig.ask("a", Command::Panic), rig.ask("a", Command::Add(1)));
    assert!(is_crashed(&crashed));
    assert_eq!(behind, Err(Failure::Quarantined));
    assert!(!rig.world.committed.lock().contains_key("a"));
}

#[tokio::test]
async fn crashes_outside_the_window_do_not_count() {
    let rig = Rig::new(Policy { restart_budget: 1, restart_window: Duration::from_millis(50), ..quick() });
    for _ in 0..4 {
        assert!(is_crashed(&rig.ask("a", Command::Panic).await));
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
}

#[tokio::test]
async fn backoff_delays_only_the_actor_that_crashed() {
    let rig = Rig::new(Policy { backoff_min: Duration::from_millis(600), ..quick() });
    assert_eq!(rig.ask("neighbour", Command::Get).await, Ok(0));
    let begun = Instant::now();
    assert!(is_crashed(&rig.ask("a", Command::Panic).await));
    assert_eq!(rig.ask("neighbour", Command::Add(1)).await, Ok(1));
    assert!(begun.elapsed() < Duration::from_millis(550), "{:?}", begun.elapsed());
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_long_backoff_refuses_commands_instead_of_keeping_them_waiting() {
    let rig = Rig::new(Policy { backoff_min: Duration::from_secs(20), ..quick() });
    assert!(is_crashed(&rig.ask("a", Command::Panic).await));
    let left = Duration::from_secs(10)..=Duration::from_secs(30);
    let crashed = Instant::now();
    loop {
        let begun = Instant::now();
        let refused = rig.ask("a", Command::Get).await;
        assert!(begun.elapsed() < Duration::from_millis(500));
        match refused {
            Err(Failure::Restarting(wait)) if left.contains(&wait) => break,
            // Until the crash is known and the next try is set, soon is all that can be said.
            Err(Failure::Restarting(_)) => assert!(crashed.elapsed() < Duration::from_secs(5), "{refused:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn many_actors_crashing_at_once_trip_the_breaker() {
    let rig = Rig::new(quick());
    for number in 0..21 {
        assert!(is_crashed(&rig.ask(&format!("a{number}"), Command::Panic).await));
    }
    eventually(|| rig.observer.storm_open()).await;
    assert_eq!(rig.metric("messagecenter_crash_storms_total"), 1.0);
    let refused = rig.ask("a20", Command::Get).await;
    let left = Duration::from_secs(1)..=Duration::from_secs(15);
    assert!(matches!(refused, Err(Failure::Restarting(wait)) if left.contains(&wait)), "{refused:?}");
    assert_eq!(rig.ask("healthy", Command::Get).await, Ok(0));
}

#[tokio::test]
async fn a_reload_recovers_from_what_is_committed_and_counts_no_crash() {
    let rig = Rig::new(Policy { restart_budget: 0, ..quick() });
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    rig.world.committed.lock().insert("a".to_owned(), 40);
    assert_eq!(rig.ask("a", Command::Reload).await, Ok(1));
    assert_eq!(rig.ask("a", Command::Add(2)).await, Ok(42));
    rig.registry.crash_or_restart(&"a".to_owned());
    assert_eq!(rig.ask("a", Command::Get).await, Ok(42));
    assert_eq!(rig.world.recoveries("a"), [false, true, true]);
    assert_eq!(rig.metric("messagecenter_actor_restarts_total"), 0.0);
}

#[tokio::test]
async fn what_is_parked_is_answered_lost_when_its_actor_reloads() {
    let rig = Rig::new(quick());
    let (_keep, gate) = oneshot::channel();
    let parked = rig.begin("a", Command::Park(gate)).await;
    assert_eq!(rig.ask("a", Command::Reload).await, Ok(0));
    assert_eq!(parked.await.unwrap(), Err(Failure::Lost));
    let (open, gate) = oneshot::channel();
    let parked = rig.begin("a", Command::Park(gate)).await;
    assert_eq!(rig.ask("a", Command::Add(3)).await, Ok(3), "parked work blocks nobody");
    open.send(()).unwrap();
    assert_eq!(parked.await.unwrap(), Ok(3));
}

#[tokio::test]
async fn a_panic_mid_storm_of_notices_loses_only_its_own() {
    let rig = Rig::new(quick());
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    for number in 0..200 {
        assert!(rig.tell("a", if number == 100 { Notice::Panic } else { Notice::Add(1) }));
    }
    assert_eq!(rig.ask("a", Command::Get).await, Ok(199));
}

#[tokio::test]
async fn an_unreadable_actor_is_quarantined_at_once() {
    let rig = Rig::new(quick());
    rig.world.script("a", [Script::Broken]);
    assert_eq!(rig.ask("a", Command::Get).await, Err(Failure::Quarantined));
    assert_eq!(rig.registry.quarantined(), [("a".to_owned(), "unreadable".to_owned())]);
    assert!(rig.registry.resume(&"a".to_owned()));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    eventually(|| rig.registry.quarantined().is_empty()).await;
}
