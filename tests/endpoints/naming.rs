//! Who acts and what an id names, on every endpoint of messages and groups.

use serde_json::{Value, json};

use crate::harness::{App, Reply, agent, nobody, seat, text, user};

const UUID_V7: &str = "01890000-0000-7000-8000-00000000ABCD";

fn find(kind: i64, field: &str, id: &str) -> Value {
    json!({ "msgType": kind, "userType": 2, field: id, "pageSize": 10 })
}

fn codes(reply: &Reply) -> Vec<i64> {
    let results = reply.data["results"].as_array().cloned().unwrap_or_default();
    results.iter().filter_map(|row| row["error_code"].as_i64()).collect()
}

#[tokio::test]
async fn a_seat_writes_to_seats_and_its_person_to_the_groups_of_the_same_request() {
    let app = App::start().await;
    let mut body = text(2, 1, "72", "to both");
    body["groupIds"] = json!(["9"]);
    app.post(&user(1).with("positionId", 71), "messageAdd", body.clone()).await.ok();
    let seats = app.post(&seat(72), "findMessage", find(1, "sendId", "71")).await.ok();
    assert_eq!(seats.data[0]["sender"]["type"], "position");
    let group = app.post(&user(2), "findMessage", find(3, "chatGroupId", "9")).await.ok();
    assert_eq!(group.data[0]["sender"], json!({ "type": "user", "id": "1", "name": "" }));
    let from_seat_only = app.post(&seat(71), "messageAdd", body).await.ok();
    assert_eq!((from_seat_only.count, codes(&from_seat_only)), (1, vec![0, 40101]));
}

#[tokio::test]
async fn spellings_of_one_target_are_one_target() {
    let app = App::start().await;
    let mut body = text(2, 1, "7", "once");
    body["receiverIds"] = json!(["007", "user:7", "+7", 7, "user:0007", "0", "user:0", ""]);
    assert_eq!(app.post(&user(1), "messageAdd", body.clone()).await.ok().count, 1);
    body["receiverIds"] = vec!["7"; 3000].into();
    assert_eq!(app.post(&user(1), "messageAdd", body).await.ok().count, 1);
    app.say(&user(1), "user:0", "nobody").await.refused(40003);
    let huge = app.say(&user(1), "00099999999999999999999", "beyond int64").await.ok();
    let same = app.say(&user(1), "99999999999999999999", "the same").await.ok();
    assert_eq!(huge.data["conversationId"], same.data["conversationId"]);
}

#[tokio::test]
async fn names_of_one_service_conversation_are_one_target() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    app.staff(7, 51, 3).await;
    let session = app.ask_for_service(1, 7).await;
    let mut body = text(2, 2, "50", "help");
    body["receiverIds"] = json!(["51", session.text("sessionId"), session.text("conversationId")]);
    let sent = app.post(&user(1).ent(7), "messageAdd", body).await.ok();
    assert_eq!((sent.count, sent.data["seq"].as_i64()), (1, Some(1)));
    for not_an_agent in ["user:5", "position:5", "system:5"] {
        app.post(&user(1).ent(7), "messageAdd", text(2, 2, not_an_agent, "?")).await.refused(40010);
    }
    app.post(&agent(50), "messageAdd", text(1, 2, "agent:51", "?")).await.refused(40010);
}

#[tokio::test]
async fn ids_over_the_limit_are_unreadable_wherever_they_come() {
    let app = App::start().await;
    let long = "x".repeat(257);
    let mut send = text(2, 1, "2", "hi");
    send["sendId"] = json!(long);
    let bodies = [
        ("messageAdd", send),
        ("messageAdd", text(2, 1, &long, "hi")),
        ("messageAdd", text(2, 3, &format!("group:{long}"), "hi")),
        ("findMessage", find(1, "sendId", &long)),
        ("findMessage", find(3, "chatGroupId", &long)),
        ("updateReadById", json!({ "sendId": long })),
        ("createChatSession", json!({ "msgType": 3, "userType": 2, "receiveId": long })),
    ];
    for (operation, body) in bodies {
        let reply = app.post(&user(1), operation, body).await.refused(40010);
        assert_eq!(reply.status, 400, "{operation}");
    }
    app.send("PUT", &nobody(), "/v1/groups/9/members", json!({ "members": [long] })).await.refused(40010);
}

#[tokio::test]
async fn a_group_may_be_named_by_a_uuid_in_any_case() {
    let app = App::start().await;
    let mut body = text(2, 1, "", "hello");
    body["groupIds"] = json!([UUID_V7]);
    let sent = app.post(&user(1), "messageAdd", body).await.ok();
    let found = app.post(&user(2), "findMessage", find(3, "chatGroupId", UUID_V7)).await.ok();
    assert_eq!(found.data[0]["conversationId"], sent.data["conversationId"]);
    app.post(&user(1), "messageAdd", text(2, 3, UUID_V7, "again")).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 1);
    app.post(&user(2), "updateReadById", json!({ "sendId": UUID_V7, "sendType": 3 })).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 0);
    let group = app.send("GET", &nobody(), &format!("/v1/groups/{UUID_V7}"), Value::Null).await.ok();
    assert_eq!((group.count, group.text("conversationId")), (2, sent.text("conversationId")));
}

#[tokio::test]
async fn a_party_is_no_group_and_a_group_no_party() {
    let app = App::start().await;
    let open = |kind: i64, id: &str| json!({ "msgType": kind, "userType": 2, "receiveId": id });
    app.post(&user(1), "createChatSession", open(3, "user:5")).await.refused(40010);
    app.post(&user(1), "createChatSession", open(1, "group:5")).await.refused(40010);
    app.post(&user(1), "findMessage", find(1, "sendId", "group:5")).await.refused(40010);
    app.post(&user(1), "updateReadById", json!({ "sendId": "user:5", "sendType": 3 })).await.refused(40010);
    let typed = app.post(&user(1), "messageAdd", text(2, 1, "group:5", "typed ids win")).await.ok();
    let group = app.post(&user(1), "createChatSession", open(3, "5")).await.ok();
    assert_eq!(group.data["conversationId"], typed.data["conversationId"]);
    assert_eq!(
        (group.data["created"].as_bool(), group.data["sessionId"].clone()),
        (Some(false), Value::Null)
    );
}

#[tokio::test]
async fn anothers_session_is_as_unknown_as_none() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    app.staff(8, 60, 3).await;
    let session = app.ask_for_service(1, 7).await;
    let (id, conversation) = (session.text("sessionId"), session.text("conversationId"));
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, &id, "help")).await.ok();
    let mut messages = Vec::new();
    for named in [id.as_str(), UUID_V7] {
        messages.push(app.post(&user(2), "findMessage", find(2, "sendId", named)).await.refused(40403).msg);
        messages
            .push(app.post(&user(2), "updateReadById", json!({ "sendId": named })).await.refused(40403).msg);
        let read = json!({ "sendId": named, "sendType": 2, "userType": 1 });
        messages.push(app.post(&agent(60), "updateReadById", read).await.refused(40403).msg);
        messages.push(app.post(&user(2), "messageAdd", text(2, 2, named, "?")).await.refused(40403).msg);
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let read = json!({ "sendId": id, "sendType": 2, "userType": 1 });
    let mark = app.post(&agent(50), "updateReadById", read).await.ok();
    assert_eq!(mark.text("conversationId"), conversation);
    assert_eq!(app.post(&user(1), "findMessage", find(2, "sendId", &id)).await.ok().count, 1);
}

#[tokio::test]
async fn what_was_read_is_inferred_and_then_judged_as_what_it_is() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    let session = app.ask_for_service(50, 7).await;
    app.post(&user(50).ent(7), "messageAdd", text(2, 2, "", "a customer with the agent's number")).await.ok();
    let mark = app.post(&user(50), "updateReadById", json!({ "sendId": "50" })).await.ok();
    assert_eq!(mark.data["conversationId"], session.data["conversationId"]);
    let by_agent = json!({ "sendId": "50", "userType": 1 });
    app.post(&agent(50).ent(8), "updateReadById", by_agent.clone()).await.refused(40305);
    assert_eq!(app.post(&agent(50).ent(7), "updateReadById", by_agent).await.ok().data["readSeq"], 1);
    let nobody = app.post(&nobody(), "updateReadById", json!({ "sendId": "1" })).await.refused(40101);
    assert!(nobody.msg.contains("entUserId"), "{}", nobody.msg);
}

#[tokio::test]
async fn a_kind_1_conversation_that_exists_comes_before_service() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    app.ask_for_service(1, 7).await;
    let direct = app.post(&agent(50), "messageAdd", text(1, 1, "1", "in person")).await.ok();
    let read = app.post(&agent(50), "updateReadById", json!({ "sendId": "1", "userType": 1 })).await.ok();
    assert_eq!(read.data["conversationId"], direct.data["conversationId"]);
    let answer = app.say(&user(1), "agent:50", "thanks").await.ok();
    assert_eq!(answer.data["conversationId"], direct.data["conversationId"]);
    let counts = app.post(&agent(50), "messageCount", json!({ "userType": 1 })).await.ok();
    assert_eq!(counts.data, json!({ "oneToOne": 1, "service": 0, "group": 0, "notice": 0 }));
}

#[tokio::test]
async fn nobody_reads_up_to_a_message_that_is_not_there() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "only one").await.ok().text("messageId");
    let beyond = json!({ "sendId": "1", "messageId": id.replace(".1", ".2") });
    app.post(&user(2), "updateReadById", beyond).await.refused(40402);
    assert_eq!(app.unread(&user(2), 2).await, 1);
}

#[tokio::test]
async fn notices_to_a_seat_are_read_by_their_conversation() {
    let app = App::start().await;
    let mut notice = text(3, 4, "position:77", "to the seat");
    notice["sendId"] = json!("ops");
    let id = app.post(&nobody(), "messageAdd", notice).await.ok().text("conversationId");
    let holder = user(5).with("positionId", 77);
    assert_eq!(app.unread(&holder, 2).await, 1);
    app.post(&holder, "updateReadById", json!({ "sendId": "anything", "sendType": 4 })).await.ok();
    assert_eq!(app.unread(&holder, 2).await, 1, "the person's own notices");
    app.post(&holder, "updateReadById", json!({ "sendId": id, "sendType": 4 })).await.ok();
    assert_eq!(app.unread(&holder, 2).await, 0);
}

#[tokio::test]
async fn identity_headers_outrank_the_sender_id_and_a_colleague_is_no_author() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    app.staff(7, 51, 3).await;
    app.ask_for_service(1, 7).await;
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "help")).await.ok();
    let id = app.post(&agent(50), "messageAdd", text(1, 2, "1", "sure")).await.ok().text("messageId");
    let request = json!({ "messageId": id, "userType": 1, "senderId": 50 });
    app.post(&user(3), "withdrawMessage", request.clone()).await.refused(40101);
    app.post(&agent(51), "withdrawMessage", request.clone()).await.refused(40302);
    app.post(&user(1), "withdrawMessage", json!({ "messageId": id, "userType": 2 })).await.refused(40302);
    app.staff(8, 60, 3).await;
    app.post(&agent(60), "withdrawMessage", request.clone()).await.refused(40402);
    let done = app.post(&nobody(), "withdrawMessage", request).await.ok();
    assert_eq!((done.count, done.data), (0, json!({ "messageId": id, "withdrawn": true })));
}

#[tokio::test]
async fn a_vote_goes_by_the_address_that_received_the_message() {
    let app = App::start().await;
    let id = app.post(&agent(51), "messageAdd", text(1, 1, "agent:50", "psst")).await.ok().text("messageId");
    let vote = json!({ "messageId": id, "appraise": 1 });
    let cast = app.post(&agent(50), "appraiseMessage", vote.clone()).await.ok();
    assert_eq!((cast.count, cast.data), (0, json!({ "up": 1, "down": 0, "mine": 1 })));
    app.post(&agent(51), "appraiseMessage", vote.clone()).await.refused(40303);
    app.post(&user(50), "appraiseMessage", vote).await.refused(40402);
}

#[tokio::test]
async fn joining_a_group_reads_nothing() {
    let app = App::start().await;
    app.send("PUT", &nobody(), "/v1/groups/9", json!({ "members": ["1", "2"] })).await.ok();
    app.post(&user(1), "messageAdd", text(2, 3, "9", "read me")).await.ok();
    app.send("PUT", &nobody(), "/v1/groups/9/members", json!({ "members": ["3"] })).await.ok();
    let read = async || {
        app.post(&user(1), "findMessage", find(3, "chatGroupId", "9")).await.ok().data[0]["readByPeer"]
            .clone()
    };
    assert_eq!(read().await, false);
    app.post(&user(3), "updateReadById", json!({ "sendId": "9", "sendType": 3 })).await.ok();
    assert_eq!(read().await, true);
}

#[tokio::test]
async fn a_system_writes_to_a_defined_group_and_no_seat_is_a_member() {
    let app = App::start().await;
    app.send("PUT", &nobody(), "/v1/groups/9", json!({ "members": ["1"] })).await.ok();
    let mut body = text(3, 3, "9", "welcome");
    body["sendId"] = json!("ops");
    app.post(&nobody(), "messageAdd", body).await.ok();
    assert_eq!(app.unread(&user(1), 2).await, 1);
    let seat = json!({ "members": ["position:77"] });
    app.send("PUT", &nobody(), "/v1/groups/9/members", seat).await.refused(40010);
}

#[tokio::test]
async fn members_of_an_open_group_come_and_go_and_it_is_not_deleted() {
    let app = App::start().await;
    app.send("PUT", &nobody(), "/v1/groups/9/members", json!({ "members": ["1"] })).await.refused(40407);
    app.post(&user(1), "messageAdd", text(2, 3, "9", "first")).await.ok();
    let group = app.send("PUT", &nobody(), "/v1/groups/009/members", json!({ "members": ["2"] })).await.ok();
    assert_eq!((group.count, group.text("name")), (2, String::new()));
    assert_eq!(app.unread(&user(2), 2).await, 0);
    let left =
        app.send("DELETE", &nobody(), "/v1/groups/9/members", json!({ "members": ["1", "1"] })).await.ok();
    assert_eq!(left.count, 1);
    let deleted = app.send("DELETE", &nobody(), "/v1/groups/9", Value::Null).await.ok();
    assert_eq!(deleted.data["deleted"], false);
    app.post(&user(1), "messageAdd", text(2, 3, "9", "back again")).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 1);
}

#[tokio::test]
async fn a_group_of_ten_thousand_is_defined_at_once_and_told_of_a_message() {
    let app = App::start().await;
    let members: Vec<String> = (1..=10_000).map(|id| id.to_string()).collect();
    let group = app.send("PUT", &nobody(), "/v1/groups/all", json!({ "members": members })).await.ok();
    assert_eq!(group.count, 10_000);
    app.post(&user(1), "messageAdd", text(2, 3, "all", "hello")).await.ok();
    for id in [2, 5_000, 10_000] {
        assert_eq!(app.unread(&user(id), 2).await, 1);
    }
    app.send("DELETE", &nobody(), "/v1/groups/all", Value::Null).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 0);
    app.post(&user(1), "messageAdd", text(2, 3, "all", "anybody?")).await.refused(41004);
}
