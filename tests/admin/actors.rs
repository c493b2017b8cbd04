//! What operators see of actors and do to them: over HTTP, with tokens, without content.

use messagecenter_actors::memory::MemoryStore;
use serde_json::{Value, json};

use super::desk::{OPERATOR, PATIENCE, VIEWER, app, because, conversation};
use crate::harness::{App, nobody, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_without_a_token_and_a_viewer_only_looks() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    for wrong in ["", "operator-012345678", "operator-01234567890", "Operator-0123456789"] {
        service.admin_by(wrong, "GET", "/admin/overview", &[], Value::Null).await.no(40120);
        service.admin_by(wrong, "POST", &format!("{path}/restart"), &[], Value::Null).await.no(40120);
    }
    service.admin_by(VIEWER, "POST", &format!("{path}/restart"), &[], Value::Null).await.no(40320);
    service.admin_by(VIEWER, "GET", "/admin/nothing", &[], Value::Null).await.no(40400);
    service.admin_by(VIEWER, "PUT", "/admin/settings", &[], Value::Null).await.no(40500);
    assert_eq!(service.look("/admin/audit").await.count, 0, "what was refused before it began did nothing");
    let closed = App::start().await;
    assert_eq!(closed.service.admin_address(), None, "without tokens nobody is listened to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_and_one_actor_say_what_they_do_and_nothing_of_what_was_said() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.say(&user(1), "2", "the secret of the pyramids").await.ok();
    let overview = service.look("/admin/overview").await;
    assert_eq!(overview.data["ready"], true);
    let kinds = overview.data["kinds"].as_array().unwrap();
    let conversations = kinds.iter().find(|kind| kind["kind"] == "conversation").unwrap();
    assert_eq!((&conversations["ready"], &conversations["quarantined"]), (&json!(1), &json!(0)));
    let actor = service.look(&path).await.data;
    assert_eq!(
        (&actor["active"], &actor["phase"], &actor["commands"]),
        (&json!(true), &json!("ready"), &json!(2))
    );
    assert_eq!((&actor["depth"], &actor["waiting"], &actor["inHand"]), (&json!(0), &json!(0), &Value::Null));
    assert_eq!((&actor["unsaved"], &actor["snapshot"]["version"]), (&json!(true), &json!(0)));
    for one in [1, 2] {
        service.unread(&user(one), 2).await;
    }
    let inboxes = service.look("/admin/actors?kind=inbox&limit=1").await;
    assert_eq!((inboxes.count, &inboxes.data[0]["key"]), (2, &json!("user:1")));
    let next = service.look("/admin/actors?kind=inbox&limit=1&after=user:1").await;
    assert_eq!(next.data[0]["key"], "user:2");
    assert_eq!(service.look("/admin/actors?kind=inbox&phase=quarantined").await.count, 0);
    for path in [path.as_str(), "/admin/overview", "/admin/actors?kind=conversation", "/admin/dead-letters"] {
        let shown = service.look(path).await.data.to_string();
        assert!(!shown.contains("pyramids") && !shown.contains(OPERATOR), "{path}: {shown}");
    }
    let absent = service.look("/admin/actors/session/01a205d0-9198-7796-a576-43475447451e").await.data;
    assert_eq!(absent["active"], false);
    for wrong in ["/admin/actors/session/x", "/admin/actors/shunt/x", "/admin/actors/inbox/x"] {
        service.admin_by(VIEWER, "GET", wrong, &[], Value::Null).await.no(40421);
    }
    service.admin_by(VIEWER, "GET", "/admin/actors/desk/1", &[], Value::Null).await.no(40007);
    service.admin_by(VIEWER, "GET", "/admin/actors", &[], Value::Null).await.no(40001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_busiest_actor_comes_first() {
    let service = std::sync::Arc::new(app(&MemoryStore::new(), |_| {}).await);
    let busy = conversation(&service, 1, 2).await;
    let quiet = conversation(&service, 3, 4).await;
    let talking = {
        let service = std::sync::Arc::clone(&service);
        tokio::spawn(async move {
            loop {
                service.say(&user(1), "2", "again").await.ok();
            }
        })
    };
    let hot = service.look("/admin/hot?by=rate&overMs=1500&limit=50").await.data;
    talking.abort();
    let rows = hot.as_array().unwrap();
    let rate = |path: &str| {
        let key = path.rsplit('/').next().unwrap();
        rows.iter().find(|row| row["key"] == key).map(|row| row["perSecond"].as_f64().unwrap())
    };
    assert!(rate(&busy).unwrap() > rate(&quiet).unwrap_or(0.0), "{hot}");
    let rates: Vec<f64> = rows.iter().map(|row| row["perSecond"].as_f64().unwrap()).collect();
    assert!(rates.is_sorted_by(|left, right| left >= right), "{rates:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_busiest_are_measured_once_for_all_who_ask_meanwhile() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    conversation(&service, 1, 2).await;
    let began = std::time::Instant::now();
    let first = service.look("/admin/hot?by=rate&overMs=3000&limit=50");
    let others = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let asked = ["rate", "wait", "restarts", "rate", "wait"].map(|by| {
            let path = format!("/admin/hot?by={by}&overMs=10000&limit=1");
            let service = &service;
            async move { service.look(&path).await }
        });
        futures::future::join_all(asked).await
    };
    let (first, others) = futures::join!(first, others);
    assert!(began.elapsed().as_secs() < 10, "nobody began another: {:?}", began.elapsed());
    for other in others {
        assert_eq!((other.count, other.data.as_array().map(Vec::len)), (first.count, Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_is_saved_put_away_restarted_and_traced_on_request() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.admin("POST", &format!("{path}/trace"), because("slow?")).await.ok();
    service.admin("POST", &format!("{path}/snapshot"), Value::Null).await.ok();
    service.look_until(&path, |seen| seen["unsaved"] == false && seen["snapshot"]["version"] != 0).await;
    service.say(&user(1), "2", "more").await.ok();
    let trace = service.look(&format!("{path}/trace")).await.data;
    let turns = trace["turns"].as_array().unwrap();
    assert!(turns.iter().any(|turn| turn["operation"] == "send"), "{trace}");
    assert!(trace["leftMs"].as_u64().is_some_and(|left| left > 200_000), "{trace}");
    let began = std::time::Instant::now();
    while service.admin("POST", &format!("{path}/passivate"), because("room")).await.status != 200 {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(service.look(&path).await.data["active"], false);
    service.admin("POST", &format!("{path}/restart"), Value::Null).await.no(40420);
    service.admin("POST", &format!("{path}/passivate"), Value::Null).await.no(40420);
    let texts = service.history(&user(2), "1").await;
    assert_eq!(texts.len(), 2, "nothing is lost by it: {texts:?}");
    service.admin("POST", &format!("{path}/restart"), Value::Null).await.ok();
    assert_eq!(service.history(&user(2), "1").await.len(), 2);
    service.admin_by(VIEWER, "GET", &format!("{path}/trace"), &[], Value::Null).await.no(40424);
    let audit = service.look("/admin/audit?limit=200").await.data;
    let rows = audit.as_array().unwrap();
    assert!(rows.iter().any(|row| row["operation"] == "adminTrace" && row["reason"] == "slow?"), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_takes_an_actor_out_of_service_and_puts_it_back() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.admin("POST", &format!("{path}/resume"), Value::Null).await.no(40920);
    service.admin("POST", &format!("{path}/quarantine"), because("to be looked at")).await.ok();
    let seen = service.look_until(&path, |seen| seen["phase"] == "quarantined").await;
    assert_eq!(seen["reason"], "by ann: to be looked at");
    let refused = service.say(&user(1), "2", "no").await;
    assert_eq!((refused.status, refused.code), (503, 50304));
    service.look_until(&path, |seen| seen["readOnly"] == true).await;
    assert_eq!(service.history(&user(2), "1").await.len(), 1, "reads go on");
    service.say(&user(1), "3", "its neighbours do not notice").await.ok();
    service.admin("POST", &format!("{path}/passivate"), Value::Null).await.no(40921);
    service.admin("POST", &format!("{path}/resume"), Value::Null).await.ok();
    service.say(&user(1), "2", "yes").await.ok();
    assert_eq!(service.history(&user(2), "1").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_out_of_service_still_counts_what_comes_and_saves_nothing() {
    let service = app(&MemoryStore::new(), |settings| {
        settings.checkpoint.interval_ms = 10;
        settings.checkpoint.lag_events = 1;
    })
    .await;
    let conversation = conversation(&service, 1, 2).await;
    let inbox = "/admin/actors/inbox/user:2";
    assert_eq!(service.unread(&user(2), 2).await, 1);
    service.admin("POST", &format!("{inbox}/quarantine"), because("a look")).await.ok();
    service.look_until(inbox, |seen| seen["readOnly"] == true).await;
    let saved = service.look(inbox).await.data["snapshot"].clone();
    assert_eq!(service.unread(&user(2), 2).await, 1);
    for unread in 2..=5 {
        service.say(&user(1), "2", "more").await.ok();
        assert_eq!(service.unread(&user(2), 2).await, unread, "whoever was acknowledged is counted");
    }
    // Whoever else lags is saved.
    service.look_until(&conversation, |seen| seen["snapshot"]["version"] != 0).await;
    service.look_until("/admin/actors/inbox/user:1", |seen| seen["snapshot"]["version"] != 0).await;
    let seen = service.look(inbox).await.data;
    assert_eq!((&seen["unsaved"], &seen["snapshot"]), (&json!(true), &saved));
    service.admin("POST", &format!("{inbox}/resume"), Value::Null).await.ok();
    service.look_until(inbox, |seen| seen["phase"] == "ready").await;
    assert_eq!(service.unread(&user(2), 2).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routing_out_of_service_shows_its_queue_and_gives_nothing_away() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    service.staff(7, 50, 1).await;
    let served = service.ask_for_service(1, 7).await.text("sessionId");
    let waiting = service.ask_for_service(2, 7).await.text("sessionId");
    let routing = "/admin/actors/shunt/7";
    service.admin("POST", &format!("{routing}/quarantine"), because("a look")).await.ok();
    service.look_until(routing, |seen| seen["readOnly"] == true).await;
    let queue = service.send("GET", &nobody(), "/v1/shunts/7/default/queue", Value::Null).await.ok();
    assert_eq!((queue.count, queue.data["waiting"][0]["sessionId"].as_str()), (1, Some(waiting.as_str())));
    let view = service.send("GET", &nobody(), &format!("/v1/sessions/{served}"), Value::Null).await.ok();
    assert_eq!(view.text("state"), "serving");
    let asked = json!({ "msgType": 2, "userType": 2 });
    assert_eq!(service.post(&user(3).ent(7), "createChatSession", asked).await.code, 50304);
    let close = json!({ "sessionId": served });
    assert_eq!(service.post(&user(1).ent(7), "closeChatSession", close.clone()).await.code, 50304);
    service.admin("POST", &format!("{routing}/resume"), Value::Null).await.ok();
    service.look_until(routing, |seen| seen["phase"] == "ready").await;
    service.post(&user(1).ent(7), "closeChatSession", close).await.ok();
    let view = service.send("GET", &nobody(), &format!("/v1/sessions/{waiting}"), Value::Null).await.ok();
    assert_eq!(view.text("state"), "serving", "the place is given on");
}

/// Reads a stream of events until a text is in it.
pub async fn heard(service: &App, last: Option<&str>, text: &str) -> String {
    let address = service.service.admin_address().unwrap();
    let mut request = service.client.get(format!("http://{address}/admin/events")).bearer_auth(VIEWER);
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let mut response = request.send().await.unwrap();
    let mut all = String::new();
    let reading = async {
        while let Some(piece) = response.chunk().await.unwrap() {
            all.push_str(&String::from_utf8_lossy(&piece));
            if all.contains(text) {
                return;
            }
        }
        panic!("the stream ended");
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the event in time");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_heard_and_a_reader_who_comes_back_misses_none() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.admin("POST", &format!("{path}/quarantine"), because("first")).await.ok();
    service.look_until(&path, |seen| seen["phase"] == "quarantined").await;
    let all = heard(&service, Some("5-1"), "first").await;
    assert!(all.starts_with("event: gap"), "another run's id: {all}");
    let id = all.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    service.admin("POST", &format!("{path}/resume"), Value::Null).await.ok();
    let more = heard(&service, Some(&id), "event: resumed").await;
    assert!(!more.contains("first") && !more.contains("gap"), "{more}");
}
