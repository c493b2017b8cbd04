//! The pages made from the table: the answer of `messagecenter config`, the commented example file and the
//! reference for operators. Tests hold the files in the repository against them.

use std::fmt::Write;

use super::Config;
use super::layers::written;
use super::setting::Setting;
use super::table::SETTINGS;

/// Longest line of the example file.
const LINE: usize = 100;

/// What `messagecenter config --explain KEY` says of one setting.
pub fn explanation(config: &Config, setting: &Setting) -> String {
    let (value, layer) = config.origin(setting);
    let mut page = format!("{} = {value}\n", setting.key);
    let rows = [
        ("set by", layer),
        ("default", written(setting)),
        ("allowed", setting.allowed()),
        ("reloadable", yes_or_no(setting.reloadable).to_owned()),
        ("environment", setting.variable()),
        ("meaning", setting.meaning.to_owned()),
    ];
    for (name, text) in rows {
        let _ = writeln!(page, "  {name:<11} {text}"); // writing to a String cannot fail
    }
    page
}

/// The content of `config/messagecenter.toml`: every key with its default, commented out, so that the layer
/// shown by `config` stays "built-in default" until somebody decides otherwise.
pub fn example() -> String {
    let mut page = String::from(
        "# messagecenter: every setting, commented out, with its default.\n\
         #\n\
         # A setting can also come from the environment (MESSAGECENTER__SECTION__NAME) or from a flag\n\
         # (--set section.name=value). Built-in default < this file < environment < flags.\n\
         # `messagecenter config` shows every value and the layer that set it. Unknown keys are errors.\n\
         # Made by `messagecenter config --page file`.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        if setting.section() != section {
            section = setting.section();
            let _ = writeln!(page, "\n[{section}]");
        }
        page.push('\n');
        for line in wrapped(setting.meaning, LINE - 2) {
            let _ = writeln!(page, "# {line}");
        }
        let _ = writeln!(page, "# Default: {}", written(setting));
        let _ = writeln!(page, "# Allowed: {}", setting.allowed());
        let _ = writeln!(page, "# Reloadable: {}", yes_or_no(setting.reloadable));
        let _ = writeln!(page, "# {} = {}", setting.name(), written(setting));
    }
    page
}

/// The table of `docs/configuration.md`.
pub fn reference() -> String {
    let mut page =
        String::from("| Setting | Default | Allowed | Reloadable | Meaning |\n|---|---|---|---|---|\n");
    for setting in SETTINGS {
        let _ = writeln!(
            page,
            "| `{}` | `{}` | {} | {} | {} |",
            setting.key,
            written(setting),
            setting.allowed(),
            yes_or_no(setting.reloadable),
            setting.meaning
        );
    }
    page
}

const fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
