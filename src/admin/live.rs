//! The live settings of a running service: kept in the store, given to the actors, changed whole or not at all.

use std::sync::Arc;

use messagecenter_actors::ports::{Entry, Store, StoreError};
use messagecenter_actors::router::Router;
use serde_json::Value;
use tokio::sync::Mutex;

use super::errors;
use crate::config::live::{self, Difference, Effective, Overlay, Values};
use crate::config::{Config, Settings, table};
use crate::http::clients::Clients;
use crate::http::errors::{Problem, STORAGE_DOWN};

/// The one row.
const ROW: &str = "live";

/// What to change to.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// These values; `null` takes one out of the layer.
    Changes(Values),
    /// A former version.
    Version(u64),
}

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// What to.
    pub to: To,
    /// The version that was looked at.
    pub seen: u64,
    /// Whether only to say what would change.
    pub dry_run: bool,
    /// When, in epoch milliseconds.
    pub at: i64,
    /// Who asks.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The version now.
    pub version: u64,
    /// What changes in effect.
    pub differences: Vec<Difference>,
}

struct State {
    overlay: Overlay,
    effective: Effective,
}

/// The live settings of one service.
pub struct LiveSettings {
    base: Config,
    store: Arc<dyn Store>,
    /// Held while a change is written, so that changes have one order.
    state: Mutex<State>,
}

/// Reads the layer of a store; nothing when it has none.
///
/// # Errors
/// Those of the store; `Corrupt` for a row that cannot be read.
pub async fn read(store: &dyn Store) -> Result<Overlay, StoreError> {
    let found = store.get(Entry::LiveSetting, &[ROW.to_owned()]).await?;
    match found.into_iter().next() {
        None => Ok(Overlay::default()),
        Some((_, row)) => serde_json::from_value(row)
            .map_err(|error| StoreError::Corrupt(format!("live settings: {error}"))),
    }
}

impl LiveSettings {
    /// Puts the layer of the store above `base`. What does not fit any more, because a program or another layer
    /// changed, is left out with a line in the log: a service that does not start could not be corrected. Until it is
    /// corrected nothing is removed by age or number because of that: removing cannot be taken back.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(base: Config, store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let overlay = match read(&*store).await {
            Err(error @ StoreError::Corrupt(_)) => {
                tracing::error!(%error, "no live setting is in effect, and every message is kept");
                Overlay { values: keeping_all(), ..Overlay::default() }
            }
            other => other?,
        };
        let effective = fitting(&base.settings, &overlay.values);
        Ok(Self { base, store, state: Mutex::new(State { overlay, effective }) })
    }

    /// What is in effect now.
    pub async fn effective(&self) -> Effective {
        self.state.lock().await.effective.clone()
    }

    /// The layer now, and what is in effect.
    pub async fn now(&self) -> (Overlay, Effective) {
        let state = self.state.lock().await;
        (state.overlay.clone(), state.effective.clone())
    }

    /// The value below the live layer of a reloadable setting, and the layer it comes from.
    pub fn below(&self, key: &str) -> (Value, String) {
        let (name, _) = live::parts(key);
        let Some(setting) = table::find(name) else { return (Value::Null, String::new()) };
        (live::get(&self.base.settings, setting), self.base.origin(setting).1)
    }

    /// Changes the settings: checked whole, written, then taken by the actors and by who counts callers.
    ///
    /// # Errors
    /// `VERSION_CHANGED`, `NO_SUCH_VERSION`, `BAD_SETTING`; `STORAGE_DOWN` when it is not known to be kept. Nothing is
    /// changed then, unless storage takes the write after all: the next start would find it.
    pub async fn change(
        &self,
        change: &Change<'_>,
        router: &Router,
        clients: &Clients,
    ) -> Result<Changed, Problem> {
        let mut state = self.state.lock().await;
        let version = state.overlay.version;
        if change.seen != version {
            let text = format!("the version is {version}, If-Match says {}", change.seen);
            return Err(Problem::saying(&errors::VERSION_CHANGED, text));
        }
        let values = match &change.to {
            To::Changes(changes) => state.overlay.changed(changes),
            To::Version(version) => {
                let former = state.overlay.at_version(*version);
                former.ok_or_else(|| Problem::plain(&errors::NO_SUCH_VERSION))?
            }
        };
        let effective = Effective::new(&self.base.settings, &values)
            .map_err(|refused| Problem::saying(&errors::BAD_SETTING, refused.0))?;
        let differences = live::differences((&state.effective, &state.overlay.values), (&effective, &values));
        if change.dry_run || values == state.overlay.values {
            return Ok(Changed { version, differences });
        }
        let overlay = state.overlay.next(values, change.at, change.who, change.reason);
        self.keep(&overlay).await?;
        router.tune(effective.tuning());
        clients.set_limit(effective.settings.admission.client_capacity);
        let version = overlay.version;
        *state = State { overlay, effective };
        let named: Vec<String> = differences.iter().map(|one| format!("{} = {}", one.key, one.new)).collect();
        tracing::info!(version, who = change.who, changes = named.join(", "), "live settings changed");
        let events = router.observation().events();
        events.note("settings", "", String::new(), format!("version {version}: {}", named.join(", ")));
        Ok(Changed { version, differences })
    }

    async fn keep(&self, overlay: &Overlay) -> Result<(), Problem> {
        let row = serde_json::to_value(overlay).map_err(|error| not_kept(&error))?;
        match self.store.put(Entry::LiveSetting, ROW, &row).await {
            Ok(()) => Ok(()),
            // It may be there: what the next start would find is what holds.
            Err(StoreError::Unknown(_)) if read(&*self.store).await.is_ok_and(|found| found == *overlay) => {
                Ok(())
            }
            Err(error) => Err(not_kept(&error)),
        }
    }
}

fn not_kept(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "live settings could not be kept");
    Problem::plain(&STORAGE_DOWN)
}

/// Values under which no message is removed.
fn keeping_all() -> Values {
    let retention = table::SETTINGS.iter().filter(|setting| setting.key.starts_with("retention."));
    retention.map(|setting| (setting.key.to_owned(), Value::from(0))).collect()
}

fn fitting(base: &Settings, values: &Values) -> Effective {
    let whole = Effective::new(base, values);
    let mut kept = Values::new();
    match whole {
        Ok(effective) => return effective,
        Err(refused) => tracing::error!(%refused, "live settings do not fit any more; some are left out"),
    }
    let mut effective = None;
    for (key, value) in values {
        let mut more = kept.clone();
        more.insert(key.clone(), value.clone());
        match Effective::new(base, &more) {
            Ok(fits) => (kept, effective) = (more, Some(fits)),
            Err(refused) => {
                tracing::error!(key, %refused, "a live setting is left out");
                let all = keeping_all();
                if let Some(keeps) = all.get(key) {
                    more.insert(key.clone(), keeps.clone());
                    if let Ok(fits) = Effective::new(base, &more) {
                        (kept, effective) = (more, Some(fits));
                    }
                }
            }
        }
    }
    effective.unwrap_or_else(|| Effective { settings: base.clone(), kinds: Vec::new() })
}
