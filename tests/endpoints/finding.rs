//! `findMessage`.

use serde_json::{Value, json};

use crate::harness::{App, agent, nobody, text, user};

fn find(kind: i64, peer: &str, size: i64) -> Value {
    json!({ "msgType": kind, "userType": 2, "sendId": peer, "pageSize": size })
}

fn seqs(rows: &Value) -> Vec<i64> {
    rows.as_array()
        .map(|rows| rows.iter().filter_map(|row| row["seq"].as_i64()).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn an_unknown_pair_gives_an_empty_list() {
    let app = App::start().await;
    let reply = app.post(&user(1), "findMessage", find(1, "2", 10)).await.ok();
    assert_eq!((reply.data, reply.count), (json!([]), 0));
}

#[tokio::test]
async fn a_row_says_everything_and_texts_come_back_as_they_were_sent() {
    let app = App::start().await;
    let odd = "\"quoted\" \\ / \n\t\r\u{1}\u{1f}\u{7f} ü \u{2028} 🎉";
    let body = json!({
        "ownType": 2, "type": 1, "receiveId": "2", "title": format!("t {odd}"), "content": odd,
        "link": format!("l {odd}"), "item": -7, "itemType": 3,
    });
    let sent = app.post(&user(1).app("my \"app\""), "messageAdd", body).await.ok();
    let reply = app.post(&user(2), "findMessage", find(1, "1", 10)).await.ok();
    let row = json!({
        "messageId": sent.data["messageId"], "conversationId": sent.data["conversationId"], "seq": 1,
        "sessionId": null, "sender": { "type": "user", "id": "1", "name": "" }, "ownType": 2, "type": 1,
        "itemType": 3, "item": -7, "title": format!("t {odd}"), "content": odd, "link": format!("l {odd}"),
        "appId": "my \"app\"", "sentAt": sent.data["sentAt"], "withdrawn": false, "readByPeer": false,
        "appraise": { "up": 0, "down": 0, "mine": 0 },
    });
    assert_eq!((reply.data, reply.count), (json!([row]), 1));
}

#[tokio::test]
async fn pages_go_back_from_the_newest_and_forward_from_the_oldest_without_overlap() {
    let app = App::start().await;
    for n in 0..150 {
        app.say(&user(1), "2", &format!("m{n}")).await.ok();
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut body = find(1, "1", 40);
        body["lastId"] = json!(cursor);
        let page = app.post(&user(2), "findMessage", body).await.ok();
        assert_eq!(page.count, 150);
        let rows = page.data.as_array().cloned().unwrap_or_default();
        let Some(last) = rows.last() else { break };
        cursor = last["messageId"].as_str().unwrap_or_default().to_owned();
        seen.extend(seqs(&page.data));
    }
    assert_eq!(seen, (1..=150).rev().collect::<Vec<i64>>());
    let mut forward = find(1, "1", 100);
    forward["sort"] = json!("asc");
    let first = app.post(&user(2), "findMessage", forward.clone()).await.ok();
    assert_eq!(seqs(&first.data), (1..=100).collect::<Vec<i64>>());
    forward["lastId"] = first.data[99]["messageId"].clone();
    let rest = app.post(&user(2), "findMessage", forward).await.ok();
    assert_eq!(seqs(&rest.data), (101..=150).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_page_size_outside_1_to_100_is_refused() {
    let app = App::start().await;
    for size in [0, -1, 101, i64::MAX, i64::MIN] {
        let reply = app.post(&user(1), "findMessage", find(1, "2", size)).await;
        assert_eq!((reply.status, reply.code / 100), (400, 400), "{reply:?}");
        assert!(reply.msg.contains("pageSize"), "{}", reply.msg);
    }
}

#[tokio::test]
async fn a_cursor_of_another_conversation_is_refused() {
    let app = App::start().await;
    let other = app.say(&user(1), "3", "elsewhere").await.ok().text("messageId");
    for cursor in [other.as_str(), "nonsense", "1"] {
        let mut body = find(1, "2", 10);
        body["lastId"] = json!(cursor);
        let reply = app.post(&user(1), "findMessage", body).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.msg.contains("lastId"), "{}", reply.msg);
    }
}

#[tokio::test]
async fn only_parties_read_and_a_stranger_learns_nothing() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "private").await.ok().text("conversationId");
    app.post(&user(2), "findMessage", find(1, &id, 10)).await.ok();
    let strange = app.post(&user(3), "findMessage", find(1, &id, 10)).await.refused(40401);
    let absent = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"none").to_string();
    let none = app.post(&user(3), "findMessage", find(1, &absent, 10)).await.refused(40401);
    assert_eq!(strange.msg, none.msg);
}

#[tokio::test]
async fn read_by_peer_follows_the_other_sides_mark() {
    let app = App::start().await;
    app.say(&user(1), "2", "a").await.ok();
    let read_by_peer = async || {
        let page = app.post(&user(1), "findMessage", find(1, "2", 10)).await.ok();
        page.data[0]["readByPeer"].as_bool()
    };
    assert_eq!(read_by_peer().await, Some(false));
    app.post(&user(2), "updateReadById", json!({ "sendId": "1" })).await.ok();
    assert_eq!(read_by_peer().await, Some(true));
}

#[tokio::test]
async fn the_desk_and_its_customer_read_one_conversation() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "help")).await.ok();
    app.post(&agent(50), "messageAdd", text(1, 2, "1", "sure")).await.ok();
    let by_customer = app.post(&user(1).ent(7), "findMessage", find(2, "", 10)).await.ok();
    assert_eq!(by_customer.count, 2);
    assert_eq!(by_customer.data[0]["sessionId"], json!(session));
    assert_eq!(by_customer.data[0]["sender"]["type"], "agent");
    let agent_asks = json!({ "msgType": 2, "userType": 1, "sendId": "1", "pageSize": 10 });
    let by_agent = app.post(&agent(50), "findMessage", agent_asks.clone()).await.ok();
    assert_eq!(seqs(&by_agent.data), vec![2, 1]);
    app.staff(8, 60, 3).await;
    let elsewhere = app.post(&agent(60), "findMessage", agent_asks).await.ok();
    assert_eq!(elsewhere.count, 0, "another enterprise's desk has no such customer");
    app.post(
        &agent(50).ent(8),
        "findMessage",
        json!({ "msgType": 2, "userType": 1, "sendId": "1", "pageSize": 1 }),
    )
    .await
    .refused(40305);
}

#[tokio::test]
async fn a_group_is_read_by_its_members_and_reading_an_open_one_joins() {
    let app = App::start().await;
    app.post(&user(1), "messageAdd", text(2, 3, "9", "first")).await.ok();
    let read = json!({ "msgType": 3, "userType": 2, "chatGroupId": "9", "pageSize": 10 });
    let page = app.post(&user(2), "findMessage", read.clone()).await.ok();
    assert_eq!(page.count, 1, "members may read the whole history");
    assert_eq!(app.unread(&user(2), 2).await, 0, "joining starts unread at the head");
    app.post(&user(1), "messageAdd", text(2, 3, "9", "second")).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 1);
    app.send("PUT", &nobody(), "/v1/groups/closed", json!({ "name": "Closed", "members": ["1"] })).await.ok();
    let closed = json!({ "msgType": 3, "userType": 2, "chatGroupId": "closed", "pageSize": 10 });
    app.post(&user(2), "findMessage", closed.clone()).await.refused(40401);
    app.post(&user(2), "messageAdd", text(2, 3, "closed", "let me in")).await.refused(40401);
    app.post(&user(1), "findMessage", closed).await.ok();
}

#[tokio::test]
async fn a_group_is_missing_from_the_request() {
    let app = App::start().await;
    let reply =
        app.post(&user(1), "findMessage", json!({ "msgType": 3, "userType": 2, "pageSize": 10 })).await;
    assert_eq!(reply.status, 400);
    assert!(reply.msg.contains("chatGroupId"), "{}", reply.msg);
}

#[tokio::test]
async fn notices_are_the_receivers_own() {
    let app = App::start().await;
    let mut notice = text(3, 4, "5", "maintenance");
    notice["sendId"] = json!("ops");
    let sent = app.post(&nobody(), "messageAdd", notice).await.ok();
    let mine = app.post(&user(5), "findMessage", find(4, "", 10)).await.ok();
    assert_eq!(mine.count, 1);
    assert_eq!(mine.data[0]["sender"], json!({ "type": "system", "id": "ops", "name": "" }));
    app.post(&user(6), "findMessage", find(4, &sent.text("conversationId"), 10)).await.refused(40401);
}
