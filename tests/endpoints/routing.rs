//! Wishes, reservations, presence and what lists show of sessions: the finer rules of customer service.

use serde_json::{Value, json};

use crate::harness::{App, Reply, Who, agent, nobody, seat, text, user};

async fn open(app: &App, who: &Who, receive_id: &str) -> Reply {
    let user_type = 2;
    app.post(
        who,
        "createChatSession",
        json!({ "msgType": 2, "userType": user_type, "receiveId": receive_id }),
    )
    .await
}

async fn open_to(app: &App, who: &Who, customer: &str) -> Reply {
    app.post(who, "createChatSession", json!({ "msgType": 2, "userType": 1, "receiveId": customer })).await
}

async fn obtain(app: &App, who: &Who) -> Reply {
    app.post(who, "obtainShunt", json!({ "type": "" })).await.ok()
}

async fn agent_card(app: &App, id: i64) -> Reply {
    app.send("GET", &nobody(), &format!("/v1/agents/{id}"), Value::Null).await.ok()
}

async fn presence(app: &App, id: i64, word: &str) {
    let path = format!("/v1/agents/{id}/presence");
    app.send("PUT", &nobody(), &path, json!({ "presence": word })).await.ok();
}

async fn list(app: &App, who: &Who, operation: &str, mut body: Value) -> Reply {
    if body["userType"].is_null() {
        body["userType"] = json!(2);
    }
    app.post(who, operation, body).await.ok()
}

#[tokio::test]
async fn a_reservation_is_refused_to_another_tenant_while_it_holds_and_is_no_wish_later() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let lease = obtain(&app, &nobody().ent(7)).await.text("reservationId");
    open(&app, &user(1).ent(8), &lease).await.refused(40905);
    open(&app, &user(1), &lease).await.refused(40905);
    app.clock.advance(30_001);
    assert_eq!(open(&app, &user(1).ent(8), &lease).await.ok().text("state"), "queued");
    let unknown = "lease:01890000-0000-7000-8000-000000000000";
    assert_eq!(open(&app, &user(2).ent(7), unknown).await.ok().text("agentId"), "50");
}

#[tokio::test]
async fn a_queued_customer_is_served_from_a_reservation_and_the_reservation_is_used_up() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let lease = obtain(&app, &nobody().ent(7)).await.text("reservationId");
    app.ask_for_service(1, 7).await;
    let second = app.ask_for_service(2, 7).await;
    assert_eq!((second.text("state"), second.count), ("queued".to_owned(), 1));
    let served = open(&app, &user(2).ent(7), &lease).await.ok();
    assert_eq!(served.text("sessionId"), second.text("sessionId"));
    assert_eq!((served.text("state"), served.data["created"].as_bool()), ("serving".to_owned(), Some(false)));
    let late = open(&app, &user(3).ent(7), &lease).await.ok();
    assert_eq!((late.text("state"), late.count), ("queued".to_owned(), 1));
    let repeat = open(&app, &user(2).ent(7), &lease).await.ok();
    assert_eq!(repeat.text("sessionId"), served.text("sessionId"));
}

#[tokio::test]
async fn a_place_says_its_figures_and_reasons() {
    let app = App::start().await;
    let nobody_there = obtain(&app, &nobody().ent(7)).await;
    let said = |reply: &Reply| {
        let reason = &reply.data["reason"];
        json!([reason["policy"], reason["considered"], reason["skipped"], reason["step"], reason["tieBreak"]])
    };
    assert_eq!(said(&nobody_there), json!(["least_loaded", 0, {}, "queue", null]));
    assert_eq!(nobody_there.data["estimatedWaitSeconds"], Value::Null, "too little is known");
    app.staff(7, 50, 3).await;
    app.staff(7, 51, 1).await;
    app.staff(7, 52, 1).await;
    app.staff(7, 53, 1).await;
    presence(&app, 52, "away").await;
    presence(&app, 53, "offline").await;
    open(&app, &user(1).ent(7), "51").await.ok();
    let place = obtain(&app, &nobody().ent(7)).await;
    assert_eq!((place.text("agentId"), place.text("entId")), ("50".to_owned(), "7".to_owned()));
    assert_eq!(place.data["online"], 2);
    assert_eq!(place.data["freeSlots"], 2, "the reservation fills a place");
    assert_eq!((place.data["waiting"].as_i64(), place.count), (Some(0), 0));
    let skipped = json!({ "away": 1, "full": 1, "offline": 1 });
    assert_eq!(said(&place), json!(["least_loaded", 4, skipped, "policy", "only"]));
    presence(&app, 50, "away").await;
    let busy = obtain(&app, &nobody().ent(7)).await;
    assert_eq!((busy.text("state"), busy.data["agentId"].clone()), ("busy".to_owned(), Value::Null));
    presence(&app, 51, "away").await;
    assert_eq!(obtain(&app, &nobody().ent(7)).await.text("state"), "offline");
}

#[tokio::test]
async fn online_lapses_to_away_and_comes_back_with_the_next_request() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.clock.advance(59_999);
    assert_eq!(agent_card(&app, 50).await.text("presence"), "online");
    app.clock.advance(1);
    let lapsed = agent_card(&app, 50).await;
    assert_eq!(
        (lapsed.text("presence"), lapsed.data["accepting"].as_bool()),
        ("away".to_owned(), Some(false))
    );
    assert_eq!(obtain(&app, &nobody().ent(7)).await.data["reason"]["skipped"], json!({ "lapsed": 1 }));
    presence(&app, 50, "online").await;
    assert_eq!(agent_card(&app, 50).await.text("presence"), "online");
}

#[tokio::test]
async fn lowering_capacity_takes_nobody_away_and_deleting_an_agent_keeps_its_sessions() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    let first = app.ask_for_service(1, 7).await.text("sessionId");
    let second = app.ask_for_service(2, 7).await.text("sessionId");
    let waiting = app.ask_for_service(3, 7).await.text("sessionId");
    let put = json!({ "entId": "7", "name": "A", "capacity": 1 });
    app.send("PUT", &nobody(), "/v1/agents/50", put).await.ok();
    app.post(&nobody(), "closeChatSession", json!({ "sessionId": first })).await.ok();
    let state = async |id: &str| {
        app.send("GET", &nobody(), &format!("/v1/sessions/{id}"), Value::Null).await.text("state")
    };
    assert_eq!((state(&second).await, state(&waiting).await), ("serving".to_owned(), "queued".to_owned()));
    app.send("DELETE", &nobody(), "/v1/agents/50", Value::Null).await.ok();
    app.send("GET", &nobody(), "/v1/agents/50", Value::Null).await.refused(40406);
    assert_eq!(state(&second).await, "serving");
    app.post(&nobody(), "closeChatSession", json!({ "sessionId": second })).await.ok();
    assert_eq!(state(&waiting).await, "queued", "nobody is routed to who was deleted");
    app.staff(7, 50, 1).await;
    assert_eq!(state(&waiting).await, "serving");
}

#[tokio::test]
async fn an_agent_opens_only_to_customers() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    for bad in [
        "agent:51",
        "position:5",
        "",
        "0",
        "lease:01890000-0000-7000-8000-000000000000",
        "01890000-0000-7000-8000-000000000000",
    ] {
        let reply = open_to(&app, &agent(50), bad).await;
        assert_eq!((reply.status, reply.msg.contains("receiveId")), (400, true), "{bad}: {reply:?}");
    }
    assert_eq!(open_to(&app, &agent(50), "user:1").await.ok().text("agentId"), "50");
}

#[tokio::test]
async fn an_agents_record_beats_headers_wherever_service_is_meant() {
    let app = App::start().await;
    app.staff(7, 50, 3).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    open_to(&app, &agent(50).ent(8), "2").await.refused(40305);
    let body = json!({ "msgType": 2, "userType": 1, "receiveId": "2", "receiveEntId": "8" });
    let refused = app.post(&agent(50), "createChatSession", body).await.refused(40305);
    assert!(refused.msg.starts_with("field \"receiveEntId\" is 8"), "{}", refused.msg);
    app.post(&agent(50).ent(8), "userList", json!({ "userType": 1 })).await.refused(40305);
    app.post(&agent(50).ent(8), "closeChatSession", json!({ "sessionId": session })).await.refused(40305);
    app.post(&agent(50).ent(7), "closeChatSession", json!({ "sessionId": session })).await.ok();
}

#[tokio::test]
async fn who_serves_and_served_is_what_the_filter_chooses_and_the_row_shows() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let session = app.ask_for_service(1, 7).await.text("sessionId");
    let human = async |who: &Who, user_type: i64, wanted: i64| {
        let body = json!({ "userType": user_type, "isArtificial": wanted });
        let reply = list(&app, who, "conversationList", body).await;
        reply
            .data
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| row["session"]["isArtificial"].clone())
            .collect::<Vec<_>>()
    };
    for (who, user_type) in [(user(1), 2), (agent(50), 1)] {
        assert_eq!(human(&who, user_type, 1).await, [json!(1)]);
        assert!(human(&who, user_type, 2).await.is_empty());
    }
    app.post(&user(1), "closeChatSession", json!({ "sessionId": session })).await.ok();
    for (who, user_type) in [(user(1), 2), (agent(50), 1)] {
        assert!(human(&who, user_type, 1).await.is_empty());
        assert_eq!(human(&who, user_type, 2).await, [json!(2)], "nobody serves an ended session");
    }
    let ended = list(&app, &agent(50), "userList", json!({ "userType": 1, "queryType": 4 })).await;
    assert_eq!((ended.count, ended.data[0]["session"]["state"].as_str()), (1, Some("ended")));
    let session = &ended.data[0]["session"];
    let keys: Vec<&String> = session.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 5, "{session}");
}

#[tokio::test]
async fn an_agent_is_shown_online_while_it_takes_customers() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.ask_for_service(1, 7).await;
    app.say(&user(1), "agent:50", "directly").await.ok();
    let online = async || {
        let rows = list(&app, &user(1), "conversationList", json!({})).await;
        let rows = rows.data.as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["peer"]["online"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(online().await, [true, true]);
    presence(&app, 50, "away").await;
    assert_eq!(online().await, [false, false]);
}

#[tokio::test]
async fn messages_and_lists_show_the_name_the_session_was_opened_with() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    let body = json!({ "msgType": 2, "userType": 2, "customerserviceName": "Mary" });
    let first = app.post(&user(1).ent(7), "createChatSession", body).await.ok().text("sessionId");
    app.post(&agent(50), "messageAdd", text(1, 2, "1", "hello")).await.ok();
    let row = list(&app, &user(1), "conversationList", json!({})).await.data[0].clone();
    assert_eq!(
        (row["peer"]["name"].as_str(), row["session"]["customerserviceName"].as_str()),
        (Some("Mary"), Some("Mary"))
    );
    app.post(&user(1), "closeChatSession", json!({ "sessionId": first })).await.ok();
    app.ask_for_service(1, 7).await;
    app.post(&agent(50), "messageAdd", text(1, 2, "1", "again")).await.ok();
    app.send("PUT", &nobody(), "/v1/directory/users/1", json!({ "name": "Carl" })).await.ok();
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "hi")).await.ok();
    let body = json!({ "msgType": 2, "userType": 2, "pageSize": 10, "sort": "asc" });
    let rows = app.post(&user(1).ent(7), "findMessage", body).await.ok();
    let names: Vec<&str> =
        rows.data.as_array().unwrap().iter().map(|row| row["sender"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Mary", "Agent 50", "Carl"]);
}

#[tokio::test]
async fn rows_of_an_agent_add_up_to_what_it_has_unread() {
    let app = App::start().await;
    app.staff(7, 50, 2).await;
    app.staff(7, 51, 2).await;
    for customer in 1..=4 {
        app.ask_for_service(customer, 7).await;
        for _ in 0..customer {
            app.post(&user(customer).ent(7), "messageAdd", text(2, 2, "", "help")).await.ok();
        }
    }
    app.say(&user(9), "agent:50", "colleague").await.ok();
    app.say(&user(9).with("positionId", 90), "77", "to the seat").await.ok();
    let mut notice = text(3, 4, "position:77", "notice to the seat");
    notice["sendId"] = json!("ops");
    app.post(&nobody(), "messageAdd", notice).await.ok();
    let mut everybody = 0;
    for who in [agent(50).with("positionId", 77), agent(51)] {
        let unread = app.unread(&who, 1).await;
        let rows = list(&app, &who, "conversationList", json!({ "userType": 1, "size": 100 })).await;
        let sum: i64 = rows.data.as_array().unwrap().iter().map(|row| row["unread"].as_i64().unwrap()).sum();
        assert_eq!(sum, unread);
        everybody += unread;
    }
    assert_eq!(everybody, 10 + 3, "of the customers once each, and what is the first one's own");
    let notices = list(
        &app,
        &agent(50).with("positionId", 77),
        "conversationList",
        json!({ "userType": 1, "queryType": 14 }),
    )
    .await;
    assert_eq!(
        (notices.count, notices.data[0]["lastMessage"]["preview"].as_str()),
        (1, Some("notice to the seat"))
    );
}

#[tokio::test]
async fn the_card_of_a_seat_knows_the_callers_conversation_with_it() {
    let app = App::start().await;
    app.send("PUT", &nobody(), "/v1/directory/positions/77", json!({ "name": "Ann" })).await.ok();
    let card = async |who: Who| {
        app.post(&who, "oneUserPosition", json!({ "positionId": "77" })).await.ok().data["conversationId"]
            .clone()
    };
    assert_eq!(
        (card(user(1)).await, card(seat(5)).await, card(seat(77)).await),
        (Value::Null, Value::Null, Value::Null)
    );
    let personal = app.say(&user(1), "position:77", "hello").await.ok().text("conversationId");
    let between_seats = app.say(&seat(5), "77", "hello").await.ok().text("conversationId");
    assert_eq!(card(user(1)).await, json!(personal));
    assert_eq!(card(user(1).with("positionId", 5)).await, json!(between_seats));
}

#[tokio::test]
async fn without_its_own_number_an_agents_hat_opens_no_desk() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.ask_for_service(1, 7).await;
    let hat_only = user(3).with("positionId", 77).ent(7);
    let people = list(&app, &hat_only, "userList", json!({ "userType": 1 })).await;
    assert_eq!((people.data, people.count), (json!([]), 0));
}

#[tokio::test]
async fn a_place_that_lapses_is_given_on_although_nobody_asks() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    obtain(&app, &nobody().ent(7)).await;
    app.ask_for_service(1, 7).await;
    app.post(&user(1).ent(7), "messageAdd", text(2, 2, "", "help")).await.ok();
    app.clock.advance(30_000);
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        // Counting asks the desk's inbox only, never the routing.
        while app.unread(&agent(50), 1).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the sweep finds the lapsed reservation");
}
