//! Configuration: one table of settings ([`table`]), five layers ([`layers`], and [`live`]
//! above them), typed values ([`settings`]).
//!
//! What [`load`] returns is complete and valid: every later part may use it without a further look. Unknown
//! keys are errors, and secrets are shown nowhere.

pub mod error;
pub mod layers;
pub mod live;
pub mod mapping;
pub mod pages;
mod rules;
pub mod setting;
pub mod settings;
pub mod table;

use figment::Figment;

pub use error::ConfigError;
pub use layers::Sources;
pub use settings::{Secret, Settings};

/// The settings with their origins.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the program uses.
    pub settings: Settings,
    figment: Figment,
}

impl Config {
    /// The value of a setting as people may see it, and the layer that set it.
    pub fn origin(&self, setting: &setting::Setting) -> (String, String) {
        let shown =
            self.figment.find_value(setting.key).map(|value| setting.show(&value)).unwrap_or_default();
        let layer =
            self.figment.find_metadata(setting.key).map(|layer| layer.name.to_string()).unwrap_or_default();
        (shown, layer)
    }
}

impl Settings {
    /// The built-in defaults alone: no file, no environment, no flags.
    ///
    /// # Errors
    /// Only if the table of settings is defective, which tests rule out.
    pub fn built_in() -> Result<Self, ConfigError> {
        typed(&layers::built_in()?)
    }
}

/// Reads, checks and joins all layers.
///
/// # Errors
/// One line that says what is wrong, where, and what is allowed.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let figment = layers::stack(sources)?;
    let mut settings: Settings = figment.extract().map_err(|error| ConfigError::Defect(error.to_string()))?;
    rules::joint(&settings).map_err(|(key, why)| ConfigError::Joint { key, why })?;
    if !settings.storage.password_file.is_empty() {
        settings.storage.password = password_from(&settings.storage.password_file)?;
    }
    if !settings.admin.tokens_file.is_empty() {
        settings.admin.tokens = tokens_from(&settings.admin.tokens_file)?;
    }
    Ok(Config { settings, figment })
}

impl From<Settings> for Config {
    /// Settings that were made in a program: no layer is known of them.
    fn from(settings: Settings) -> Self {
        Self { settings, figment: Figment::new() }
    }
}

fn tokens_from(path: &str) -> Result<Secret, ConfigError> {
    let unreadable = |why: String| ConfigError::TokensFile { path: path.to_owned(), why };
    let content = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    crate::admin::tokens::Tokens::parse(&content).map_err(unreadable)?;
    Ok(Secret::from(content))
}

fn typed(figment: &Figment) -> Result<Settings, ConfigError> {
    figment.extract().map_err(|error| ConfigError::Defect(error.to_string()))
}

fn password_from(path: &str) -> Result<Secret, ConfigError> {
    let content = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::PasswordFile { path: path.to_owned(), why: error.to_string() })?;
    Ok(Secret::from(content.lines().next().unwrap_or_default().to_owned()))
}
