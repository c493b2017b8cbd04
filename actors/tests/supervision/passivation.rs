//! Passivation never loses an admitted command and never meets one.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::runtime::sweep::Written;
use tokio::sync::oneshot;

use super::toy::{Command, Notice, Rig, eventually, quick};

fn restless() -> Policy {
    Policy { idle_after: Duration::ZERO, ..quick() }
}

#[tokio::test]
async fn an_idle_actor_is_put_away_and_comes_back_with_its_state() {
    let rig = Rig::new(restless());
    assert_eq!(rig.ask("a", Command::Add(3)).await, Ok(3));
    assert!(rig.registry.sweep(&|_| Written::All).is_empty());
    assert_eq!(rig.registry.active(), 0);
    assert!(!rig.tell("a", Notice::Add(1)));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(3));
    assert_eq!(rig.world.recoveries("a"), [false, true], "it waits for what its predecessor left");
    eventually(|| rig.metric("messagecenter_actor_active") == 1.0).await;
    assert_eq!(rig.metric("messagecenter_activations_total"), 2.0);
    assert_eq!(rig.metric("messagecenter_passivations_total"), 1.0);
}

#[tokio::test]
async fn an_actor_stays_while_pinned_or_held_or_not_clean() {
    let rig = Rig::new(restless());
    assert_eq!(rig.ask("pinned", Command::Pin(true)).await, Ok(0));
    let (open, gate) = oneshot::channel();
    let held = rig.begin("held", Command::Park(gate)).await;
    assert_eq!(rig.ask("dirty", Command::Get).await, Ok(0));
    let written = |key: &String| if key == "dirty" { Written::Part } else { Written::All };
    assert_eq!(rig.registry.sweep(&written), ["dirty".to_owned()]);
    assert_eq!(rig.registry.active(), 3);
    open.send(()).unwrap();
    assert_eq!(held.await.unwrap(), Ok(0));
    assert_eq!(rig.ask("pinned", Command::Pin(false)).await, Ok(0));
    eventually(|| {
        rig.registry.sweep(&|_| Written::All);
        rig.registry.active() == 0
    })
    .await;
}

#[tokio::test]
async fn of_many_idle_ones_with_something_to_write_some_are_told_and_the_others_once_those_have_left() {
    let rig = Rig::new(restless());
    for number in 0..1_500 {
        assert_eq!(rig.ask(&format!("{number:04}"), Command::Get).await, Ok(0));
    }
    let first = rig.registry.sweep(&|_| Written::Part);
    assert!((1..1_500).contains(&first.len()), "{} are told", first.len());
    assert_eq!(rig.registry.sweep(&|_| Written::Part).len(), first.len(), "no more, until they have written");
    let written = |key: &String| if first.contains(key) { Written::All } else { Written::Part };
    assert_eq!(rig.registry.sweep(&written).len(), 1_500 - first.len(), "all others");
    assert_eq!(rig.registry.active(), 1_500 - first.len());
}

#[tokio::test]
async fn being_told_to_write_a_snapshot_is_no_use_of_an_idle_actor() {
    let idle = Duration::from_millis(80);
    let rig = Rig::new(Policy { idle_after: idle, ..quick() });
    assert_eq!(rig.ask("a", Command::Get).await, Ok(0));
    tokio::time::sleep(idle * 2).await;
    assert_eq!(rig.registry.sweep(&|_| Written::Part), ["a".to_owned()]);
    assert!(rig.tell("a", Notice::Add(0)));
    rig.registry.sweep(&|_| Written::All);
    assert_eq!(rig.registry.active(), 0);
}

#[tokio::test]
async fn above_the_limit_the_least_recently_used_go_first() {
    let rig = Rig::new(Policy { active_limit: 2, ..quick() });
    for key in ["oldest", "older", "newer", "newest"] {
        assert_eq!(rig.ask(key, Command::Get).await, Ok(0));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rig.ask("oldest", Command::Get).await, Ok(0));
    rig.registry.sweep(&|_| Written::All);
    assert_eq!(rig.registry.active(), 2);
    assert!(rig.tell("oldest", Notice::Add(1)));
    assert!(rig.tell("newest", Notice::Add(1)));
    assert!(!rig.tell("older", Notice::Add(1)));
}

/// Adds 1 to each of these, the last one most lately.
async fn used_in_turn(rig: &Rig, keys: &[&str]) {
    for key in keys {
        assert_eq!(rig.ask(key, Command::Add(1)).await, Ok(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn above_the_limit_actors_leave_without_a_snapshot_and_within_it_idle_ones_are_told_to_write_theirs() {
    let rig = Rig::new(Policy { active_limit: 2, ..restless() });
    used_in_turn(&rig, &["oldest", "older", "newer", "newest"]).await;
    eventually(|| rig.registry.phases().depth == 0).await;
    assert_eq!(rig.registry.sweep(&|_| Written::Part), ["newer".to_owned(), "newest".to_owned()]);
    assert_eq!(rig.registry.active(), 2);
    assert_eq!(rig.ask("oldest", Command::Get).await, Ok(1), "its next incarnation knows everything");
    let rig = Rig::new(Policy { active_limit: 2, ..quick() });
    used_in_turn(&rig, &["oldest", "newer", "newest"]).await;
    eventually(|| rig.registry.phases().depth == 0).await;
    assert!(rig.registry.sweep(&|_| Written::Part).is_empty(), "those that are not idle are left alone");
    assert_eq!(rig.registry.active(), 2);
}

#[tokio::test]
async fn an_actor_whose_snapshot_is_awaited_stays_and_another_leaves_in_its_stead() {
    let rig = Rig::new(Policy { active_limit: 1, ..quick() });
    used_in_turn(&rig, &["awaited", "older", "newest"]).await;
    eventually(|| rig.registry.phases().depth == 0).await;
    let written = |key: &String| if key == "awaited" { Written::Awaited } else { Written::Part };
    assert!(rig.registry.sweep(&written).is_empty());
    assert_eq!(rig.registry.keys(), ["awaited".to_owned()]);
    let rig = Rig::new(restless());
    used_in_turn(&rig, &["awaited"]).await;
    eventually(|| rig.registry.phases().depth == 0).await;
    assert_eq!(rig.registry.sweep(&written), ["awaited".to_owned()], "an idle one is told once more");
    assert_eq!(rig.registry.active(), 1);
}

#[tokio::test]
async fn an_actor_asked_for_its_snapshot_while_it_is_about_to_leave_stays() {
    let rig = Rig::new(Policy { active_limit: 0, ..quick() });
    used_in_turn(&rig, &["a"]).await;
    eventually(|| rig.registry.phases().depth == 0).await;
    let looks = AtomicUsize::new(0);
    let asked_meanwhile = |_: &String| match looks.fetch_add(1, Ordering::SeqCst) {
        0 => Written::Part,
        _ => Written::Awaited,
    };
    rig.registry.sweep(&asked_meanwhile);
    assert_eq!((rig.registry.active(), looks.into_inner()), (1, 2));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(1));
    assert_eq!(rig.world.recoveries("a").len(), 1);
}

#[tokio::test]
async fn actors_of_a_closed_registry_leave_and_get_no_ticks() {
    let rig = Rig::new(restless());
    used_in_turn(&rig, &["a"]).await;
    eventually(|| rig.registry.phases().depth == 0).await;
    rig.registry.sweep(&|_| Written::Awaited);
    eventually(|| rig.world.ticked.load(Ordering::SeqCst) == 1).await;
    rig.registry.close();
    assert!(rig.tell("a", Notice::Add(1)));
    rig.registry.sweep(&|_| Written::Awaited);
    assert!(rig.tell("a", Notice::Add(1)));
    eventually(|| rig.world.told.load(Ordering::SeqCst) == 2).await;
    assert_eq!(rig.world.ticked.load(Ordering::SeqCst), 1);
    rig.registry.sweep(&|_| Written::All);
    assert_eq!(rig.registry.active(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn no_admitted_command_is_lost_to_a_sweep() {
    const TASKS: usize = 16;
    const COMMANDS: usize = 1_500;
    const KEYS: usize = 5;
    let rig = Arc::new(Rig::new(Policy { shards: 2, ..restless() }));
    let done = Arc::new(AtomicBool::new(false));
    let sweeper = {
        let (rig, done) = (Arc::clone(&rig), Arc::clone(&done));
        std::thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                rig.registry.sweep(&|_| Written::All);
            }
        })
    };
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                for number in 0..COMMANDS {
                    let key = format!("k{}", (task + number) % KEYS);
                    let answer = rig.ask(&key, Command::Add(1)).await;
                    assert!(answer.is_ok(), "{answer:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    sweeper.join().unwrap();
    let total: i64 = rig.world.committed.lock().values().sum();
    assert_eq!(total, i64::try_from(TASKS * COMMANDS).unwrap());
    assert!(rig.metric("messagecenter_passivations_total") > 10.0, "the sweep had something to do");
    assert_eq!(rig.metric("messagecenter_dead_letters_total"), 0.0);
}

#[tokio::test]
async fn telling_an_actor_that_is_not_active_can_wake_it() {
    let rig = Rig::new(quick());
    let key = "a".to_owned();
    assert!(!rig.tell("a", Notice::Add(1)));
    rig.registry.tell_or_wake(&key, Notice::Add(2));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(2));
    rig.registry.broadcast(|| Notice::Add(3));
    assert_eq!(rig.ask("a", Command::Get).await, Ok(5));
}
