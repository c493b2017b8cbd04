//! A service with an admin listener, and an operator who asks it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messagecenter::config::Settings;
use messagecenter_actors::memory::MemoryStore;
use serde_json::{Value, json};

use crate::harness::App;

pub const OPERATOR: &str = "operator-0123456789";
pub const VIEWER: &str = "viewer-0123456789abc";

/// Longer than anything here takes, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the admin listener said.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub code: i64,
    pub msg: String,
    pub data: Value,
    pub count: i64,
}

impl Said {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!((self.status, self.code), (200, 0), "expected done, got {self:?}");
        self
    }

    #[track_caller]
    pub fn no(self, code: i64) -> Self {
        assert_eq!((self.code, i64::from(self.status)), (code, code / 100), "expected {code}, got {self:?}");
        self
    }
}

/// A service whose operators have tokens.
pub async fn app(store: &MemoryStore, change: impl FnOnce(&mut Settings)) -> App {
    App::start_on(Arc::new(store.clone()), |settings| {
        open(settings);
        change(settings);
    })
    .await
}

/// Opens the admin listener.
pub fn open(settings: &mut Settings) {
    settings.admin.address = "127.0.0.1:0".parse().unwrap();
    settings.admin.tokens = format!("operator ann {OPERATOR}, viewer bo {VIEWER}").into();
}

impl App {
    /// Asks the admin listener with a token and headers.
    pub async fn admin_by(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Said {
        let address = self.service.admin_address().expect("an admin listener");
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("http://{address}{path}")).bearer_auth(token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let answer: Value = response.json().await.expect("an envelope");
        Said {
            status,
            code: answer["error_code"].as_i64().expect("a code"),
            msg: answer["error_msg"].as_str().expect("a text").to_owned(),
            data: answer["data"].clone(),
            count: answer["count"].as_i64().expect("a count"),
        }
    }

    /// Asks as an operator.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Said {
        self.admin_by(OPERATOR, method, path, &[], body).await
    }

    /// Looks.
    pub async fn look(&self, path: &str) -> Said {
        self.admin_by(VIEWER, "GET", path, &[], Value::Null).await.ok()
    }

    /// Changes live settings at a version.
    pub async fn set_live(&self, version: &str, body: Value) -> Said {
        self.admin_by(OPERATOR, "PATCH", "/admin/settings", &[("If-Match", version)], body).await
    }

    /// One row of the live settings.
    pub async fn setting(&self, key: &str) -> Value {
        let all = self.look("/admin/settings").await.data;
        let rows = all["settings"].as_array().cloned().unwrap_or_default();
        rows.into_iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("{key} is not there"))
    }

    /// Looks until it is so.
    pub async fn look_until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let seen = self.admin_by(VIEWER, "GET", path, &[], Value::Null).await;
            if seen.status == 200 && holds(&seen.data) {
                return seen.data;
            }
            assert!(began.elapsed() < PATIENCE, "{path} stays {seen:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The path of the actor of a conversation between two persons.
pub async fn conversation(app: &App, one: i64, other: i64) -> String {
    let sent = app.say(&crate::harness::user(one), &other.to_string(), "hello").await.ok();
    format!("/admin/actors/conversation/{}", sent.text("conversationId"))
}

/// A reason in a body.
pub fn because(reason: &str) -> Value {
    json!({ "reason": reason })
}
