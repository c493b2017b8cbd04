//! Who talks where: conversations of every kind, their parties, and the requests that concern them.

use messagecenter_actors::domain::ids::{Address, ConversationKey};
use serde_json::{Value, json};

use crate::harness::{Who, agent, nobody, text, user};

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Two users.
    Pair(i64, i64),
    /// A group with these first and last members.
    Group { id: String, first: i64, last: i64 },
    /// Notices to a user.
    Notice(i64),
    /// A customer and the desk of an enterprise.
    Service { ent: i64, customer: i64 },
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    User(i64),
    Agent(String),
    System,
}

impl Author {
    /// Type and id, as rows show a sender.
    pub fn shown(&self) -> String {
        match self {
            Self::User(id) => format!("user:{id}"),
            Self::Agent(id) => format!("agent:{id}"),
            Self::System => "system:billing".to_owned(),
        }
    }
}

/// One message as a history shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub seq: u64,
    pub message: String,
    pub content: String,
    pub sent_at: i64,
    pub author: String,
    pub withdrawn: bool,
    pub read_by_peer: bool,
    pub up: u64,
    pub down: u64,
    pub mine: i64,
}

impl Row {
    pub fn of(row: &Value) -> Self {
        let string = |value: &Value| value.as_str().expect("a text").to_owned();
        let sender = &row["sender"];
        Self {
            seq: row["seq"].as_u64().expect("seq"),
            message: string(&row["messageId"]),
            content: string(&row["content"]),
            sent_at: row["sentAt"].as_i64().expect("sentAt"),
            author: format!("{}:{}", string(&sender["type"]), string(&sender["id"])),
            withdrawn: row["withdrawn"].as_bool().expect("withdrawn"),
            read_by_peer: row["readByPeer"].as_bool().expect("readByPeer"),
            up: row["appraise"]["up"].as_u64().expect("up"),
            down: row["appraise"]["down"].as_u64().expect("down"),
            mine: row["appraise"]["mine"].as_i64().expect("mine"),
        }
    }
}

impl Place {
    /// Conversations of one generation: its people meet nowhere else.
    pub fn of_generation(generation: i64) -> Vec<Self> {
        let base = 100_000 * (generation + 1);
        let pairs = (0..4).map(|n| Self::Pair(base + 2 * n, base + 2 * n + 1));
        let groups = (0..2).map(|n| Self::Group {
            id: format!("g{generation}-{n}"),
            first: base + 50,
            last: base + 53,
        });
        let notices = (0..2).map(|n| Self::Notice(base + 60 + n));
        pairs.chain(groups).chain(notices).collect()
    }

    /// Kind, as the contract numbers it.
    pub const fn kind(&self) -> i64 {
        match self {
            Self::Pair(..) => 1,
            Self::Service { .. } => 2,
            Self::Group { .. } => 3,
            Self::Notice(_) => 4,
        }
    }

    /// The field of messageCount that counts it.
    pub const fn count_field(&self) -> &'static str {
        match self {
            Self::Pair(..) => "oneToOne",
            Self::Service { .. } => "service",
            Self::Group { .. } => "group",
            Self::Notice(_) => "notice",
        }
    }

    /// The users who read it.
    pub fn readers(&self) -> Vec<i64> {
        match self {
            Self::Pair(one, other) => vec![*one, *other],
            Self::Group { first, last, .. } => (*first..=*last).collect(),
            Self::Notice(user) => vec![*user],
            Self::Service { customer, .. } => vec![*customer],
        }
    }

    /// Those who write to it of their own accord.
    pub fn authors(&self) -> Vec<Author> {
        match self {
            Self::Notice(_) => vec![Author::System],
            _ => self.readers().into_iter().map(Author::User).collect(),
        }
    }

    fn other(&self, than: i64) -> String {
        match self {
            Self::Pair(one, other) => if *one == than { *other } else { *one }.to_string(),
            Self::Group { id, .. } => id.clone(),
            Self::Notice(user) => user.to_string(),
            Self::Service { .. } => String::new(),
        }
    }

    /// A messageAdd.
    pub fn send(&self, author: &Author, content: &str) -> (Who, Value) {
        match (self, author) {
            (Self::Service { ent, .. }, Author::User(id)) => {
                // Named, so that a repeat finds it also when its session has ended.
                let conversation = ConversationKey::Service(*ent, Address::user(*id)).id().to_string();
                (user(*id).ent(*ent), text(2, 2, &conversation, content))
            }
            (Self::Service { customer, .. }, Author::Agent(id)) => {
                (agent(id.parse().expect("a number")), text(1, 2, &customer.to_string(), content))
            }
            (_, Author::User(id)) => (user(*id), text(2, self.kind(), &self.other(*id), content)),
            (_, _) => {
                let mut body = text(3, 4, &self.other(0), content);
                body["sendId"] = json!("billing");
                (nobody(), body)
            }
        }
    }

    /// A findMessage.
    pub fn find(&self, reader: i64, sort: &str, last: &str, size: u64) -> (Who, Value) {
        let other = self.other(reader);
        let body = json!({
            "msgType": self.kind(), "userType": 2, "sendId": other, "chatGroupId": other, "sort": sort,
            "lastId": last, "pageSize": size,
        });
        match self {
            Self::Service { ent, .. } => (user(reader).ent(*ent), body),
            _ => (user(reader), body),
        }
    }

    /// An updateReadById up to `message`.
    pub fn read(&self, reader: i64, message: &str) -> (Who, Value) {
        let side = match self {
            Self::Pair(..) => 2,
            Self::Service { .. } => 1,
            Self::Group { .. } => 3,
            Self::Notice(_) => 4,
        };
        let other = if side == 4 { String::new() } else { self.other(reader) };
        (user(reader), json!({ "sendId": other, "sendType": side, "messageId": message }))
    }
}
