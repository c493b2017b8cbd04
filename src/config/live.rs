//! Live settings: what operators changed while the service ran. The layer above the flags; kept in the store, so that it
//! survives a restart.
//!
//! Only settings marked reloadable can be here. A key is `section.name`, or `section.name@kind` for one kind of actor.
//! An [`Overlay`] is checked whole: it is used only if every value and every rule that joins them holds, for every kind.

use std::collections::BTreeMap;
use std::time::Duration;

use messagecenter_actors::domain::ids::ActorKey;
use messagecenter_actors::router::operating::Tuning;
use messagecenter_actors::world::Rules;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::setting::Setting;
use super::settings::Settings;
use super::{rules, table};

/// The layer's name, as it is shown.
pub const LAYER: &str = "live";

/// Former states that are kept to go back to.
const REVISIONS: usize = 100;

/// Why a change is refused; text for an operator that names key, value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Values by key.
pub type Values = BTreeMap<String, Value>;

/// One state of the layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Its number, from 1.
    pub version: u64,
    /// Every value of the layer.
    pub values: Values,
    /// When it was made, in epoch milliseconds.
    pub at: i64,
    /// Who made it.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// The layer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Overlay {
    /// Rises by one with each change; 0 = nothing was ever changed.
    pub version: u64,
    /// Every value of the layer.
    pub values: Values,
    /// The newest states, the oldest first; the last one is this one.
    pub revisions: Vec<Revision>,
}

/// One difference between two states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Which setting, with `@kind` where it is of one.
    pub key: String,
    /// What was in effect.
    pub old: Value,
    /// What is in effect then.
    pub new: Value,
}

impl Overlay {
    /// The layer with these changes: a value sets, `null` takes out. Nothing is checked yet.
    pub fn changed(&self, changes: &Values) -> Values {
        let mut values = self.values.clone();
        for (key, value) in changes {
            if value.is_null() {
                values.remove(key);
            } else {
                values.insert(key.clone(), value.clone());
            }
        }
        values
    }

    /// The layer as its next version.
    pub fn next(&self, values: Values, at: i64, who: &str, reason: &str) -> Self {
        let version = self.version + 1;
        let revision =
            Revision { version, values: values.clone(), at, who: who.to_owned(), reason: reason.to_owned() };
        let mut revisions = self.revisions.clone();
        revisions.push(revision);
        let excess = revisions.len().saturating_sub(REVISIONS);
        revisions.drain(..excess);
        Self { version, values, revisions }
    }

    /// The values of a former version; version 0 had none.
    pub fn at_version(&self, version: u64) -> Option<Values> {
        if version == 0 {
            return Some(Values::new());
        }
        let found = self.revisions.iter().find(|revision| revision.version == version);
        found.map(|revision| revision.values.clone())
    }
}

/// Settings with a layer above them, checked.
#[derive(Debug, Clone)]
pub struct Effective {
    /// For every kind of actor that has no values of its own, and for everything else.
    pub settings: Settings,
    /// For single kinds.
    pub kinds: Vec<(&'static str, Settings)>,
}

impl Effective {
    /// Puts `values` above `base`.
    ///
    /// # Errors
    /// The first thing wrong: an unknown key, one that needs a restart, a kind that does not exist, a value out of
    /// range, values that contradict each other.
    pub fn new(base: &Settings, values: &Values) -> Result<Self, Refused> {
        let mut settings = base.clone();
        for (key, value) in values {
            if let (setting, None) = checked(key, value)? {
                put(&mut settings, setting, value)?;
            }
        }
        let contradict = |(key, why): (&str, String)| Refused(format!("{key}: {why}"));
        rules::values(&settings).map_err(contradict)?;
        let mut kinds = Vec::new();
        for kind in ActorKey::KINDS {
            let mut own = settings.clone();
            let mut any = false;
            for (key, value) in values {
                if let (setting, Some(of)) = checked(key, value)?
                    && of == kind
                {
                    put(&mut own, setting, value)?;
                    any = true;
                }
            }
            if any {
                rules::values(&own).map_err(contradict)?;
                kinds.push((kind, own));
            }
        }
        Ok(Self { settings, kinds })
    }

    /// What the actors take.
    pub fn tuning(&self) -> Tuning {
        let rules: Rules = self.settings.rules();
        Tuning {
            policy: self.settings.policy(),
            kinds: self.kinds.iter().map(|(kind, own)| (*kind, own.policy())).collect(),
            rules,
            journal: self.settings.journal_settings(),
            storm: self.settings.storm_settings(),
            hang_after: Duration::from_millis(self.settings.runtime.hang_after_ms),
            sample_one_in: self.settings.telemetry.sample_one_in,
        }
    }

    /// The value in effect of a key, with or without `@kind`; `null` for what is no reloadable setting.
    pub fn value(&self, key: &str) -> Value {
        let (name, kind) = parts(key);
        let own = self.kinds.iter().find(|(of, _)| Some(*of) == kind).map(|(_, own)| own);
        table::find(name).map(|setting| get(own.unwrap_or(&self.settings), setting)).unwrap_or_default()
    }
}

/// What changes in effect from one state to another, over the keys of both layers.
pub fn differences(old: (&Effective, &Values), new: (&Effective, &Values)) -> Vec<Difference> {
    let mut keys: Vec<&String> = old.1.keys().chain(new.1.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let changes = keys.into_iter().map(|key| Difference {
        key: key.clone(),
        old: old.0.value(key),
        new: new.0.value(key),
    });
    changes.filter(|difference| difference.old != difference.new).collect()
}

/// A key's setting name and kind.
pub fn parts(key: &str) -> (&str, Option<&str>) {
    match key.split_once('@') {
        Some((name, kind)) => (name, Some(kind)),
        None => (key, None),
    }
}

fn checked(key: &str, value: &Value) -> Result<(&'static Setting, Option<&'static str>), Refused> {
    let (name, kind) = parts(key);
    let Some(setting) = table::find(name) else {
        return Err(Refused(format!(
            "unknown setting {name}; `GET /admin/settings` lists all that can be changed"
        )));
    };
    if !setting.reloadable {
        return Err(Refused(format!("{name} is taken at the start only: set it there and restart")));
    }
    let kind = match kind {
        None => None,
        Some(kind) => {
            let known = ActorKey::KINDS.into_iter().find(|known| *known == kind);
            let known = known.ok_or_else(|| {
                Refused(format!("{key}: the kind is one of {}", ActorKey::KINDS.join(", ")))
            })?;
            if !setting.per_kind() {
                return Err(Refused(format!("{name} cannot be set for one kind of actor")));
            }
            Some(known)
        }
    };
    let found = as_layers_have_it(value);
    setting.check(&found).map_err(|why| {
        let (shown, allowed) = (setting.show(&found), setting.allowed());
        Refused(format!("{key} = {shown} is refused: {why}; allowed: {allowed}"))
    })?;
    Ok((setting, kind))
}

/// A JSON value as the other layers have it. What no setting accepts becomes a list, which every check refuses.
fn as_layers_have_it(value: &Value) -> figment::value::Value {
    use figment::value::Value as Found;
    match value {
        Value::Bool(flag) => Found::from(*flag),
        Value::String(text) => Found::from(text.as_str()),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Found::from(number),
            (None, Some(number), _) => Found::from(number),
            (None, None, number) => Found::from(number.unwrap_or(f64::NAN)),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Found::from(Vec::<i64>::new()),
    }
}

fn put(settings: &mut Settings, setting: &Setting, value: &Value) -> Result<(), Refused> {
    let name = setting.name();
    let done = match setting.section() {
        "commit" => put_in(&mut settings.commit, name, value),
        "journal" => put_in(&mut settings.journal, name, value),
        "checkpoint" => put_in(&mut settings.checkpoint, name, value),
        "breaker" => put_in(&mut settings.breaker, name, value),
        "supervision" => put_in(&mut settings.supervision, name, value),
        "storm" => put_in(&mut settings.storm, name, value),
        "runtime" => put_in(&mut settings.runtime, name, value),
        "admission" => put_in(&mut settings.admission, name, value),
        "passivation" => put_in(&mut settings.passivation, name, value),
        "messages" => put_in(&mut settings.messages, name, value),
        "retention" => put_in(&mut settings.retention, name, value),
        "groups" => put_in(&mut settings.groups, name, value),
        "routing" => put_in(&mut settings.routing, name, value),
        "telemetry" => put_in(&mut settings.telemetry, name, value),
        _ => None,
    };
    done.ok_or_else(|| Refused(format!("{} cannot be changed live", setting.key)))
}

/// Where a name lies in its section: dots lead further in.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

/// Replaces one field of a section.
fn put_in<T: Serialize + DeserializeOwned>(section: &mut T, name: &str, value: &Value) -> Option<()> {
    let mut fields = serde_json::to_value(&*section).ok()?;
    *fields.pointer_mut(&pointer(name))? = value.clone();
    *section = serde_json::from_value(fields).ok()?;
    Some(())
}

/// The value of a reloadable setting.
pub fn get(settings: &Settings, setting: &Setting) -> Value {
    let section = match setting.section() {
        "commit" => serde_json::to_value(&settings.commit),
        "journal" => serde_json::to_value(&settings.journal),
        "checkpoint" => serde_json::to_value(&settings.checkpoint),
        "breaker" => serde_json::to_value(&settings.breaker),
        "supervision" => serde_json::to_value(&settings.supervision),
        "storm" => serde_json::to_value(&settings.storm),
        "runtime" => serde_json::to_value(&settings.runtime),
        "admission" => serde_json::to_value(&settings.admission),
        "passivation" => serde_json::to_value(&settings.passivation),
        "messages" => serde_json::to_value(&settings.messages),
        "retention" => serde_json::to_value(&settings.retention),
        "groups" => serde_json::to_value(&settings.groups),
        "routing" => serde_json::to_value(&settings.routing),
        "telemetry" => serde_json::to_value(&settings.telemetry),
        _ => Ok(Value::Null),
    };
    section.ok().and_then(|section| section.pointer(&pointer(setting.name())).cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot write its own input has failed")]

    use serde_json::json;

    use super::*;

    fn values(value: Value) -> Values {
        serde_json::from_value(value).unwrap()
    }

    fn refused(value: Value) -> String {
        let base = Settings::built_in().unwrap();
        Effective::new(&base, &values(value)).unwrap_err().0
    }

    #[test]
    fn every_reloadable_setting_can_be_read_and_set_to_its_default() {
        let base = Settings::built_in().unwrap();
        for setting in table::SETTINGS.iter().filter(|setting| setting.reloadable) {
            let value = get(&base, setting);
            assert!(!value.is_null(), "{}", setting.key);
            let set = values(json!({ setting.key: value.clone() }));
            let effective = Effective::new(&base, &set).unwrap();
            assert_eq!(effective.value(setting.key), value, "{}", setting.key);
        }
    }

    #[test]
    fn a_value_for_one_kind_concerns_that_kind_only() {
        let base = Settings::built_in().unwrap();
        let set =
            values(json!({ "passivation.idle_after_ms": 5_000, "passivation.idle_after_ms@inbox": 700 }));
        let tuning = Effective::new(&base, &set).unwrap().tuning();
        assert_eq!(tuning.policy.idle_after.as_millis(), 5_000);
        let kinds: Vec<_> =
            tuning.kinds.iter().map(|(kind, own)| (*kind, own.idle_after.as_millis())).collect();
        assert_eq!(kinds, [("inbox", 700)]);
    }

    #[test]
    fn secrets_that_were_read_from_files_are_no_contradiction() {
        let mut base = Settings::built_in().unwrap();
        base.storage.password_file = "password".to_owned();
        base.storage.password = "hunter2".to_owned().into();
        base.admin.tokens_file = "tokens".to_owned();
        base.admin.tokens = "viewer a 0123456789abcdef".to_owned().into();
        assert!(Effective::new(&base, &values(json!({ "groups.open": false }))).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        assert!(refused(json!({ "retention.group": 1 })).contains("retention.group"));
        assert!(refused(json!({ "retention.group.days": -1 })).contains("from 0 to 36500"));
        assert!(refused(json!({ "passivation.idle": 1 })).contains("passivation.idle"));
        assert!(refused(json!({ "storage.url": "mem://" })).contains("restart"));
        assert!(refused(json!({ "supervision.restart_budget": 0 })).contains("from 1 to 1000"));
        assert!(refused(json!({ "supervision.restart_budget": "5" })).contains("not an integer"));
        assert!(refused(json!({ "supervision.restart_budget@desk": 5 })).contains("session, conversation"));
        assert!(refused(json!({ "routing.lease_ms@inbox": 5_000 })).contains("one kind"));
        assert!(refused(json!({ "supervision.backoff_min_ms@inbox": 60_000 })).contains("backoff_max_ms"));
    }

    #[test]
    fn a_change_is_a_new_version_and_former_ones_can_be_had_back() {
        let first = Overlay::default().next(values(json!({ "groups.open": false })), 1, "ann", "why");
        let second = first.next(first.changed(&values(json!({ "groups.open": null }))), 2, "bo", "");
        assert_eq!((second.version, second.values.len()), (2, 0));
        assert_eq!(second.at_version(1), Some(values(json!({ "groups.open": false }))));
        assert_eq!(second.at_version(0), Some(Values::new()));
        assert_eq!(second.at_version(7), None);
        let many = (0..REVISIONS).fold(second, |overlay, _| overlay.next(Values::new(), 3, "ann", ""));
        assert_eq!(many.revisions.len(), REVISIONS);
    }
}
