//! Live settings over HTTP.

use messagecenter_actors::domain::ids::ActorKey;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::errors;
use super::live::{Change, To};
use super::routes::{AdminCall, AdminResult};
use crate::config::live::{LAYER, Overlay, Values};
use crate::config::setting::Setting;
use crate::config::table;
use crate::http::call::Answer;
use crate::http::errors::{BAD_FIELD, Problem};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    key: &'static str,
    /// In effect for every kind that has no value of its own.
    value: Value,
    layer: String,
    /// The live layer's value.
    live: Option<Value>,
    /// Without the live layer.
    below: Value,
    allowed: String,
    per_kind: bool,
    /// The live layer's values for single kinds.
    kinds: Map<String, Value>,
    meaning: &'static str,
}

/// `GET /admin/settings`.
pub async fn settings(call: AdminCall) -> AdminResult {
    let (overlay, effective) = call.admin.live.now().await;
    let row = |setting: &'static Setting| {
        let (below, below_layer) = call.admin.live.below(setting.key);
        let live = overlay.values.get(setting.key).cloned();
        let own = |kind: &str| {
            Some((kind.to_owned(), overlay.values.get(&format!("{}@{kind}", setting.key))?.clone()))
        };
        Row {
            key: setting.key,
            value: effective.value(setting.key),
            // One that does not fit any more is kept and not in effect.
            layer: if live.as_ref() == Some(&effective.value(setting.key)) {
                LAYER.to_owned()
            } else {
                below_layer
            },
            live,
            below,
            allowed: setting.allowed(),
            per_kind: setting.per_kind(),
            kinds: ActorKey::KINDS.into_iter().filter_map(own).collect(),
            meaning: setting.meaning,
        }
    };
    let rows: Vec<Row> = table::SETTINGS.iter().filter(|setting| setting.reloadable).map(row).collect();
    let count = rows.len() as u64;
    let Overlay { version, revisions, .. } = &overlay;
    Ok(Answer::new(&json!({ "version": version, "settings": rows, "revisions": revisions }), count))
}

/// `PATCH /admin/settings`.
pub async fn change(call: AdminCall) -> AdminResult {
    let values: Values = serde_json::from_str(call.values.object("values"))
        .map_err(|error| Problem::saying(&BAD_FIELD, format!("field \"values\" cannot be read: {error}")))?;
    make(&call, To::Changes(values)).await
}

/// `POST /admin/settings/revert`.
pub async fn revert(call: AdminCall) -> AdminResult {
    make(&call, To::Version(call.values.int("version").unsigned_abs())).await
}

async fn make(call: &AdminCall, to: To) -> AdminResult {
    let dry_run = call.values.flag("dryRun");
    let (router, clients) = (&call.admin.app.router, &call.admin.app.clients);
    let change = Change {
        to,
        seen: seen(call.values.text("If-Match"))?,
        dry_run,
        at: router.world().clock.now(),
        who: &call.who.name,
        reason: call.values.text("reason"),
    };
    let changed = call.admin.live.change(&change, router, clients).await?;
    let shown = json!({ "version": changed.version, "dryRun": dry_run, "differences": changed.differences });
    call.note(shown.clone());
    Ok(Answer::new(&shown, changed.differences.len() as u64))
}

/// The version that `If-Match` names; quotes as in an entity tag are fine.
fn seen(header: &str) -> Result<u64, Problem> {
    if header.is_empty() {
        return Err(Problem::plain(&errors::VERSION_NEEDED));
    }
    let number = header.trim().trim_matches('"').parse();
    number.map_err(|_| Problem::saying(&errors::VERSION_CHANGED, "If-Match names no version".to_owned()))
}
