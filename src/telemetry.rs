//! Logs: structured, on standard error, text or JSON. Nothing that is logged holds message content, a phone
//! number or a token. And [`traces`], which go to a collector as [`otlp`] has them.

pub mod otlp;
pub mod traces;

use tracing_subscriber::EnvFilter;

use crate::config::settings::{Log, LogFormat};

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(log: &Log) {
    // What dependencies say matters to an operator only when it is a warning.
    let filter = EnvFilter::new(format!("warn,messagecenter={0},messagecenter_actors={0}", log.level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
