//! The rules of text settings, and the rules that join several settings.

use std::net::SocketAddr;

use super::settings::Settings;
use crate::admin::tokens::Tokens;
use crate::storage::StorageUrl;
use crate::telemetry::traces;

/// Anything.
pub(super) fn any(_: &str) -> Result<(), String> {
    Ok(())
}

/// An IP address and a port.
pub(super) fn address(text: &str) -> Result<(), String> {
    text.parse::<SocketAddr>().map(|_| ()).map_err(|_| "not an IP address with a port".to_owned())
}

/// A name that SurrealDB takes without quoting.
pub(super) fn name(text: &str) -> Result<(), String> {
    let plain = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let starts_well = text.chars().next().is_some_and(|letter| letter.is_ascii_alphabetic());
    if plain && starts_well && text.len() <= 64 { Ok(()) } else { Err("not a plain name".to_owned()) }
}

/// Entries that [`crate::admin::tokens`] understands.
pub(super) fn tokens(text: &str) -> Result<(), String> {
    Tokens::parse(text).map(|_| ())
}

/// Where traces go, or nothing.
pub(super) fn collector(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    traces::target(text).map(|_| ()).map_err(|error| error.to_string())
}

/// An engine that is understood.
pub(super) fn storage_url(text: &str) -> Result<(), String> {
    text.parse::<StorageUrl>().map(|_| ()).map_err(|error| error.reason().to_owned())
}

/// Rules that join settings as they were given: the key at fault and what to do.
pub(super) fn joint(settings: &Settings) -> Result<(), (&'static str, String)> {
    values(settings)?;
    let admin = &settings.admin;
    if !admin.tokens_file.is_empty() && !admin.tokens.is_empty() {
        return Err(("admin.tokens", "set it or admin.tokens_file, not both".to_owned()));
    }
    let storage = &settings.storage;
    if !storage.password_file.is_empty() && !storage.password.is_empty() {
        return Err(("storage.password", "set it or storage.password_file, not both".to_owned()));
    }
    Ok(())
}

/// Those of them that hold for what is in effect, when files have been read.
pub(super) fn values(settings: &Settings) -> Result<(), (&'static str, String)> {
    let address = settings.server.address;
    if !address.ip().is_loopback() && !settings.auth.trust_headers {
        return Err((
            "server.address",
            format!(
                "{address} is reachable from other machines, and whoever reaches it may claim any identity \
                 header; listen on 127.0.0.1, or put a gateway in front that sets the headers and set \
                 auth.trust_headers = true"
            ),
        ));
    }
    let supervision = &settings.supervision;
    if supervision.backoff_min_ms > supervision.backoff_max_ms {
        return Err((
            "supervision.backoff_min_ms",
            format!(
                "{} is more than supervision.backoff_max_ms = {}",
                supervision.backoff_min_ms, supervision.backoff_max_ms
            ),
        ));
    }
    let breaker = &settings.breaker;
    if breaker.pause_min_ms > breaker.pause_max_ms {
        return Err((
            "breaker.pause_min_ms",
            format!("{} is more than breaker.pause_max_ms = {}", breaker.pause_min_ms, breaker.pause_max_ms),
        ));
    }
    let admission = &settings.admission;
    if admission.mailbox_capacity > admission.service_capacity {
        return Err((
            "admission.mailbox_capacity",
            format!(
                "{} is more than admission.service_capacity = {}",
                admission.mailbox_capacity, admission.service_capacity
            ),
        ));
    }
    Ok(())
}
