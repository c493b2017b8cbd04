//! What values are refused, and what the refusal says.

use messagecenter::config::{self, Settings, Sources};

fn with(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let flags = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned(), "--set")).collect();
    // The shipped file sets nothing, and naming it keeps the test independent of the working directory's.
    let file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/config/messagecenter.toml").into());
    config::load(&Sources { file, flags, ..Sources::default() })
        .map(|config| config.settings)
        .map_err(|error| error.to_string())
}

fn refusal(key: &str, value: &str) -> String {
    let error = with(&[(key, value)]).unwrap_err();
    assert!(error.contains(key), "names the key: {error}");
    error
}

#[test]
fn a_refusal_names_key_value_and_range() {
    let error = refusal("http.body_limit", "5");
    assert!(error.contains("http.body_limit = 5"), "{error}");
    assert!(error.contains("an integer from 1024 to 67108864"), "{error}");
    assert!(refusal("http.body_limit", "1.5").contains("not an integer"));
    assert!(refusal("groups.open", "yes").contains("true or false"));
    assert!(refusal("http.business_status", "teapot").contains("one of ok, rest"));
    assert!(refusal("server.address", "localhost").contains("an IP address with a port"));
    assert!(refusal("storage.namespace", "a`; REMOVE DATABASE x").contains("letters"));
}

#[test]
fn bounds_belong_to_the_range() {
    assert!(with(&[("http.body_limit", "1024")]).is_ok());
    assert!(with(&[("http.body_limit", "67108864")]).is_ok());
    refusal("http.body_limit", "1023");
    refusal("http.body_limit", "67108865");
}

#[test]
fn an_engine_that_loses_acknowledged_messages_is_refused_with_the_reason() {
    let error = refusal("storage.url", "surrealkv://data/x");
    assert!(error.contains("kill -9"), "{error}");
    assert!(refusal("storage.url", "rocksdb://data/x?sync=sometimes").contains("sync=sometimes"));
    assert!(refusal("storage.url", "rocksdb://?sync=every").contains("path is missing"));
    refusal("storage.url", "postgres://x");
    refusal("storage.url", "data/x");
    for url in ["rocksdb://data/x", "rocksdb:///var/lib/x?sync=every", "mem://", "ws://db:8000", "wss://db"] {
        assert!(with(&[("storage.url", url)]).is_ok(), "{url}");
    }
}

#[test]
fn credentials_in_the_storage_url_are_refused_without_showing_them() {
    let error = refusal("storage.url", "ws://root:hunter2@db:8000");
    assert!(error.contains("storage.password_file"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn an_address_that_others_reach_needs_a_gateway_that_sets_identity_headers() {
    for address in ["0.0.0.0:8888", "[::]:8888", "192.168.1.5:80"] {
        let error = refusal("server.address", address);
        assert!(error.contains("auth.trust_headers"), "{error}");
        assert!(with(&[("server.address", address), ("auth.trust_headers", "true")]).is_ok());
    }
    for address in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:8888"] {
        assert!(with(&[("server.address", address)]).is_ok(), "{address}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    assert!(with(&[("supervision.backoff_min_ms", "60000")]).unwrap_err().contains("backoff_max_ms"));
    assert!(with(&[("admission.mailbox_capacity", "1000000")]).unwrap_err().contains("service_capacity"));
    let both = with(&[("storage.password", "a"), ("storage.password_file", "b")]);
    assert!(both.unwrap_err().contains("not both"));
}

#[test]
fn a_password_comes_from_the_first_line_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hunter2\n").unwrap();
    let settings = with(&[("storage.password_file", path.to_str().unwrap())]).unwrap();
    assert_eq!(settings.storage.password.reveal(), "hunter2");
    let missing = with(&[("storage.password_file", "/nowhere/password")]);
    assert!(missing.unwrap_err().contains("/nowhere/password"));
}

#[test]
fn settings_reach_the_parts_that_use_them() {
    let settings = with(&[
        ("supervision.restart_budget", "7"),
        ("passivation.idle_after_ms", "1500"),
        ("runtime.shards", "3"),
        ("messages.withdraw_window_agent_ms", "9"),
        ("groups.open", "false"),
    ])
    .unwrap();
    assert_eq!(settings.policy().restart_budget, 7);
    assert_eq!(settings.policy().idle_after.as_millis(), 1_500);
    assert_eq!(settings.policy().shards, 3);
    assert_eq!(settings.rules().withdraw_window_agent, 9);
    assert!(!settings.rules().groups_open);
    let defaults = with(&[]).unwrap();
    assert!(defaults.policy().shards > 0 && defaults.workers() > 0, "0 means one per core");
}
