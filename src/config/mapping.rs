//! From settings to what each part takes.

use std::path::PathBuf;
use std::time::Duration;

use messagecenter_actors::breaker::BreakerSettings;
use messagecenter_actors::domain::conversation::retaining::{Retention, Retentions};
use messagecenter_actors::domain::shunt::Numbers;
use messagecenter_actors::journal::JournalSettings;
use messagecenter_actors::runtime::policy::Policy;
use messagecenter_actors::runtime::storm::StormSettings;
use messagecenter_actors::world::Rules;

use super::Settings;
use super::settings::Kept;
use super::table::DAY_MS;
use crate::storage::StorageOptions;

/// Cores of this machine, at least 1.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Settings {
    /// HTTP worker threads.
    pub fn workers(&self) -> usize {
        if self.server.workers == 0 { cores() } else { self.server.workers }
    }

    /// How the store is opened.
    pub fn storage_options(&self) -> StorageOptions {
        let storage = &self.storage;
        StorageOptions {
            namespace: storage.namespace.clone(),
            database: storage.database.clone(),
            username: storage.username.clone(),
            password: storage.password.reveal().to_owned(),
            auth_level: storage.auth_level,
            ca_file: Some(&storage.ca_file).filter(|file| !file.is_empty()).map(PathBuf::from),
            timeout: Duration::from_millis(storage.timeout_ms),
            connect_timeout: Duration::from_millis(storage.connect_timeout_ms),
            block_cache_bytes: storage.block_cache_bytes,
            memtable_bytes: storage.memtable_bytes,
            ..StorageOptions::new(storage.url.clone())
        }
    }

    /// The supervision policy.
    pub fn policy(&self) -> Policy {
        Policy {
            mailbox_capacity: self.admission.mailbox_capacity,
            service_capacity: self.admission.service_capacity,
            turn_budget: self.supervision.turn_budget,
            activation_concurrency: self.activation.concurrency,
            restart_budget: self.supervision.restart_budget,
            restart_window: Duration::from_millis(self.supervision.restart_window_ms),
            backoff_min: Duration::from_millis(self.supervision.backoff_min_ms),
            backoff_max: Duration::from_millis(self.supervision.backoff_max_ms),
            idle_after: Duration::from_millis(self.passivation.idle_after_ms),
            active_limit: self.passivation.active_limit,
            slow_turn: Duration::from_millis(self.supervision.slow_turn_ms),
            shards: if self.runtime.shards == 0 { cores() } else { self.runtime.shards },
        }
    }

    /// When crashes are a storm.
    pub fn storm_settings(&self) -> StormSettings {
        StormSettings {
            actors: self.storm.actors,
            window: Duration::from_millis(self.storm.window_ms),
            lasts: Duration::from_millis(self.storm.lasts_ms),
        }
    }

    /// The journal's numbers.
    pub fn journal_settings(&self) -> JournalSettings {
        JournalSettings {
            max_events: self.commit.max_events,
            max_bytes: self.commit.max_bytes,
            resolve_timeout: Duration::from_millis(self.commit.resolve_timeout_ms),
            retention: Duration::from_secs(self.journal.retention_hours * 3_600),
            retention_bytes: self.journal.retention_bytes,
            checkpoint_interval: Duration::from_millis(self.checkpoint.interval_ms),
            checkpoint_lag_events: self.checkpoint.lag_events,
            checkpoint_lag_bytes: self.checkpoint.lag_bytes,
            checkpoint_lag: Duration::from_millis(self.checkpoint.lag_ms),
            checkpoint_actors: self.checkpoint.actors,
            save_pages: JournalSettings::default().save_pages,
            cache_bytes: self.journal.cache_bytes,
            breaker: BreakerSettings {
                failures: self.breaker.failures,
                window: Duration::from_millis(self.breaker.window_ms),
                pause_min: Duration::from_millis(self.breaker.pause_min_ms),
                pause_max: Duration::from_millis(self.breaker.pause_max_ms),
            },
        }
    }

    /// How long messages are kept.
    fn retentions(&self) -> Retentions {
        let kept = |kept: Kept| Retention { age: i64::from(kept.days) * DAY_MS, messages: kept.messages };
        Retentions {
            one_to_one: kept(self.retention.one_to_one),
            service: kept(self.retention.service),
            group: kept(self.retention.group),
            notice: kept(self.retention.notice),
        }
    }

    /// The rules' numbers.
    pub fn rules(&self) -> Rules {
        Rules {
            withdraw_window: self.messages.withdraw_window_ms,
            withdraw_window_agent: self.messages.withdraw_window_agent_ms,
            groups_open: self.groups.open,
            idempotency_age: self.messages.idempotency_age_ms,
            idempotency_count: self.messages.idempotency_count,
            retention: self.retentions(),
            retention_interval: Rules::default().retention_interval,
            routing: Numbers {
                lease: self.routing.lease_ms,
                heartbeat_lapse: self.routing.heartbeat_lapse_ms,
                default_capacity: self.routing.default_capacity,
                disconnect_grace: self.routing.disconnect_grace_ms,
                exclusion: self.routing.exclusion_ms,
                client_leases: self.routing.client_leases,
            },
            audit_interval: self.routing.audit_interval_ms,
        }
    }
}
