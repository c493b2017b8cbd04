//! `docs/runbook.md` has a section for every cause of a 503 and every alert, and names only what exists.

use std::collections::BTreeSet;
use std::path::Path;

use messagecenter::config::table;
use messagecenter::http::errors::TABLE;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn sections() -> BTreeSet<String> {
    read("docs/runbook.md").lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect()
}

fn alerts() -> BTreeSet<String> {
    let alert = |line: &str| line.trim().strip_prefix("- alert: ").map(str::to_owned);
    read("config/alerts.yml").lines().filter_map(alert).collect()
}

#[test]
fn every_cause_of_a_503_and_every_alert_has_its_section_and_nothing_else_has() {
    let causes = TABLE.iter().filter(|code| code.rest_status() == 503);
    let causes = causes.map(|code| format!("{} ({})", code.name, code.number));
    let expected: BTreeSet<String> = causes.chain(alerts()).collect();
    assert!(alerts().len() > 5);
    assert_eq!(sections(), expected);
}

/// What stands between backticks, or all words of a page without them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.')
        .map(|word| word.trim_matches('.'))
}

#[test]
fn metrics_that_alerts_and_the_runbook_name_exist() {
    let page = read("docs/metrics.md");
    let documented: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let (alerts, runbook) = (read("config/alerts.yml"), read("docs/runbook.md"));
    let named = words(&alerts).chain(words(&runbook)).filter(|word| word.starts_with("messagecenter_"));
    let mut seen = 0;
    for word in named {
        let family = ["_total", "_bucket"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        assert!(documented.contains(family), "{word} is no metric");
        seen += 1;
    }
    assert!(seen > 10);
}

#[test]
fn settings_that_the_runbook_and_the_container_name_exist() {
    let runbook = read("docs/runbook.md");
    let sections: BTreeSet<&str> =
        table::SETTINGS.iter().filter_map(|setting| setting.key.split('.').next()).collect();
    let named = words(&runbook).filter(|word| {
        word.split_once('.').is_some_and(|(section, key)| sections.contains(section) && !key.is_empty())
    });
    let named: BTreeSet<&str> = named.filter(|word| !word.ends_with(".md")).collect();
    assert!(named.len() > 5);
    for key in named {
        assert!(table::find(key).is_some(), "{key} is no setting");
    }
    let (image, compose) = (read("config/Dockerfile"), read("config/compose.yml"));
    let variables: BTreeSet<&str> =
        words(&image).chain(words(&compose)).filter(|word| word.starts_with("MESSAGECENTER__")).collect();
    assert!(variables.len() > 2);
    for variable in variables {
        let key = variable.trim_start_matches("MESSAGECENTER__").to_lowercase().replacen("__", ".", 1);
        assert!(table::find(&key).is_some(), "{variable} is no setting");
    }
}

#[test]
fn a_drain_ends_before_it_is_cut_off() {
    let unit = read("config/messagecenter.service");
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
    assert_eq!(value("TimeoutStopSec=").as_deref(), Some("90"));
    assert_eq!(value("RestartPreventExitStatus=").as_deref(), Some("2"), "wrong settings stay wrong");
    assert!(value("ExecStart=").is_some_and(|line| line.contains("messagecenter serve --config ")));
    assert!(read("config/compose.yml").contains("stop_grace_period: 90s"));
    assert!(read("config/Dockerfile").contains("STOPSIGNAL SIGTERM"));
}
