//! Clients of the real program whose messages carry markers that are found again in traces and after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::text;
use crate::program::process::Program;

/// The first writer's id; it writes to the id that lies 1,000 above.
const FIRST: u64 = 5_000;

/// What writer `number` was acknowledged: contents by seq.
pub type Told = BTreeMap<u64, String>;

/// The `n`th message of a writer: its marker, twice, because RocksDB's block headers may cut one in two.
pub fn content(number: u64, n: usize) -> String {
    let marker = format!("mark{number}x{n}!");
    format!("{marker} and some words between, as people write them {marker}")
}

/// Sends one message without repeating it; the seq if it was acknowledged, else status and code.
pub async fn send(program: &Program, number: u64, content: &str) -> Result<u64, (u16, i64)> {
    let me = (FIRST + number).to_string();
    let body = text(2, 1, &(FIRST + 1_000 + number).to_string(), content);
    let (status, answer) = program.post("/message/messageAdd", &[("newUserId", &me)], &body).await;
    match (status, answer["error_code"].as_i64()) {
        (200, Some(0)) => Ok(answer["data"]["seq"].as_u64().unwrap()),
        (status, code) => Err((status, code.unwrap())),
    }
}

/// `writers` at once send `each` messages one after the other; all must be acknowledged.
pub async fn all_write(program: &Arc<Program>, writers: u64, each: usize) -> BTreeMap<u64, Told> {
    let writing: Vec<_> = (0..writers)
        .map(|number| {
            let program = Arc::clone(program);
            tokio::spawn(async move {
                let mut told = Told::new();
                for n in 0..each {
                    let content = content(number, n);
                    told.insert(send(&program, number, &content).await.unwrap(), content);
                }
                (number, told)
            })
        })
        .collect();
    let mut all = BTreeMap::new();
    for writer in writing {
        let (number, told) = writer.await.unwrap();
        all.insert(number, told);
    }
    all
}

/// Repeats one message by its key until it is acknowledged; gives its seq and the failures on the way.
pub async fn send_until_done(program: &Program, number: u64, content: &str) -> (u64, Vec<i64>) {
    let me = (FIRST + number).to_string();
    let body = text(2, 1, &(FIRST + 1_000 + number).to_string(), content);
    let key = content.split(' ').next().unwrap();
    let mut failures = Vec::new();
    loop {
        let who = [("newUserId", me.as_str()), ("Idempotency-Key", key)];
        let (status, answer) = program.post("/message/messageAdd", &who, &body).await;
        let code = answer["error_code"].as_i64().unwrap();
        if (status, code) == (200, 0) {
            return (answer["data"]["seq"].as_u64().unwrap(), failures);
        }
        assert!(status == 503 && code / 100 == 503, "{status}: {answer}");
        failures.push(code);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a writer's conversation holds, all of it, and that nothing is missing between two messages; or the status
/// of the failure to tell it.
pub async fn history(program: &Program, number: u64) -> Result<Told, u16> {
    let me = (FIRST + number).to_string();
    let mut all = Told::new();
    let mut last = String::new();
    loop {
        let body = json!({
            "msgType": 1, "userType": 2, "sendId": (FIRST + 1_000 + number).to_string(), "pageSize": 100,
            "sort": "asc", "lastId": last,
        });
        let (status, answer) = program.post("/message/findMessage", &[("newUserId", &me)], &body).await;
        if status >= 500 {
            return Err(status);
        }
        let Some(rows) = answer["data"].as_array() else { panic!("{answer}") };
        for row in rows {
            all.insert(row["seq"].as_u64().unwrap(), row["content"].as_str().unwrap().to_owned());
        }
        match rows.last() {
            Some(row) => row["messageId"].as_str().unwrap().clone_into(&mut last),
            None => break,
        }
    }
    assert!(all.keys().copied().eq(1..=all.len() as u64), "{:?}", all.keys());
    Ok(all)
}

/// What each writer was told and does not find, in words; a failure to tell it says so itself.
pub async fn lost(program: &Program, told: &BTreeMap<u64, Told>) -> Vec<String> {
    let mut lost = Vec::new();
    for (number, told) in told {
        let Ok(found) = history(program, *number).await else { continue };
        for (seq, content) in told {
            if found.get(seq) != Some(content) {
                lost.push(format!("writer {number}, seq {seq}: {content} became {:?}", found.get(seq)));
            }
        }
    }
    lost
}

/// Endpoints that write nothing.
const READ_ONLY: [&str; 6] = [
    "/message/messageCount",
    "/message/findMessage",
    "/message/userList",
    "/message/conversationList",
    "/message/oneUserPosition",
    "/message/oneUserConversation",
];

/// One request of every sort that writes, one after the other; each must be done. How many there were, and the
/// endpoints of the OpenAPI document that were left out.
pub async fn one_of_each(program: &Program) -> (usize, Vec<String>) {
    let user = [("newUserId", "31")];
    let agent = [("entUserId", "71"), ("newUserId", "32"), ("entId", "7")];
    let customer = [("newUserId", "31"), ("entId", "7")];
    let mut done = Vec::new();
    // The path as the document writes it, and what stands for its parameters.
    let mut ask = async |method: &str, path: &str, ids: &[&str], who: &[(&str, &str)], body: Value| {
        let mut parts = path.split('/').collect::<Vec<_>>();
        let holes = parts.iter_mut().filter(|part| part.starts_with('{'));
        holes.zip(ids).for_each(|(hole, id)| *hole = id);
        let url = format!("{}{}", program.base, parts.join("/"));
        let request = program.client.request(method.parse().unwrap(), url).body(body.to_string());
        let request = request.header("appId", "1");
        let request = who.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["error_code"], json!(0), "{path}: {answer}");
        done.push(format!("{} {path}", method.to_lowercase()));
        answer["data"].clone()
    };
    let record = json!({ "entId": "7", "name": "Ann", "capacity": 5 });
    ask("PUT", "/v1/agents/{entUserId}", &["71"], &[], record).await;
    ask("PUT", "/v1/agents/{entUserId}/presence", &["71"], &[], json!({ "presence": "online" })).await;
    ask("PUT", "/v1/directory/users/{id}", &["31"], &[], json!({ "name": "Li" })).await;
    ask("PUT", "/v1/directory/positions/{id}", &["9"], &[], json!({ "name": "Sales" })).await;
    ask("PUT", "/v1/groups/{id}", &["g1"], &[], json!({ "name": "Team", "members": ["31", "32"] })).await;
    ask("PUT", "/v1/groups/{id}/members", &["g1"], &[], json!({ "members": ["33"] })).await;
    ask("POST", "/message/messageAdd", &[], &user, text(2, 3, "g1", "to a group")).await;
    let mut notice = text(3, 4, "31", "a notice");
    notice["sendId"] = json!("billing");
    ask("POST", "/message/messageAdd", &[], &[], notice).await;
    let sent = ask("POST", "/message/messageAdd", &[], &user, text(2, 1, "32", "one to one")).await;
    let message = sent["messageId"].clone();
    let other = [("newUserId", "32")];
    ask("POST", "/message/updateReadById", &[], &other, json!({ "sendId": "31", "sendType": 2 })).await;
    let vote = json!({ "messageId": message, "userType": 2, "appraise": 1 });
    ask("POST", "/message/appraiseMessage", &[], &other, vote).await;
    ask("POST", "/message/withdrawMessage", &[], &user, json!({ "messageId": message, "userType": 2 })).await;

    let lease = ask("POST", "/message/obtainShunt", &[], &customer, json!({ "type": "default" })).await;
    let wish = json!({ "msgType": 2, "userType": 2, "receiveId": lease["reservationId"] });
    let session = ask("POST", "/message/createChatSession", &[], &customer, wish).await;
    let session = session["sessionId"].as_str().unwrap();
    ask("POST", "/message/messageAdd", &[], &customer, text(2, 2, "", "help")).await;
    ask("POST", "/message/messageAdd", &[], &agent, text(1, 2, "31", "at once")).await;
    ask("PUT", "/v1/shunts/{entId}/{type}", &["7", "vip"], &[], json!({})).await;
    let elsewhere = json!({ "type": "vip", "queue": true });
    ask("POST", "/v1/sessions/{id}/transfer", &[session], &agent, elsewhere).await;
    let close = json!({ "sessionId": session, "userType": 2 });
    ask("POST", "/message/closeChatSession", &[], &customer, close).await;
    ask("PUT", "/v1/shunts/{entId}/{type}", &["7", "default"], &[], json!({ "offerSeconds": 600 })).await;
    for (customer, answer) in [("34", "/v1/sessions/{id}/accept"), ("35", "/v1/sessions/{id}/reject")] {
        let who = [("newUserId", customer), ("entId", "7")];
        let wish = json!({ "msgType": 2, "userType": 2 });
        let offered = ask("POST", "/message/createChatSession", &[], &who, wish).await;
        ask("POST", answer, &[offered["sessionId"].as_str().unwrap()], &agent, json!({})).await;
    }
    let visitor = ask("POST", "/v1/visitors", &[], &[], json!({ "name": "Guest" })).await;
    let visitor = visitor["id"].as_str().unwrap();
    ask("POST", "/v1/visitors/{id}/merge", &[visitor], &[], json!({ "userId": "31" })).await;

    ask("DELETE", "/v1/groups/{id}/members", &["g1"], &[], json!({ "members": ["33"] })).await;
    ask("DELETE", "/v1/groups/{id}", &["g1"], &[], json!({})).await;
    ask("DELETE", "/v1/shunts/{entId}/{type}", &["7", "default"], &[], json!({})).await;
    ask("DELETE", "/v1/agents/{entUserId}", &["71"], &[], json!({})).await;
    ask("DELETE", "/v1/directory/positions/{id}", &["9"], &[], json!({})).await;
    ask("DELETE", "/v1/directory/users/{id}", &["31"], &[], json!({})).await;

    let document = program.client.get(format!("{}/openapi.json", program.base)).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    let mut left_out = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let writing = methods.as_object().unwrap().keys().filter(|method| *method != "get");
        let writing = writing.map(|method| format!("{method} {path}"));
        left_out.extend(writing.filter(|is| !done.contains(is) && !READ_ONLY.contains(&path.as_str())));
    }
    (done.len(), left_out)
}
