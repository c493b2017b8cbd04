//! The page of `messagecenter top`: lines made of what the admin API answered.

use std::time::Instant;

use serde_json::Value;

/// One look at the service.
#[derive(Debug, Clone)]
pub struct Look {
    /// When.
    pub at: Instant,
    /// `GET /admin/overview`.
    pub overview: Value,
    /// `GET /admin/hot`.
    pub hot: Value,
    /// `GET /admin/metrics`.
    pub figures: String,
}

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Where the admin listener is.
    pub address: &'a str,
    /// What makes an actor hot.
    pub by: &'a str,
    /// The newest look.
    pub now: &'a Look,
    /// The one before it: rates are what came between.
    pub before: Option<&'a Look>,
}

/// The page, line by line.
pub fn draw(page: &Page<'_>) -> Vec<String> {
    let data = &page.now.overview["data"];
    let mut lines = vec![head(page, data), rates(page, data)];
    for waiting in list(&data["waiting"]) {
        lines.push(format!("not ready: {} ({})", text(&waiting["what"]), text(&waiting["why"])));
    }
    if data["stormOpen"] == true {
        lines.push("crash storm: restarts are held back".to_owned());
    }
    lines.push(String::new());
    lines.push(format!(
        "{:<14}{:>10}{:>12}{:>13}{:>10}{:>10}",
        "KIND", "READY", "RECOVERING", "QUARANTINED", "COMMANDS", "TURNS/S"
    ));
    for kind in list(&data["kinds"]) {
        let label = format!("{{kind=\"{}\"}}", text(&kind["kind"]));
        let turns = rate(page, &format!("messagecenter_turn_seconds_count{label}"));
        lines.push(format!(
            "{:<14}{:>10}{:>12}{:>13}{:>10}{:>10.1}",
            text(&kind["kind"]),
            number(&kind["ready"]),
            number(&kind["recovering"]),
            number(&kind["quarantined"]),
            number(&kind["depth"]),
            turns
        ));
    }
    lines.push(String::new());
    lines.push(format!(
        "{:>9}{:>9}{:>12}{:>12}{:>10}{:>7}  HOT BY {}",
        "TURNS/S",
        "WAITING",
        "OLDEST ms",
        "MEAN µs",
        "RESTARTS",
        "SLOW",
        page.by.to_uppercase()
    ));
    for actor in list(&page.now.hot["data"]) {
        lines.push(format!(
            "{:>9.1}{:>9}{:>12}{:>12}{:>10}{:>7}  {}/{}",
            actor["perSecond"].as_f64().unwrap_or(0.0),
            number(&actor["waiting"]),
            actor["oldestWaitMs"].as_u64().map_or_else(|| "-".to_owned(), |wait| wait.to_string()),
            number(&actor["meanWaitMicros"]),
            number(&actor["restarts"]),
            number(&actor["slowTurns"]),
            text(&actor["kind"]),
            text(&actor["key"])
        ));
    }
    lines
}

fn head(page: &Page<'_>, data: &Value) -> String {
    let state = if data["ready"] == true { "ready" } else { "NOT READY" };
    let storage = if data["storage"]["healthy"] == true { "open" } else { "REFUSING" };
    format!(
        "messagecenter {} at {}   {state}   storage {storage}   up {} s   settings v{}   role {}",
        text(&data["version"]),
        page.address,
        data["uptimeMs"].as_u64().unwrap_or(0) / 1_000,
        data["settingsVersion"],
        text(&data["role"])
    )
}

fn rates(page: &Page<'_>, data: &Value) -> String {
    let quarantined: u64 = list(&data["kinds"]).iter().filter_map(|kind| kind["quarantined"].as_u64()).sum();
    format!(
        "requests/s {:.1}   commits/s {:.1}   refused/s {:.1}   held {}/{}   quarantined {quarantined}   dead letters {}",
        rate(page, "messagecenter_requests_total"),
        rate(page, "messagecenter_commit_seconds_count"),
        rate(page, "messagecenter_commands_refused_total"),
        data["commands"]["held"],
        data["commands"]["capacity"],
        data["deadLetters"]
    )
}

/// What a counter gained per second between two looks; 0 for the first.
fn rate(page: &Page<'_>, name: &str) -> f64 {
    let Some(before) = page.before else { return 0.0 };
    let seconds = page.now.at.saturating_duration_since(before.at).as_secs_f64().max(0.001);
    (sum(&page.now.figures, name) - sum(&before.figures, name)).max(0.0) / seconds
}

/// A figure summed over its labels; `name` may end with one set of labels.
fn sum(figures: &str, name: &str) -> f64 {
    let named = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    figures.lines().filter(named).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A number as text, so that it can be aligned.
fn number(value: &Value) -> String {
    value.as_u64().map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A text without anything that a terminal would obey.
fn text(value: &Value) -> String {
    let raw = value.as_str().unwrap_or_default();
    raw.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn look(at: Instant, requests: u32) -> Look {
        let kind = json!({ "kind": "inbox", "ready": 7, "recovering": 0, "quarantined": 2, "depth": 1 });
        Look {
            at,
            overview: json!({ "data": {
                "version": "0.1.0", "ready": false, "waiting": [{ "what": "journal", "why": "storage does not commit" }],
                "storage": { "healthy": false }, "kinds": [kind], "commands": { "held": 3, "capacity": 9 },
                "deadLetters": 4, "uptimeMs": 61_000, "settingsVersion": 5, "role": "viewer",
            } }),
            hot: json!({ "data": [{ "kind": "inbox", "key": "user:1\u{1b}[31m", "perSecond": 12.5, "oldestWaitMs": null }] }),
            figures: format!(
                "messagecenter_requests_total{{operation=\"a\"}} {requests}\nmessagecenter_requests_total{{operation=\"b\"}} 1\n"
            ),
        }
    }

    #[test]
    fn the_page_says_what_matters_and_rates_are_what_came_between() {
        let began = Instant::now();
        let (before, now) = (look(began, 10), look(began + Duration::from_secs(2), 30));
        let lines = draw(&Page { address: "here:1", by: "rate", now: &now, before: Some(&before) });
        let page = lines.join("\n");
        for part in [
            "NOT READY",
            "storage REFUSING",
            "up 61 s",
            "requests/s 10.0",
            "held 3/9",
            "quarantined 2",
            "dead letters 4",
            "not ready: journal (storage does not commit)",
            "HOT BY RATE",
            "inbox/user:1?[31m",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        let first = draw(&Page { address: "here:1", by: "rate", now: &now, before: None });
        assert!(first.join("\n").contains("requests/s 0.0"));
    }
}
