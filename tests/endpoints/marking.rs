//! `messageCount`, `updateReadById`, `withdrawMessage`, `appraiseMessage`.

use serde_json::{Value, json};

use crate::harness::{App, Who, agent, nobody, seat, text, user};

async fn read(app: &App, who: &Who, body: Value) -> crate::harness::Reply {
    app.post(who, "updateReadById", body).await
}

fn withdrawal(message: &str) -> Value {
    json!({ "messageId": message, "userType": 2 })
}

#[tokio::test]
async fn unread_goes_up_with_each_message_and_down_when_read() {
    let app = App::start().await;
    for n in 0..3 {
        app.say(&user(1), "2", &format!("m{n}")).await.ok();
    }
    let counts = app.post(&user(2), "messageCount", json!({ "userType": 2 })).await.ok();
    assert_eq!(counts.count, 3);
    assert_eq!(counts.data, json!({ "oneToOne": 3, "service": 0, "group": 0, "notice": 0 }));
    assert_eq!(app.unread(&user(1), 2).await, 0, "own messages never count");
    let mark = read(&app, &user(2), json!({ "sendId": "1", "sendType": 2 })).await.ok();
    assert_eq!((mark.data["readSeq"].as_i64(), mark.count), (Some(3), 0));
    assert_eq!(app.unread(&user(2), 2).await, 0);
}

#[tokio::test]
async fn reading_up_to_a_message_leaves_the_later_ones_unread_and_never_goes_back() {
    let app = App::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(app.say(&user(1), "2", &format!("m{n}")).await.ok().text("messageId"));
    }
    let mark = read(&app, &user(2), json!({ "sendId": "1", "messageId": ids[2] })).await.ok();
    assert_eq!((mark.data["readSeq"].as_i64(), mark.count), (Some(3), 2));
    let back = read(&app, &user(2), json!({ "sendId": "1", "messageId": ids[0] })).await.ok();
    assert_eq!((back.data["readSeq"].as_i64(), back.count), (Some(3), 2));
    assert_eq!(app.unread(&user(2), 2).await, 2);
}

#[tokio::test]
async fn answering_does_not_hide_earlier_unread() {
    let app = App::start().await;
    app.say(&user(1), "2", "a").await.ok();
    app.say(&user(1), "2", "b").await.ok();
    app.say(&user(2), "1", "c").await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 2);
    assert_eq!(app.unread(&user(1), 2).await, 1);
}

#[tokio::test]
async fn reading_twice_at_once_ends_at_the_same_mark() {
    let app = App::start().await;
    for n in 0..10 {
        app.say(&user(1), "2", &format!("m{n}")).await.ok();
    }
    let who = user(2);
    let reads = (0..20).map(|_| read(&app, &who, json!({ "sendId": "1" })));
    for mark in futures::future::join_all(reads).await {
        assert_eq!((mark.ok().data["readSeq"].as_i64()), Some(10));
    }
}

#[tokio::test]
async fn the_side_read_decides_the_kind() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, &session, "help")).await.ok();
    assert_eq!(app.unread(&agent(50), 1).await, 1);
    let desk =
        read(&app, &agent(50).ent(7), json!({ "sendId": "1", "sendType": 2, "userType": 1 })).await.ok();
    assert_eq!((desk.data["readSeq"].as_i64(), desk.count), (Some(1), 0));
    assert_eq!(app.unread(&agent(50), 1).await, 0);
    app.post(&agent(50), "messageAdd", text(1, 2, "1", "how can I help")).await.ok();
    assert_eq!(app.unread(&user(1), 2).await, 1);
    let customer = read(&app, &user(1), json!({ "sendId": "50", "sendType": 1 })).await.ok();
    assert_eq!((customer.data["readSeq"].as_i64(), customer.count), (Some(2), 0));
    assert_eq!(app.unread(&user(1), 2).await, 0);
}

#[tokio::test]
async fn notices_and_groups_are_read_by_their_side() {
    let app = App::start().await;
    let mut notice = text(3, 4, "5", "maintenance");
    notice["sendId"] = json!("ops");
    app.post(&nobody(), "messageAdd", notice).await.ok();
    app.post(&user(5), "createChatSession", json!({ "msgType": 3, "userType": 2, "receiveId": "9" }))
        .await
        .ok();
    app.post(&user(6), "messageAdd", text(2, 3, "9", "to all")).await.ok();
    let counts = app.post(&user(5), "messageCount", json!({ "userType": 2 })).await.ok();
    assert_eq!(counts.data, json!({ "oneToOne": 0, "service": 0, "group": 1, "notice": 1 }));
    read(&app, &user(5), json!({ "sendId": "9", "sendType": 3 })).await.ok();
    read(&app, &user(5), json!({ "sendId": "", "sendType": 4 })).await.ok();
    assert_eq!(app.unread(&user(5), 2).await, 0);
}

#[tokio::test]
async fn what_is_asked_again_takes_no_turn_and_is_exact_after_whatever_comes() {
    let app = App::start().await;
    let (one, two) = (user(1), user(2));
    let everything = json!({ "sendId": "1", "sendType": 2 });
    let read_up_to = async |seq: i64| {
        let mark = read(&app, &two, everything.clone()).await.ok();
        assert_eq!((mark.data["readSeq"].as_i64(), mark.count), (Some(seq), 0));
    };
    for round in 0..5 {
        let first = 2 * round + 1;
        app.say(&one, "2", "comes").await.ok();
        assert_eq!(app.unread(&two, 2).await, 1);
        app.until_kept(async || assert_eq!(app.unread(&two, 2).await, 1)).await;
        let withdrawn = app.say(&one, "2", "goes").await.ok().text("messageId");
        assert_eq!(app.unread(&two, 2).await, 2);
        app.until_kept(async || assert_eq!(app.unread(&two, 2).await, 2)).await;
        app.post(&one, "withdrawMessage", withdrawal(&withdrawn)).await.ok();
        assert_eq!(app.unread(&two, 2).await, 1);
        read_up_to(first + 1).await;
        assert_eq!(app.unread(&two, 2).await, 0);
        app.until_kept(async || read_up_to(first + 1).await).await;
    }
}

#[tokio::test]
async fn an_unknown_conversation_cannot_be_read() {
    let app = App::start().await;
    let stranger = app.say(&user(1), "2", "private").await.ok().text("conversationId");
    read(&app, &user(3), json!({ "sendId": stranger })).await.refused(40401);
    let absent = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"none").to_string();
    read(&app, &user(3), json!({ "sendId": absent })).await.refused(40401);
    read(&app, &nobody(), json!({ "sendId": "1" })).await.refused(40101);
}

#[tokio::test]
async fn a_withdrawn_message_keeps_its_place_and_stops_counting_once() {
    let app = App::start().await;
    app.say(&user(1), "2", "stays").await.ok();
    let id = app.say(&user(1), "2", "goes").await.ok().text("messageId");
    for _ in 0..3 {
        app.post(&user(1), "withdrawMessage", withdrawal(&id)).await.ok();
    }
    assert_eq!(app.unread(&user(2), 2).await, 1);
    assert_eq!(app.history(&user(2), "1").await, vec![(1, "stays".to_owned()), (2, String::new())]);
    let find = json!({ "msgType": 1, "userType": 2, "sendId": "1", "pageSize": 1 });
    assert_eq!(app.post(&user(2), "findMessage", find).await.ok().data[0]["withdrawn"], true);
}

#[tokio::test]
async fn withdrawing_what_was_read_changes_no_count() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "read already").await.ok().text("messageId");
    app.say(&user(1), "2", "unread").await.ok();
    read(&app, &user(2), json!({ "sendId": "1", "messageId": id })).await.ok();
    app.post(&user(1), "withdrawMessage", withdrawal(&id)).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 1);
}

#[tokio::test]
async fn only_the_author_withdraws_and_only_within_the_window() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "mine").await.ok().text("messageId");
    app.post(&user(2), "withdrawMessage", withdrawal(&id)).await.refused(40302);
    app.post(&user(3), "withdrawMessage", withdrawal(&id)).await.refused(40402);
    app.post(&nobody(), "withdrawMessage", withdrawal(&id)).await.refused(40101);
    app.clock.advance(120_001);
    app.post(&user(1), "withdrawMessage", withdrawal(&id)).await.refused(41002);
    app.post(&user(1), "withdrawMessage", withdrawal("nonsense")).await.refused(40402);
    app.post(&user(1), "withdrawMessage", withdrawal(&id.replace(".1", ".2"))).await.refused(40402);
}

#[tokio::test]
async fn at_the_edge_of_the_window_a_message_can_still_be_withdrawn_and_repeated_later() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "mine").await.ok().text("messageId");
    app.clock.advance(120_000);
    app.post(&user(1), "withdrawMessage", withdrawal(&id)).await.ok();
    app.clock.advance(1_000_000);
    app.post(&user(1), "withdrawMessage", withdrawal(&id)).await.ok();
}

#[tokio::test]
async fn fields_that_disagree_with_the_message_are_refused() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "mine").await.ok().text("messageId");
    for (field, wrong) in [("senderId", 9), ("recipientId", 9), ("chatGroupId", 9), ("conversationType", 3)] {
        let mut body = withdrawal(&id);
        body[field] = json!(wrong);
        let reply = app.post(&user(1), "withdrawMessage", body).await.refused(40902);
        assert!(reply.msg.contains(field), "{}", reply.msg);
    }
    let all_right =
        json!({ "messageId": id, "userType": 2, "senderId": 1, "recipientId": 2, "conversationType": 1 });
    app.post(&nobody(), "withdrawMessage", all_right).await.ok();
}

#[tokio::test]
async fn withdrawals_at_once_lower_unread_by_one() {
    let app = App::start().await;
    app.say(&user(1), "2", "stays").await.ok();
    let id = app.say(&user(1), "2", "goes").await.ok().text("messageId");
    let who = user(1);
    let all = (0..20).map(|_| app.post(&who, "withdrawMessage", withdrawal(&id)));
    for reply in futures::future::join_all(all).await {
        reply.ok();
    }
    assert_eq!(app.unread(&user(2), 2).await, 1);
}

fn vote(message: &str, vote: i64) -> Value {
    json!({ "messageId": message, "appraise": vote })
}

#[tokio::test]
async fn one_vote_per_person_the_opposite_replaces_it() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "rate me").await.ok().text("messageId");
    let first = app.post(&user(2), "appraiseMessage", vote(&id, 1)).await.ok();
    assert_eq!(first.data, json!({ "up": 1, "down": 0, "mine": 1 }));
    let same = app.post(&user(2), "appraiseMessage", vote(&id, 1)).await.ok();
    assert_eq!(same.data, json!({ "up": 1, "down": 0, "mine": 1 }));
    let opposite = app.post(&user(2), "appraiseMessage", vote(&id, -1)).await.ok();
    assert_eq!(opposite.data, json!({ "up": 0, "down": 1, "mine": -1 }));
}

#[tokio::test]
async fn own_withdrawn_and_notice_messages_are_not_appraised() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "rate me").await.ok().text("messageId");
    app.post(&user(1), "appraiseMessage", vote(&id, 1)).await.refused(40303);
    app.post(&user(3), "appraiseMessage", vote(&id, 1)).await.refused(40402);
    app.post(&user(1), "withdrawMessage", withdrawal(&id)).await.ok();
    app.post(&user(2), "appraiseMessage", vote(&id, 1)).await.refused(41003);
    let mut notice = text(3, 4, "5", "maintenance");
    notice["sendId"] = json!("ops");
    let id = app.post(&nobody(), "messageAdd", notice).await.ok().text("messageId");
    app.post(&user(5), "appraiseMessage", vote(&id, 1)).await.refused(40304);
}

#[tokio::test]
async fn a_group_votes_at_once_and_every_vote_counts_once() {
    let app = App::start().await;
    for id in 1..=20 {
        let join = json!({ "msgType": 3, "userType": 2, "receiveId": "9" });
        app.post(&user(id), "createChatSession", join).await.ok();
    }
    let message =
        app.post(&user(1), "messageAdd", text(2, 3, "9", "who comes?")).await.ok().text("messageId");
    let app = &app;
    let message = &message;
    let votes = (2..=20).flat_map(|id| {
        (0..2)
            .map(move |_| async move { app.post(&user(id), "appraiseMessage", vote(message, 1)).await.ok() })
    });
    futures::future::join_all(votes).await;
    let last = app.post(&user(2), "appraiseMessage", vote(message, 1)).await.ok();
    assert_eq!(last.data, json!({ "up": 19, "down": 0, "mine": 1 }));
}

#[tokio::test]
async fn a_seat_reads_what_was_sent_to_the_seat() {
    let app = App::start().await;
    app.say(&seat(71), "72", "hello seat").await.ok();
    assert_eq!(app.unread(&seat(72), 2).await, 1);
    read(&app, &seat(72), json!({ "sendId": "71", "sendType": 2 })).await.ok();
    assert_eq!(app.unread(&seat(72), 2).await, 0);
}
