//! A panic costs the message in hand, wherever it happens; neighbours do not notice.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use messagecenter_actors::runtime::failure::Failure;
use messagecenter_actors::runtime::sweep::Written;
use tokio::sync::oneshot;

use super::toy::{Bomb, Command, Notice, Rig, Script, eventually, is_crashed, quick};

/// Sends `culprit` between other commands; all of those are answered, and the neighbour lives undisturbed.
async fn costs_one_command(culprit: Command, expected: &str) -> Rig {
    let rig = Rig::new(quick());
    assert_eq!(rig.ask("neighbour", Command::Add(7)).await, Ok(7));
    let (before, crashed, after, last, neighbour) = tokio::join!(
        rig.ask("a", Command::Add(1)),
        rig.ask("a", culprit),
        rig.ask("a", Command::Add(2)),
        rig.ask("a", Command::Get),
        rig.ask("neighbour", Command::Get),
    );
    assert_eq!(before, Ok(1));
    assert_eq!(crashed.map_err(Failure::as_str), Err(expected));
    assert_eq!((after, last), (Ok(3), Ok(3)));
    assert_eq!(neighbour, Ok(7));
    assert_eq!(rig.world.recoveries("a"), [false, true]);
    assert_eq!(rig.world.recoveries("neighbour"), [false]);
    assert_eq!(rig.metric("messagecenter_actor_restarts_total"), 1.0);
    assert_eq!(rig.metric("messagecenter_dead_letters_total"), 1.0);
    rig
}

#[test]
fn a_panic_unwinds_in_this_build() {
    let unwinds = cfg!(panic = "unwind");
    assert!(unwinds, "supervision needs panic = \"unwind\"");
}

#[tokio::test]
async fn a_panic_in_a_handler_costs_one_command() {
    let rig = costs_one_command(Command::Panic, "crashed").await;
    let letters = rig.observer.dead_letters();
    assert_eq!(letters.len(), 1);
    let letter = letters.first().unwrap();
    assert_eq!((letter.kind, letter.key.as_str(), letter.operation), ("toy", "a", "panic"));
    assert_eq!(letter.panic, "the handler panics");
}

#[tokio::test]
async fn a_panic_in_a_rule_costs_one_command() {
    costs_one_command(Command::PanicInRule, "crashed").await;
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_command_being_handled_costs_that_command() {
    costs_one_command(Command::Explode(Bomb), "crashed").await;
}

#[tokio::test]
async fn a_panic_in_told_costs_one_notice() {
    let rig = Rig::new(quick());
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    assert!(rig.tell("a", Notice::Panic));
    assert!(rig.tell("a", Notice::Add(2)));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(3));
    assert_eq!(rig.world.recoveries("a"), [false, true]);
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_notice_costs_that_notice() {
    let rig = Rig::new(quick());
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    assert!(rig.tell("a", Notice::Bomb(Bomb)));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(1));
    assert_eq!(rig.observer.dead_letters().first().unwrap().operation, "told");
}

#[tokio::test]
async fn a_panic_in_a_tick_costs_the_tick() {
    let rig = Rig::new(quick());
    rig.world.script("a", [Script::TickPanics]);
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    rig.registry.sweep(&|_| Written::All);
    assert_eq!(rig.ask("a", Command::Get).await, Ok(1));
    assert_eq!(rig.world.recoveries("a"), [false, true]);
    assert_eq!(rig.observer.dead_letters().first().unwrap().operation, "tick");
    rig.registry.sweep(&|_| Written::All);
    eventually(|| rig.world.ticked.load(std::sync::atomic::Ordering::SeqCst) == 2).await;
}

#[tokio::test]
async fn a_panic_before_the_recovery_future_is_recovered_from() {
    let rig = Rig::new(quick());
    rig.world.script("a", [Script::PanicBeforeFuture]);
    let (first, second, neighbour) = tokio::join!(
        rig.ask("a", Command::Add(1)),
        rig.ask("a", Command::Get),
        rig.ask("neighbour", Command::Get)
    );
    assert_eq!((first, second, neighbour), (Ok(1), Ok(1), Ok(0)));
    assert_eq!(rig.observer.dead_letters().first().unwrap().operation, "recover");
}

#[tokio::test]
async fn a_panic_in_the_recovery_future_is_recovered_from() {
    let rig = Rig::new(quick());
    rig.world.script("a", [Script::PanicInFuture, Script::PanicBeforeFuture, Script::PanicInFuture]);
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    assert_eq!(rig.world.recoveries("a").len(), 4);
}

#[tokio::test]
async fn a_panic_in_a_parked_continuation_costs_its_command() {
    let rig = Rig::new(quick());
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    assert!(is_crashed(&rig.ask("a", Command::ParkThenPanic).await));
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(2));
}

#[tokio::test]
async fn a_panic_in_parked_work_costs_its_command_and_what_else_was_parked() {
    let rig = Rig::new(quick());
    let (_keep, gate) = oneshot::channel();
    let (parked, panicking, queued) = tokio::join!(
        rig.ask("a", Command::Park(gate)),
        rig.ask("a", Command::ParkPanicking),
        rig.ask("a", Command::Add(1)),
    );
    assert_eq!(parked, Err(Failure::Lost));
    assert!(matches!(panicking, Err(Failure::Crashed(_) | Failure::Lost)), "{panicking:?}");
    assert_eq!(queued, Ok(1));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(1));
}

#[tokio::test]
async fn an_abandoned_command_whose_drop_panics_harms_nobody() {
    let rig = Rig::new(quick());
    let (open, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    let first = rig.begin("a", Command::Add(1)).await;
    let abandoned = rig.begin("a", Command::Explode(Bomb)).await;
    abandoned.abort();
    let _ = abandoned.await;
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(1));
    assert_eq!(rig.world.recoveries("a"), [false]);
}

#[tokio::test]
async fn a_state_whose_drop_panics_is_still_replaced() {
    let rig = Rig::new(quick());
    rig.world.script("a", [Script::StateBomb, Script::StateBomb]);
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(1));
    assert!(is_crashed(&rig.ask("a", Command::Panic).await));
    assert_eq!(rig.ask("a", Command::Reload).await, Ok(1));
    assert_eq!(rig.ask("a", Command::Add(1)).await, Ok(2));
}

#[tokio::test]
async fn mail_whose_drop_panics_is_dropped_with_its_closed_mailbox() {
    let rig = Rig::new(quick());
    let (_keep, gate) = oneshot::channel();
    rig.world.script("a", [Script::Wait(gate)]);
    let waiting = rig.begin("a", Command::Add(1)).await;
    let exploding = rig.begin("a", Command::Explode(Bomb)).await;
    let exploding_too = rig.begin("a", Command::Explode(Bomb)).await;
    assert!(rig.tell("a", Notice::Bomb(Bomb)));
    assert!(rig.tell("a", Notice::Bomb(Bomb)));
    rig.shards.stop().await;
    for outcome in [waiting.await, exploding.await, exploding_too.await] {
        assert!(matches!(outcome.unwrap(), Err(Failure::Restarting(_))), "nothing happened");
    }
    assert!(!rig.tell("a", Notice::Bomb(Bomb)));
    assert!(matches!(rig.ask("a", Command::Explode(Bomb)).await, Err(Failure::Restarting(_))));
}
