//! Starts the real service in this process on a free port, with a store in memory and a clock that stands
//! still, and speaks the contract to it over HTTP.

use std::path::Path;
use std::sync::Arc;

use messagecenter::config::{self, Settings, Sources};
use messagecenter::service::Service;
use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::ports::Store;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// When every test begins: 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600_000;

/// A running service.
pub struct App {
    #[allow(dead_code, reason = "keeps the service running; some tests stop it")]
    pub service: Service,
    pub clock: Arc<ManualClock>,
    pub client: reqwest::Client,
    pub base: String,
}

/// Who calls: the identity headers.
#[derive(Clone, Default)]
pub struct Who(Vec<(&'static str, String)>);

pub fn nobody() -> Who {
    Who::default().app("web")
}

pub fn user(id: i64) -> Who {
    nobody().with("newUserId", id)
}

pub fn agent(id: i64) -> Who {
    nobody().with("entUserId", id).with("newUserId", 900_000 + id)
}

pub fn seat(id: i64) -> Who {
    nobody().with("positionId", id)
}

impl Who {
    pub fn with(mut self, header: &'static str, value: impl ToString) -> Self {
        self.0.push((header, value.to_string()));
        self
    }

    pub fn app(self, id: &str) -> Self {
        self.with("appId", id)
    }

    pub fn ent(self, id: i64) -> Self {
        self.with("entId", id)
    }

    pub fn key(self, key: &str) -> Self {
        self.with("Idempotency-Key", key)
    }

    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.0 {
            headers.insert(
                HeaderName::try_from(*name).expect("a header name"),
                HeaderValue::from_str(value).expect("a header value"),
            );
        }
        headers
    }
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    #[allow(dead_code, reason = "a failed assertion shows them")]
    pub headers: HeaderMap,
    pub code: i64,
    pub msg: String,
    pub data: Value,
    pub count: i64,
}

impl Reply {
    /// The answer, which must be "done".
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!((self.status, self.code), (200, 0), "expected done, got {self:?}");
        self
    }

    /// The answer, which must be this refusal.
    #[track_caller]
    pub fn refused(self, code: i64) -> Self {
        assert_eq!(self.code, code, "expected the refusal {code}, got {self:?}");
        assert!(self.status < 500, "a client's mistake is never a 5xx: {self:?}");
        self
    }

    pub fn text(&self, field: &str) -> String {
        self.data[field].as_str().unwrap_or_default().to_owned()
    }
}

impl App {
    /// A service on an empty store.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A service on an empty store with other settings than the defaults.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_at(START, change).await
    }

    /// The same, at another time than every test's beginning.
    pub async fn start_at(time: i64, change: impl FnOnce(&mut Settings)) -> Self {
        let (settings, clock) = (settings(change), Arc::new(ManualClock::at(time)));
        let service = Service::start(settings, clock.clone()).await.expect("the service starts");
        Self::over(service, clock)
    }

    /// A service on a store of the test's own, which may fail on purpose.
    pub async fn start_on(store: Arc<dyn Store>, change: impl FnOnce(&mut Settings)) -> Self {
        let (settings, clock) = (settings(change), Arc::new(ManualClock::at(START)));
        let service =
            Service::start_on(settings, clock.clone(), store, "a test").await.expect("the service starts");
        Self::over(service, clock)
    }

    /// So many milliseconds later, on a store that outlives the service: in the folder, or on the server of `TEST_STORE`
    /// the folder's own database.
    pub async fn start_in(folder: &Path, since_start: i64) -> Self {
        let change = |settings: &mut Settings| match std::env::var_os("TEST_STORE") {
            None => {
                let url = format!("rocksdb://{}?sync=every", folder.join("store").display());
                settings.storage.url = url.parse().expect("a storage URL");
            }
            Some(_) => {
                let name = folder.display().to_string();
                let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
                settings.storage.database = format!("restart{name}");
            }
        };
        Self::start_at(START + since_start, change).await
    }

    fn over(service: Service, clock: Arc<ManualClock>) -> Self {
        let base = format!("http://{}", service.address());
        Self { service, clock, client: reqwest::Client::new(), base }
    }

    /// `POST /message/{operation}`.
    pub async fn post(&self, who: &Who, operation: &str, body: Value) -> Reply {
        let request = self.client.post(format!("{}/message/{operation}", self.base));
        Self::reply(request.headers(who.headers()).body(body.to_string())).await
    }

    /// Any method on any path.
    pub async fn send(&self, method: &str, who: &Who, path: &str, body: Value) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        Self::reply(request.headers(who.headers())).await
    }

    async fn reply(request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body");
        let body: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"));
        let keys: Vec<&str> = ["error_code", "error_msg", "data", "count"].into();
        let places: Vec<Option<usize>> = keys.iter().map(|key| text.find(&format!("\"{key}\":"))).collect();
        assert!(
            places[0].is_some() && places[0] < places[1] && places[1] < places[2],
            "keys in order: {text}"
        );
        Reply {
            status,
            headers,
            code: body["error_code"].as_i64().expect("error_code"),
            msg: body["error_msg"].as_str().expect("error_msg").to_owned(),
            data: body["data"].clone(),
            count: body["count"].as_i64().expect("count"),
        }
    }

    /// A figure of `/metrics`, summed over its labels; it must exist.
    pub async fn figure(&self, name: &str) -> u64 {
        let response = self.client.get(format!("{}/metrics", self.base)).send().await.expect("an answer");
        let text = response.text().await.expect("text");
        let named = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values: Vec<u64> =
            text.lines().filter(named).filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        assert!(!values.is_empty(), "{name} is no figure");
        values.iter().sum()
    }

    /// Asks until an answer took no turn of an actor.
    pub async fn until_kept(&self, ask: impl AsyncFn()) {
        let kept = "messagecenter_answers_kept_total";
        let before = self.figure(kept).await;
        for _ in 0..100 {
            ask().await;
            if self.figure(kept).await > before {
                return;
            }
        }
        panic!("every answer took a turn");
    }

    /// Sends a text in kind 1 and returns the answer.
    pub async fn say(&self, who: &Who, to: &str, content: &str) -> Reply {
        self.post(who, "messageAdd", text(2, 1, to, content)).await
    }

    /// All unread of a user.
    pub async fn unread(&self, who: &Who, user_type: i64) -> i64 {
        self.post(who, "messageCount", json!({ "userType": user_type })).await.ok().count
    }

    /// An agent that is online with so many places.
    pub async fn staff(&self, ent: i64, id: i64, capacity: u32) {
        let record = json!({ "entId": ent.to_string(), "name": format!("Agent {id}"), "capacity": capacity });
        self.send("PUT", &nobody(), &format!("/v1/agents/{id}"), record).await.ok();
        let online = json!({ "presence": "online" });
        self.send("PUT", &nobody(), &format!("/v1/agents/{id}/presence"), online).await.ok();
    }

    /// A customer asks for service.
    pub async fn ask_for_service(&self, customer: i64, ent: i64) -> Reply {
        let request = json!({ "msgType": 2, "userType": 2 });
        self.post(&user(customer).ent(ent), "createChatSession", request).await.ok()
    }

    /// The history of a kind-1 conversation, oldest first: (seq, content).
    pub async fn history(&self, who: &Who, peer: &str) -> Vec<(i64, String)> {
        let request = json!({ "msgType": 1, "userType": 2, "sendId": peer, "pageSize": 100, "sort": "asc" });
        let reply = self.post(who, "findMessage", request).await.ok();
        let rows = reply.data.as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| (row["seq"].as_i64().unwrap_or(0), row["content"].as_str().unwrap_or("").to_owned()))
            .collect()
    }
}

/// Settings for a test: any free port, memory; or, if `TEST_STORE` names a SurrealDB server, a new database on it
/// (see tests/surreal/run).
fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = config::load(&Sources::default()).expect("the built-in defaults").settings;
    settings.server.address = "127.0.0.1:0".parse().expect("an address");
    settings.storage.url = "mem://".parse().expect("a storage URL");
    if let Ok(server) = std::env::var("TEST_STORE") {
        settings.storage.url = server.parse().expect("a storage URL");
        settings.storage.database = format!("d{}", uuid::Uuid::new_v4().simple());
        settings.storage.username = "root".to_owned();
        settings.storage.password = "root".to_owned().into();
        settings.http.request_timeout_ms = 60_000;
        settings.storage.timeout_ms = 60_000;
    }
    change(&mut settings);
    settings
}

/// The body of a messageAdd.
pub fn text(own_type: i64, kind: i64, to: &str, content: &str) -> Value {
    json!({
        "ownType": own_type, "type": kind, "receiveId": to, "title": "", "content": content,
        "item": 0, "link": "", "itemType": 1,
    })
}
