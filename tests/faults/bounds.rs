//! What keeps memory and recovery bounded loses nothing: passivation, checkpoints; and counts that are asked
//! for while they change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use messagecenter_actors::memory::MemoryStore;
use serde_json::json;

use crate::harness::{App, text, user};

const PATIENCE: Duration = Duration::from_secs(60);

async fn until(app: &App, what: &str, holds: impl Fn(f64) -> bool) {
    let began = Instant::now();
    loop {
        let figure = figure(app, what).await;
        if holds(figure) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{what} stays {figure}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A figure of `/metrics`, summed over its labels.
async fn figure(app: &App, name: &str) -> f64 {
    let page = app.client.get(format!("{}/metrics", app.base)).send().await.unwrap().text().await.unwrap();
    let named = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    page.lines().filter(named).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_conversations_put_away_and_called_back_keep_everything() {
    const COUNT: i64 = 1_000;
    let app = App::start_on(Arc::new(MemoryStore::new()), |settings| {
        settings.passivation.idle_after_ms = 300;
    })
    .await;
    let peers = || futures::stream::iter(1_000..1_000 + COUNT);
    let app = &app;
    peers()
        .for_each_concurrent(32, async |peer| {
            let sent = app.say(&user(1), &peer.to_string(), &format!("to {peer}")).await.ok();
            assert_eq!(sent.data["seq"], 1);
        })
        .await;
    until(app, "messagecenter_actor_active", |active| active == 0.0).await;
    peers()
        .for_each_concurrent(32, async |peer| {
            let who = user(peer);
            assert_eq!(app.unread(&who, 2).await, 1);
            assert_eq!(app.history(&who, "1").await, [(1, format!("to {peer}"))]);
            let answered = app.say(&who, "1", "back").await.ok();
            assert_eq!(answered.data["seq"], 2);
            let read = json!({ "userType": 2, "sendId": "1", "sendType": 2 });
            assert_eq!(app.post(&who, "updateReadById", read).await.ok().count, 0);
        })
        .await;
    until(app, "messagecenter_actor_active", |active| active == 0.0).await;
    assert_eq!(app.unread(&user(1), 2).await, COUNT);
    assert_eq!(app.unread(&user(1_000), 2).await, 0);
    let list = json!({ "userType": 2, "page": 1, "size": 100 });
    assert_eq!(app.post(&user(1), "conversationList", list).await.ok().count, COUNT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_checkpoint_the_next_start_replays_little_although_it_was_killed() {
    const SENT: i64 = 600;
    let store = MemoryStore::new();
    let app = App::start_on(Arc::new(store.clone()), |settings| {
        settings.checkpoint.interval_ms = 20;
        settings.checkpoint.lag_events = 50;
    })
    .await;
    for n in 0..SENT {
        app.say(&user(1), &(2 + n % 20).to_string(), &format!("{n}")).await.ok();
    }
    let end = figure(&app, "messagecenter_committed_position").await;
    assert!(end >= 600.0, "{end}");
    until(&app, "messagecenter_checkpoint_position", |position| position >= end - 60.0).await;
    // What a kill at this moment leaves.
    let killed = store.copy();
    let again = App::start_on(Arc::new(killed), |_| {}).await;
    let replayed = figure(&again, "messagecenter_replayed_events").await;
    assert!(replayed <= 61.0, "replays {replayed} of {end}");
    for peer in 2..22 {
        assert_eq!(again.unread(&user(peer), 2).await, SENT / 20);
        assert_eq!(again.history(&user(peer), "1").await.len() as i64, SENT / 20);
    }
    let taken = figure(&again, "messagecenter_recovery_events_sum").await;
    // A fact concerns at most its conversation and two inboxes.
    assert!(taken <= 3.0 * 61.0, "actors replayed {taken} facts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_own_messages_in_a_group_never_count_also_while_they_are_sent() {
    let app = Arc::new(App::start_on(Arc::new(MemoryStore::new()), |_| {}).await);
    app.post(&user(1), "messageAdd", text(2, 3, "g", "first")).await.ok();
    let sending = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            for n in 0..500 {
                app.post(&user(1), "messageAdd", text(2, 3, "g", &format!("{n}"))).await.ok();
            }
        })
    };
    while !sending.is_finished() {
        assert_eq!(app.unread(&user(1), 2).await, 0);
        let list = json!({ "userType": 2, "page": 1, "size": 20 });
        let row = app.post(&user(1), "conversationList", list).await.ok().data[0].clone();
        assert_eq!(row["unread"], 0, "{row}");
    }
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_noisy_caller_meets_its_own_429_and_costs_others_nothing() {
    const LIMIT: usize = 4;
    let store = MemoryStore::new();
    let app = App::start_on(Arc::new(store.clone()), |settings| {
        settings.admission.client_capacity = 4;
        settings.http.request_timeout_ms = 120_000;
    })
    .await;
    store.faults().hold_appends(true);
    let noisy = user(1);
    let sends = futures::future::join_all((0..10).map(|n| {
        let (app, noisy) = (&app, &noisy);
        async move { app.say(noisy, "2", &n.to_string()).await }
    }));
    let meanwhile = async {
        let began = Instant::now();
        loop {
            let page = app.client.get(format!("{}/metrics", app.base)).send().await.unwrap();
            let page = page.text().await.unwrap();
            let line = page.lines().find(|line| line.contains("TOO_MANY_AT_ONCE"));
            let refused = line.and_then(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).unwrap_or(0);
            if refused == 10 - LIMIT {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{refused} were refused");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(app.unread(&user(3), 2).await, 0, "others are answered");
        store.faults().hold_appends(false);
    };
    let (replies, ()) = futures::join!(sends, meanwhile);
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert_eq!(refused.len(), 10 - LIMIT);
    for reply in refused {
        assert_eq!((reply.status, reply.code), (429, 42902), "{reply:?}");
        let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
    }
    app.say(&noisy, "2", "afterwards").await.ok();
}
