//! `oneUserPosition`, `oneUserConversation`, and the directory and groups under `/v1`.

use serde_json::{Value, json};

use crate::harness::{App, nobody, seat, text, user};

async fn define_seat(app: &App, id: i64) {
    let row = json!({
        "newUserId": "1", "entUserId": "5", "entId": "7", "name": "Ann", "title": "Sales", "entName": "Acme",
        "avatar": "a.png",
    });
    app.send("PUT", &nobody(), &format!("/v1/directory/positions/{id}"), row).await.ok();
}

#[tokio::test]
async fn a_seat_has_a_card_and_an_unknown_one_creates_nothing() {
    let app = App::start().await;
    define_seat(&app, 77).await;
    let card = app.post(&nobody(), "oneUserPosition", json!({ "positionId": "077" })).await.ok();
    assert_eq!(card.text("positionId"), "77");
    assert_eq!(
        (card.text("name"), card.text("title"), card.text("entName")),
        ("Ann".into(), "Sales".into(), "Acme".into())
    );
    assert_eq!(
        (card.data["online"].as_bool(), card.data["conversationId"].clone()),
        (Some(false), Value::Null)
    );
    app.post(&nobody(), "oneUserPosition", json!({ "positionId": "78" })).await.refused(40404);
    app.send("GET", &nobody(), "/v1/directory/positions/78", Value::Null).await.refused(40404);
}

#[tokio::test]
async fn first_contact_creates_one_conversation_and_both_summary_rows() {
    let app = App::start().await;
    define_seat(&app, 77).await;
    let both = futures::future::join_all((0..20).map(|n| {
        let (me, you) = if n % 2 == 0 { (seat(77), "78") } else { (seat(78), "77") };
        let app = &app;
        async move { app.post(&me, "oneUserConversation", json!({ "youPositionId": you })).await.ok() }
    }))
    .await;
    let ids: std::collections::BTreeSet<String> =
        both.iter().map(|reply| reply.text("conversationId")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(both.iter().filter(|reply| reply.data["created"] == true).count(), 1);
    assert_eq!(both[0].data["me"]["name"], "Ann");
    assert_eq!(both[0].data["you"]["positionId"], "78");
    assert_eq!(both[0].data["you"]["name"], "", "a seat the directory does not know has only its id");
    for me in [77, 78] {
        let who = user(1).with("positionId", me);
        let rows = app.post(&who, "conversationList", json!({ "userType": 2 })).await.ok();
        assert_eq!(rows.count, 1);
        assert_eq!(rows.data[0]["lastMessage"], Value::Null);
    }
    let card = app.post(&seat(78), "oneUserPosition", json!({ "positionId": "77" })).await.ok();
    assert_eq!(Some(card.text("conversationId")), ids.into_iter().next());
}

#[tokio::test]
async fn first_contact_tells_what_is_unread() {
    let app = App::start().await;
    app.say(&seat(78), "77", "hello").await.ok();
    let contact = app.post(&seat(77), "oneUserConversation", json!({ "youPositionId": "78" })).await.ok();
    assert_eq!((contact.data["created"].as_bool(), contact.data["unread"].as_i64()), (Some(false), Some(1)));
}

#[tokio::test]
async fn a_seat_cannot_contact_itself_nor_nobody() {
    let app = App::start().await;
    app.post(&seat(77), "oneUserConversation", json!({ "youPositionId": "77" })).await.refused(40004);
    let reply = app.post(&seat(77), "oneUserConversation", json!({ "youPositionId": "" })).await;
    assert_eq!(reply.status, 400);
    app.post(&seat(0), "oneUserConversation", json!({ "youPositionId": "78" })).await.refused(40101);
}

#[tokio::test]
async fn directory_users_are_put_read_and_deleted() {
    let app = App::start().await;
    let path = "/v1/directory/users/42";
    app.send("GET", &nobody(), path, Value::Null).await.refused(40405);
    let row = json!({ "name": "Zoe", "phone": "123", "avatar": "z.png", "isTourist": true });
    app.send("PUT", &nobody(), path, row).await.ok();
    let read = app.send("GET", &nobody(), path, Value::Null).await.ok();
    assert_eq!(
        (read.text("id"), read.text("name"), read.data["isTourist"].as_bool()),
        ("42".into(), "Zoe".into(), Some(true))
    );
    assert_eq!(app.send("DELETE", &nobody(), path, Value::Null).await.ok().data["deleted"], true);
    assert_eq!(app.send("DELETE", &nobody(), path, Value::Null).await.ok().data["deleted"], false);
    app.send("GET", &nobody(), path, Value::Null).await.refused(40405);
}

#[tokio::test]
async fn a_defined_group_belongs_to_its_members() {
    let app = App::start().await;
    let define = json!({ "name": "Team", "avatar": "", "members": ["1", "2", "agent:5"] });
    app.send("PUT", &nobody(), "/v1/groups/team", define).await.ok();
    app.post(&user(1), "messageAdd", text(2, 3, "team", "hello team")).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 1);
    app.send("PUT", &nobody(), "/v1/groups/team/members", json!({ "members": ["3"] })).await.ok();
    assert_eq!(app.unread(&user(3), 2).await, 0);
    app.send("DELETE", &nobody(), "/v1/groups/team/members", json!({ "members": ["2"] })).await.ok();
    assert_eq!(app.unread(&user(2), 2).await, 0, "who left counts nothing");
    app.post(&user(2), "messageAdd", text(2, 3, "team", "still here?")).await.refused(40401);
    let members = app.send("GET", &nobody(), "/v1/groups/team/members", Value::Null).await.ok();
    assert_eq!(members.count, 3);
    let rows = app.post(&user(1), "conversationList", json!({ "userType": 2 })).await.ok();
    assert_eq!(rows.data[0]["peer"]["name"], "Team");
    app.send("DELETE", &nobody(), "/v1/groups/team", Value::Null).await.ok();
    app.post(&user(1), "messageAdd", text(2, 3, "team", "anyone?")).await.refused(41004);
}

#[tokio::test]
async fn ten_thousand_members_count_what_one_send_left_unread() {
    let app = App::start().await;
    let members: Vec<String> = (1..=10_000).map(|id| id.to_string()).collect();
    app.send("PUT", &nobody(), "/v1/groups/big", json!({ "name": "Big", "members": members })).await.ok();
    let before = app.figure("messagecenter_committed_position").await;
    app.post(&user(1), "messageAdd", text(2, 3, "big", "hello")).await.ok();
    assert_eq!(
        app.figure("messagecenter_committed_position").await,
        before + 1,
        "one fact, whatever the members"
    );
    for id in [2, 5_000, 10_000] {
        assert_eq!(app.unread(&user(id), 2).await, 1);
    }
    assert_eq!(app.unread(&user(1), 2).await, 0);
}
