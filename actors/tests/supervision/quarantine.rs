//! Reads of a quarantined actor, and how they end.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::sync::atomic::Ordering;
use std::time::Duration;

use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::inspection::Passivated;
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::runtime::sweep::Written;
use tokio::sync::oneshot;

use super::toy::{Command, Notice, Rig, Script, eventually, is_crashed, quick};

const NO: Result<i64, Failure> = Err(Failure::Quarantined);

/// Whether an actor is quarantined and answers reads.
fn shows(rig: &Rig) -> bool {
    let seen = rig.registry.status(&"a".to_owned()).unwrap();
    seen.phase == "quarantined" && seen.read_only
}

/// An actor that holds 5 and was quarantined by hand.
async fn taken_out(policy: Policy, then: impl IntoIterator<Item = Script>) -> Rig {
    let rig = Rig::new(policy);
    assert_eq!(rig.ask("a", Command::Add(5)).await, Ok(5));
    rig.world.script("a", then);
    assert!(rig.registry.quarantine(&"a".to_owned(), "a look".to_owned()));
    eventually(|| !rig.registry.quarantined().is_empty()).await;
    rig
}

/// That it answers nothing, and does not try again to.
async fn is_shut(rig: &Rig, recoveries: usize) {
    eventually(|| rig.world.recoveries("a").len() == recoveries && !shows(rig)).await;
    for _ in 0..10 {
        assert_eq!(rig.ask("a", Command::Get).await, NO);
        rig.tell("a", Notice::Add(0));
        rig.registry.crash_or_restart(&"a".to_owned());
        rig.registry.sweep(&|_| Written::All);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rig.world.recoveries("a").len(), recoveries);
    assert_eq!(rig.registry.quarantined().len(), 1);
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 1.0);
}

#[tokio::test]
async fn an_actor_over_its_budget_goes_on_answering_reads_and_decides_nothing() {
    let rig = Rig::new(Policy { restart_budget: 1, idle_after: Duration::ZERO, ..quick() });
    assert_eq!(rig.ask("a", Command::Add(5)).await, Ok(5));
    for _ in 0..2 {
        assert!(is_crashed(&rig.ask("a", Command::Panic).await));
    }
    eventually(|| shows(&rig)).await;
    assert_eq!(rig.ask("a", Command::Get).await, Ok(5));
    assert_eq!(rig.ask("a", Command::IsReadOnly).await, Ok(1));
    assert_eq!(rig.ask("a", Command::Add(1)).await, NO);
    assert_eq!(rig.ask("a", Command::Panic).await, NO, "whatever crashed it is not begun again");
    let (open, gate) = oneshot::channel();
    let parked = rig.begin("a", Command::Park(gate)).await;
    assert!(rig.tell("a", Notice::Add(2)), "what is committed elsewhere goes on");
    open.send(()).unwrap();
    assert!(matches!(parked.await.unwrap(), Ok(5 | 7)));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(7));

    let ticked = rig.world.ticked.load(Ordering::SeqCst);
    rig.registry.sweep(&|_| Written::All);
    assert_eq!(rig.registry.passivate_now(&"a".to_owned(), true), Passivated::Busy);
    assert_eq!(rig.ask("a", Command::Get).await, Ok(7), "it stays in memory");
    assert_eq!(rig.world.ticked.load(Ordering::SeqCst), ticked);
    assert_eq!(rig.registry.quarantined(), [("a".to_owned(), "crashed 2 times, last in panic".to_owned())]);
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 1.0);

    assert!(rig.registry.resume(&"a".to_owned()));
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(8));
    assert_eq!(rig.ask("a", Command::IsReadOnly).await, Ok(0));
    assert!(!shows(&rig));
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 0.0);
}

#[tokio::test]
async fn a_read_that_panics_ends_the_reads_until_the_actor_is_resumed() {
    let rig = taken_out(quick(), []).await;
    eventually(|| shows(&rig)).await;
    assert!(is_crashed(&rig.ask("a", Command::PanicInRule).await));
    is_shut(&rig, 2).await;
    assert!(rig.registry.resume(&"a".to_owned()));
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(6));
}

#[tokio::test]
async fn a_notice_that_panics_ends_the_reads_as_well() {
    let rig = taken_out(quick(), []).await;
    eventually(|| shows(&rig)).await;
    assert!(rig.tell("a", Notice::Panic));
    is_shut(&rig, 2).await;
}

#[tokio::test]
async fn a_recovery_for_reads_that_fails_is_not_tried_again() {
    for script in [Script::Retry, Script::Broken, Script::PanicInFuture, Script::PanicBeforeFuture] {
        let rig = taken_out(quick(), [script]).await;
        is_shut(&rig, 2).await;
        assert!(rig.registry.resume(&"a".to_owned()));
        assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(6));
    }
}

#[tokio::test]
async fn while_it_recovers_for_reads_commands_are_refused_at_once_and_notices_kept() {
    let (open, gate) = oneshot::channel();
    let rig = taken_out(quick(), [Script::Wait(gate)]).await;
    assert_eq!(rig.ask("a", Command::Get).await, NO);
    assert_eq!(rig.ask("a", Command::Add(1)).await, NO);
    assert!(rig.tell("a", Notice::Add(2)));
    open.send(()).unwrap();
    eventually(|| shows(&rig)).await;
    assert_eq!(rig.ask("a", Command::Get).await, Ok(7));
}

#[tokio::test]
async fn an_actor_that_recovers_for_reads_is_resumed_without_waiting_for_that() {
    let (_never, gate) = oneshot::channel();
    let rig = taken_out(quick(), [Script::Wait(gate)]).await;
    eventually(|| rig.world.recoveries("a").len() == 2).await;
    assert!(rig.registry.resume(&"a".to_owned()));
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(6));
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 0.0);
}

#[tokio::test]
async fn an_actor_that_pins_itself_is_not_pinned_while_it_only_answers_reads() {
    let rig = Rig::new(quick());
    assert_eq!(rig.ask("a", Command::Pin(true)).await, Ok(0));
    assert!(rig.registry.quarantine(&"a".to_owned(), "a look".to_owned()));
    eventually(|| shows(&rig)).await;
    assert!(!rig.registry.status(&"a".to_owned()).unwrap().pinned);
}

#[tokio::test]
async fn the_end_of_the_service_ends_one_that_answers_reads() {
    let rig = taken_out(quick(), []).await;
    eventually(|| shows(&rig)).await;
    tokio::time::timeout(Duration::from_secs(4), rig.registry.stop()).await.unwrap();
    assert_eq!(rig.ask("a", Command::Get).await, Err(Failure::Draining));
    assert_eq!(rig.metric("messagecenter_actors_quarantined"), 0.0);
}
