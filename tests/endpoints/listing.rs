//! `conversationList` and `userList`.

use serde_json::{Value, json};

use crate::harness::{App, Reply, Who, agent, nobody, text, user};

async fn list(app: &App, who: &Who, change: Value) -> Reply {
    let mut body = json!({ "userType": 2 });
    for (key, value) in change.as_object().cloned().unwrap_or_default() {
        body[key] = value;
    }
    app.post(who, "conversationList", body).await
}

fn peers(reply: &Reply) -> Vec<String> {
    let rows = reply.data.as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["peer"]["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn an_empty_list_is_an_empty_list() {
    let app = App::start().await;
    let conversations = list(&app, &user(1), json!({})).await.ok();
    assert_eq!((conversations.data, conversations.count), (json!([]), 0));
    let people = app.post(&user(1), "userList", json!({ "userType": 2 })).await.ok();
    assert_eq!((people.data, people.count), (json!([]), 0));
}

#[tokio::test]
async fn conversations_come_newest_first_with_their_last_message_and_unread() {
    let app = App::start().await;
    app.say(&user(2), "1", "first").await.ok();
    app.clock.advance(1_000);
    app.say(&user(3), "1", "second").await.ok();
    app.clock.advance(1_000);
    app.say(&user(1), "2", "third").await.ok();
    let reply = list(&app, &user(1), json!({})).await.ok();
    assert_eq!((peers(&reply), reply.count), (vec!["2".to_owned(), "3".to_owned()], 2));
    assert_eq!(reply.data[0]["lastMessage"]["preview"], "third");
    assert_eq!(reply.data[0]["unread"], 1);
    assert_eq!(reply.data[0]["lastAt"].as_i64(), Some(crate::harness::START + 2_000));
    assert_eq!(
        reply.data[1]["peer"],
        json!({ "type": "user", "id": "3", "name": "", "avatar": "", "isTourist": 2, "online": false })
    );
    assert_eq!(reply.data[1]["session"], Value::Null);
}

#[tokio::test]
async fn conversations_sharing_a_millisecond_are_all_listed_once_across_pages() {
    let app = App::start().await;
    for peer in 100..125 {
        app.say(&user(1), &peer.to_string(), "same time").await.ok();
    }
    let mut seen = Vec::new();
    for page in 1..=4 {
        let reply = list(&app, &user(1), json!({ "page": page, "size": 10 })).await.ok();
        assert_eq!(reply.count, 25);
        seen.extend(peers(&reply));
    }
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (25, 25));
}

#[tokio::test]
async fn a_page_beyond_the_end_is_empty_and_bad_pages_are_refused() {
    let app = App::start().await;
    app.say(&user(1), "2", "hi").await.ok();
    let beyond =
        list(&app, &user(1), json!({ "page": 9_000_000_000_000_000_000_i64, "size": 100 })).await.ok();
    assert_eq!((beyond.data, beyond.count), (json!([]), 1));
    for bad in [
        json!({ "page": -1 }),
        json!({ "size": 101 }),
        json!({ "size": -1 }),
        json!({ "startTime": "tomorrow" }),
    ] {
        let reply = list(&app, &user(1), bad).await;
        assert_eq!((reply.status, reply.code / 100), (400, 400), "{reply:?}");
    }
}

#[tokio::test]
async fn names_and_phones_of_the_directory_filter_the_lists() {
    let app = App::start().await;
    for (id, name, phone) in [(2, "Ann Lee", "13800001111"), (3, "Bob Ray", "13900002222")] {
        let row = json!({ "name": name, "phone": phone, "avatar": "", "isTourist": id == 3 });
        app.send("PUT", &nobody(), &format!("/v1/directory/users/{id}"), row).await.ok();
        app.say(&user(1), &id.to_string(), "hi").await.ok();
    }
    for (filter, expected) in [
        (json!({ "nameSearch": "ann" }), "2"),
        (json!({ "nameSearch": "RAY" }), "3"),
        (json!({ "phone": "138" }), "2"),
        (json!({ "isTourist": 1 }), "3"),
        (json!({ "isTourist": 2 }), "2"),
        (json!({ "filtrationId": "3, 9" }), "2"),
        (json!({ "filtrationId": "user:2" }), "3"),
    ] {
        let reply = list(&app, &user(1), filter.clone()).await.ok();
        assert_eq!((peers(&reply), reply.count), (vec![expected.to_owned()], 1), "{filter}");
    }
}

#[tokio::test]
async fn time_is_half_open_in_each_of_its_spellings() {
    let app = App::start().await;
    app.say(&user(1), "2", "at the start").await.ok();
    let start = crate::harness::START;
    for (filter, count) in [
        (json!({ "startTime": "2026-01-01 00:00:00" }), 1),
        (json!({ "endTime": "2026-01-01T00:00:00Z" }), 0),
        (json!({ "startTime": start.to_string(), "endTime": (start + 1).to_string() }), 1),
        (json!({ "startTime": (start + 1).to_string() }), 0),
    ] {
        assert_eq!(list(&app, &user(1), filter.clone()).await.ok().count, count, "{filter}");
    }
}

#[tokio::test]
async fn query_types_choose_kinds_states_and_unread() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.say(&user(2), "1", "one to one").await.ok();
    app.ask_for_service(1, 7).await;
    app.post(&user(1), "messageAdd", text(2, 3, "9", "group")).await.ok();
    let mut notice = text(3, 4, "1", "notice");
    notice["sendId"] = json!("ops");
    app.post(&nobody(), "messageAdd", notice).await.ok();
    assert_eq!(list(&app, &user(1), json!({})).await.ok().count, 4);
    for (query, kinds) in [
        (11, vec![1]),
        (12, vec![2]),
        (13, vec![3]),
        (14, vec![4]),
        (3, vec![2]),
        (2, vec![]),
        (21, vec![4, 1]),
    ] {
        let reply = list(&app, &user(1), json!({ "queryType": query })).await.ok();
        let mut found: Vec<i64> =
            reply.data.as_array().into_iter().flatten().filter_map(|row| row["kind"].as_i64()).collect();
        found.sort_unstable();
        let mut expected = kinds.clone();
        expected.sort_unstable();
        assert_eq!(found, expected, "queryType {query}");
    }
}

#[tokio::test]
async fn an_agent_lists_those_it_serves_and_knows_all_customers_of_its_desk() {
    let app = App::start().await;
    app.staff(7, 50, 1).await;
    app.ask_for_service(1, 7).await;
    app.ask_for_service(2, 7).await;
    let mine = app.post(&agent(50), "conversationList", json!({ "userType": 1 })).await.ok();
    assert_eq!(peers(&mine), vec!["1".to_owned()]);
    assert_eq!(mine.data[0]["session"]["state"], "serving");
    let everyone = app.post(&agent(50), "userList", json!({ "userType": 1 })).await.ok();
    assert_eq!(everyone.count, 2);
    let queued = app.post(&agent(50), "userList", json!({ "userType": 1, "queryType": 2 })).await.ok();
    assert_eq!((queued.count, queued.data[0]["id"].as_str()), (1, Some("2")));
    let human = app.post(&agent(50), "userList", json!({ "userType": 1, "isArtificial": 1 })).await.ok();
    assert_eq!((human.count, human.data[0]["id"].as_str()), (1, Some("1")));
}

#[tokio::test]
async fn a_withdrawn_last_message_shows_no_content() {
    let app = App::start().await;
    let id = app.say(&user(1), "2", "secret").await.ok().text("messageId");
    app.post(&user(1), "withdrawMessage", json!({ "messageId": id, "userType": 2 })).await.ok();
    let reply = list(&app, &user(2), json!({})).await.ok();
    assert_eq!(reply.data[0]["lastMessage"]["preview"], "");
    assert_eq!(reply.data[0]["lastMessage"]["withdrawn"], true);
    assert_eq!(reply.data[0]["unread"], 0);
}

#[tokio::test]
async fn lists_while_others_write_never_lose_or_repeat_a_row() {
    let app = App::start().await;
    for peer in 2..12 {
        app.say(&user(1), &peer.to_string(), "hi").await.ok();
    }
    let readers = async {
        for _ in 0..20 {
            let reply = list(&app, &user(1), json!({ "size": 100 })).await.ok();
            let distinct: std::collections::BTreeSet<String> = peers(&reply).into_iter().collect();
            assert_eq!((reply.count, distinct.len()), (10, 10));
        }
    };
    let writers = async {
        for n in 0..20 {
            app.say(&user(2 + n % 10), "1", "again").await.ok();
        }
    };
    tokio::join!(readers, writers);
}

#[tokio::test]
async fn a_list_needs_its_caller() {
    let app = App::start().await;
    let reply = app.post(&nobody(), "conversationList", json!({ "userType": 2 })).await;
    assert_eq!(reply.status, 400, "newUserId is a required header: {reply:?}");
    app.post(&user(1), "conversationList", json!({ "userType": 1 })).await.refused(40101);
}
