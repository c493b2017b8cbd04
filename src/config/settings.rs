//! The settings as the program uses them: typed, complete and valid. Built only by [`super::load`].
//!
//! The structs refuse unknown and missing keys, so they and [`super::table::SETTINGS`] cannot drift apart: the
//! built-in defaults would not load.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::storage::{AuthLevel, StorageUrl};

/// All settings. What each means stands in [`super::table::SETTINGS`] under `section.name`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the table documents every key, and tests hold it against these structs")]
pub struct Settings {
    pub server: Server,
    pub http: Http,
    pub auth: Auth,
    pub storage: Storage,
    pub commit: Commit,
    pub journal: Journal,
    pub checkpoint: Checkpoint,
    pub breaker: Breaker,
    pub supervision: Supervision,
    pub storm: Storm,
    pub admission: Admission,
    pub passivation: Passivation,
    pub activation: Activation,
    pub runtime: Runtime,
    pub messages: Messages,
    pub retention: Retention,
    pub groups: Groups,
    pub routing: Routing,
    pub admin: Admin,
    pub log: Log,
    pub telemetry: Telemetry,
}

/// One section: a struct whose fields are the table's keys.
macro_rules! section {
    ($(#[$about:meta])* $name:ident { $($(#[$read:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "the table documents every key")]
        pub struct $name {
            $($(#[$read])* pub $field: $type,)+
        }
    };
}

section!(
    /// `server.*`
    Server { address: SocketAddr, workers: usize }
);
section!(
    /// `http.*`
    Http { body_limit: usize, request_timeout_ms: u64, business_status: BusinessStatus }
);
section!(
    /// `auth.*`
    Auth { trust_headers: bool }
);
section!(
    /// `storage.*`
    Storage {
        #[serde(deserialize_with = "parsed")]
        url: StorageUrl,
        namespace: String,
        database: String,
        username: String,
        #[serde(deserialize_with = "parsed")]
        auth_level: AuthLevel,
        ca_file: String,
        password: Secret,
        password_file: String,
        timeout_ms: u64,
        connect_timeout_ms: u64,
        block_cache_bytes: u64,
        memtable_bytes: u64,
    }
);
section!(
    /// `commit.*`
    #[derive(Serialize)]
    Commit { max_events: usize, max_bytes: usize, resolve_timeout_ms: u64 }
);
section!(
    /// `journal.*`
    #[derive(Serialize)]
    Journal { retention_hours: u64, retention_bytes: u64, cache_bytes: u64 }
);
section!(
    /// `checkpoint.*`
    #[derive(Serialize)]
    Checkpoint { interval_ms: u64, lag_events: u64, lag_bytes: u64, lag_ms: u64, actors: usize }
);
section!(
    /// `breaker.*`
    #[derive(Serialize)]
    Breaker { failures: u32, window_ms: u64, pause_min_ms: u64, pause_max_ms: u64 }
);
section!(
    /// `supervision.*`
    #[derive(Serialize)]
    Supervision {
        restart_budget: u32,
        restart_window_ms: u64,
        backoff_min_ms: u64,
        backoff_max_ms: u64,
        turn_budget: usize,
        slow_turn_ms: u64,
    }
);
section!(
    /// `storm.*`
    #[derive(Serialize)]
    Storm { actors: usize, window_ms: u64, lasts_ms: u64 }
);
section!(
    /// `admission.*`
    #[derive(Serialize)]
    Admission { mailbox_capacity: usize, service_capacity: usize, client_capacity: u32 }
);
section!(
    /// `passivation.*`
    #[derive(Serialize)]
    Passivation { idle_after_ms: u64, active_limit: usize }
);
section!(
    /// `activation.*`
    Activation { concurrency: usize }
);
section!(
    /// `runtime.*`
    #[derive(Serialize)]
    Runtime { shards: usize, hang_after_ms: u64 }
);
section!(
    /// `messages.*`
    #[derive(Serialize)]
    Messages {
        withdraw_window_ms: i64,
        withdraw_window_agent_ms: i64,
        idempotency_age_ms: i64,
        idempotency_count: usize,
    }
);
section!(
    /// `retention.*`
    #[derive(Serialize)]
    Retention { one_to_one: Kept, service: Kept, group: Kept, notice: Kept }
);
section!(
    /// `retention.KIND.*`
    #[derive(Serialize, Copy)]
    Kept { days: u32, messages: u64 }
);
section!(
    /// `groups.*`
    #[derive(Serialize)]
    Groups { open: bool }
);
section!(
    /// `routing.*`
    #[derive(Serialize)]
    Routing {
        lease_ms: i64,
        heartbeat_lapse_ms: i64,
        default_capacity: u32,
        disconnect_grace_ms: i64,
        exclusion_ms: i64,
        client_leases: u32,
        audit_interval_ms: i64,
    }
);
section!(
    /// `admin.*`
    Admin { address: SocketAddr, tokens: Secret, tokens_file: String }
);
section!(
    /// `log.*`
    Log { level: String, format: LogFormat }
);
section!(
    /// `telemetry.*`
    #[derive(Serialize)]
    Telemetry { otlp_endpoint: String, sample_one_in: u64 }
);

/// A text whose rule has been checked.
fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// `http.business_status`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusinessStatus {
    /// 200 with the error code.
    Ok,
    /// The matching 4xx.
    Rest,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A text that no output shows.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}
