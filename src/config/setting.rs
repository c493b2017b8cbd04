//! What one setting is: its key, what it accepts, and what is said of it. A value that passes [`Setting::check`]
//! can be used without a further look.

use figment::value::Value;

/// One setting. [`super::table::SETTINGS`] holds all of them.
#[derive(Debug)]
pub struct Setting {
    /// `section.name`, as in the file, in `--set` and (upper case, `__` for each dot) in the environment. A name may have
    /// a dot: then it lies in a table of its section.
    pub key: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// The built-in value, as written in the configuration file.
    pub default: &'static str,
    /// Whether a running service takes a new value without a restart.
    pub reloadable: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// What it does and why the default is what it is.
    pub meaning: &'static str,
}

/// What a setting accepts.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number within bounds, both included.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text with a rule of its own.
    Text {
        /// What is allowed, for people.
        allowed: &'static str,
        /// The rule; the error says why not.
        check: fn(&str) -> Result<(), String>,
    },
}

impl Setting {
    /// The same setting, taken by a running service.
    pub(super) const fn live(mut self) -> Self {
        self.reloadable = true;
        self
    }

    /// Whether it can be set for one kind of actor.
    pub fn per_kind(&self) -> bool {
        self.reloadable
            && (matches!(self.section(), "supervision" | "passivation")
                || self.key == "admission.mailbox_capacity")
    }

    /// The section of its key.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// Its key within the section.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("{}{}", super::layers::PREFIX, self.key.to_uppercase().replace('.', "__"))
    }

    /// What it accepts, for people.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Integer { min, max } => format!("an integer from {min} to {max}"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Text { allowed, .. } => allowed.to_owned(),
        }
    }

    /// The value that `text` (from the environment or a flag) means.
    ///
    /// # Errors
    /// Why it means none; the caller adds key, value and [`Setting::allowed`].
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            Kind::Integer { .. } => Value::from(text.parse::<i64>().map_err(|_| "not an integer")?),
            Kind::Flag => Value::from(text.parse::<bool>().map_err(|_| "not true or false")?),
            Kind::Choice(_) | Kind::Text { .. } => Value::from(text),
        };
        self.check(&value)?;
        Ok(value)
    }

    /// Whether `value` is of the right type and within bounds.
    ///
    /// # Errors
    /// Why not; the caller adds key, value and [`Setting::allowed`].
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind {
            Kind::Integer { min, max } => {
                let number = value.to_i128().ok_or("not an integer")?;
                if number < i128::from(min) || number > i128::from(max) {
                    return Err("out of range".to_owned());
                }
                Ok(())
            }
            Kind::Flag => value.to_bool().map(|_| ()).ok_or_else(|| "not true or false".to_owned()),
            Kind::Choice(words) => {
                let word = value.as_str().ok_or("not a text")?;
                if words.contains(&word) { Ok(()) } else { Err("not one of the words".to_owned()) }
            }
            Kind::Text { check, .. } => {
                let text = value.as_str().ok_or("not a text")?;
                check(text)
            }
        }
    }

    /// `value` as people may see it: a secret never is.
    pub fn show(&self, value: &Value) -> String {
        if self.secret {
            let unset = value.as_str().is_some_and(str::is_empty);
            return if unset { "\"\"".to_owned() } else { "(secret)".to_owned() };
        }
        // Whoever puts credentials into a URL is told not to, without repeating them.
        match value.as_str().and_then(|text| text.split_once("://")) {
            Some((scheme, rest)) if rest.contains('@') => format!("\"{scheme}://(hidden)\""),
            _ => show(value),
        }
    }
}

/// `value` as it is written in the configuration file.
pub(super) fn show(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return format!("{text:?}");
    }
    if let Some(flag) = value.to_bool() {
        return flag.to_string();
    }
    if let Some(number) = value.to_i128() {
        return number.to_string();
    }
    match value {
        Value::Num(_, _) => "a fraction".to_owned(),
        Value::Array(_, _) => "a list".to_owned(),
        Value::Dict(_, _) => "a table".to_owned(),
        _ => "nothing".to_owned(),
    }
}

/// A whole number within a range.
pub(super) const fn integer(
    key: &'static str,
    default: &'static str,
    range: (i64, i64),
    meaning: &'static str,
) -> Setting {
    let kind = Kind::Integer { min: range.0, max: range.1 };
    Setting { key, kind, default, reloadable: false, secret: false, meaning }
}

/// On or off.
pub(super) const fn flag(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { key, kind: Kind::Flag, default, reloadable: false, secret: false, meaning }
}

/// One of some words.
pub(super) const fn choice(
    key: &'static str,
    default: &'static str,
    words: &'static [&'static str],
    meaning: &'static str,
) -> Setting {
    Setting { key, kind: Kind::Choice(words), default, reloadable: false, secret: false, meaning }
}

/// A text that passes a check.
pub(super) const fn text(
    key: &'static str,
    default: &'static str,
    allowed: &'static str,
    check: fn(&str) -> Result<(), String>,
    meaning: &'static str,
) -> Setting {
    Setting { key, kind: Kind::Text { allowed, check }, default, reloadable: false, secret: false, meaning }
}
