//! The requests of the contract, as bytes ready to be sent.

use std::fmt::Display;

use serde_json::{Value, json};

/// The bytes of a request. Boxed: pools hold a hundred thousand of them.
pub type Request = Box<[u8]>;

/// Who calls: the identity headers.
#[derive(Clone)]
pub struct Who(String);

pub fn user(id: u64) -> Who {
    Who(format!("newUserId: {id}\r\nappId: web\r\n"))
}

pub fn nobody() -> Who {
    Who("appId: web\r\n".to_owned())
}

impl Who {
    pub fn ent(mut self, id: u64) -> Self {
        self.0.push_str(&format!("entId: {id}\r\n"));
        self
    }
}

/// Any method on any path.
pub fn request(method: &str, path: &str, who: &Who, body: &Value) -> Request {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    format!("{head}{}content-length: {length}\r\n\r\n{body}", who.0).into_bytes().into()
}

/// `POST /message/{operation}`.
pub fn post(operation: &str, who: &Who, body: &Value) -> Request {
    request("POST", &format!("/message/{operation}"), who, body)
}

/// The path of a request.
pub fn path(request: &[u8]) -> &str {
    let line = request.split(|byte| *byte == b'\r').next().expect("a request line");
    std::str::from_utf8(line).ok().and_then(|line| line.split(' ').nth(1)).expect("a path")
}

/// A text to one person.
pub fn message(from: u64, to: impl Display, content: &str) -> Request {
    let mut body = text(1, content);
    body["receiveId"] = json!(to.to_string());
    post("messageAdd", &user(from), &body)
}

/// A text to many persons, at most 500.
pub fn message_to_all(from: u64, to: impl Iterator<Item = u64>, content: &str) -> Request {
    let mut body = text(1, content);
    body["receiverIds"] = to.map(|id| id.to_string()).collect::<Vec<_>>().into();
    post("messageAdd", &user(from), &body)
}

/// A text to groups, at most 500.
pub fn message_to_groups(from: u64, groups: &[String], content: &str) -> Request {
    let mut body = text(3, content);
    body["groupIds"] = json!(groups);
    post("messageAdd", &user(from), &body)
}

fn text(kind: u64, content: &str) -> Value {
    json!({
        "ownType": 2, "type": kind, "title": "", "content": content, "link": "", "item": 0, "itemType": 1,
    })
}

/// History of a one-to-one conversation, newest first; `before` is a messageId or empty.
pub fn history(who: u64, peer: u64, before: &str, size: u64) -> Request {
    let mut body = json!({ "msgType": 1, "userType": 2, "sendId": peer.to_string(), "pageSize": size });
    if !before.is_empty() {
        body["lastId"] = json!(before);
    }
    post("findMessage", &user(who), &body)
}

/// Unread of a user.
pub fn count(who: u64) -> Request {
    post("messageCount", &user(who), &json!({ "userType": 2 }))
}

/// A page of a user's conversations.
pub fn list(who: u64, page: u64, size: u64) -> Request {
    post("conversationList", &user(who), &json!({ "userType": 2, "page": page, "size": size }))
}

/// Marks what `peer` wrote as read, up to a messageId or (empty) all of it.
pub fn read(who: u64, peer: u64, up_to: &str) -> Request {
    let mut body = json!({ "sendId": peer.to_string(), "sendType": 2, "userType": 2 });
    if !up_to.is_empty() {
        body["messageId"] = json!(up_to);
    }
    post("updateReadById", &user(who), &body)
}

/// Takes a message back.
pub fn withdraw(who: u64, message: &str) -> Request {
    post("withdrawMessage", &user(who), &json!({ "messageId": message, "userType": 2 }))
}
