//! Defaults, file, environment, flags: which one wins, and what each refuses.

use std::path::{Path, PathBuf};

use messagecenter::config::{self, Sources, pages, table};

fn in_file(content: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messagecenter.toml");
    std::fs::write(&path, content).unwrap();
    let sources = Sources { file: Some(path), ..Sources::default() };
    (folder, sources)
}

fn error_of(sources: &Sources) -> String {
    let error = config::load(sources).unwrap_err().to_string();
    assert!(!error.contains('\n'), "one line, but: {error}");
    error
}

fn layer_of(sources: &Sources, key: &str) -> (String, String) {
    config::load(sources).unwrap().origin(table::find(key).unwrap())
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn the_defaults_alone_are_a_valid_configuration() {
    let (_folder, sources) = in_file("");
    let settings = config::load(&sources).unwrap().settings;
    assert_eq!(settings.server.address.to_string(), "127.0.0.1:8888");
    assert_eq!(settings.storage.url.to_string(), "rocksdb://data/messagecenter?sync=every");
    assert!(!settings.auth.trust_headers);
}

#[test]
fn file_beats_default_environment_beats_file_and_flags_beat_all() {
    let (_folder, mut sources) = in_file("[commit]\nmax_events = 10\n");
    let (value, layer) = layer_of(&sources, "commit.max_events");
    assert_eq!(value, "10");
    assert!(layer.starts_with("file "), "{layer}");

    sources.environment.push(pair("MESSAGECENTER__COMMIT__MAX_EVENTS", "20"));
    let (value, layer) = layer_of(&sources, "commit.max_events");
    assert_eq!((value.as_str(), layer.as_str()), ("20", "environment MESSAGECENTER__COMMIT__MAX_EVENTS"));

    sources.flags.push(("commit.max_events".to_owned(), "30".to_owned(), "--set"));
    sources.flags.push(("commit.max_events".to_owned(), "40".to_owned(), "--set"));
    let (value, layer) = layer_of(&sources, "commit.max_events");
    assert_eq!((value.as_str(), layer.as_str()), ("40", "flag --set"));

    let (_, layer) = layer_of(&sources, "commit.max_bytes");
    assert_eq!(layer, "built-in default");
}

#[test]
fn an_unknown_key_is_an_error_in_every_layer() {
    let (_folder, sources) = in_file("[commit]\nmax_event = 10\n");
    assert!(error_of(&sources).contains("commit.max_event "));
    let (_folder, sources) = in_file("max_events = 10\n");
    assert!(error_of(&sources).contains("max_events"));
    let (_folder, sources) = in_file("[comit]\nmax_events = 10\n");
    assert!(error_of(&sources).contains("comit.max_events"));

    let (_folder, mut sources) = in_file("");
    sources.environment.push(pair("MESSAGECENTER__COMMIT__MAX_EVENT", "1"));
    assert!(error_of(&sources).contains("commit.max_event (environment MESSAGECENTER__COMMIT__MAX_EVENT)"));

    let (_folder, mut sources) = in_file("");
    sources.flags.push(("commit".to_owned(), "1".to_owned(), "--set"));
    assert!(error_of(&sources).contains("commit (flag --set)"));
}

#[test]
fn a_name_with_a_dot_lies_in_a_table_of_its_section() {
    for file in [
        "[retention.group]\ndays = 30\n",
        "[retention]\ngroup.days = 30\n",
        "[retention]\ngroup = { days = 30 }\n",
    ] {
        let (_folder, mut sources) = in_file(file);
        assert_eq!(layer_of(&sources, "retention.group.days").0, "30");
        assert_eq!(layer_of(&sources, "retention.group.messages").1, "built-in default");
        sources.environment.push(pair("MESSAGECENTER__RETENTION__GROUP__DAYS", "31"));
        sources.flags.push(("retention.notice.messages".to_owned(), "500".to_owned(), "--set"));
        let settings = config::load(&sources).unwrap().settings;
        assert_eq!((settings.retention.group.days, settings.retention.notice.messages), (31, 500));
        let retention = settings.rules().retention;
        assert_eq!((retention.group.age, retention.one_to_one.age), (31 * 86_400_000, 0));
        assert_eq!((retention.notice.messages, retention.service.messages), (500, 0));
    }
    for (file, key) in [
        ("[retention]\ngroup = 30\n", "retention.group "),
        ("[retention.groups]\ndays = 30\n", "retention.groups "),
        ("[retention.group]\nday = 30\n", "retention.group.day "),
        ("[retention.group.days]\nx = 30\n", "retention.group.days"),
    ] {
        let (_folder, sources) = in_file(file);
        assert!(error_of(&sources).contains(key), "{key} in {}", error_of(&sources));
    }
}

#[test]
fn other_environment_variables_are_not_looked_at() {
    let (_folder, mut sources) = in_file("");
    sources.environment.push(pair("MESSAGECENTER_HOME", "x"));
    sources.environment.push(pair("PATH", "y"));
    assert!(config::load(&sources).is_ok());
}

#[test]
fn a_bad_value_is_an_error_even_where_a_later_layer_would_replace_it() {
    let (_folder, mut sources) = in_file("[commit]\nmax_events = 0\n");
    sources.flags.push(("commit.max_events".to_owned(), "30".to_owned(), "--set"));
    assert!(error_of(&sources).contains("commit.max_events = 0"));
}

#[test]
fn a_named_file_must_exist_and_be_toml() {
    let sources = Sources { file: Some(PathBuf::from("/nowhere/x.toml")), ..Sources::default() };
    assert!(error_of(&sources).contains("/nowhere/x.toml"));
    let (_folder, sources) = in_file("[commit]\nmax_events = = 3\n");
    assert!(error_of(&sources).contains("line 2"));
}

#[test]
fn a_broken_file_does_not_show_its_secrets() {
    let (_folder, sources) = in_file("[storage]\npassword = \"hunter2\" hunter2\n");
    assert!(!error_of(&sources).contains("hunter2"));
    let (_folder, sources) = in_file("[storage]\npassword = [\"hunter2\"]\n");
    assert!(!error_of(&sources).contains("hunter2"));
}

#[test]
fn the_shipped_file_is_valid_as_it_is_and_with_every_line_switched_on() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/messagecenter.toml");
    let sources = Sources { file: Some(shipped), ..Sources::default() };
    assert_eq!(layer_of(&sources, "server.address").1, "built-in default");

    let mut switched_on = String::new();
    for line in pages::example().lines() {
        let assignment = line.strip_prefix("# ").filter(|rest| {
            let name = rest.split(" = ").next().unwrap_or_default();
            rest.contains(" = ") && table::SETTINGS.iter().any(|setting| setting.name() == name)
        });
        switched_on.push_str(assignment.unwrap_or(line));
        switched_on.push('\n');
    }
    let (_folder, sources) = in_file(&switched_on);
    for setting in table::SETTINGS {
        let (_, layer) = layer_of(&sources, setting.key);
        assert!(layer.starts_with("file "), "{} comes from {layer}", setting.key);
    }
}
