//! What the program shows: its version, its settings.

use std::process::Command;

fn shown(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_messagecenter"))
        .args(arguments)
        .env("MESSAGECENTER__LOG__LEVEL", "debug")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(shown(&["--version"]), format!("messagecenter {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_setting_is_explained_with_the_layer_that_set_it() {
    let page = shown(&["config", "--explain", "log.level"]);
    assert!(page.starts_with("log.level = \"debug\"\n"), "{page}");
    for part in ["environment MESSAGECENTER__LOG__LEVEL", "\"info\"", "error, warn, info", "reloadable"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let flag = shown(&["config", "--explain", "server.address", "--address", "127.0.0.1:9999"]);
    assert!(flag.contains("flag --address"), "{flag}");
}

#[test]
fn without_a_key_every_setting_is_explained() {
    let page = shown(&["config"]);
    for setting in messagecenter::config::table::SETTINGS {
        assert!(page.contains(&format!("{} = ", setting.key)), "{}", setting.key);
    }
}
