//! `.ci/tools` names what is missing instead of failing later inside a build.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the script with only the programs of `path` in reach.
fn tools(path: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/tools");
    Command::new("/bin/sh").arg(script).env("PATH", path).env_remove("CARGO").output().unwrap()
}

fn pretend(folder: &Path, program: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(program);
    std::fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_missing_cargo_is_named_with_where_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = tools(folder.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cargo is missing") && said.contains("https://rustup.rs"), "{said}");
}

#[test]
fn elsewhere_than_on_debian_a_missing_compiler_is_named() {
    let folder = tempfile::tempdir().unwrap();
    pretend(folder.path(), "cargo");
    let output = tools(folder.path());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("a C and C++ compiler"), "{said}");
}

#[test]
fn nothing_is_installed_when_nothing_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["cargo", "cc", "c++"] {
        pretend(folder.path(), program);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/tools");
    let output = Command::new("/bin/sh")
        .arg(script)
        .env("PATH", folder.path())
        .env("LIBCLANG_PATH", folder.path())
        .env_remove("CARGO")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// What `make` would run for a target: its lines that call cargo.
fn recipe(target: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("make").args(["-n", target]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let calls = ["cargo run", "cargo build", "cargo bench", "cargo test", "cargo clippy"];
    let lines = said.lines().filter(|line| calls.iter().any(|call| line.contains(call)));
    lines.map(str::to_owned).collect()
}

/// A release with fail points does not even compile: see the end of `actors/src/lib.rs`.
#[test]
fn tests_and_lints_are_built_with_fail_points_and_what_people_run_is_not() {
    for target in ["run", "release", "bench"] {
        let lines = recipe(target);
        assert!(!lines.is_empty(), "{target} calls no cargo");
        for line in lines {
            assert!(!line.contains("features"), "{target}: {line}");
        }
    }
    for target in ["test", "torture", "lint"] {
        for line in recipe(target) {
            assert!(line.contains("--features fail-points"), "{target}: {line}");
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for manifest in ["Cargo.toml", "actors/Cargo.toml"] {
        let manifest = std::fs::read_to_string(folder.join(manifest)).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let features: Vec<&String> = manifest["features"].as_table().unwrap().keys().collect();
        assert_eq!(features, ["fail-points"], "none is on by default");
    }
}
