//! `messageAdd`.

use serde_json::json;

use crate::harness::{App, agent, nobody, seat, text, user};

#[tokio::test]
async fn a_message_is_acknowledged_with_its_place_and_stands_in_history() {
    let app = App::start().await;
    let sent = app.say(&user(1), "2", "hello").await.ok();
    assert_eq!((sent.count, sent.data["seq"].as_i64()), (1, Some(1)));
    assert_eq!(sent.text("messageId"), format!("{}.1", sent.text("conversationId")));
    assert_eq!(sent.data["sentAt"].as_i64(), Some(crate::harness::START));
    assert_eq!(app.history(&user(2), "1").await, vec![(1, "hello".to_owned())]);
}

#[tokio::test]
async fn every_field_comes_back_as_it_was_sent() {
    let app = App::start().await;
    let body = json!({
        "ownType": 2, "type": 1, "receiveId": "2", "title": "T", "content": "C", "link": "L",
        "item": -9_223_372_036_854_775_808_i64, "itemType": 777,
    });
    app.post(&user(1), "messageAdd", body).await.ok();
    let find = json!({ "msgType": 1, "userType": 2, "sendId": "1", "pageSize": 1 });
    let row = app.post(&user(2), "findMessage", find).await.ok().data[0].clone();
    assert_eq!(row["title"], "T");
    assert_eq!(row["content"], "C");
    assert_eq!(row["link"], "L");
    assert_eq!(row["item"].as_i64(), Some(i64::MIN));
    assert_eq!(row["itemType"], 777);
    assert_eq!(row["appId"], "web");
    assert_eq!(row["sender"], json!({ "type": "user", "id": "1", "name": "" }));
}

#[tokio::test]
async fn one_bad_target_does_not_fail_the_others() {
    let app = App::start().await;
    let mut body = text(2, 1, "2", "hi");
    body["receiverIds"] = json!(["1", "3", "2"]);
    let reply = app.post(&user(1), "messageAdd", body).await.ok();
    assert_eq!(reply.count, 2, "the sender itself is no target, a repeated one counts once");
    let results = reply.data["results"].as_array().cloned().unwrap_or_default();
    let codes: Vec<i64> = results.iter().filter_map(|row| row["error_code"].as_i64()).collect();
    assert_eq!(codes, vec![0, 40004, 0]);
}

#[tokio::test]
async fn when_all_targets_fail_the_first_failure_is_the_answer() {
    let app = App::start().await;
    app.say(&user(1), "1", "to myself").await.refused(40004);
}

#[tokio::test]
async fn groups_and_people_are_targets_of_one_request() {
    let app = App::start().await;
    let mut body = text(2, 1, "2", "hi all");
    body["groupIds"] = json!([9, "10"]);
    let reply = app.post(&user(1), "messageAdd", body).await.ok();
    assert_eq!(reply.count, 3);
}

#[tokio::test]
async fn more_than_500_targets_are_refused_naming_the_field() {
    let app = App::start().await;
    let mut body = text(2, 1, "", "spam");
    body["receiverIds"] = (1000..1501).map(|id| id.to_string()).collect::<Vec<_>>().into();
    let reply = app.post(&user(1), "messageAdd", body).await;
    assert_eq!((reply.status, reply.code / 100), (400, 400), "{reply:?}");
    assert!(reply.msg.contains("receiverIds") && reply.msg.contains("500"), "{}", reply.msg);
}

#[tokio::test]
async fn a_sender_that_is_not_the_caller_is_refused() {
    let app = App::start().await;
    let mut body = text(2, 1, "2", "forged");
    body["sendId"] = json!("3");
    app.post(&user(1), "messageAdd", body.clone()).await.refused(40301);
    body["sendId"] = json!("001");
    app.post(&user(1), "messageAdd", body).await.ok();
}

#[tokio::test]
async fn a_hat_without_its_header_is_unknown() {
    let app = App::start().await;
    let reply = app.say(&nobody(), "2", "who am I").await.refused(40101);
    assert!(reply.msg.contains("newUserId"), "{}", reply.msg);
    let reply = app.post(&user(1), "messageAdd", text(1, 1, "2", "agent?")).await.refused(40101);
    assert!(reply.msg.contains("entUserId"), "{}", reply.msg);
}

#[tokio::test]
async fn a_send_without_target_is_refused() {
    let app = App::start().await;
    app.say(&user(1), "", "nowhere").await.refused(40003);
    app.say(&user(1), "0", "nowhere").await.refused(40003);
}

#[tokio::test]
async fn systems_and_bots_need_no_identity_but_a_name() {
    let app = App::start().await;
    let mut body = text(3, 4, "5", "maintenance tonight");
    app.post(&nobody(), "messageAdd", body.clone()).await.refused(40010);
    body["sendId"] = json!("ops");
    app.post(&nobody(), "messageAdd", body).await.ok();
    assert_eq!(app.unread(&user(5), 2).await, 1);
}

#[tokio::test]
async fn seats_write_to_seats_and_people_to_people() {
    let app = App::start().await;
    let from_seat = app.say(&seat(71), "72", "from a seat").await.ok();
    let from_person = app.say(&user(71), "72", "from a person").await.ok();
    assert_ne!(from_seat.text("conversationId"), from_person.text("conversationId"));
    assert_eq!(app.unread(&seat(72), 2).await, 1);
    assert_eq!(app.unread(&user(72).with("positionId", 72), 2).await, 2, "both of the caller's addresses");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gives_the_first_answer() {
    let app = App::start().await;
    let first = app.say(&user(1).key("k1"), "2", "once").await.ok();
    let again = app.say(&user(1).key("k1"), "2", "once").await.ok();
    assert_eq!(first.data["messageId"], again.data["messageId"]);
    assert_eq!(first.data["sentAt"], again.data["sentAt"]);
    app.say(&user(1).key("k1"), "2", "another").await.refused(40901);
    app.say(&user(2).key("k1"), "1", "the other's own key").await.ok();
    assert_eq!(app.history(&user(1), "2").await.len(), 2);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = App::start().await;
    let first = app.say(&user(1).key("k1"), "2", "once").await.ok();
    app.clock.advance(86_400_001);
    let later = app.say(&user(1).key("k1"), "2", "once").await.ok();
    assert_ne!(first.data["messageId"], later.data["messageId"]);
}

#[tokio::test]
async fn a_key_over_128_bytes_is_refused() {
    let app = App::start().await;
    let reply = app.say(&user(1).key(&"k".repeat(129)), "2", "long key").await;
    assert_eq!(reply.status, 400);
    assert!(reply.msg.contains("Idempotency-Key"), "{}", reply.msg);
}

#[tokio::test]
async fn two_hundred_senders_at_once_leave_no_gap_and_no_double() {
    let app = App::start().await;
    let sends = (0..200).map(|n| {
        let app = &app;
        async move {
            let (from, to) = if n % 2 == 0 { (1, "2") } else { (2, "1") };
            app.say(&user(from), to, &format!("m{n}")).await.ok().data["seq"].as_i64().unwrap_or(0)
        }
    });
    let mut seqs = futures::future::join_all(sends).await;
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<i64>>());
}

#[tokio::test]
async fn the_same_key_twice_at_once_sends_once() {
    let app = App::start().await;
    let keyed = user(1).key("race");
    let sends = (0..20).map(|_| app.say(&keyed, "2", "only once"));
    let ids: std::collections::BTreeSet<String> = futures::future::join_all(sends)
        .await
        .into_iter()
        .map(|reply| reply.ok().text("messageId"))
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.history(&user(2), "1").await.len(), 1);
}

#[tokio::test]
async fn a_customer_who_writes_to_the_desk_opens_a_session() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    let session = app.ask_for_service(1, 7).await;
    let by_session = app
        .post(&user(1).ent(7), "messageAdd", text(2, 2, &session.text("sessionId"), "by session"))
        .await
        .ok();
    let conversation = by_session.text("conversationId");
    assert_eq!(conversation, session.text("conversationId"));
    let unnamed = app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "the only open one")).await.ok();
    assert_eq!(unnamed.data["seq"].as_i64(), Some(2));
    app.post(&nobody(), "closeChatSession", json!({ "sessionId": session.text("sessionId") })).await.ok();
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "nobody named")).await.refused(40003);
    app.post(&agent(50).ent(7), "messageAdd", text(1, 2, "1", "too late")).await.refused(41001);
    let reopened = app.post(&user(1).ent(7), "messageAdd", text(2, 2, &conversation, "again")).await.ok();
    assert_eq!(reopened.data["seq"].as_i64(), Some(3));
    app.post(&agent(50).ent(7), "messageAdd", text(1, 2, "1", "back with you")).await.ok();
}

#[tokio::test]
async fn a_customer_with_two_open_sessions_must_name_one() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    app.staff(8, 51, 3).await;
    app.ask_for_service(1, 7).await;
    app.ask_for_service(1, 8).await;
    app.post(&user(1), "messageAdd", text(2, 2, "", "which?")).await.refused(40904);
}
