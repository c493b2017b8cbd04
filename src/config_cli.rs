//! `messagecenter config --explain KEY`: besides the layers that can be read anywhere, the live layer, which is in the
//! store. A store that does not exist is not made for it, and one that a running service holds is said to be in use.

use crate::admin::live;
use crate::config::live::{LAYER, Overlay, parts};
use crate::config::setting::Setting;
use crate::config::{Config, pages};
use crate::storage::{StorageUrl, SurrealStore};

/// What is known of the live layer.
enum Live {
    /// Nothing: there is no store yet, or it forgets everything.
    Absent(String),
    /// It cannot be read now, and why.
    Unread(String),
    /// This.
    Read(Overlay),
}

/// What is said of one setting.
pub async fn explain(config: &Config, setting: &Setting) -> String {
    let below = pages::explanation(config, setting);
    if !setting.reloadable {
        return below;
    }
    match read(config).await {
        Live::Absent(why) => format!("{below}  {LAYER:<11} none: {why}\n"),
        Live::Unread(why) => format!("{below}  {LAYER:<11} not known: {why}\n"),
        Live::Read(overlay) => with(&overlay, setting, &below),
    }
}

/// The explanation with the values of the live layer.
fn with(overlay: &Overlay, setting: &Setting, below: &str) -> String {
    let mut page = below.to_owned();
    if let Some(value) = overlay.values.get(setting.key) {
        let rest: String = below.split_inclusive('\n').skip(1).filter(|line| !is_layer(line)).collect();
        let under = below.lines().find(|line| is_layer(line)).unwrap_or_default().trim_start();
        let under = under.trim_start_matches("set by").trim_start();
        let version = overlay.version;
        let first = below.lines().next().unwrap_or_default();
        let was = first.split_once(" = ").map_or("", |(_, value)| value);
        page = format!("{} = {value}\n  {:<11} {LAYER} (version {version})\n{rest}", setting.key, "set by");
        page.push_str(&format!("  {:<11} {was}, {under}\n", "without it"));
    }
    let own = overlay.values.iter().filter(|(key, _)| parts(key).0 == setting.key && parts(key).1.is_some());
    own.for_each(|(key, value)| page.push_str(&format!("  {LAYER:<11} {key} = {value}\n")));
    page
}

fn is_layer(line: &str) -> bool {
    line.starts_with("  set by")
}

async fn read(config: &Config) -> Live {
    match &config.settings.storage.url {
        StorageUrl::Memory => return Live::Absent("a store in memory has no live settings yet".to_owned()),
        StorageUrl::Rocksdb { path, .. } if !path.exists() => {
            return Live::Absent(format!("there is no store at {} yet", path.display()));
        }
        StorageUrl::Rocksdb { .. } | StorageUrl::Server { .. } => {}
    }
    let store = match SurrealStore::open_as_it_is(&config.settings.storage_options()).await {
        Ok(store) => store,
        Err(error) => {
            let hint =
                "a running service tells its live settings on its admin listener (GET /admin/settings)";
            return Live::Unread(format!("{error}; {hint}"));
        }
    };
    let overlay = live::read(&store).await;
    store.close().await;
    match overlay {
        Ok(overlay) => Live::Read(overlay),
        Err(error) => Live::Unread(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot write its own input has failed")]

    use serde_json::json;

    use super::*;
    use crate::config::table;

    #[test]
    fn a_live_value_is_shown_with_what_it_replaces() {
        let setting = table::find("passivation.idle_after_ms").unwrap();
        let below = "passivation.idle_after_ms = 120000\n  set by      flag --set\n  default     120000\n";
        let values = json!({ "passivation.idle_after_ms": 5, "passivation.idle_after_ms@inbox": 7 });
        let overlay =
            Overlay { version: 3, values: serde_json::from_value(values).unwrap(), revisions: Vec::new() };
        let page = with(&overlay, setting, below);
        let expected = "passivation.idle_after_ms = 5\n  set by      live (version 3)\n  default     120000\n  \
                        without it  120000, flag --set\n  live        passivation.idle_after_ms@inbox = 7\n";
        assert_eq!(page, expected);
    }
}
