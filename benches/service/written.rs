//! What a run leaves behind: `results.json`, and the page and plots made from it.

use std::path::Path;

use super::results::Results;
use super::{page, plots};

const RESULTS: &str = "results.json";

/// Writes everything.
pub fn write(into: &Path, results: &Results) {
    std::fs::create_dir_all(into).expect("a folder");
    let mut json = serde_json::to_string_pretty(results).expect("JSON");
    json.push('\n');
    std::fs::write(into.join(RESULTS), json).expect("written");
    make(into, results);
}

/// Makes page and plots again.
pub fn render(into: &Path) {
    let json = std::fs::read_to_string(into.join(RESULTS)).expect("results of an earlier run");
    make(into, &serde_json::from_str(&json).expect("results as they are written now"));
}

fn make(into: &Path, results: &Results) {
    let drawn = plots::draw(into, results);
    std::fs::write(into.join("README.md"), page::page(results, &drawn)).expect("written");
    println!("written to {}", into.display());
}
