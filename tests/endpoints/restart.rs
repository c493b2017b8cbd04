//! What was acknowledged is there after a restart of the service on the same store.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{App, START, agent, nobody, seat, text, user};

/// Stops the service as SIGTERM does and starts it again, the given time after the first start.
async fn restart(app: App, folder: &Path, since_start: i64) -> App {
    app.service.stop().await;
    App::start_in(folder, since_start).await
}

async fn get(app: &App, path: &str) -> Value {
    app.send("GET", &nobody(), path, Value::Null).await.ok().data
}

async fn pages(app: &App) -> Vec<Value> {
    let mut found = Vec::new();
    for (who, operation, body) in [
        (user(1), "conversationList", json!({ "userType": 2 })),
        (user(2), "conversationList", json!({ "userType": 2 })),
        (user(1), "userList", json!({ "userType": 2 })),
        (agent(50), "userList", json!({ "userType": 1 })),
        (agent(50), "conversationList", json!({ "userType": 1 })),
        (agent(50), "messageCount", json!({ "userType": 1 })),
        (user(1), "messageCount", json!({ "userType": 2 })),
        (user(3), "messageCount", json!({ "userType": 2 })),
        (user(1).ent(7), "findMessage", json!({ "msgType": 2, "userType": 2, "pageSize": 50 })),
        (user(2), "findMessage", json!({ "msgType": 1, "userType": 2, "pageSize": 50, "sendId": "1" })),
        (
            user(3),
            "findMessage",
            json!({ "msgType": 3, "userType": 2, "pageSize": 50, "chatGroupId": "team" }),
        ),
        (seat(78), "oneUserPosition", json!({ "positionId": "77" })),
    ] {
        let reply = app.post(&who, operation, body).await.ok();
        found.push(json!({ "of": operation, "data": reply.data, "count": reply.count }));
    }
    for path in [
        "/v1/agents/50",
        "/v1/groups/team",
        "/v1/directory/users/1",
        "/v1/directory/positions/77",
        "/v1/shunts/7/default/queue",
    ] {
        found.push(get(app, path).await);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_is_as_it_was_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start_in(folder.path(), 0).await;
    app.send(
        "PUT",
        &nobody(),
        "/v1/directory/users/1",
        json!({ "name": "Ann", "phone": "138", "isTourist": true }),
    )
    .await
    .ok();
    app.send("PUT", &nobody(), "/v1/directory/positions/77", json!({ "name": "Bob", "entId": "7" }))
        .await
        .ok();
    app.send("PUT", &nobody(), "/v1/groups/team", json!({ "name": "Team", "members": ["1", "2", "3"] }))
        .await
        .ok();
    app.post(&seat(78), "oneUserConversation", json!({ "youPositionId": "77" })).await.ok();
    app.post(&user(1), "messageAdd", text(2, 3, "team", "to all")).await.ok();
    app.staff(7, 50, 2).await;
    let served = app.ask_for_service(1, 7).await.text("sessionId");
    let lease = app.post(&user(2).ent(7), "obtainShunt", json!({ "type": "" })).await.ok();
    let mut waiting = Vec::new();
    for customer in 3..=5 {
        app.clock.advance(100);
        waiting.push(app.ask_for_service(customer, 7).await.text("sessionId"));
    }
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "help me")).await.ok();
    let keyed = app.post(&user(1).key("once"), "messageAdd", text(2, 1, "2", "keyed")).await.ok();
    let voted = keyed.text("messageId");
    app.post(&user(2), "appraiseMessage", json!({ "messageId": voted, "appraise": 1 })).await.ok();
    let mut before = pages(&app).await;
    let view = get(&app, &format!("/v1/sessions/{served}")).await;

    let app = restart(app, folder.path(), 1_000).await;
    let again = pages(&app).await;
    for (before, again) in before.iter().zip(&again) {
        assert_eq!(before, again);
    }
    assert_eq!(get(&app, &format!("/v1/sessions/{served}")).await, view, "with its times");
    for (ahead, session) in waiting.iter().enumerate() {
        let session = get(&app, &format!("/v1/sessions/{session}")).await;
        assert_eq!(
            (session["state"].as_str(), session["ahead"].as_u64()),
            (Some("queued"), Some(ahead as u64))
        );
    }
    let repeat = app.post(&user(1).key("once"), "messageAdd", text(2, 1, "2", "keyed")).await.ok();
    assert_eq!(repeat.data, keyed.data);
    app.post(&user(1).key("once"), "messageAdd", text(2, 1, "2", "other")).await.refused(40901);
    let same = app.post(&user(2).ent(7), "obtainShunt", json!({ "type": "" })).await.ok();
    for field in ["reservationId", "expiresAt", "agentId"] {
        assert_eq!(same.data[field], lease.data[field], "{field}");
    }
    assert_eq!(lease.data["expiresAt"].as_i64(), Some(START + 30_000));
    let wish = json!({ "msgType": 2, "userType": 2, "receiveId": lease.text("reservationId") });
    app.post(&user(2).ent(8), "createChatSession", wish.clone()).await.refused(40905);
    app.post(&user(6).ent(7), "createChatSession", wish).await.refused(40905);

    // A second restart, long after: the reservation lapsed, its place went to the head of the queue, and the
    // process's start was a heartbeat of the agent.
    before = pages(&app).await;
    let app = restart(app, folder.path(), 600_000).await;
    let head = get(&app, &format!("/v1/sessions/{}", waiting[0])).await;
    assert_eq!((head["state"].as_str(), head["agentId"].as_str()), (Some("serving"), Some("50")));
    assert_eq!(get(&app, "/v1/shunts/7/default/queue").await["waiting"].as_array().map(Vec::len), Some(2));
    assert_eq!(get(&app, "/v1/agents/50").await["accepting"], true);
    assert_eq!(pages(&app).await[0], before[0]);
    app.post(&user(1), "closeChatSession", json!({ "sessionId": served })).await.ok();
    let closed = app.post(&user(1), "closeChatSession", json!({ "sessionId": served })).await.ok();
    assert_eq!(
        (closed.data["alreadyClosed"].as_bool(), closed.data["durationSeconds"].as_i64()),
        (Some(true), Some(600))
    );

    let app = restart(app, folder.path(), 601_000).await;
    let ended = get(&app, &format!("/v1/sessions/{served}")).await;
    assert_eq!(
        (ended["state"].as_str(), ended["closeReason"].as_str()),
        (Some("ended"), Some("closed_by_customer"))
    );
    app.send("PUT", &nobody(), "/v1/agents/50", json!({ "entId": "8", "name": "A" })).await.refused(40903);
    app.service.stop().await;
}
