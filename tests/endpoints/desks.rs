//! Reception groups and what happens to sessions in them: offers, transfers, silence, hours, figures, reasons.

use serde_json::{Value, json};

use crate::harness::{App, Reply, agent, nobody, text, user};

async fn put_group(app: &App, rules: Value) -> Reply {
    app.send("PUT", &nobody(), "/v1/shunts/7/default", rules).await.ok()
}

async fn card(app: &App, session: &str) -> Reply {
    app.send("GET", &nobody(), &format!("/v1/sessions/{session}"), Value::Null).await.ok()
}

async fn act(app: &App, by: i64, session: &str, what: &str, body: Value) -> Reply {
    app.send("POST", &agent(by), &format!("/v1/sessions/{session}/{what}"), body).await
}

async fn steps(app: &App, session: &str) -> Vec<String> {
    let path = format!("/v1/sessions/{session}/decisions");
    let decided = app.send("GET", &nobody(), &path, Value::Null).await.ok();
    let rows = decided.data.as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["step"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_group_is_defined_read_changed_and_deleted() {
    let app = App::start().await;
    let path = "/v1/shunts/7/vip";
    let unknown = app.send("GET", &nobody(), path, Value::Null).await.ok();
    assert_eq!(
        (unknown.data["defined"].clone(), unknown.text("policy")),
        (json!(false), "least_loaded".into())
    );
    let rules = json!({ "policy": "weighted", "queueLimit": 3, "hours": ["mon-fri 09:00-18:00"],
        "timeZone": "Asia/Shanghai", "overflow": ["default"], "class": 2 });
    let put = app.send("PUT", &nobody(), path, rules.clone()).await.ok();
    assert_eq!((put.data["version"].as_i64(), put.data["defined"].clone()), (Some(1), json!(true)));
    let again = app.send("PUT", &nobody(), path, rules).await.ok();
    assert_eq!(again.data["version"], 1, "the same again changes nothing");
    let changed = app.send("PUT", &nobody(), path, json!({ "offerSeconds": 20 })).await.ok();
    assert_eq!((changed.data["version"].as_i64(), changed.data["queueLimit"].as_i64()), (Some(2), Some(0)));
    for deleted in [true, false] {
        assert_eq!(app.send("DELETE", &nobody(), path, Value::Null).await.ok().data["deleted"], deleted);
    }
}

#[tokio::test]
async fn a_customer_asks_for_a_reception_group_by_its_name_and_waits_there() {
    let app = App::start().await;
    app.send("PUT", &nobody(), "/v1/shunts/7/vip", json!({ "queueLimit": 1 })).await.ok();
    app.staff(7, 50, 5).await; // of the default group
    let open = async |who: i64, receive_id: &str| {
        let body = json!({ "msgType": 2, "userType": 2, "receiveId": receive_id });
        app.post(&user(who).ent(7), "createChatSession", body).await.ok()
    };
    let first = open(1, "group:vip").await;
    assert_eq!(first.text("state"), "queued", "nobody serves that group");
    assert_eq!(card(&app, &first.text("sessionId")).await.text("group"), "vip");
    assert_eq!(open(2, "group:vip").await.text("closeReason"), "queue_full", "the group's own rules hold");
    let fallback = open(3, "group:nowhere").await;
    assert_eq!(card(&app, &fallback.text("sessionId")).await.text("group"), "default");
    assert_eq!(fallback.text("state"), "serving");
}

#[tokio::test]
async fn rules_that_cannot_be_are_refused_naming_the_field() {
    let app = App::start().await;
    for (rules, field) in [
        (json!({ "policy": "random" }), "random"),
        (json!({ "hours": ["always"] }), "hours"),
        (json!({ "timeZone": "Mars/Base" }), "timeZone"),
        (json!({ "class": 10 }), "class"),
        (json!({ "queueLimit": -1 }), "queueLimit"),
        (json!({ "idleWarningSeconds": 60, "idleCloseSeconds": 60 }), "idleWarningSeconds"),
        (json!({ "lifetimeSeconds": 10_000_000 }), "lifetimeSeconds"),
    ] {
        let reply = app.send("PUT", &nobody(), "/v1/shunts/7/vip", rules).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.msg.contains(field), "{reply:?}");
    }
}

#[tokio::test]
async fn an_offer_is_accepted_rejected_or_lapses_to_the_next_agent() {
    let app = App::start().await;
    put_group(&app, json!({ "offerSeconds": 20 })).await;
    app.staff(7, 50, 1).await;
    app.staff(7, 51, 1).await;
    let opened = app.ask_for_service(1, 7).await;
    let session = opened.text("sessionId");
    assert_eq!((opened.text("state"), opened.text("agentId")), ("offered".to_owned(), "50".to_owned()));
    act(&app, 51, &session, "accept", Value::Null).await.refused(40908);
    let next = act(&app, 50, &session, "reject", Value::Null).await.ok();
    assert_eq!((next.text("state"), next.text("agentId")), ("offered".to_owned(), "51".to_owned()));
    act(&app, 50, &session, "reject", Value::Null).await.ok();
    app.clock.advance(20_000);
    assert_eq!(card(&app, &session).await.text("state"), "queued", "both let it go");
    let second = app.ask_for_service(2, 7).await;
    assert_eq!(
        second.text("state"),
        "offered",
        "nobody waits beside a free agent for one whom the agents let go"
    );
    app.clock.advance(100_000);
    for id in [50, 51] {
        app.send("PUT", &nobody(), &format!("/v1/agents/{id}/presence"), json!({ "presence": "online" }))
            .await
            .ok();
    }
    let offered = card(&app, &session).await;
    assert_eq!(offered.text("state"), "offered");
    let by: i64 = offered.text("agentId").parse().unwrap();
    let accepted = act(&app, by, &session, "accept", Value::Null).await.ok();
    assert_eq!(
        (accepted.text("state"), accepted.data["isArtificial"].as_i64()),
        ("serving".to_owned(), Some(1))
    );
    assert_eq!(act(&app, by, &session, "accept", Value::Null).await.ok().text("state"), "serving");
    let steps = steps(&app, &session).await;
    assert_eq!(steps[..4], ["policy", "requeue", "policy", "requeue"]);
}

#[tokio::test]
async fn a_transfer_moves_the_session_its_unread_and_nothing_else() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    app.staff(7, 51, 1).await;
    let session = app.ask_for_service(1, 7).await;
    let first: i64 = session.text("agentId").parse().unwrap();
    let other = if first == 50 { 51 } else { 50 };
    let session = session.text("sessionId");
    app.post(&user(1), "messageAdd", text(2, 2, &session, "help")).await.ok();
    let unread =
        async |id: i64| app.post(&agent(id), "messageCount", json!({ "userType": 1 })).await.ok().count;
    assert_eq!((unread(first).await, unread(other).await), (1, 0));
    let moved = act(&app, first, &session, "transfer", json!({ "agentId": other.to_string() })).await.ok();
    assert_eq!((moved.text("state"), moved.text("agentId")), ("serving".to_owned(), other.to_string()));
    assert_eq!((unread(first).await, unread(other).await), (0, 1));
    let history = json!({ "msgType": 2, "userType": 1, "sendId": "1", "pageSize": 10 });
    let rows = app.post(&agent(other).ent(7), "findMessage", history).await.ok();
    assert_eq!((rows.count, rows.data[0]["content"].as_str()), (1, Some("help")));
    let taken = act(&app, first, &session, "transfer", json!({ "agentId": first.to_string() })).await.ok();
    assert_eq!(taken.text("agentId"), first.to_string(), "taken over");
    act(&app, first, &session, "transfer", json!({ "agentId": "99" })).await.refused(40406);
    act(&app, first, &session, "transfer", json!({ "type": "nowhere" })).await.refused(40407);
    act(&app, first, &session, "transfer", json!({})).await.refused(40010);
    app.send("PUT", &nobody(), &format!("/v1/agents/{other}/presence"), json!({ "presence": "away" }))
        .await
        .ok();
    act(&app, first, &session, "transfer", json!({ "agentId": other.to_string() })).await.refused(40907);
    act(&app, first, &session, "transfer", json!({ "type": "default" })).await.refused(40909);
    let waits =
        act(&app, first, &session, "transfer", json!({ "type": "default", "queue": true })).await.ok();
    assert_eq!((waits.text("state"), waits.data["agentId"].clone()), ("queued".to_owned(), Value::Null));
    assert_eq!((unread(first).await, unread(other).await), (0, 0), "while queued it counts for no agent");
}

#[tokio::test]
async fn a_second_device_never_lifts_an_absence_that_the_agent_chose() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    for word in ["away", "offline"] {
        app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": word })).await.ok();
        for _ in 0..3 {
            // Every request under the agent's hat is a heartbeat, whichever device it comes from.
            app.post(&agent(50), "messageCount", json!({ "userType": 1 })).await.ok();
            app.clock.advance(10_000);
        }
        let card = app.send("GET", &nobody(), "/v1/agents/50", Value::Null).await.ok();
        assert_eq!((card.text("presence"), &card.data["accepting"]), (word.to_owned(), &json!(false)));
        let waits = app.ask_for_service(1, 7).await;
        assert_eq!(waits.text("state"), "queued");
    }
    app.send("PUT", &nobody(), "/v1/agents/50/presence", json!({ "presence": "online" })).await.ok();
    assert_eq!(app.ask_for_service(1, 7).await.text("state"), "serving", "only the agent says so itself");
}

#[tokio::test]
async fn a_closed_group_and_a_full_queue_turn_customers_away_and_say_why() {
    let app = App::start().await; // Thursday, midnight UTC
    put_group(&app, json!({ "hours": ["thu 09:00-18:00"], "offlineMessage": "Back at nine." })).await;
    app.staff(7, 50, 1).await;
    let place = app.post(&user(1).ent(7), "obtainShunt", json!({ "type": "" })).await.ok();
    assert_eq!(
        (place.text("state"), place.text("offlineMessage")),
        ("offline".into(), "Back at nine.".into())
    );
    let away = app.ask_for_service(1, 7).await;
    assert_eq!((away.text("state"), away.text("closeReason")), ("ended".to_owned(), "offline".to_owned()));
    assert_eq!(away.text("offlineMessage"), "Back at nine.");
    assert_eq!(card(&app, &away.text("sessionId")).await.text("closeReason"), "offline");
    put_group(&app, json!({ "queueLimit": 1 })).await;
    assert_eq!(app.ask_for_service(1, 7).await.text("state"), "serving");
    assert_eq!(app.ask_for_service(2, 7).await.text("state"), "queued");
    let full = app.ask_for_service(3, 7).await;
    assert_eq!((full.text("state"), full.text("closeReason")), ("ended".to_owned(), "queue_full".to_owned()));
}

#[tokio::test]
async fn a_bot_serves_whom_no_agent_can_and_hands_over_to_people() {
    let app = App::start().await;
    put_group(&app, json!({ "bot": true })).await;
    let with_bot = app.ask_for_service(1, 7).await;
    assert_eq!(
        (with_bot.text("state"), with_bot.data["isArtificial"].as_i64()),
        ("serving".to_owned(), Some(2))
    );
    let session = with_bot.text("sessionId");
    app.staff(7, 50, 1).await;
    let path = format!("/v1/sessions/{session}/transfer");
    app.send("POST", &user(2).ent(7), &path, json!({ "type": "default" })).await.refused(40403);
    let human = app.send("POST", &user(1).ent(7), &path, json!({ "type": "default" })).await.ok();
    assert_eq!((human.text("agentId"), human.data["isArtificial"].as_i64()), ("50".to_owned(), Some(1)));
    assert_eq!(steps(&app, &session).await, ["bot", "transfer"]);
}

#[tokio::test]
async fn an_agent_who_is_gone_loses_its_sessions_to_the_next_with_their_original_place() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    let first = app.ask_for_service(1, 7).await.text("sessionId");
    app.clock.advance(1_000);
    let second = app.ask_for_service(2, 7).await.text("sessionId");
    app.clock.advance(118_999);
    app.staff(7, 51, 1).await;
    let held = card(&app, &first).await;
    assert_eq!((held.text("state"), held.text("agentId")), ("serving".to_owned(), "50".to_owned()));
    app.clock.advance(1);
    app.ask_for_service(3, 7).await;
    let queue = app.send("GET", &nobody(), "/v1/shunts/7/default/queue", Value::Null).await.ok();
    assert_eq!(card(&app, &first).await.text("agentId"), "51", "the first to come is served first");
    assert_eq!(queue.data["waiting"][0]["sessionId"], json!(second), "before who came later");
    assert_eq!(queue.count, 2);
}

#[tokio::test]
async fn silence_is_warned_of_and_then_ends_the_session() {
    let app = App::start().await;
    put_group(&app, json!({ "idleWarningSeconds": 30, "idleCloseSeconds": 60 })).await;
    app.staff(7, 50, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    app.clock.advance(29_000);
    app.post(&user(1), "messageAdd", text(2, 2, &session, "still here")).await.ok();
    app.clock.advance(29_000);
    app.post(&agent(50), "messageCount", json!({ "userType": 1 })).await.ok();
    app.ask_for_service(2, 7).await;
    assert_eq!(card(&app, &session).await.data["idleWarnedAt"], Value::Null);
    app.clock.advance(1_000);
    app.ask_for_service(2, 7).await;
    assert!(card(&app, &session).await.data["idleWarnedAt"].is_i64());
    app.clock.advance(30_000);
    app.ask_for_service(2, 7).await;
    assert_eq!(card(&app, &session).await.text("closeReason"), "idle");
}

#[tokio::test]
async fn figures_tell_of_waits_answers_and_votes() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    app.clock.advance(4_000);
    let answer = app.post(&agent(50), "messageAdd", text(1, 2, "1", "hello")).await.ok();
    let vote = json!({ "userType": 2, "messageId": answer.text("messageId"), "appraise": 1 });
    let voted = app.post(&user(1), "appraiseMessage", vote).await;
    app.ask_for_service(2, 7).await;
    app.clock.advance(6_000);
    app.post(&user(1).ent(7), "closeChatSession", json!({ "sessionId": session })).await.ok();
    app.ask_for_service(3, 7).await;
    let third = app.ask_for_service(3, 7).await.text("sessionId");
    app.post(&user(3).ent(7), "closeChatSession", json!({ "sessionId": third })).await.ok();
    let stats = app.send("GET", &nobody(), "/v1/shunts/7/default/stats", Value::Null).await.ok();
    let today = &stats.data["today"];
    assert_eq!((today["opened"].as_i64(), today["served"].as_i64()), (Some(3), Some(2)));
    assert_eq!((today["abandoned"].as_i64(), today["closed"].as_i64()), (Some(1), Some(1)));
    let wait = today["wait"]["p95Ms"].as_i64().unwrap();
    assert!((6_000..=7_200).contains(&wait), "{wait}");
    let first = today["firstResponse"]["p50Ms"].as_i64().unwrap();
    assert!((4_000..=4_800).contains(&first), "{first}");
    let agent = &stats.data["agents"][0];
    assert_eq!(agent["agentId"], "50");
    assert_eq!(agent["today"]["up"].as_i64(), Some(i64::from(voted.code == 0)), "{voted:?}");
    assert!(agent["today"]["utilisation"].as_f64().unwrap() > 0.9);
    assert_eq!(today["up"], agent["today"]["up"], "the group's votes are those for its sessions");
    assert_eq!(today["utilisation"], agent["today"]["utilisation"], "of its one agent");
    for (name, expected) in [
        ("messagecenter_routing_wait_seconds_count", 2),
        ("messagecenter_routing_first_response_seconds_count", 1),
        ("messagecenter_routing_votes", 1),
        ("messagecenter_routing_violations", 0),
    ] {
        assert_eq!(app.figure(name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_queue_is_shown_by_pages_and_counted_whole() {
    let app = App::start().await;
    for customer in 1..=5 {
        app.ask_for_service(customer, 7).await;
    }
    let page = async |query: &str| {
        let path = format!("/v1/shunts/7/default/queue{query}");
        let reply = app.send("GET", &nobody(), &path, Value::Null).await.ok();
        let waiting = reply.data["waiting"].as_array().unwrap();
        (waiting.iter().map(|row| row["ahead"].as_u64().unwrap()).collect::<Vec<_>>(), reply.count)
    };
    assert_eq!(page("").await, (vec![0, 1, 2, 3, 4], 5));
    assert_eq!(page("?page=2&size=2").await, (vec![2, 3], 5));
    assert_eq!(page("?page=4&size=2").await, (vec![], 5));
    let path = "/v1/shunts/7/default/queue?size=1001";
    assert_eq!(app.send("GET", &nobody(), path, Value::Null).await.status, 400);
}

#[tokio::test]
async fn one_client_address_reserves_so_many_places_without_a_name() {
    let app = App::start_with(|settings| settings.routing.client_leases = 2).await;
    app.staff(7, 50, 5).await;
    let ask = async || app.post(&nobody().ent(7), "obtainShunt", json!({ "type": "" })).await.ok();
    assert_eq!(
        (ask().await.text("state"), ask().await.text("state")),
        ("assigned".into(), "assigned".into())
    );
    let third = ask().await;
    assert_eq!(third.text("state"), "busy");
    assert_eq!(third.data["reason"]["skipped"]["client_limit"], 1);
    let named = app.post(&user(1).ent(7), "obtainShunt", json!({ "type": "" })).await.ok();
    assert_eq!(named.text("state"), "assigned", "who says who it is has a place of its own");
    app.clock.advance(30_000);
    assert_eq!(ask().await.text("state"), "assigned");
}

#[tokio::test]
async fn made_up_ids_and_visitors_cannot_reserve_every_place_and_known_users_can_reserve_theirs() {
    let app = App::start_with(|settings| settings.routing.client_leases = 1).await;
    app.staff(7, 50, 100).await;
    let asks = async |id: i64| app.post(&user(id).ent(7), "obtainShunt", json!({ "type": "" })).await.ok();
    let visitor = app.send("POST", &nobody(), "/v1/visitors", json!({})).await.ok();
    let visitor: i64 = visitor.text("id").parse().unwrap();
    assert_eq!(asks(visitor).await.text("state"), "assigned");
    for id in 1..20 {
        assert_eq!(asks(id).await.text("state"), "assigned");
    }
    assert_eq!(asks(20).await.text("state"), "busy");
    app.send("PUT", &nobody(), "/v1/directory/users/20", json!({ "name": "Ann" })).await.ok();
    assert_eq!(asks(20).await.text("state"), "assigned", "the directory vouches for her");
    let guest = app.send("POST", &nobody(), "/v1/visitors", json!({})).await.ok();
    let guest: i64 = guest.text("id").parse().unwrap();
    assert_eq!(asks(guest).await.text("state"), "busy");
    app.send("PUT", &nobody(), "/v1/directory/users/21", json!({ "name": "Bob" })).await.ok();
    let merge = format!("/v1/visitors/{guest}/merge");
    app.send("POST", &nobody(), &merge, json!({ "userId": "21" })).await.ok();
    assert_eq!(
        asks(guest).await.text("state"),
        "assigned",
        "the directory vouches for whom the guest became"
    );
}

#[tokio::test]
async fn visitors_get_ids_of_their_own_that_javascript_holds_exactly() {
    let app = App::start().await;
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let visitor = app.send("POST", &nobody(), "/v1/visitors", json!({ "name": "Guest" })).await.ok();
        assert_eq!(visitor.data["isTourist"], true);
        let id: u64 = visitor.text("id").parse().unwrap();
        assert!(id > 0 && id < 1 << 53, "{id}");
        ids.insert(id);
    }
    assert_eq!(ids.len(), 50);
    let id = ids.pop_first().unwrap();
    let card = app.send("GET", &nobody(), &format!("/v1/directory/users/{id}"), Value::Null).await.ok();
    assert_eq!((card.text("name"), card.data["isTourist"].clone()), ("Guest".into(), json!(true)));
}
