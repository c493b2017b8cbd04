//! What the program refuses: one clear line on standard error, nothing on standard output, a code that is not 0.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_messagecenter"))
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let line = refused(&["config", "--set", "storage.ulr=mem://"]);
    assert!(line.contains("storage.ulr"), "{line}");
    let line = refused(&["config", "--explain", "storage.ulr"]);
    assert!(line.contains("storage.ulr"), "{line}");
}

#[test]
fn surrealkv_is_refused_with_the_reason() {
    let line = refused(&["config", "--storage", "surrealkv://data"]);
    assert!(line.contains("storage.url") && line.contains("kill -9"), "{line}");
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let line = refused(&["config", "--address", "0.0.0.0:8888"]);
    assert!(line.contains("auth.trust_headers"), "{line}");
}

#[test]
fn an_unknown_command_is_refused() {
    assert_eq!(run(&["conquer"]).status.code(), Some(2));
    assert_eq!(run(&["config", "--set", "without-value"]).status.code(), Some(2));
}
