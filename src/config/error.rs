//! What can be wrong with a configuration. Each error is one line that names key, value, source and what is
//! allowed; secrets are never shown.

use std::path::PathBuf;

use super::setting::Setting;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration file {path}: {why}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and where.
        why: String,
    },
    /// There is no such key.
    #[error("unknown setting {key} ({from}); `messagecenter config` lists all")]
    Unknown {
        /// As given.
        key: String,
        /// The layer it came from.
        from: String,
    },
    /// The value is not allowed.
    #[error("{key} = {shown} ({from}) is refused: {why}; allowed: {allowed}", key = setting.key,
            allowed = setting.allowed())]
    Refused {
        /// Which setting.
        setting: &'static Setting,
        /// The value, a secret hidden.
        shown: String,
        /// The layer it came from.
        from: String,
        /// Why.
        why: String,
    },
    /// Two settings do not go together.
    #[error("{key}: {why}")]
    Joint {
        /// The key at fault.
        key: &'static str,
        /// What is wrong and what to do.
        why: String,
    },
    /// The file with the password cannot be read.
    #[error("storage.password_file = {path:?} cannot be read: {why}; allowed: the path of a readable file")]
    PasswordFile {
        /// The path.
        path: String,
        /// Why.
        why: String,
    },
    /// The file with the operators' tokens cannot be used.
    #[error("admin.tokens_file = {path:?} cannot be used: {why}; allowed: the path of a readable file")]
    TokensFile {
        /// The path.
        path: String,
        /// Why.
        why: String,
    },
    /// The table and the structs disagree: a defect of this program.
    #[error("settings table and structs disagree: {0}")]
    Defect(String),
}
