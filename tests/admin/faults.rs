//! Faults on purpose, and what they cost: one command, one conversation, some 503s, and never what was acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messagecenter_actors::domain::ids::{ActorKey, Address, ConversationKey, InboxKey};
use messagecenter_actors::memory::MemoryStore;
use serde_json::{Value, json};

use super::actors::heard;
use super::desk::{PATIENCE, app, because, conversation};
use crate::harness::{App, Reply, user};

fn texts(history: Vec<(i64, String)>) -> Vec<String> {
    history.into_iter().map(|(_, text)| text).collect()
}

#[cfg(feature = "fail-points")]
mod poisoned {
    use messagecenter_actors::fail_point::poison::{Poison, arm, cure};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_command_that_panics_is_dead_lettered_and_its_neighbours_and_its_conversation_go_on() {
        const BAD: &str = "bad apple of the first test";
        let store = MemoryStore::new();
        let service = Arc::new(app(&store, |_| {}).await);
        let path = conversation(&service, 1, 2).await;
        arm(BAD, Poison::Panic);
        let sent = ["one", BAD, "two", "three"].map(|text| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.say(&user(1), "2", text).await })
        });
        let mut replies = Vec::new();
        for reply in sent {
            replies.push(reply.await.unwrap());
        }
        let crashed: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 200).collect();
        assert_eq!(crashed.len(), 1, "only the culprit: {replies:?}");
        assert_eq!((crashed[0].status, crashed[0].code), (503, 50302));
        service.say(&user(1), "2", "afterwards").await.ok();
        let mut told = texts(service.history(&user(2), "1").await);
        assert_eq!(told.pop().as_deref(), Some("afterwards"));
        told.sort_unstable();
        assert_eq!(told, ["hello", "one", "three", "two"]);

        let letters = service.look("/admin/dead-letters").await;
        assert_eq!(letters.count, 1);
        let letter = letters.data[0].clone();
        assert_eq!(
            (&letter["kind"], &letter["operation"], &letter["replayable"]),
            (&json!("conversation"), &json!("send"), &json!(true))
        );
        assert!(!letters.data.to_string().contains("apple"), "no content: {letters:?}");
        let actor = service.look(&path).await.data;
        assert_eq!((&actor["restarts"], &actor["crashes"][0]["operation"]), (&json!(1), &json!("send")));

        // It panics again: another letter. Then it is cured, and goes through.
        let again = format!("/admin/dead-letters/{}/replay", letter["id"]);
        let replayed = service.admin("POST", &again, because("try")).await.ok().data;
        assert_eq!((&replayed["status"], &replayed["errorCode"]), (&json!(503), &json!(50302)));
        service.admin("POST", &again, Value::Null).await.no(40422);
        cure(BAD);
        let letter = service.look("/admin/dead-letters").await.data[0]["id"].clone();
        let replayed =
            service.admin("POST", &format!("/admin/dead-letters/{letter}/replay"), because("cured")).await;
        assert_eq!(replayed.ok().data["errorCode"], 0);
        assert_eq!(texts(service.history(&user(2), "1").await).pop().as_deref(), Some(BAD));
        assert_eq!(service.look("/admin/dead-letters").await.count, 0);
        service.admin("DELETE", &format!("/admin/dead-letters/{letter}"), Value::Null).await.no(40422);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_actor_that_spends_its_budget_is_quarantined_alone_and_goes_on_when_it_is_resumed() {
        const BAD: &str = "bad apple of the second test";
        let service = app(&MemoryStore::new(), |settings| {
            settings.supervision.restart_budget = 1;
            settings.supervision.backoff_min_ms = 1;
        })
        .await;
        let path = conversation(&service, 1, 2).await;
        arm(BAD, Poison::Panic);
        let began = Instant::now();
        while service.say(&user(1), "2", BAD).await.code != 50304 {
            assert!(began.elapsed() < PATIENCE, "it is not quarantined");
        }
        let seen = service.look_until(&path, |seen| seen["phase"] == "quarantined").await;
        assert!(seen["reason"].as_str().is_some_and(|reason| reason.contains("crashed 2 times")), "{seen}");
        service.say(&user(1), "3", "elsewhere").await.ok();
        service.look_until(&path, |seen| seen["readOnly"] == true).await;
        assert_eq!(texts(service.history(&user(2), "1").await), ["hello"]);
        assert_eq!(service.unread(&user(2), 2).await, 1);
        assert_eq!(service.say(&user(1), "2", "still not").await.code, 50304);
        let marks = json!({ "userType": 2, "sendId": "1", "sendType": 2 });
        assert_eq!(service.post(&user(2), "updateReadById", marks).await.code, 50304);
        assert_eq!(service.figure("messagecenter_actors_quarantined").await, 1);
        let letters = service.look("/admin/dead-letters").await;
        assert_eq!(letters.count, 2);
        let id = &letters.data[0]["id"];
        let in_vain =
            service.admin("POST", &format!("/admin/dead-letters/{id}/replay"), because("too soon")).await;
        assert_eq!(in_vain.ok().data["errorCode"], 50304);
        let letters = service.look("/admin/dead-letters").await;
        assert!(letters.count == 2 && letters.data[0]["replayable"] == true, "nothing happened: it stays");
        service.admin("POST", &format!("{path}/restart"), because("in vain")).await.no(40921);
        for letter in letters.data.as_array().unwrap() {
            service.admin("DELETE", &format!("/admin/dead-letters/{}", letter["id"]), Value::Null).await.ok();
        }
        service.admin("POST", &format!("{path}/resume"), because("known")).await.ok();
        service.say(&user(1), "2", "again").await.ok();
        assert_eq!(texts(service.history(&user(2), "1").await), ["hello", "again"]);
        cure(BAD);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_turn_that_takes_long_is_counted_and_named_and_a_thread_that_hangs_makes_the_service_not_ready()
    {
        const SLOW: &str = "slow apple";
        let store = MemoryStore::new();
        let service = app(&store, |settings| {
            settings.runtime.shards = 2;
            settings.supervision.slow_turn_ms = 2_000; // less than a thread may be silent, more than other turns take
            settings.runtime.hang_after_ms = 3_000;
        });
        let service = Arc::new(service.await);
        let path = conversation(&service, 1, 2).await;
        arm(SLOW, Poison::Hold);
        let slow = {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.say(&user(1), "2", SLOW).await })
        };
        let key = path.rsplit('/').next().unwrap().to_owned();
        let not_ready = service.look_until("/admin/overview", |seen| seen["ready"] == false).await;
        let why = not_ready["waiting"].to_string();
        assert!(why.contains("conversation is in send") && !why.contains(&key), "what, and not who: {why}");
        let named = heard(&service, Some("5-1"), &key).await;
        assert!(named.contains("event: hang"), "operators hear who: {named}");
        let ready = service.client.get(format!("{}/readyz", service.base)).send().await.unwrap();
        assert_eq!(ready.status().as_u16(), 503);
        cure(SLOW);
        let _timed_out_or_done = slow.await.unwrap();
        service.look_until("/admin/overview", |seen| seen["ready"] == true).await;
        assert_eq!(service.look(&path).await.data["slowTurns"], 1);
        assert_eq!(service.figure("messagecenter_slow_turns_total").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_rows_of_one_conversation_quarantine_it_alone_until_they_are_repaired() {
    let store = MemoryStore::new();
    let service = app(&store, |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    conversation(&service, 1, 3).await;
    service.service.stop().await; // writes the snapshots
    let key = path.rsplit('/').next().unwrap().to_owned();
    let key = ActorKey::parse("conversation", &key).unwrap();
    let whole = store.ruin(&key).expect("a snapshot");

    let service = app(&store, |_| {}).await;
    let began = Instant::now();
    let refused = loop {
        let reply = service.say(&user(1), "2", "lost?").await;
        if reply.code == 50304 {
            break reply;
        }
        assert!(reply.status == 503 && began.elapsed() < PATIENCE, "{reply:?}");
    };
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(service.look(&path).await.data["readOnly"], false);
    let reading = json!({ "msgType": 1, "userType": 2, "sendId": "1", "pageSize": 10 });
    let unread = service.post(&user(2), "findMessage", reading).await;
    assert_eq!((unread.status, unread.code), (503, 50304), "what cannot be read is not made up");
    service.say(&user(1), "3", "elsewhere").await.ok();
    let listed = service.look("/admin/actors?kind=conversation&phase=quarantined").await;
    assert_eq!((listed.count, path.ends_with(listed.data[0]["key"].as_str().unwrap())), (1, true));
    // Not repaired yet: resumed in vain.
    service.admin("POST", &format!("{path}/resume"), Value::Null).await.ok();
    service.look_until(&path, |seen| seen["phase"] == "quarantined").await;
    store.repair(whole);
    service.admin("POST", &format!("{path}/resume"), because("repaired")).await.ok();
    service.look_until(&path, |seen| seen["phase"] == "ready").await;
    service.say(&user(1), "2", "found").await.ok();
    assert_eq!(texts(service.history(&user(2), "1").await), ["hello", "found"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_newest_snapshot_costs_nobody_an_answer_and_is_counted() {
    let store = MemoryStore::new();
    for words in ["one", "two"] {
        let service = app(&store, |_| {}).await;
        service.say(&user(1), "2", words).await.ok();
        service.service.stop().await; // writes the snapshots
    }
    let pair = ConversationKey::one_to_one(Address::user(1), Address::user(2));
    let reader = ActorKey::Inbox(InboxKey::Party(Address::user(2)));
    for key in [ActorKey::Conversation(pair.id()), reader] {
        store.damage(&key).expect("a snapshot");
    }
    let service = app(&store, |_| {}).await;
    service.say(&user(1), "2", "three").await.ok();
    assert_eq!(service.unread(&user(2), 2).await, 3);
    assert_eq!(service.figure("messagecenter_snapshot_fallbacks_total").await, 2);
    assert_eq!(texts(service.history(&user(2), "1").await), ["one", "two", "three"]);
    let unread = service.unread(&user(2), 2).await;
    service.service.stop().await;
    let service = app(&store, |_| {}).await;
    assert_eq!(service.unread(&user(2), 2).await, unread);
    assert_eq!(texts(service.history(&user(2), "1").await), ["one", "two", "three"]);
    assert_eq!(service.figure("messagecenter_snapshot_fallbacks_total").await, 0, "they were written again");
}

async fn said(service: &App, key: &str, refused: &mut u32) -> bool {
    let reply = service.say(&user(1).key(key), "2", key).await;
    if reply.status == 200 {
        reply.ok();
        return true;
    }
    assert_eq!((reply.status, reply.code / 100), (503, 503), "only 503s: {reply:?}");
    assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
    *refused += 1;
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_that_fails_for_five_seconds_costs_503s_only_and_nothing_acknowledged_is_missing() {
    let store = MemoryStore::new();
    let service = app(&store, |settings| settings.commit.resolve_timeout_ms = 200).await;
    let (mut acknowledged, mut refused, mut number) = (Vec::new(), 0, 0);
    let began = Instant::now();
    let (mut failing, mut repaired) = (false, None);
    while repaired.is_none_or(|at: Instant| at.elapsed() < Duration::from_secs(2) || refused == 0) {
        if !failing && repaired.is_none() && began.elapsed() > Duration::from_millis(500) {
            (failing, _) = (true, store.faults().set_away(true));
        }
        if failing && began.elapsed() > Duration::from_millis(5_500) {
            store.faults().set_away(false);
            (failing, repaired) = (false, Some(Instant::now()));
        }
        assert!(began.elapsed() < PATIENCE);
        number += 1;
        let key = format!("message {number:05}");
        if said(&service, &key, &mut refused).await {
            acknowledged.push(key);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(refused > 0);
    let began = Instant::now();
    while !said(&service, "the last", &mut refused).await {
        assert!(began.elapsed() < PATIENCE, "it does not come back");
    }
    let copy = App::start_on(Arc::new(store.copy()), |_| {}).await;
    let mut stored = Vec::new();
    let mut last = String::new();
    loop {
        let request = json!({ "msgType": 1, "userType": 2, "sendId": "1", "pageSize": 100, "sort": "asc", "lastId": last });
        let page = copy.post(&user(2), "findMessage", request).await.ok().data;
        let rows = page.as_array().cloned().unwrap_or_default();
        let Some(end) = rows.last() else { break };
        last = end["messageId"].as_str().unwrap().to_owned();
        stored.extend(rows.iter().map(|row| row["content"].as_str().unwrap().to_owned()));
    }
    for key in &acknowledged {
        assert_eq!(stored.iter().filter(|text| *text == key).count(), 1, "{key} was acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_storage_is_away_reads_are_refused_at_once_and_the_breaker_closes_by_itself() {
    let store = MemoryStore::new();
    let service = app(&store, |settings| {
        settings.commit.resolve_timeout_ms = 200;
        settings.breaker.pause_max_ms = 1_000;
    })
    .await;
    conversation(&service, 1, 2).await;
    let breaker = |seen: &Value| seen["storage"]["breaker"]["state"].as_str().unwrap_or_default().to_owned();
    assert_eq!(breaker(&service.look("/admin/overview").await.data), "closed");
    store.faults().set_away(true);
    let failed = service.say(&user(1), "2", "it cannot be kept").await;
    assert_eq!(failed.status, 503, "{failed:?}");
    let reads_refused = |seen: &Value| seen["storage"]["breaker"]["readsRefused"] == true;
    service.look_until("/admin/overview", |seen| reads_refused(seen) && seen["ready"] == false).await;

    // Each of them is in nobody's memory: reading it would wait for its recovery, a second and more.
    let began = Instant::now();
    let active = service.figure("messagecenter_activations_total{kind=\"conversation\"}").await;
    for number in 0..20 {
        let request =
            json!({ "msgType": 1, "userType": 2, "sendId": format!("{}", 100 + number), "pageSize": 10 });
        let refused = service.post(&user(2), "findMessage", request).await;
        assert_eq!((refused.status, refused.code), (503, 50306), "{refused:?}");
        let wait =
            refused.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
        assert!(wait.is_some_and(|wait| (1..=4).contains(&wait)), "{refused:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?} for 20 refusals", began.elapsed());
    let refused = service.say(&user(1), "2", "nor can this").await;
    assert_eq!((refused.status, refused.code), (503, 50306), "{refused:?}");
    assert_eq!(
        service.figure("messagecenter_activations_total{kind=\"conversation\"}").await,
        active,
        "nobody is activated in vain"
    );
    assert_eq!(service.figure("messagecenter_storage_breaker_open").await, 1);
    let ready = service.client.get(format!("{}/readyz", service.base)).send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    assert!(ready.text().await.unwrap().contains("storage does not"));

    store.faults().set_away(false);
    // Nobody asks for anything but this.
    service.look_until("/admin/overview", |seen| breaker(seen) == "closed" && seen["ready"] == true).await;
    service.say(&user(1), "2", "afterwards").await.ok();
    assert_eq!(texts(service.history(&user(2), "1").await), ["hello", "afterwards"]);
    assert_eq!(service.figure("messagecenter_storage_breaker_open").await, 0);
    let events = heard(&service, Some("5-1"), "breaker_closed").await;
    let (opened, closed) = (events.find("breaker_opened"), events.find("breaker_closed"));
    assert!(opened.is_some() && opened < closed, "{events}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_that_is_full_or_does_not_commit_is_read_all_the_same() {
    let store = MemoryStore::new();
    let before = app(&store, |_| {}).await;
    for number in 10..40 {
        before.say(&user(1), &number.to_string(), "hello").await.ok();
    }
    before.service.stop().await;
    let service = app(&store, |settings| settings.commit.resolve_timeout_ms = 200).await;
    let healthy = |seen: &Value| seen["storage"]["healthy"] == true;
    let stalled = |seen: &Value| seen["storage"]["why"] == "storage does not commit";

    store.faults().set_full(true);
    let failed = service.say(&user(1), "2", "there is no room").await;
    assert_eq!((failed.status, failed.code), (503, 50306), "{failed:?}");
    // Whoever is in nobody's memory is read from storage, also while it is asked whether it can write again.
    for number in 10..30 {
        assert_eq!(texts(service.history(&user(number), "1").await), ["hello"]);
        if number % 5 == 0 {
            let failed = service.say(&user(1), "2", "still no room").await;
            assert_eq!((failed.status, failed.code), (503, 50306), "{failed:?}");
        }
    }
    store.faults().set_full(false);
    service.look_until("/admin/overview", healthy).await;
    service.say(&user(1), "2", "room again").await.ok();

    store.faults().hold_appends(true);
    let unknown = service.say(&user(1), "2", "it takes long").await;
    assert_eq!((unknown.status, unknown.code), (503, 50307), "{unknown:?}");
    service.look_until("/admin/overview", stalled).await;
    for number in 30..40 {
        assert_eq!(texts(service.history(&user(number), "1").await), ["hello"]);
    }
    assert!(stalled(&service.look("/admin/overview").await.data), "the commit still hangs");
    store.faults().hold_appends(false);
    service.look_until("/admin/overview", healthy).await;
    assert_eq!(texts(service.history(&user(2), "1").await), ["room again", "it takes long"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_answers_429_with_retry_after_and_recovers() {
    let store = MemoryStore::new();
    let service = Arc::new(app(&store, |settings| settings.admission.mailbox_capacity = 4).await);
    let path = conversation(&service, 1, 2).await;
    store.faults().hold_appends(true);
    let held: Vec<_> = (0..4)
        .map(|number| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.say(&user(1), "2", &format!("held {number}")).await })
        })
        .collect();
    service.look_until(&path, |seen| seen["depth"] == 4).await;
    let refused = service.say(&user(1), "2", "too many").await;
    assert_eq!((refused.status, refused.code), (429, 42901), "{refused:?}");
    let wait = refused.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| (1..=10).contains(&wait)), "{refused:?}");
    store.faults().hold_appends(false);
    for reply in held {
        reply.await.unwrap().ok();
    }
    service.say(&user(1), "2", "room again").await.ok();
    assert_eq!(service.history(&user(2), "1").await.len(), 6);
}
