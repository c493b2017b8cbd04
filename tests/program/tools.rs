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
