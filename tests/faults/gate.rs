//! No answer shows what a crash could take back, and a store has one writer.

use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::memory::MemoryStore;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{App, Reply, nobody, text, user};

/// Longer than any answer that does not wait for storage takes.
const A_WHILE: Duration = Duration::from_millis(400);

fn find(kind: i64, with: &str) -> Value {
    json!({ "msgType": kind, "userType": 2, "sendId": with, "chatGroupId": with, "pageSize": 10 })
}

fn posted(
    app: &Arc<App>,
    who: crate::harness::Who,
    operation: &'static str,
    body: Value,
) -> (&'static str, JoinHandle<Reply>) {
    let app = Arc::clone(app);
    (operation, tokio::spawn(async move { app.post(&who, operation, body).await }))
}

fn got(app: &Arc<App>, path: &'static str) -> (&'static str, JoinHandle<Reply>) {
    let app = Arc::clone(app);
    (path, tokio::spawn(async move { app.send("GET", &nobody(), path, Value::Null).await }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_what_is_not_on_disk_wait_for_it_and_all_others_do_not_see_it() {
    let store = MemoryStore::new();
    let app = Arc::new(App::start_on(Arc::new(store.clone()), |_| {}).await);
    let group = json!({ "name": "G", "members": ["user:1", "user:2"] });
    app.send("PUT", &nobody(), "/v1/groups/g", group).await.ok();
    app.staff(7, 50, 1).await;
    let first = app.say(&user(1), "2", "first").await.ok().text("messageId");
    assert_eq!(app.unread(&user(2), 2).await, 1);

    store.faults().hold_appends(true);
    let open = json!({ "msgType": 2, "userType": 2 });
    let vote = json!({ "messageId": first, "appraise": 1 });
    let writes = [
        posted(&app, user(1), "messageAdd", text(2, 1, "2", "second")),
        posted(&app, user(1), "messageAdd", text(2, 3, "g", "to all")),
        posted(&app, user(9).ent(7), "createChatSession", open),
        posted(&app, user(2), "appraiseMessage", vote),
    ];
    tokio::time::sleep(A_WHILE).await;
    let read = json!({ "userType": 2, "sendId": "1", "sendType": 2 });
    let waiting = [
        posted(&app, user(2), "findMessage", find(1, "1")),
        posted(&app, user(2), "findMessage", find(3, "g")),
        posted(&app, user(2), "updateReadById", read),
        got(&app, "/v1/groups/g"),
        got(&app, "/v1/agents/50"),
        got(&app, "/v1/shunts/7/default/queue"),
    ];
    tokio::time::sleep(A_WHILE).await;
    for (what, answer) in writes.iter().chain(&waiting) {
        assert!(!answer.is_finished(), "{what} answered before it is on disk");
    }
    // Projections hold what is committed only, so they answer.
    assert_eq!(app.unread(&user(2), 2).await, 1);
    let list = json!({ "userType": 2, "page": 1, "size": 20 });
    let rows = app.post(&user(2), "conversationList", list).await.ok();
    assert!(rows.data.to_string().contains("first") && !rows.data.to_string().contains("second"), "{rows:?}");

    // A crash at this moment takes it all back, and nobody was told otherwise.
    let crashed = App::start_on(Arc::new(store.copy()), |_| {}).await;
    assert_eq!(crashed.history(&user(2), "1").await, [(1, "first".to_owned())]);
    assert_eq!(crashed.unread(&user(2), 2).await, 1);

    store.faults().hold_appends(false);
    for (what, answer) in writes.into_iter().chain(waiting) {
        let reply = answer.await.unwrap();
        assert_eq!((reply.status, reply.code), (200, 0), "{what}: {reply:?}");
    }
    // The last read mark stands at the second message.
    assert_eq!(app.post(&user(2), "messageCount", json!({ "userType": 2 })).await.ok().data["oneToOne"], 0);
    assert_eq!(app.post(&user(2), "messageCount", json!({ "userType": 2 })).await.ok().data["group"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_mark_that_shows_what_is_not_on_disk_is_not_kept_for_who_asks_again() {
    let store = MemoryStore::new();
    let app = Arc::new(App::start_on(Arc::new(store.clone()), |_| {}).await);
    let read = || posted(&app, user(2), "updateReadById", json!({ "sendId": "1", "sendType": 2 }));
    app.say(&user(1), "2", "first").await.ok();
    read().1.await.unwrap().ok();
    store.faults().hold_appends(true);
    let sent = posted(&app, user(2), "messageAdd", text(2, 1, "1", "mine"));
    tokio::time::sleep(A_WHILE).await;
    let mut waiting = vec![sent];
    for _ in 0..3 {
        waiting.push(read());
        tokio::time::sleep(A_WHILE).await;
    }
    for (what, answer) in &waiting {
        assert!(!answer.is_finished(), "{what} answered before it is on disk");
    }
    store.faults().hold_appends(false);
    for (_, answer) in waiting {
        answer.await.unwrap().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_store_to_another_process_refuses_and_says_so() {
    let store = MemoryStore::new();
    let former = App::start_on(Arc::new(store.clone()), |_| {}).await;
    former.say(&user(1), "2", "before").await.ok();
    let next = App::start_on(Arc::new(store.clone()), |_| {}).await;
    let refused = former.say(&user(1), "2", "too late").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    tokio::time::timeout(A_WHILE, former.service.fenced()).await.expect("it knows that it can only end");
    next.say(&user(1), "2", "after").await.ok();
    let expected = [(1, "before".to_owned()), (2, "after".to_owned())];
    assert_eq!(next.history(&user(2), "1").await, expected);
    former.service.stop().await;
    next.say(&user(1), "2", "still").await.ok();
}
