//! The layers and their order: built-in defaults, then the file, then the environment, then flags; the last
//! one that sets a key wins. Every value is checked where it is read, so an error names its source, and a bad
//! value is an error even where a later layer would replace it.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::error::ConfigError;
use super::setting::{self, Setting};
use super::table;

/// How the environment variables of settings begin.
pub const PREFIX: &str = "MESSAGECENTER__";

/// The file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "config/messagecenter.toml";

/// Where settings come from besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file; `None` = [`DEFAULT_FILE`] if it exists.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not begin with [`PREFIX`] are ignored.
    pub environment: Vec<(String, String)>,
    /// Key, value and flag (for messages), in the order given; the last one wins.
    pub flags: Vec<(String, String, &'static str)>,
}

/// One layer, ready to merge.
struct Layer {
    name: String,
    values: Vec<(&'static Setting, Value)>,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut sections: Dict = Dict::new();
        for (setting, value) in &self.values {
            insert(&mut sections, setting.key, value.clone());
        }
        Ok(Profile::Default.collect(sections))
    }
}

/// Puts a value where its key leads: each part before the last one is a table.
fn insert(table: &mut Dict, key: &str, value: Value) {
    let Some((outer, inner)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let entry = table.entry(outer.to_owned()).or_insert_with(|| Value::from(Dict::new()));
    if let Value::Dict(_, entries) = entry {
        insert(entries, inner, value);
    }
}

/// Reads and checks all layers and puts them in order.
///
/// # Errors
/// The first thing wrong, from the lowest layer up.
pub fn stack(sources: &Sources) -> Result<Figment, ConfigError> {
    let mut figment = built_in()?;
    if let Some(path) = file_of(sources) {
        figment = figment.merge(file(&path)?);
    }
    for (name, text) in &sources.environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let key = path.to_lowercase().replace("__", ".");
        figment = figment.merge(single(&key, text, format!("environment {name}"))?);
    }
    for (key, text, flag) in &sources.flags {
        figment = figment.merge(single(key, text, format!("flag {flag}"))?);
    }
    Ok(figment)
}

/// The lowest layer alone.
///
/// # Errors
/// A defect of the table.
pub fn built_in() -> Result<Figment, ConfigError> {
    Ok(Figment::new().merge(defaults()?))
}

fn defaults() -> Result<Layer, ConfigError> {
    let name = "built-in default".to_owned();
    let mut values = Vec::with_capacity(table::SETTINGS.len());
    for setting in table::SETTINGS {
        values.push((setting, parsed(setting, setting.default, &name)?));
    }
    Ok(Layer { name, values })
}

fn file_of(sources: &Sources) -> Option<PathBuf> {
    match &sources.file {
        Some(path) => Some(path.clone()),
        None => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()),
    }
}

fn file(path: &Path) -> Result<Layer, ConfigError> {
    let unreadable = |why: String| ConfigError::File { path: path.to_owned(), why };
    let content = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let document: toml::Table =
        toml::from_str(&content).map_err(|error| unreadable(syntax(&content, &error)))?;
    let name = format!("file {}", path.display());
    let mut values = Vec::new();
    for (section, entries) in &document {
        let toml::Value::Table(entries) = entries else {
            return Err(ConfigError::Unknown { key: section.clone(), from: name });
        };
        for (key, value) in leaves(section, entries) {
            let setting = known(&key, &name)?;
            let value = Value::serialize(value).map_err(|error| unreadable(error.to_string()))?;
            setting.check(&value).map_err(|why| refused(setting, setting.show(&value), &name, why))?;
            values.push((setting, value));
        }
    }
    Ok(Layer { name, values })
}

/// The values of a table by their keys. A table in which a setting's name leads on is gone into; any other is a value.
fn leaves<'a>(section: &str, entries: &'a toml::Table) -> Vec<(String, &'a toml::Value)> {
    let leads_on = |key: &str| {
        table::SETTINGS
            .iter()
            .any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
    };
    let found = entries.iter().flat_map(|(entry, value)| {
        let key = format!("{section}.{entry}");
        match value {
            toml::Value::Table(inner) if leads_on(&key) => leaves(&key, inner),
            _ => vec![(key, value)],
        }
    });
    found.collect()
}

/// What is wrong with a file and where; never its text, which may hold a password.
fn syntax(content: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| content.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", error.message().lines().next().unwrap_or("not TOML"))
}

fn single(key: &str, text: &str, name: String) -> Result<Layer, ConfigError> {
    let setting = known(key, &name)?;
    let value = parsed(setting, text, &name)?;
    Ok(Layer { name, values: vec![(setting, value)] })
}

fn known(key: &str, from: &str) -> Result<&'static Setting, ConfigError> {
    table::find(key).ok_or_else(|| ConfigError::Unknown { key: key.to_owned(), from: from.to_owned() })
}

fn parsed(setting: &'static Setting, text: &str, from: &str) -> Result<Value, ConfigError> {
    setting.parse(text).map_err(|why| {
        // A number shows as it was typed, without the quotes of a text.
        let shown = match text.parse::<i64>() {
            Ok(number) => setting.show(&Value::from(number)),
            Err(_) => setting.show(&Value::from(text)),
        };
        refused(setting, shown, from, why)
    })
}

fn refused(setting: &'static Setting, shown: String, from: &str, why: String) -> ConfigError {
    ConfigError::Refused { setting, shown, from: from.to_owned(), why }
}

/// `value` as the configuration file writes it; shared with the pages made from the table.
pub(super) fn written(setting: &Setting) -> String {
    setting.parse(setting.default).map(|value| setting::show(&value)).unwrap_or_default()
}
