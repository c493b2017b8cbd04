//! Settings that change while the service runs: whole or not at all, kept, revertible, in the audit.

use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::{DirectoryStore as _, Entry};
use serde_json::{Value, json};

use super::desk::{OPERATOR, VIEWER, app, conversation};
use crate::harness::{nobody, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_takes_effect_at_once_and_survives_a_restart() {
    let store = MemoryStore::new();
    let service = app(&store, |_| {}).await;
    let sent = service.say(&user(1), "2", "back please").await.ok().text("messageId");
    let values = json!({ "messages.withdraw_window_ms": 0, "groups.open": false });
    let made = service.set_live("0", json!({ "values": values, "reason": "no regrets" })).await.ok();
    assert_eq!((made.data["version"].as_u64(), made.count), (Some(1), 2), "{made:?}");
    service.clock.advance(10);
    let withdraw = json!({ "messageId": sent, "userType": 2 });
    service.post(&user(1), "withdrawMessage", withdraw.clone()).await.refused(41002);
    let row = service.setting("messages.withdraw_window_ms").await;
    assert_eq!((&row["value"], &row["layer"], &row["below"]), (&json!(0), &json!("live"), &json!(120_000)));
    service.service.stop().await;

    let again = app(&store, |_| {}).await;
    assert_eq!(again.setting("groups.open").await["value"], false);
    again.clock.advance(10);
    again.post(&user(1), "withdrawMessage", withdraw.clone()).await.refused(41002);
    let back = again.admin_by(
        OPERATOR,
        "POST",
        "/admin/settings/revert",
        &[("If-Match", "\"1\"")],
        json!({ "version": 0, "reason": "regrets" }),
    );
    assert_eq!(back.await.ok().data["version"], 2);
    again.post(&user(1), "withdrawMessage", withdraw).await.ok();
    assert_eq!(again.setting("groups.open").await["value"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_many_messages_are_kept_changes_while_the_service_runs() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    for _ in 0..64 {
        service.say(&user(1), "2", "old").await.ok();
    }
    let values = json!({ "retention.one_to_one.messages": 1 });
    service.set_live("0", json!({ "values": values, "reason": "space" })).await.ok();
    let row = service.setting("retention.one_to_one.messages").await;
    assert_eq!((&row["value"], &row["layer"], &row["below"]), (&json!(1), &json!("live"), &json!(0)));
    service.say(&user(1), "2", "new").await.ok();
    assert_eq!(service.history(&user(2), "1").await, [(65, "new".to_owned())]);
    assert_eq!(service.unread(&user(2), 2).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_made_whole_or_not_at_all_and_only_by_who_saw_the_last_one() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let good = json!({ "groups.open": false });
    let change = |values: Value| json!({ "values": values });
    let wrong = [
        json!({ "groups.open": false, "supervision.restart_budget": 0 }),
        json!({ "groups.open": false, "groups.shut": true }),
        json!({ "groups.open": false, "storage.url": "mem://" }),
        json!({ "groups.open": false, "supervision.backoff_max_ms": 1 }),
        json!({ "groups.open": false, "passivation.idle_after_ms@desk": 1_000 }),
        json!({ "groups.open": "no" }),
    ];
    for values in wrong {
        let refused = service.set_live("0", change(values.clone())).await.no(40020);
        assert!(refused.msg.contains(' '), "{refused:?}");
    }
    service.admin("PATCH", "/admin/settings", change(good.clone())).await.no(42820);
    service.set_live("7", change(good.clone())).await.no(41220);
    service.set_live("x", change(good.clone())).await.no(41220);
    service.set_live("0", json!({ "values": [] })).await.no(40005);
    service.set_live("0", json!({})).await.no(40001);
    let viewer =
        service.admin_by(VIEWER, "PATCH", "/admin/settings", &[("If-Match", "0")], change(good.clone()));
    viewer.await.no(40320);
    let dry = service.set_live("0", json!({ "values": good, "dryRun": true })).await.ok();
    assert_eq!(dry.data["differences"], json!([{ "key": "groups.open", "old": true, "new": false }]));
    let now = service.look("/admin/settings").await.data;
    assert_eq!((&now["version"], &now["revisions"]), (&json!(0), &json!([])), "nothing was changed");
    assert_eq!(service.setting("groups.open").await["value"], true);
    service.set_live("0", change(good)).await.ok();
    let taken_out = service.set_live("1", change(json!({ "groups.open": null }))).await.ok();
    assert_eq!(taken_out.data["version"], 2);
    assert_eq!(service.setting("groups.open").await["live"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changed_what_and_why_is_in_the_history_and_in_the_audit() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let values = json!({ "routing.lease_ms": 5_000 });
    service.set_live("0", json!({ "values": values, "reason": "the fair" })).await.ok();
    let revision = service.look("/admin/settings").await.data["revisions"][0].clone();
    assert_eq!(
        (&revision["who"], &revision["reason"], &revision["values"]),
        (&json!("ann"), &json!("the fair"), &values)
    );
    let audit = service.look("/admin/audit").await;
    let row = &audit.data[0];
    assert_eq!(
        (&row["who"], &row["role"], &row["operation"]),
        (&json!("ann"), &json!("operator"), &json!("adminChangeSettings"))
    );
    assert_eq!((&row["reason"], &row["outcome"]), (&json!("the fair"), &json!("done")));
    let difference = json!([{ "key": "routing.lease_ms", "old": 30_000, "new": 5_000 }]);
    assert_eq!(row["detail"]["differences"], difference);
    assert!(row["at"].as_i64().is_some_and(|at| at > 0));
    service.set_live("0", json!({ "values": {} })).await.no(41220);
    let row = service.look("/admin/audit").await.data[0].clone();
    assert_eq!(
        (&row["id"], &row["outcome"]),
        (&json!(2), &json!("VERSION_CHANGED")),
        "what failed is there too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_kind_of_actor_may_go_by_values_of_its_own() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.unread(&user(2), 2).await;
    let values = json!({ "passivation.idle_after_ms@conversation": 100 });
    service.set_live("0", json!({ "values": values })).await.ok();
    service.look_until(&path, |seen| seen["active"] == false).await;
    let inbox = service.look("/admin/actors/inbox/user:2").await.data;
    assert_eq!(inbox["active"], true, "inboxes stay by the value of all: {inbox}");
    let row = service.setting("passivation.idle_after_ms").await;
    assert_eq!((&row["value"], &row["kinds"]["conversation"]), (&json!(120_000), &json!(100)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_that_is_lowered_refuses_at_once_and_admits_again_when_it_is_raised() {
    let store = MemoryStore::new();
    let service = std::sync::Arc::new(app(&store, |_| {}).await);
    conversation(&service, 1, 2).await;
    service.set_live("0", json!({ "values": { "admission.mailbox_capacity@conversation": 1 } })).await.ok();
    store.faults().hold_appends(true);
    let first = {
        let service = std::sync::Arc::clone(&service);
        tokio::spawn(async move { service.say(&user(1), "2", "first").await })
    };
    service.look_until("/admin/actors?kind=conversation", |rows| rows[0]["depth"] == 1).await;
    let refused = service.say(&user(1), "2", "second").await;
    assert_eq!((refused.status, refused.code), (429, 42901), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"));
    store.faults().hold_appends(false);
    first.await.unwrap().ok();
    service.say(&user(1), "2", "third").await.ok();
    let texts: Vec<String> = service.history(&user(2), "1").await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["hello", "first", "third"], "what was refused did not happen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_settings_that_cannot_be_read_remove_no_message() {
    let store = MemoryStore::new();
    store.put(Entry::LiveSetting, "live", &json!("damaged")).await.unwrap();
    let service = app(&store, |settings| settings.retention.group.days = 30).await;
    let kept = service.setting("retention.group.days").await;
    assert_eq!((&kept["value"], &kept["below"]), (&json!(0), &json!(30)), "until somebody decides");
    assert_eq!(service.setting("groups.open").await["live"], Value::Null);
    service.set_live("0", json!({ "values": { "retention.group.days": null } })).await.ok();
    assert_eq!(service.setting("retention.group.days").await["value"], 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bound_of_one_caller_moves_while_the_service_runs() {
    let store = MemoryStore::new();
    let service = std::sync::Arc::new(app(&store, |_| {}).await);
    conversation(&service, 1, 2).await;
    service.set_live("0", json!({ "values": { "admission.client_capacity": 1 } })).await.ok();
    store.faults().hold_appends(true);
    let first = {
        let service = std::sync::Arc::clone(&service);
        tokio::spawn(async move { service.say(&user(1), "2", "first").await })
    };
    service.look_until("/admin/actors?kind=conversation", |rows| rows[0]["depth"] == 1).await;
    let refused = service.say(&user(1), "2", "second").await;
    assert_eq!((refused.status, refused.code), (429, 42902), "{refused:?}");
    store.faults().hold_appends(false);
    first.await.unwrap().ok();
    service.say(&user(1), "2", "third").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routing_goes_by_changed_numbers_at_once() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    service.staff(7, 501, 1).await;
    service.set_live("0", json!({ "values": { "routing.lease_ms": 1_000 }, "reason": "x" })).await.ok();
    let lease = service.post(&user(9).ent(7), "obtainShunt", json!({ "type": "default" })).await.ok().data;
    let now = messagecenter_actors::ports::WallClock::now(&*service.clock);
    let lasts = lease["expiresAt"].as_i64().unwrap_or(0) - now;
    assert!((900..=1_000).contains(&lasts), "{lease}");
    let shown = service.look("/admin/routing/7/default").await.data;
    assert_eq!((&shown["online"], &shown["staff"][0]["agentId"]), (&json!(1), &json!("501")), "{shown}");
    assert_eq!(service.look("/admin/routing").await.data[0]["entId"], "7");
    service.staff(8, 502, 1).await;
    let first = service.look("/admin/routing?limit=1").await;
    assert_eq!((first.count, &first.data), (2, &json!([{ "entId": "7", "phase": "ready", "depth": 0 }])));
    let next = service.look("/admin/routing?limit=1&after=7").await;
    assert_eq!((next.count, &next.data[0]["entId"]), (1, &json!("8")));
    let unknown = service.send("GET", &nobody(), "/admin/settings", Value::Null).await;
    assert_eq!(unknown.status, 404, "the service's own listener knows nothing of it");
}
