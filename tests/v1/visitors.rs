//! Visitors who become registered users: what was theirs is the user's, exactly and for ever.

use futures::future::join_all;
use messagecenter_actors::domain::ids::{Address, ConversationKey};
use messagecenter_actors::domain::shunt::MAX_VISITORS;
use serde_json::{Value, json};

use crate::harness::{App, Reply, Who, agent, nobody, text, user};

/// The registered user that visitors become.
const USER: i64 = 1_002;

async fn mint(app: &App) -> i64 {
    let visitor = app.send("POST", &nobody(), "/v1/visitors", json!({ "name": "Guest" })).await.ok();
    visitor.text("id").parse().expect("a number")
}

async fn merge(app: &App, visitor: i64, into: impl ToString) -> Reply {
    let path = format!("/v1/visitors/{visitor}/merge");
    app.send("POST", &nobody(), &path, json!({ "userId": into.to_string() })).await
}

async fn put_user(app: &App, id: i64, name: &str) {
    app.send("PUT", &nobody(), &format!("/v1/directory/users/{id}"), json!({ "name": name })).await.ok();
}

async fn rows(app: &App, who: &Who, user_type: i64) -> Vec<Value> {
    let request = json!({ "userType": user_type, "size": 100 });
    let list = app.post(who, "conversationList", request).await.ok();
    let rows = list.data.as_array().cloned().expect("a list");
    assert_eq!(rows.len() as i64, list.count, "every row is counted once");
    rows
}

fn row<'a>(rows: &'a [Value], conversation: &str) -> &'a Value {
    let found = rows.iter().find(|row| row["conversationId"] == conversation);
    found.unwrap_or_else(|| panic!("{conversation} is not listed: {rows:?}"))
}

/// What the user's counts say, which must be the sum of what its rows say.
async fn unread(app: &App, who: &Who, user_type: i64) -> i64 {
    let counted = app.unread(who, user_type).await;
    let rows = rows(app, who, user_type).await;
    let recount: i64 = rows.iter().map(|row| row["unread"].as_i64().expect("a number")).sum();
    assert_eq!(counted, recount, "{rows:?}");
    counted
}

async fn find(app: &App, who: &Who, kind: i64, user_type: i64, send_id: &str) -> Vec<Value> {
    let body =
        json!({ "msgType": kind, "userType": user_type, "pageSize": 100, "sendId": send_id, "sort": "asc" });
    app.post(who, "findMessage", body).await.ok().data.as_array().cloned().expect("a list")
}

fn pair(one: i64, other: i64) -> String {
    ConversationKey::one_to_one(Address::user(one), Address::user(other)).id().to_string()
}

fn desk(ent: i64, customer: i64) -> String {
    ConversationKey::Service(ent, Address::user(customer)).id().to_string()
}

async fn open(app: &App, who: i64, ent: i64) -> Reply {
    app.post(&user(who).ent(ent), "createChatSession", json!({ "msgType": 2, "userType": 2 })).await.ok()
}

async fn card(app: &App, session: &str) -> Value {
    app.send("GET", &nobody(), &format!("/v1/sessions/{session}"), Value::Null).await.ok().data
}

#[tokio::test]
async fn only_a_visitor_is_merged_and_only_into_a_registered_user_and_once() {
    let app = App::start().await;
    put_user(&app, USER, "Ann").await;
    let (visitor, other) = (mint(&app).await, mint(&app).await);
    merge(&app, 77, USER).await.refused(40405);
    merge(&app, USER, 1_003).await.refused(40911);
    merge(&app, visitor, other).await.refused(40912);
    merge(&app, visitor, visitor).await.refused(40912);
    for bad in ["", "0", "agent:5"] {
        assert_eq!(merge(&app, visitor, bad).await.refused(40010).status, 400, "{bad}");
    }
    let path = format!("/v1/visitors/{visitor}/merge");
    assert_eq!(app.send("POST", &nobody(), &path, json!({})).await.status, 400);
    for already in [false, true, true] {
        let merged = merge(&app, visitor, USER).await.ok();
        assert_eq!(
            (merged.text("visitorId"), merged.text("userId")),
            (visitor.to_string(), USER.to_string())
        );
        assert_eq!(merged.data["alreadyMerged"], already);
    }
    merge(&app, visitor, 1_003).await.refused(40910);
    merge(&app, other, visitor).await.refused(40912);
    app.send("PUT", &nobody(), &format!("/v1/directory/users/{visitor}"), json!({})).await.ok();
    merge(&app, other, visitor).await.refused(40912);
    app.send("PUT", &nobody(), &format!("/v1/directory/users/{USER}"), json!({ "isTourist": true }))
        .await
        .ok();
    merge(&app, USER, 1_003).await.refused(40911);
}

#[tokio::test]
async fn conversations_unread_and_votes_of_the_visitor_are_the_users() {
    let app = App::start().await;
    put_user(&app, USER, "Ann").await;
    let visitor = mint(&app).await;
    let (me, guest) = (user(USER), user(visitor));
    app.say(&user(7), &visitor.to_string(), "to the visitor 1").await.ok();
    app.say(&user(7), &visitor.to_string(), "to the visitor 2").await.ok();
    let own = app.say(&guest, "7", "by the visitor").await.ok();
    app.say(&user(7), &USER.to_string(), "to the user").await.ok();
    app.say(&user(8), &visitor.to_string(), "from another").await.ok();
    let notice = text(3, 4, &visitor.to_string(), "a notice");
    let notice = app.post(&nobody(), "messageAdd", with(notice, json!({ "sendId": "sys" }))).await.ok();
    let (theirs, mine) = (pair(7, visitor), pair(7, USER));
    let first = format!("{theirs}.1");
    app.post(&guest, "appraiseMessage", json!({ "messageId": first, "appraise": 1 })).await.ok();
    merge(&app, visitor, USER).await.ok();

    assert_eq!(unread(&app, &me, 2).await, 5, "2 + 1 + 1 and the notice");
    assert_eq!(unread(&app, &guest, 2).await, 5, "the old id acts as the user");
    let listed = rows(&app, &me, 2).await;
    assert_eq!(listed.len(), 4);
    assert_eq!((&row(&listed, &theirs)["unread"], &row(&listed, &mine)["unread"]), (&json!(2), &json!(1)));
    assert_eq!(row(&listed, &notice.text("conversationId"))["unread"], 1);

    let again = json!({ "messageId": first, "appraise": -1 });
    let vote = app.post(&me, "appraiseMessage", again).await.ok().data;
    assert_eq!((&vote["up"], &vote["down"], &vote["mine"]), (&json!(0), &json!(1), &json!(-1)));
    let on_own = json!({ "messageId": own.text("messageId"), "appraise": 1 });
    app.post(&me, "appraiseMessage", on_own).await.refused(40303);
    let history = find(&app, &me, 1, 2, &theirs).await;
    assert_eq!((history.len(), &history[0]["appraise"]["mine"]), (3, &json!(-1)));
    assert_eq!(history[2]["sender"]["name"], "Ann", "the author is shown as the user");

    let withdraw = json!({ "messageId": own.text("messageId"), "userType": 2, "senderId": USER });
    app.post(&me, "withdrawMessage", withdraw).await.ok();
    app.post(
        &user(9),
        "findMessage",
        json!({ "msgType": 1, "userType": 2, "pageSize": 9, "sendId": theirs }),
    )
    .await
    .refused(40401);
    let read = json!({ "userType": 2, "sendType": 2, "sendId": theirs, "messageId": first });
    assert_eq!(app.post(&me, "updateReadById", read).await.ok().count, 1);
    assert_eq!(unread(&app, &me, 2).await, 4);
    app.post(&me, "updateReadById", json!({ "userType": 2, "sendType": 2, "sendId": "7" })).await.ok();
    assert_eq!(unread(&app, &me, 2).await, 2, "who reads all of 7 has read what 7 wrote to the visitor");
    app.post(&me, "updateReadById", json!({ "userType": 2, "sendType": 4, "sendId": "x" })).await.ok();
    assert_eq!(unread(&app, &me, 2).await, 1);
}

fn with(mut body: Value, more: Value) -> Value {
    let fields = more.as_object().cloned().expect("an object");
    body.as_object_mut().expect("an object").extend(fields);
    body
}

#[tokio::test]
async fn messages_to_and_from_the_old_id_are_the_users() {
    let app = App::start().await;
    let visitor = mint(&app).await;
    app.say(&user(visitor), "7", "before").await.ok();
    let keyed = user(visitor).key("once");
    let before = app.say(&keyed, "7", "kept").await.ok();
    merge(&app, visitor, USER).await.ok();
    assert_eq!(
        app.say(&keyed, "7", "kept").await.ok().data,
        before.data,
        "a repeat over the merge is a repeat"
    );
    let mine = pair(7, USER);
    for (who, to) in [(user(visitor), 7), (user(7), visitor), (user(USER), 7), (user(7), USER)] {
        assert_eq!(app.say(&who, &to.to_string(), "after").await.ok().text("conversationId"), mine);
    }
    let both =
        with(text(2, 1, "", "once"), json!({ "receiverIds": [visitor.to_string(), USER.to_string()] }));
    assert_eq!(app.post(&user(7), "messageAdd", both).await.ok().count, 1, "both ids are one target");
    app.say(&user(USER), &visitor.to_string(), "to myself").await.refused(40004);
    assert_eq!(app.unread(&user(USER), 2).await, 3);
    assert_eq!(app.unread(&user(7), 2).await, 2 + 2);
    let history = find(&app, &user(7), 1, 2, &visitor.to_string()).await;
    assert_eq!(history.len(), 2, "the visitor's conversation is still found by the visitor's id");
}

#[tokio::test]
async fn a_group_that_the_visitor_was_in_goes_on_for_the_user() {
    let app = App::start().await;
    let visitor = mint(&app).await;
    let members = json!({ "name": "Team", "members": [visitor.to_string(), "7"] });
    app.send("PUT", &nobody(), "/v1/groups/team", members).await.ok();
    for content in ["one", "two"] {
        app.post(&user(7), "messageAdd", text(2, 3, "team", content)).await.ok();
    }
    app.post(&user(USER), "messageAdd", text(2, 3, "team", "a stranger")).await.refused(40401);
    merge(&app, visitor, USER).await.ok();
    assert_eq!(unread(&app, &user(USER), 2).await, 2);
    app.post(&user(USER), "messageAdd", text(2, 3, "team", "three")).await.ok();
    assert_eq!(unread(&app, &user(USER), 2).await, 2, "own messages never count");
    let read = json!({ "userType": 2, "sendType": 3, "sendId": "team" });
    app.post(&user(USER), "updateReadById", read).await.ok();
    assert_eq!((unread(&app, &user(USER), 2).await, unread(&app, &user(7), 2).await), (0, 1));
}

#[tokio::test]
async fn a_served_session_moves_to_the_user_and_stays_unread_for_its_agent() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    put_user(&app, USER, "Ann").await;
    let visitor = mint(&app).await;
    let session = open(&app, visitor, 7).await.text("sessionId");
    let say = async |who: &Who, to: &str, own_type: i64, content: &str| {
        app.post(who, "messageAdd", text(own_type, 2, to, content)).await.ok()
    };
    say(&user(visitor).ent(7), "", 2, "help").await;
    let desk_agent = agent(50).ent(7);
    say(&desk_agent, &visitor.to_string(), 1, "hello").await;
    assert_eq!(unread(&app, &desk_agent, 1).await, 1);
    merge(&app, visitor, USER).await.ok();

    let known = card(&app, &session).await;
    assert_eq!((&known["state"], &known["agentId"]), (&json!("serving"), &json!("50")), "{known}");
    assert_eq!(open(&app, USER, 7).await.text("sessionId"), session);
    assert_eq!(open(&app, visitor, 7).await.text("conversationId"), desk(7, USER));
    assert_eq!(unread(&app, &desk_agent, 1).await, 1, "what the visitor wrote is still unread");
    let listed = rows(&app, &user(USER), 2).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&row(&listed, &desk(7, visitor))["unread"], unread(&app, &user(USER), 2).await),
        (&json!(1), 1)
    );
    assert_eq!(row(&listed, &desk(7, USER))["session"]["state"], "serving");
    assert_eq!(row(&listed, &desk(7, USER))["peer"]["id"], "50");

    for (who, to, own_type) in [
        (user(USER), "", 2),
        (user(visitor), session.as_str(), 2),
        (user(USER).ent(7), desk(7, visitor).as_str(), 2),
        (desk_agent.clone(), visitor.to_string().as_str(), 1),
        (desk_agent.clone(), desk(7, visitor).as_str(), 1),
        (desk_agent.clone(), session.as_str(), 1),
    ] {
        let sent = say(&who, to, own_type, "more").await;
        assert_eq!(sent.text("conversationId"), desk(7, USER), "to {to}");
    }
    assert_eq!(unread(&app, &desk_agent, 1).await, 1 + 3);
    assert_eq!(unread(&app, &user(USER), 2).await, 1 + 3);
    let found = find(&app, &desk_agent, 2, 1, &visitor.to_string()).await;
    assert_eq!(found.len(), 2, "what was before is found by the visitor's id");
    let read = json!({ "userType": 1, "sendType": 2, "sendId": visitor.to_string() });
    app.post(&desk_agent, "updateReadById", read).await.ok();
    assert_eq!(unread(&app, &desk_agent, 1).await, 3);

    app.post(&user(visitor), "closeChatSession", json!({ "sessionId": session })).await.ok();
    assert_eq!(card(&app, &session).await["closeReason"], "closed_by_customer");
    assert_eq!(unread(&app, &desk_agent, 1).await, 0);
    for row in rows(&app, &desk_agent, 1).await {
        assert_eq!(row["session"]["state"], "ended", "{row}");
    }
    let agent = app.send("GET", &nobody(), "/v1/agents/50", Value::Null).await.ok();
    assert_eq!(agent.data["sessions"], 0);
}

#[tokio::test]
async fn a_place_in_the_queue_and_a_reservation_follow_with_their_time() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.staff(8, 51, 1).await;
    let visitor = mint(&app).await;
    open(&app, 3, 7).await;
    let waiting = open(&app, visitor, 7).await;
    assert_eq!(waiting.text("state"), "queued");
    open(&app, 4, 7).await;
    let obtain =
        async |who: i64| app.post(&user(who).ent(8), "obtainShunt", json!({ "type": "" })).await.ok();
    let reserved = obtain(visitor).await;
    merge(&app, visitor, USER).await.ok();
    let again = open(&app, USER, 7).await;
    assert_eq!((again.text("sessionId"), again.count), (waiting.text("sessionId"), 0), "still the first");
    for id in [USER, visitor] {
        let kept = obtain(id).await;
        assert_eq!(kept.text("reservationId"), reserved.text("reservationId"));
        assert_eq!(kept.data["expiresAt"], reserved.data["expiresAt"]);
    }
    let body = json!({ "msgType": 2, "userType": 2, "receiveId": reserved.text("reservationId") });
    let served = app.post(&user(USER).ent(8), "createChatSession", body).await.ok();
    assert_eq!(served.text("state"), "serving");
}

#[tokio::test]
async fn of_two_open_sessions_with_one_tenant_the_older_stays_and_the_other_closes_as_merged() {
    for visitor_first in [true, false] {
        let app = App::start().await;
        app.staff(7, 50, 2).await;
        let visitor = mint(&app).await;
        let order = if visitor_first { [visitor, USER] } else { [USER, visitor] };
        let mut sessions = Vec::new();
        for customer in order {
            sessions.push(open(&app, customer, 7).await.text("sessionId"));
            app.post(&user(customer).ent(7), "messageAdd", text(2, 2, "", "help")).await.ok();
            app.clock.advance(1_000);
        }
        merge(&app, visitor, USER).await.ok();
        let (older, younger) = (card(&app, &sessions[0]).await, card(&app, &sessions[1]).await);
        assert_eq!((&older["state"], &younger["closeReason"]), (&json!("serving"), &json!("merged")));
        assert_eq!(open(&app, USER, 7).await.text("sessionId"), sessions[0]);
        assert_eq!(unread(&app, &agent(50).ent(7), 1).await, 2, "both wrote, and the agent has read neither");
        let agent = app.send("GET", &nobody(), "/v1/agents/50", Value::Null).await.ok();
        assert_eq!(agent.data["sessions"], 1, "the other's place is free");
    }
}

#[tokio::test]
async fn a_user_has_two_hundred_merged_visitors_and_no_more() {
    let app = App::start().await;
    let mut visitors = Vec::new();
    for _ in 0..MAX_VISITORS.div_ceil(50) {
        visitors.extend(join_all((0..50).map(|_| mint(&app))).await);
    }
    let (first, last) = (visitors[0], mint(&app).await);
    for some in visitors.chunks(50) {
        for merged in join_all(some.iter().map(|visitor| merge(&app, *visitor, USER))).await {
            assert_eq!(merged.ok().data["alreadyMerged"], false);
        }
    }
    let refused = merge(&app, last, USER).await.refused(40915);
    assert!(refused.msg.contains("\"userId\"") && refused.msg.contains("200"), "{refused:?}");
    assert_eq!(merge(&app, first, USER).await.ok().data["alreadyMerged"], true);
    assert_eq!(merge(&app, last, 1_003).await.ok().data["alreadyMerged"], false, "into somebody else");
    app.say(&user(7), &first.to_string(), "hello").await.ok();
    assert_eq!(app.unread(&user(USER), 2).await, 1, "who has as many is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_as_it_was_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start_in(folder.path(), 0).await;
    put_user(&app, USER, "Ann").await;
    app.staff(7, 50, 1).await;
    let visitor = mint(&app).await;
    app.say(&user(7), &visitor.to_string(), "hello").await.ok();
    let session = open(&app, visitor, 7).await.text("sessionId");
    app.post(&user(visitor).ent(7), "messageAdd", text(2, 2, "", "help")).await.ok();
    merge(&app, visitor, USER).await.ok();
    let picture = async |app: &App| {
        (
            rows(app, &user(USER), 2).await,
            rows(app, &agent(50).ent(7), 1).await,
            (unread(app, &user(visitor), 2).await, unread(app, &agent(50).ent(7), 1).await),
            card(app, &session).await,
        )
    };
    let before = picture(&app).await;
    app.service.stop().await;
    let app = App::start_in(folder.path(), 1_000).await;
    assert_eq!(picture(&app).await, before);
    assert_eq!(merge(&app, visitor, USER).await.ok().data["alreadyMerged"], true);
    merge(&app, visitor, 1_003).await.refused(40910);
    assert_eq!(
        app.say(&user(7), &visitor.to_string(), "again").await.ok().text("conversationId"),
        pair(7, USER)
    );
    app.post(&user(visitor), "messageAdd", text(2, 2, &session, "more")).await.ok();
    assert_eq!(unread(&app, &agent(50).ent(7), 1).await, 2);
}
