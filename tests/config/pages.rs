//! The pages in the repository say what the table of settings says.

use std::collections::BTreeSet;
use std::path::Path;

use messagecenter::config::{self, Sources, pages, table};

fn page(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_example_file_documents_every_setting_as_the_table_does() {
    assert!(
        page("config/messagecenter.toml") == pages::example(),
        "run: messagecenter config --page file > config/messagecenter.toml"
    );
}

#[test]
fn the_reference_for_operators_has_the_table_of_settings() {
    assert!(
        page("docs/configuration.md").contains(&pages::reference()),
        "put the output of `messagecenter config --page reference` into docs/configuration.md"
    );
}

#[test]
fn keys_are_unique_and_sections_stay_together() {
    let mut keys = BTreeSet::new();
    let mut sections: Vec<&str> = Vec::new();
    for setting in table::SETTINGS {
        assert!(keys.insert(setting.key), "{} is there twice", setting.key);
        if sections.last() != Some(&setting.section()) {
            assert!(!sections.contains(&setting.section()), "{} is scattered", setting.section());
            sections.push(setting.section());
        }
    }
}

#[test]
fn every_default_passes_its_own_check_and_every_meaning_is_a_sentence() {
    for setting in table::SETTINGS {
        assert!(setting.parse(setting.default).is_ok(), "{}", setting.key);
        assert!(setting.meaning.ends_with('.'), "{}", setting.key);
    }
}

#[test]
fn an_explanation_never_shows_a_secret() {
    let mut sources = Sources { file: Some("config/messagecenter.toml".into()), ..Sources::default() };
    sources.flags.push(("storage.password".to_owned(), "hunter2".to_owned(), "--set"));
    let config = config::load(&sources).unwrap();
    for setting in table::SETTINGS {
        assert!(!pages::explanation(&config, setting).contains("hunter2"));
    }
    assert!(!format!("{:?}", config.settings).contains("hunter2"));
    assert_eq!(config.settings.storage.password.reveal(), "hunter2");
}
