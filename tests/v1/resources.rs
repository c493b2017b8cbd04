//! What is under `/v1`, and the HTTP status of refusals.

use messagecenter::config::settings::BusinessStatus;
use serde_json::{Value, json};

use crate::harness::{App, agent, nobody, user};

const SEAT: &str = "/v1/directory/positions/77";

#[tokio::test]
async fn a_seat_is_put_read_replaced_and_deleted() {
    let app = App::start().await;
    app.send("GET", &nobody(), SEAT, Value::Null).await.refused(40404);
    let row =
        json!({ "newUserId": "user:1", "entUserId": "005", "entId": "7", "name": "Ann", "title": "Sales" });
    app.send("PUT", &nobody(), SEAT, row).await.ok();
    let read = app.send("GET", &nobody(), "/v1/directory/positions/position%3A077", Value::Null).await.ok();
    assert_eq!(
        (read.text("newUserId"), read.text("entUserId"), read.text("entId")),
        ("1".into(), "5".into(), "7".into())
    );
    app.send("PUT", &nobody(), SEAT, json!({ "name": "Bob" })).await.ok();
    let read = app.send("GET", &nobody(), SEAT, Value::Null).await.ok();
    assert_eq!(
        (read.text("name"), read.text("title")),
        ("Bob".into(), String::new()),
        "a PUT replaces all of it"
    );
    for deleted in [true, false] {
        assert_eq!(app.send("DELETE", &nobody(), SEAT, Value::Null).await.ok().data["deleted"], deleted);
    }
}

#[tokio::test]
async fn ids_in_paths_are_checked_like_all_ids() {
    let app = App::start().await;
    let long = format!("/v1/directory/users/{}", "x".repeat(257));
    for path in ["/v1/directory/users/0", "/v1/directory/users/agent:5", "/v1/groups/user:5", long.as_str()] {
        let reply = app.send("GET", &nobody(), path, Value::Null).await.refused(40010);
        assert_eq!(reply.status, 400, "{path}");
    }
    let reply = app.send("GET", &nobody(), "/v1/shunts/seven/default/queue", Value::Null).await;
    assert_eq!((reply.status, reply.code), (400, 40014));
}

#[tokio::test]
async fn a_groups_members_come_in_pages() {
    let app = App::start().await;
    let path = "/v1/groups/team";
    app.send("GET", &nobody(), path, Value::Null).await.refused(40407);
    app.send("GET", &nobody(), "/v1/groups/team/members", Value::Null).await.refused(40407);
    let members: Vec<String> = (1..=25).map(|id| id.to_string()).collect();
    let group = app.send("PUT", &nobody(), path, json!({ "name": "Team", "members": members })).await.ok();
    assert_eq!((group.count, group.text("name")), (25, "Team".into()));
    let mut seen = Vec::new();
    for page in 1..=3 {
        let path = format!("/v1/groups/team/members?page={page}&size=10");
        let rows = app.send("GET", &nobody(), &path, Value::Null).await.ok();
        assert_eq!(rows.count, 25);
        seen.extend(rows.data.as_array().cloned().unwrap_or_default());
    }
    let distinct: std::collections::BTreeSet<String> = seen.iter().map(Value::to_string).collect();
    assert_eq!((seen.len(), distinct.len()), (25, 25));
    assert_eq!(seen[0]["type"], "user");
    app.send("GET", &nobody(), "/v1/groups/team/members?size=1001", Value::Null).await.refused(40006);
    app.send("GET", &nobody(), "/v1/groups/team/members?size=x", Value::Null).await.refused(40014);
    app.send("PUT", &nobody(), path, json!({ "members": ["group:other"] })).await.refused(40010);
    let renamed = app.send("PUT", &nobody(), path, json!({ "name": "Crew" })).await.ok();
    assert_eq!((renamed.count, renamed.text("name")), (25, "Crew".into()), "without members they stay");
    let fewer = app.send("PUT", &nobody(), path, json!({ "name": "Crew", "members": ["1"] })).await.ok();
    assert_eq!(fewer.count, 1, "given members are all of them");
}

#[tokio::test]
async fn a_deleted_group_stays_deleted() {
    let app = App::start().await;
    let path = "/v1/groups/team";
    assert_eq!(app.send("DELETE", &nobody(), path, Value::Null).await.ok().data["deleted"], false);
    app.send("PUT", &nobody(), path, json!({ "name": "Team" })).await.ok();
    assert_eq!(app.send("DELETE", &nobody(), path, Value::Null).await.ok().data["deleted"], true);
    app.send("DELETE", &nobody(), path, Value::Null).await.ok();
    app.send("PUT", &nobody(), path, json!({ "name": "Again" })).await.refused(41004);
}

#[tokio::test]
async fn an_agent_is_put_read_and_deleted() {
    let app = App::start().await;
    let path = "/v1/agents/50";
    app.send("GET", &nobody(), path, Value::Null).await.refused(40406);
    app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": "online" }))
        .await
        .refused(40406);
    let record = json!({ "name": "Ann", "groups": ["sales"], "skills": ["en"] });
    let put = app.send("PUT", &nobody().ent(7), path, record).await.ok();
    assert_eq!(
        (put.text("entId"), put.data["capacity"].as_u64(), put.data["weight"].as_u64()),
        ("7".into(), Some(5), Some(1))
    );
    for presence in ["online", "away", "offline"] {
        let set =
            app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": presence })).await.ok();
        assert_eq!(
            (set.text("presence"), set.data["accepting"].as_bool()),
            (presence.into(), Some(presence == "online"))
        );
    }
    app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": "busy" })).await.refused(40007);
    let read = app.send("GET", &nobody(), path, Value::Null).await.ok();
    assert_eq!((read.data["groups"].clone(), read.data["skills"].clone()), (json!(["sales"]), json!(["en"])));
    for deleted in [true, false] {
        assert_eq!(app.send("DELETE", &nobody(), path, Value::Null).await.ok().data["deleted"], deleted);
    }
}

#[tokio::test]
async fn a_session_is_seen_by_its_customer_and_its_enterprise_only() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.staff(8, 60, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    let waiting = app.ask_for_service(2, 7).await.text("sessionId");
    let path = format!("/v1/sessions/{session}");
    for who in [nobody(), user(1), agent(50)] {
        let view = app.send("GET", &who, &path, Value::Null).await.ok();
        assert_eq!((view.text("state"), view.text("agentId")), ("serving".into(), "50".into()));
        assert_eq!(view.data["customer"], json!({ "type": "user", "id": "1" }));
    }
    for who in [user(2), agent(60)] {
        app.send("GET", &who, &path, Value::Null).await.refused(40403);
    }
    for unknown in ["nonsense", "01890000-0000-7000-8000-000000000000"] {
        app.send("GET", &nobody(), &format!("/v1/sessions/{unknown}"), Value::Null).await.refused(40403);
    }
    let queue = app.send("GET", &nobody(), "/v1/shunts/7/default/queue", Value::Null).await.ok();
    assert_eq!((queue.count, queue.data["waiting"][0]["sessionId"].as_str()), (1, Some(waiting.as_str())));
}

#[tokio::test]
async fn a_refusal_has_the_http_status_that_the_setting_gives_it() {
    for (setting, status) in [(BusinessStatus::Ok, 200), (BusinessStatus::Rest, 404)] {
        let app = App::start_with(|settings| settings.http.business_status = setting).await;
        let body = json!({ "sessionId": "01890000-0000-7000-8000-000000000000" });
        let reply = app.post(&user(1), "closeChatSession", body).await.refused(40403);
        assert_eq!(reply.status, status);
        let reply = app.post(&nobody(), "messageCount", json!({ "userType": 2 })).await.refused(40101);
        assert_eq!((reply.status, reply.msg.contains("newUserId")), (401, true));
    }
}
