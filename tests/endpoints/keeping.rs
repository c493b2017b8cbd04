//! Messages that are not kept: what the endpoints say of them.

use serde_json::{Value, json};

use crate::harness::{App, user};

fn find(cursor: &str, sort: &str) -> Value {
    json!({ "msgType": 1, "userType": 2, "sendId": "1", "pageSize": 100, "lastId": cursor, "sort": sort })
}

fn seqs(rows: &Value) -> Vec<i64> {
    let rows = rows.as_array().into_iter().flatten();
    rows.filter_map(|row| row["seq"].as_i64()).collect()
}

#[tokio::test]
async fn what_is_not_kept_is_neither_shown_nor_counted_and_paging_ends_there() {
    let app = App::start_with(|settings| settings.retention.one_to_one.messages = 70).await;
    let mut ids = Vec::new();
    for n in 1..=200 {
        ids.push(app.say(&user(1), "2", &format!("m{n}")).await.ok().text("messageId"));
    }
    assert_eq!(app.unread(&user(2), 2).await, 72);
    let newest = app.post(&user(2), "findMessage", find("", "desc")).await.ok();
    assert_eq!((seqs(&newest.data), newest.count), ((129..=200).rev().collect(), 72));
    let oldest = newest.data[71]["messageId"].as_str().unwrap_or_default();
    let before = app.post(&user(2), "findMessage", find(oldest, "desc")).await.ok();
    assert_eq!((before.data, before.count), (json!([]), 72));
    let gone = &ids[4];
    let forward = app.post(&user(2), "findMessage", find(gone, "asc")).await.ok();
    assert_eq!((seqs(&forward.data), forward.count), ((129..=200).collect(), 72));
    let back = app.post(&user(2), "findMessage", find(gone, "desc")).await.ok();
    assert_eq!(back.data, json!([]));

    let withdraw = json!({ "messageId": gone, "userType": 2 });
    app.post(&user(1), "withdrawMessage", withdraw).await.refused(40402);
    let vote = json!({ "messageId": gone, "appraise": 1 });
    app.post(&user(2), "appraiseMessage", vote).await.refused(40402);
    let read = json!({ "sendId": "1", "sendType": 2, "userType": 2, "messageId": gone });
    app.post(&user(2), "updateReadById", read).await.refused(40402);
    let read = json!({ "sendId": "1", "sendType": 2, "userType": 2, "messageId": ids[149] });
    assert_eq!(app.post(&user(2), "updateReadById", read).await.ok().count, 50);
    assert_eq!(app.unread(&user(2), 2).await, 50);

    let list = json!({ "userType": 2, "page": 1, "size": 10 });
    let list = app.post(&user(2), "conversationList", list).await.ok();
    assert_eq!((&list.data[0]["unread"], &list.data[0]["lastMessage"]["seq"]), (&json!(50), &json!(200)));
}

#[tokio::test]
async fn a_repeat_of_a_message_that_is_not_kept_gets_the_first_answer() {
    let app = App::start_with(|settings| settings.retention.one_to_one.messages = 1).await;
    let first = app.say(&user(1).key("k"), "2", "once").await.ok();
    for _ in 0..99 {
        app.say(&user(1), "2", "more").await.ok();
    }
    assert_eq!(app.say(&user(1).key("k"), "2", "once").await.ok().data, first.data);
    assert_eq!(app.history(&user(2), "1").await.len(), 36);
}
