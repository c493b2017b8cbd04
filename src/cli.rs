//! The command line: what may be typed, and the settings that flags stand for.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use messagecenter_actors::domain::event::Policy;

use crate::config::Sources;
use crate::replay_cli::time;

/// Chat, customer-service sessions, groups and notices over HTTP.
#[derive(Debug, Parser)]
#[command(name = "messagecenter", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service until SIGTERM or SIGINT
    Serve {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Show settings: value, the layer that set it, default, range, meaning
    Config {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
        /// Only this setting
        #[arg(long, value_name = "KEY", conflicts_with = "page")]
        explain: Option<String>,
        /// Print a page made from the table of settings instead
        #[arg(long)]
        page: Option<Page>,
    },
    /// Print the journal's events as JSON lines
    Journal {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
        /// The first position to print
        #[arg(long, value_name = "N", default_value_t = 1)]
        from: u64,
        /// Go on with new events as they are committed
        #[arg(long)]
        follow: bool,
    },
    /// Copy the store into one file, also while the service runs
    Backup {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
        /// The file to make; it must not exist
        file: PathBuf,
    },
    /// Fill an empty store from a backup
    Restore {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
        /// The backup
        file: PathBuf,
    },
    /// Check what must hold of a store that is not in use
    Check {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
    },
    /// Watch a running service in the terminal, over its admin listener
    Top {
        /// Where its admin listener is
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8889")]
        admin: String,
        /// A file whose first line is a token; without it the environment variable MESSAGECENTER_ADMIN_TOKEN is used
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// What makes an actor hot
        #[arg(long, value_name = "WHAT", default_value = "rate", value_parser = ["rate", "wait", "restarts"])]
        by: String,
        /// Print one page and end
        #[arg(long)]
        once: bool,
    },
    /// Run the journal's routing again under other rules and compare waits, abandonment, load and fairness
    Replay {
        /// Where settings come from
        #[command(flatten)]
        settings: SettingFlags,
        /// From when on customers count: RFC 3339 or epoch milliseconds
        #[arg(long, value_name = "TIME", value_parser = time, default_value = "0", allow_hyphen_values = true)]
        from: i64,
        /// Until when
        #[arg(long, value_name = "TIME", value_parser = time, default_value = "9223372036854775807")]
        to: i64,
        /// Only this enterprise
        #[arg(long, value_name = "N", allow_hyphen_values = true)]
        ent: Option<i64>,
        /// Every agent's places instead of its own
        #[arg(long, value_name = "N")]
        capacity: Option<u32>,
        /// Every group's policy instead of its own
        #[arg(long, value_name = "POLICY", value_parser = policy)]
        policy: Option<Policy>,
    },
}

/// A policy as typed.
fn policy(text: &str) -> Result<Policy, String> {
    Policy::from_word(text).ok_or_else(|| format!("expected one of {}", Policy::WORDS.join(", ")))
}

/// The pages that `config --page` prints.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Page {
    /// config/messagecenter.toml: every setting, commented
    File,
    /// The table of docs/configuration.md
    Reference,
}

/// Flags that set settings.
#[derive(Debug, Clone, Default, Args)]
pub struct SettingFlags {
    /// Configuration file (default: config/messagecenter.toml if it exists)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Same as --set server.address=ADDRESS
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Same as --set storage.url=URL
    #[arg(long, value_name = "URL")]
    pub storage: Option<String>,
    /// Set one setting; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
}

impl SettingFlags {
    /// The layers that these flags and the process's environment make.
    pub fn sources(self) -> Sources {
        let mut flags = Vec::new();
        for (key, value) in self.set {
            flags.push((key, value, "--set"));
        }
        flags.extend(self.address.map(|value| ("server.address".to_owned(), value, "--address")));
        flags.extend(self.storage.map(|value| ("storage.url".to_owned(), value, "--storage")));
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        Sources { file: self.config, environment, flags }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        None => Err("expected KEY=VALUE, for example log.level=debug".to_owned()),
    }
}
