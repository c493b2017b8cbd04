//! Many at once, over HTTP: places are counted exactly whoever comes first.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;

use crate::harness::{App, nobody, user};

/// A service for a crowd on a busy machine. Connections are used once: a spare one that a busy client leaves
/// unused is told by the server that it waited too long, and the client takes that for the answer. One caller may have
/// the whole crowd under way: what counts here is what happens behind the bound of one caller.
async fn crowded() -> App {
    let mut app = App::start_with(|settings| {
        settings.http.request_timeout_ms = 60_000;
        settings.admission.client_capacity = 2_000;
    })
    .await;
    let client = reqwest::Client::builder().pool_max_idle_per_host(0);
    app.client = client.build().expect("a client");
    app
}

#[tokio::test]
async fn two_hundred_who_ask_at_once_for_fifty_places_get_exactly_fifty_reservations() {
    let app = crowded().await;
    for agent in 0..10 {
        app.staff(7, 500 + agent, 5).await;
    }
    let asked = (0..200).map(|customer| {
        let who = if customer % 2 == 0 { user(customer + 1).ent(7) } else { nobody().ent(7) };
        let app = &app;
        async move { app.post(&who, "obtainShunt", json!({ "type": "" })).await.ok() }
    });
    let mut by_agent: BTreeMap<String, usize> = BTreeMap::new();
    let (mut leases, mut busy) = (Vec::new(), 0);
    for reply in join_all(asked).await {
        match reply.text("state").as_str() {
            "assigned" => {
                leases.push(reply.text("reservationId"));
                *by_agent.entry(reply.text("agentId")).or_default() += 1;
            }
            other => {
                assert_eq!(other, "busy");
                busy += 1;
            }
        }
    }
    leases.sort();
    leases.dedup();
    assert_eq!((leases.len(), busy), (50, 150));
    assert!(by_agent.len() == 10 && by_agent.values().all(|held| *held == 5), "{by_agent:?}");
}

#[tokio::test]
async fn one_customer_who_opens_five_hundred_times_at_once_has_one_session() {
    let app = crowded().await;
    app.staff(7, 50, 10).await;
    let body = json!({ "msgType": 2, "userType": 2 });
    let who = user(1).ent(7);
    let opened = join_all((0..500).map(|_| app.post(&who, "createChatSession", body.clone()))).await;
    let mut sessions: Vec<String> = opened.iter().map(|reply| reply.clone().ok().text("sessionId")).collect();
    sessions.dedup();
    assert_eq!(sessions.len(), 1);
    assert_eq!(opened.iter().filter(|reply| reply.data["created"] == true).count(), 1);
    let card = app.send("GET", &nobody(), "/v1/agents/50", json!(null)).await.ok();
    assert_eq!((card.data["sessions"].as_i64(), card.data["leases"].as_i64()), (Some(1), Some(0)));
}

#[tokio::test]
async fn a_session_closed_a_thousand_times_at_once_frees_one_place() {
    let app = crowded().await;
    app.staff(7, 50, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    let waiting: Vec<String> = [
        app.ask_for_service(2, 7).await.text("sessionId"),
        app.ask_for_service(3, 7).await.text("sessionId"),
    ]
    .into();
    let body = json!({ "sessionId": session });
    let who = user(1).ent(7);
    let closed = join_all((0..1_000).map(|_| app.post(&who, "closeChatSession", body.clone()))).await;
    let first = closed.into_iter().filter(|reply| reply.clone().ok().data["alreadyClosed"] == false).count();
    assert_eq!(first, 1);
    let queue = app.send("GET", &nobody(), "/v1/shunts/7/default/queue", json!(null)).await.ok();
    assert_eq!(queue.data["waiting"][0]["sessionId"], json!(waiting[1]), "the head is served, and only it");
    assert_eq!(queue.count, 1);
}
