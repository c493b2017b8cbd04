//! The tour of the README, run as a reader would run it, gives the answers that the README shows.

use std::path::Path;

use serde_json::{Value, json};

use super::process::Program;

/// Separates the output of one block from the next; no answer contains it.
const MARK: &str = "=== next block ===";

/// One block of commands and the answers shown below it.
struct Step {
    commands: String,
    shown: Vec<Value>,
}

fn steps(readme: &str) -> Vec<Step> {
    let tour = readme.split("## A five-minute tour").nth(1).unwrap().split("## Guarantees").next().unwrap();
    let mut steps = Vec::new();
    for block in tour.split("```sh\n").skip(1) {
        let (commands, rest) = block.split_once("```").unwrap();
        let answers = rest.trim_start().strip_prefix("```json\n").expect("answers below every block");
        let (answers, _) = answers.split_once("```").unwrap();
        steps.push(Step { commands: commands.to_owned(), shown: lines(answers) });
    }
    steps
}

fn lines(text: &str) -> Vec<Value> {
    let full = text.lines().filter(|line| !line.trim().is_empty());
    full.map(|line| timeless(serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {line}")))).collect()
}

/// An answer without what differs from run to run.
fn timeless(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let random = matches!(name.as_str(), "sentAt" | "durationSeconds" | "sessionId");
                *value = if random && !value.is_null() { json!("varies") } else { timeless(value.take()) };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = timeless(item.take())),
        _ => {}
    }
    answer
}

#[tokio::test]
async fn the_tour_of_the_readme_gives_the_answers_it_shows() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let steps = steps(&std::fs::read_to_string(readme).unwrap());
    assert!(steps.len() >= 10, "only {} blocks found", steps.len());

    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    let address = program.base.trim_start_matches("http://");
    let mut script = String::from("set -eu\n");
    for step in &steps {
        script.push_str(&step.commands.replace("127.0.0.1:8888", address));
        script.push_str(&format!("echo '{MARK}'\n"));
    }
    let output = tokio::process::Command::new("bash").args(["-c", &script]).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    for (step, answers) in steps.iter().zip(said.split(MARK)) {
        assert_eq!(lines(answers), step.shown, "{}", step.commands);
    }
}
