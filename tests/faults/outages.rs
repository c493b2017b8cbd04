//! Storage that goes away, forgets to answer or hangs: what callers are told, and that nothing acknowledged is
//! lost and nothing is there twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messagecenter::config::Settings;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::StoreError;
use serde_json::{Value, json};

use crate::harness::{App, Reply, user};

/// Longer than any recovery here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn app(store: &MemoryStore, change: impl FnOnce(&mut Settings)) -> App {
    App::start_on(Arc::new(store.clone()), change).await
}

/// A failure that says when to come back.
#[track_caller]
fn come_back(reply: &Reply) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.code / 100, 503, "{reply:?}");
    assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
}

/// Sends with a key until it is acknowledged.
async fn say_until_done(app: &App, key: &str, content: &str) -> Reply {
    let began = Instant::now();
    loop {
        let reply = app.say(&user(1).key(key), "2", content).await;
        if reply.status == 200 {
            return reply.ok();
        }
        come_back(&reply);
        assert!(began.elapsed() < PATIENCE, "does not recover: {reply:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn ready(app: &App) -> u16 {
    app.client.get(format!("{}/readyz", app.base)).send().await.expect("an answer").status().as_u16()
}

/// Waits until readiness says so.
async fn until_ready_says(app: &App, status: u16) {
    let began = Instant::now();
    while ready(app).await != status {
        assert!(began.elapsed() < PATIENCE, "readiness does not become {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_storage_is_away_callers_are_told_to_come_back_and_nothing_is_lost_or_doubled() {
    let store = MemoryStore::new();
    let app = Arc::new(app(&store, |settings| settings.commit.resolve_timeout_ms = 200).await);
    for n in 0..10 {
        say_until_done(&app, &format!("before {n}"), &format!("before {n}")).await;
    }
    app.say(&user(3), "4", "elsewhere").await.ok();
    let read_elsewhere = async || {
        let read = json!({ "sendId": "3", "sendType": 2 });
        assert_eq!(app.post(&user(4), "updateReadById", read).await.ok().data["readSeq"], json!(1));
    };
    read_elsewhere().await;
    assert_eq!(app.history(&user(3), "4").await.len(), 1);
    assert_eq!(app.unread(&user(2), 2).await, 10);
    store.faults().set_away(true);
    let senders: Vec<_> = (0..16)
        .map(|n| {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                let content = format!("during {n}");
                let refused = app.say(&user(1).key(&content), "2", &content).await;
                come_back(&refused);
                say_until_done(&app, &content, &content).await
            })
        })
        .collect();
    until_ready_says(&app, 503).await;
    // What is in memory can still be read; only a conversation with facts of unknown outcome waits.
    assert_eq!(app.history(&user(3), "4").await.len(), 1);
    assert_eq!(app.unread(&user(2), 2).await, 10);
    store.faults().set_away(false);
    for sender in senders {
        sender.await.expect("every sender is acknowledged in the end");
    }
    until_ready_says(&app, 200).await;
    let history = app.history(&user(2), "1").await;
    let seqs: Vec<i64> = history.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=26).collect::<Vec<i64>>());
    let mut contents: Vec<&str> = history.iter().map(|(_, content)| content.as_str()).collect();
    contents.sort_unstable();
    contents.dedup();
    assert_eq!(contents.len(), 26, "each once: {contents:?}");
    assert_eq!(app.unread(&user(2), 2).await, 26);
    assert_eq!(app.unread(&user(1), 2).await, 0);
    // Who lost nothing is as before: what it knows is committed, so an answer can be kept.
    assert!(app.figure("messagecenter_journal_rollbacks_total").await > 0);
    app.until_kept(read_elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_of_storage_is_found_out_without_the_caller_noticing() {
    let store = MemoryStore::new();
    let app = app(&store, |_| {}).await;
    store.faults().lose_answer();
    app.say(&user(1), "2", "written").await.ok();
    store.faults().fail_append(StoreError::Unknown("on purpose".to_owned()));
    app.say(&user(1), "2", "not written at first").await.ok();
    store.faults().fail_append(StoreError::Conflict("on purpose".to_owned()));
    app.say(&user(1), "2", "in conflict at first").await.ok();
    let expected = ["written", "not written at first", "in conflict at first"];
    let history = app.history(&user(2), "1").await;
    let contents: Vec<&str> = history.iter().map(|(_, content)| content.as_str()).collect();
    assert_eq!(contents, expected);
    assert_eq!(app.unread(&user(2), 2).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_stays_unknown_is_said_and_the_key_tells_it_later() {
    let store = MemoryStore::new();
    let app = app(&store, |settings| settings.commit.resolve_timeout_ms = 200).await;
    store.faults().hold_appends(true);
    let unknown = app.say(&user(1).key("k"), "2", "perhaps").await;
    come_back(&unknown);
    assert_eq!(unknown.code, 50307, "{unknown:?}");
    store.faults().hold_appends(false);
    let told = say_until_done(&app, "k", "perhaps").await;
    assert_eq!(told.data["seq"], 1);
    assert_eq!(app.history(&user(2), "1").await, [(1, "perhaps".to_owned())]);
    assert_eq!(app.unread(&user(2), 2).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_takes_too_long_is_answered_and_its_key_tells_what_became_of_it() {
    let store = MemoryStore::new();
    let app = app(&store, |settings| settings.http.request_timeout_ms = 300).await;
    store.faults().hold_appends(true);
    let late = app.say(&user(1).key("k"), "2", "slow").await;
    come_back(&late);
    assert_eq!(late.code, 50309, "{late:?}");
    store.faults().hold_appends(false);
    let told = say_until_done(&app, "k", "slow").await;
    assert_eq!((told.data["seq"].as_i64(), told.count), (Some(1), 1));
    assert_eq!(app.history(&user(2), "1").await, [(1, "slow".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_refuses_with_429_and_takes_commands_again() {
    let store = MemoryStore::new();
    let app = Arc::new(app(&store, |settings| settings.admission.mailbox_capacity = 2).await);
    let refused = crowd(&app, &store, |_| "2".to_owned()).await;
    assert!(refused.iter().all(|reply| (reply.status, reply.code) == (429, 42901)), "{refused:?}");
    assert_eq!(app.history(&user(2), "1").await.len(), 2);
    app.say(&user(1), "2", "again").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_service_refuses_with_503_and_takes_commands_again() {
    let store = MemoryStore::new();
    let app = Arc::new(app(&store, |settings| settings.admission.service_capacity = 2).await);
    let refused = crowd(&app, &store, |n| (2 + n).to_string()).await;
    assert!(refused.iter().all(|reply| (reply.status, reply.code) == (503, 50301)), "{refused:?}");
    app.say(&user(1), "2", "again").await.ok();
}

/// Sends five messages while nothing can be committed, of which two fit; gives the three refusals.
async fn crowd(app: &Arc<App>, store: &MemoryStore, to: fn(i64) -> String) -> Vec<Reply> {
    store.faults().hold_appends(true);
    let sends: Vec<_> = (0..5)
        .map(|n| {
            let app = Arc::clone(app);
            tokio::spawn(async move { app.say(&user(1), &to(n), &format!("{n}")).await })
        })
        .collect();
    let began = Instant::now();
    while sends.iter().filter(|send| send.is_finished()).count() < 3 {
        assert!(began.elapsed() < PATIENCE, "nobody is refused");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.faults().hold_appends(false);
    let (mut done, mut refused) = (0, Vec::new());
    for send in sends {
        let reply = send.await.expect("an answer");
        if reply.status == 200 {
            done += 1;
        } else {
            assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
            refused.push(reply);
        }
    }
    assert_eq!((done, refused.len()), (2, 3));
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_finishes_a_request_of_several_steps_and_the_next_start_has_it() {
    let store = MemoryStore::new();
    let app = app(&store, |_| {}).await;
    app.staff(7, 50, 1).await;
    store.faults().hold_appends(true);
    // Opens a session first, then sends into it.
    let request =
        app.client.post(format!("{}/message/messageAdd", app.base)).headers(user(1).ent(7).headers());
    let body = json!({
        "ownType": 2, "type": 2, "receiveId": "50", "title": "", "content": "help", "item": 0, "link": "",
        "itemType": 1,
    });
    let asked = tokio::spawn(request.body(body.to_string()).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopping = tokio::spawn(app.service.stop());
    tokio::time::sleep(Duration::from_millis(200)).await;
    store.faults().hold_appends(false);
    let answer = asked.await.unwrap().expect("an answer although it drains");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error_code"], 0, "{answer}");
    tokio::time::timeout(PATIENCE, stopping).await.expect("the drain ends").unwrap();

    let again = self::app(&store, |_| {}).await;
    let find = json!({ "msgType": 2, "userType": 2, "pageSize": 10 });
    let found = again.post(&user(1).ent(7), "findMessage", find).await.ok();
    assert_eq!(found.data[0]["messageId"], answer["data"]["messageId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_under_load_gives_every_request_that_it_took_its_answer() {
    let store = MemoryStore::new();
    let App { service, client, base, .. } = app(&store, |_| {}).await;
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let (client, base) = (client.clone(), base.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0.. {
                    let body = crate::harness::text(2, 1, "2", &format!("{sender} {n}")).to_string();
                    let request =
                        client.post(format!("{base}/message/messageAdd")).headers(user(1).headers());
                    let Ok(response) = request.body(body).send().await else { break };
                    assert_eq!(response.status(), 200, "what is taken is finished");
                    let Ok(answer) = response.json::<Value>().await else { panic!("half an answer") };
                    acknowledged.push(answer["data"]["seq"].as_i64().expect("a seq"));
                }
                acknowledged
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    tokio::time::timeout(PATIENCE, service.stop()).await.expect("the drain ends");
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await.expect("no request was refused"));
    }
    acknowledged.sort_unstable();
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    assert!(acknowledged.windows(2).all(|pair| pair[0] < pair[1]), "no seq twice");
    let again = app(&store, |_| {}).await;
    let kept = again.unread(&user(2), 2).await;
    assert!(kept >= acknowledged.len() as i64, "{} acknowledged, {kept} kept", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_does_not_keep_the_process() {
    let store = MemoryStore::new();
    let app = app(&store, |settings| {
        settings.http.request_timeout_ms = 300;
        settings.commit.resolve_timeout_ms = 200;
    })
    .await;
    app.say(&user(1), "2", "kept").await.ok();
    store.faults().hold_appends(true);
    come_back(&app.say(&user(1), "2", "never written").await);
    tokio::time::timeout(PATIENCE, app.service.stop()).await.expect("the drain ends all the same");
}
