//! `createChatSession`, `closeChatSession`, `obtainShunt`: customer service end to end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{App, Reply, agent, nobody, seat, text, user};

async fn open_with_wish(app: &App, customer: i64, ent: i64, wish: &str) -> Reply {
    let body = json!({ "msgType": 2, "userType": 2, "receiveId": wish });
    app.post(&user(customer).ent(ent), "createChatSession", body).await
}

async fn close(app: &App, session: &str) -> Reply {
    app.post(&nobody(), "closeChatSession", json!({ "sessionId": session })).await
}

async fn obtain(app: &App, customer: i64, ent: i64) -> Reply {
    app.post(&user(customer).ent(ent), "obtainShunt", json!({ "type": "default" })).await
}

#[tokio::test]
async fn a_customer_is_routed_to_the_free_agent() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    let session = app.ask_for_service(1, 7).await;
    assert_eq!(session.text("state"), "serving");
    assert_eq!(session.text("agentId"), "50");
    assert_eq!(session.text("customerserviceName"), "Agent 50");
    assert_eq!(
        (session.data["isArtificial"].as_i64(), session.data["created"].as_bool()),
        (Some(1), Some(true))
    );
    assert_eq!((session.data["ahead"].as_i64(), session.count), (Some(0), 0));
}

#[tokio::test]
async fn a_customer_has_at_most_one_open_session_with_a_tenant() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    let first = app.ask_for_service(1, 7).await;
    let again = app.ask_for_service(1, 7).await;
    assert_eq!(first.text("sessionId"), again.text("sessionId"));
    assert_eq!(again.data["created"], false);
}

#[tokio::test]
async fn a_hundred_requests_of_one_customer_at_once_open_one_session() {
    let app = App::start().await;
    app.staff(7, 50, 200).await;
    let all = futures::future::join_all((0..100).map(|_| app.ask_for_service(1, 7))).await;
    let ids: std::collections::BTreeSet<String> = all.iter().map(|reply| reply.text("sessionId")).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(all.iter().filter(|reply| reply.data["created"] == true).count(), 1);
}

#[tokio::test]
async fn the_queue_is_first_come_first_served_and_drains_as_a_place_is_freed() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let served = app.ask_for_service(1, 7).await;
    let mut waiting = Vec::new();
    for customer in 2..=4 {
        let reply = app.ask_for_service(customer, 7).await;
        assert_eq!(reply.text("state"), "queued");
        assert_eq!(reply.count, customer - 2, "people ahead");
        waiting.push(reply.text("sessionId"));
    }
    let mut current = served.text("sessionId");
    for next in waiting {
        close(&app, &current).await.ok();
        let view = app.send("GET", &nobody(), &format!("/v1/sessions/{next}"), Value::Null).await.ok();
        assert_eq!(view.text("state"), "serving", "served in the same turn as the place was freed");
        current = next;
    }
}

#[tokio::test]
async fn the_least_loaded_agent_is_chosen_then_the_longest_idle() {
    let app = App::start().await;
    app.staff(7, 50, 4).await;
    app.staff(7, 51, 4).await;
    let mut served: BTreeMap<String, u32> = BTreeMap::new();
    for customer in 1..=8 {
        app.clock.advance(10);
        *served.entry(app.ask_for_service(customer, 7).await.text("agentId")).or_default() += 1;
    }
    assert_eq!(served, BTreeMap::from([("50".to_owned(), 4), ("51".to_owned(), 4)]));
    assert_eq!(app.ask_for_service(9, 7).await.text("state"), "queued", "never above capacity");
}

#[tokio::test]
async fn an_agent_coming_online_takes_those_who_wait() {
    let app = App::start().await;
    let queued = app.ask_for_service(1, 7).await;
    assert_eq!(queued.text("state"), "queued");
    app.staff(7, 50, 1).await;
    assert_eq!(app.ask_for_service(1, 7).await.text("state"), "serving");
}

#[tokio::test]
async fn closing_is_idempotent_and_frees_exactly_one_place() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    let second = app.ask_for_service(2, 7).await;
    let third = app.ask_for_service(3, 7).await;
    app.clock.advance(5_000);
    let all = futures::future::join_all((0..50).map(|_| close(&app, &session))).await;
    let first_closers = all.iter().filter(|reply| reply.data["alreadyClosed"] == false).count();
    assert_eq!(first_closers, 1);
    for reply in all {
        let reply = reply.ok();
        assert_eq!(reply.data["durationSeconds"].as_i64(), Some(5));
        assert_eq!(reply.text("state"), "ended");
    }
    assert_eq!(app.ask_for_service(2, 7).await.text("sessionId"), second.text("sessionId"));
    assert_eq!(app.ask_for_service(2, 7).await.text("state"), "serving");
    assert_eq!(app.ask_for_service(3, 7).await.text("sessionId"), third.text("sessionId"));
    assert_eq!(app.ask_for_service(3, 7).await.text("state"), "queued");
}

#[tokio::test]
async fn closing_a_queued_session_leaves_the_queue() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.ask_for_service(1, 7).await;
    let leaver = app.ask_for_service(2, 7).await.text("sessionId");
    app.ask_for_service(3, 7).await;
    let closed = app.post(&user(2), "closeChatSession", json!({ "sessionId": leaver })).await.ok();
    assert_eq!(closed.text("closeReason"), "left_queue");
    assert_eq!(app.ask_for_service(3, 7).await.count, 0);
}

#[tokio::test]
async fn a_session_that_is_unknown_or_anothers_cannot_be_closed() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    let strange =
        app.post(&user(2), "closeChatSession", json!({ "sessionId": session })).await.refused(40403);
    let absent = close(&app, "01890000-0000-7000-8000-000000000000").await.refused(40403);
    assert_eq!(strange.msg, absent.msg);
    close(&app, "nonsense").await.refused(40403);
    let by_agent = app.post(&agent(50), "closeChatSession", json!({ "sessionId": session })).await.ok();
    assert_eq!(by_agent.text("closeReason"), "closed_by_agent");
}

#[tokio::test]
async fn a_reservation_holds_a_place_and_a_session_consumes_it() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let place = obtain(&app, 1, 7).await.ok();
    assert_eq!((place.text("state"), place.text("agentId")), ("assigned".to_owned(), "50".to_owned()));
    assert_eq!(place.data["expiresAt"].as_i64(), Some(crate::harness::START + 30_000));
    let again = obtain(&app, 1, 7).await.ok();
    assert_eq!(place.data["reservationId"], again.data["reservationId"]);
    let other = obtain(&app, 2, 7).await.ok();
    assert_eq!(other.text("state"), "busy");
    assert_eq!(other.data["freeSlots"].as_i64(), Some(0));
    let reservation = place.text("reservationId");
    open_with_wish(&app, 2, 7, &reservation).await.refused(40905);
    let session = open_with_wish(&app, 1, 7, &reservation).await.ok();
    assert_eq!((session.text("state"), session.text("agentId")), ("serving".to_owned(), "50".to_owned()));
    let known = obtain(&app, 1, 7).await.ok();
    assert_eq!((known.text("agentId"), known.data["reservationId"].clone()), ("50".to_owned(), Value::Null));
}

#[tokio::test]
async fn an_expired_reservation_gives_its_place_to_the_queue() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let place = obtain(&app, 1, 7).await.ok().text("reservationId");
    let waiting = app.ask_for_service(2, 7).await;
    assert_eq!(waiting.text("state"), "queued");
    app.clock.advance(30_001);
    assert_eq!(app.ask_for_service(2, 7).await.text("state"), "serving");
    let late = open_with_wish(&app, 1, 7, &place).await.ok();
    assert_eq!(late.text("state"), "queued", "an expired reservation is no wish");
}

#[tokio::test]
async fn two_hundred_at_once_get_exactly_the_places_there_are() {
    let app = App::start().await;
    for id in 0..10 {
        app.staff(7, 50 + id, 5).await;
    }
    let all = futures::future::join_all((0..200).map(|n| obtain(&app, 1 + n, 7))).await;
    let leases: std::collections::BTreeSet<String> =
        all.iter().map(|reply| reply.text("reservationId")).filter(|id| !id.is_empty()).collect();
    assert_eq!(leases.len(), 50);
}

#[tokio::test]
async fn a_desk_without_agents_is_offline_and_an_unknown_group_falls_back() {
    let app = App::start().await;
    let offline = obtain(&app, 1, 7).await.ok();
    assert_eq!(offline.text("state"), "offline");
    app.staff(7, 50, 1).await;
    let body = json!({ "type": "sales" });
    let fallback = app.post(&user(1).ent(7), "obtainShunt", body).await.ok();
    assert_eq!(
        (fallback.text("group"), fallback.data["fallback"].as_bool()),
        ("default".to_owned(), Some(true))
    );
}

#[tokio::test]
async fn an_agent_away_or_unheard_of_for_a_minute_gets_nobody() {
    let app = App::start().await;
    app.staff(7, 50, 5).await;
    app.clock.advance(60_001);
    assert_eq!(app.ask_for_service(1, 7).await.text("state"), "queued");
    app.unread(&agent(50), 1).await;
    tokio::time::timeout(std::time::Duration::from_secs(5), async {
        while app.ask_for_service(1, 7).await.text("state") != "serving" {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("any request under the agent's hat is a heartbeat");
    app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": "away" })).await.ok();
    app.unread(&agent(50), 1).await;
    assert_eq!(app.ask_for_service(2, 7).await.text("state"), "queued", "manual away outranks heartbeats");
}

#[tokio::test]
async fn an_agent_opens_to_a_customer_against_its_own_capacity() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let body = |customer: i64| json!({ "msgType": 2, "userType": 1, "receiveId": customer.to_string() });
    let session = app.post(&agent(50), "createChatSession", body(1)).await.ok();
    assert_eq!((session.text("state"), session.text("agentId")), ("serving".to_owned(), "50".to_owned()));
    app.post(&agent(50), "createChatSession", body(2)).await.refused(40906);
    let again = app.post(&agent(50), "createChatSession", body(1)).await.ok();
    assert_eq!(again.data["created"], false);
}

#[tokio::test]
async fn a_wished_agent_is_taken_if_free_else_routing_decides() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.staff(7, 51, 1).await;
    assert_eq!(open_with_wish(&app, 1, 7, "51").await.ok().text("agentId"), "51");
    assert_eq!(open_with_wish(&app, 2, 7, "agent:51").await.ok().text("agentId"), "50");
}

#[tokio::test]
async fn the_name_given_at_opening_is_the_name_shown() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let body = json!({ "msgType": 2, "userType": 2, "customerserviceName": "Mary" });
    let session = app.post(&user(1).ent(7), "createChatSession", body).await.ok();
    assert_eq!(session.text("customerserviceName"), "Mary");
}

#[tokio::test]
async fn the_serving_tenant_is_the_receivers_else_the_headers_else_the_platform() {
    let app = App::start().await;
    let open = async |headers, receive_ent: &str| {
        let body = json!({ "msgType": 2, "userType": 2, "receiveEntId": receive_ent });
        app.post(&headers, "createChatSession", body).await.ok().text("conversationId")
    };
    let by_receiver = open(user(1).ent(8), "7").await;
    let by_header = open(user(1).ent(7), "").await;
    let platform = open(user(1), "").await;
    assert_eq!(by_receiver, by_header);
    assert_ne!(by_receiver, platform);
    let body = json!({ "msgType": 2, "userType": 2, "receiveEntId": "seven" });
    let reply = app.post(&user(1), "createChatSession", body).await;
    assert_eq!(reply.status, 400);
    assert!(reply.msg.contains("receiveEntId"), "{}", reply.msg);
}

#[tokio::test]
async fn one_to_one_and_groups_are_created_without_a_session_and_notices_are_refused() {
    let app = App::start().await;
    let one = json!({ "msgType": 1, "userType": 2, "receiveId": "2" });
    let created = app.post(&user(1), "createChatSession", one.clone()).await.ok();
    assert_eq!(
        (created.data["created"].as_bool(), created.data["sessionId"].clone()),
        (Some(true), Value::Null)
    );
    let again = app
        .post(&user(2), "createChatSession", json!({ "msgType": 1, "userType": 2, "receiveId": "1" }))
        .await
        .ok();
    assert_eq!(again.text("conversationId"), created.text("conversationId"));
    assert_eq!(again.data["created"], false);
    let group = app
        .post(&user(1), "createChatSession", json!({ "msgType": 3, "userType": 2, "receiveId": "9" }))
        .await
        .ok();
    assert_eq!(group.data["created"], true);
    let notices = app.post(&user(1), "createChatSession", json!({ "msgType": 4, "userType": 2 })).await;
    assert_eq!(notices.status, 400);
    app.post(&user(1), "createChatSession", json!({ "msgType": 1, "userType": 2, "receiveId": "1" }))
        .await
        .refused(40004);
    app.post(&nobody(), "createChatSession", one).await.refused(40101);
    app.post(&seat(5), "createChatSession", json!({ "msgType": 2, "userType": 2 })).await.refused(40101);
}

#[tokio::test]
async fn an_agents_enterprise_is_fixed_at_its_first_put() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let moved = json!({ "entId": "8", "name": "Agent 50", "capacity": 1 });
    app.send("PUT", &nobody(), "/v1/agents/50", moved).await.refused(40903);
    app.post(&agent(50).ent(8), "messageCount", json!({ "userType": 1 })).await.refused(40305);
}

#[tokio::test]
async fn a_message_counts_for_the_agent_who_owns_the_session_and_moves_with_it() {
    let app = App::start().await;
    app.ask_for_service(1, 7).await;
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "anyone there?")).await.ok();
    app.send("PUT", &nobody(), "/v1/agents/50", json!({ "entId": "7", "name": "A", "capacity": 1 }))
        .await
        .ok();
    assert_eq!(app.unread(&agent(50), 1).await, 0, "while queued it counts for no agent");
    app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": "online" })).await.ok();
    assert_eq!(app.unread(&agent(50), 1).await, 1, "assignment moves it");
}
