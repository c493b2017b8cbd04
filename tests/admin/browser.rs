//! The console in a real browser. `make test-browser` runs these: they need Chromium and ChromeDriver.

use messagecenter_actors::memory::MemoryStore;
use serde_json::{Value, json};

use super::desk::{OPERATOR, app, because, conversation};
use super::webdriver::{Browser, with_browser};
use crate::harness::App;

/// The pages of the console, and what each says when it is there.
const PAGES: [(&str, &str); 7] = [
    ("overview", "Requests per second"),
    ("actors", "Live tree"),
    ("hot", "Hot actors"),
    ("routing", "Enterprises in memory"),
    ("trouble", "wait for an operator"),
    ("settings", "Settings that change without a restart"),
    ("audit", "What operators did"),
];

/// The tabulator, as WebDriver §17.4.2 names it.
const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";

/// Opens the console and gives it an operator's token.
async fn connect(browser: &Browser, service: &App) {
    let address = service.service.admin_address().expect("an admin listener");
    browser.open(&format!("http://{address}/console")).await;
    browser.write("//input[@id='token']", OPERATOR).await;
    browser.click("//button[.='Connect']").await;
    browser.says("Requests per second").await;
}

async fn go(browser: &Browser, page: &str) {
    browser.run(&format!("location.hash = '{page}'")).await;
}

/// Says why, and does it.
async fn confirm(browser: &Browser, reason: &str) {
    browser.write("//dialog[@open]//input[@id='ask-reason']", reason).await;
    browser.click("//dialog[@open]//button[.='Do it']").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and ChromeDriver: make test-browser"]
async fn an_operator_sees_what_a_setting_would_change_and_then_changes_it() {
    const KEY: &str = "passivation.idle_after_ms";
    let service = app(&MemoryStore::new(), |_| {}).await;
    let service = &service;
    with_browser(|browser| async move {
        connect(&browser, service).await;
        go(&browser, "settings").await;
        let field = format!("//input[@aria-label='live value of {KEY}']");
        browser.write(&field, "x").await;
        browser.click("//button[.='Show differences']").await;
        browser.says("not an integer").await;
        browser.click("//button[.='Reset']").await;
        browser.until("return document.querySelector(`input[aria-label='live value of passivation.idle_after_ms']`)?.value === ''").await;
        browser.write(&field, "7000").await;
        browser.click("//button[.='Show differences']").await;
        browser.says("What would change").await;
        browser.find(&format!("//tr[td[.='{KEY}'] and td[.='7000']]")).await;
        assert_eq!(service.setting(KEY).await["live"], Value::Null, "looking changes nothing");
        browser.click("//button[.='Save']").await;
        confirm(&browser, "quiet nights").await;
        browser.says("Settings, version 1").await;
        browser.find("//tr[td[.='quiet nights'] and td[.='ann']]").await;
        assert_eq!(service.setting(KEY).await["value"], 7_000);
        go(&browser, "audit").await;
        browser.says("quiet nights").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and ChromeDriver: make test-browser"]
async fn an_operator_resumes_a_quarantined_actor() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.admin("POST", &format!("{path}/quarantine"), because("its rows are being repaired")).await.ok();
    service.look_until(&path, |seen| seen["phase"] == "quarantined").await;
    let (service, path) = (&service, &path);
    with_browser(|browser| async move {
        connect(&browser, service).await;
        browser.click("//nav//a[.='Trouble']").await;
        browser.says("1 actors wait for an operator").await;
        browser.click("//button[.='Resume']").await;
        confirm(&browser, "repaired").await;
        browser.says("0 actors wait for an operator").await;
        service.look_until(path, |seen| seen["phase"] == "ready").await;
        let rows = service.look("/admin/audit?limit=1").await.data;
        assert_eq!((&rows[0]["operation"], &rows[0]["reason"]), (&json!("adminResume"), &json!("repaired")));
    })
    .await;
}

#[cfg(feature = "fail-points")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and ChromeDriver: make test-browser"]
async fn an_operator_replays_a_dead_letter() {
    use crate::harness::user;
    use messagecenter_actors::fail_point::poison::{Poison, arm, cure};

    const BAD: &str = "bad apple of the browser";
    let service = app(&MemoryStore::new(), |_| {}).await;
    arm(BAD, Poison::Panic);
    assert_eq!(service.say(&user(1), "2", BAD).await.code, 50302);
    cure(BAD);
    let service = &service;
    with_browser(|browser| async move {
        connect(&browser, service).await;
        browser.click("//nav//a[.='Trouble']").await;
        browser.says("1 messages made their actor panic").await;
        browser.click("//button[.='Replay']").await;
        confirm(&browser, "cured").await;
        browser.says("0 messages made their actor panic").await;
        let told = service.history(&user(2), "1").await;
        assert_eq!(told.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), [BAD]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and ChromeDriver: make test-browser"]
async fn every_page_fits_a_desk_and_a_telephone_in_light_and_dark_and_everything_has_a_name() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let path = conversation(&service, 1, 2).await;
    service.staff(7, 501, 2).await;
    service.admin("POST", &format!("{path}/quarantine"), because("a look")).await.ok();
    let actor = path.replace("/admin/actors/", "actor/");
    let service = &service;
    with_browser(|browser| async move {
        connect(&browser, service).await;
        let pages =
            PAGES.into_iter().chain([(actor.as_str(), "Crashes"), ("routing/7/default", "group default, policy")]);
        for (page, words) in pages {
            go(&browser, page).await;
            browser.says(words).await;
            for width in [1280, 390] {
                let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
                browser.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
                let mut backgrounds = Vec::new();
                for scheme in ["light", "dark"] {
                    let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                    browser.devtools("Emulation.setEmulatedMedia", media).await;
                    let background = "return getComputedStyle(document.body).backgroundColor";
                    backgrounds.push(browser.run(background).await);
                    let wide = browser.run("return document.documentElement.scrollWidth").await;
                    assert!(wide.as_i64().is_some_and(|wide| wide <= width), "{page} is {wide} wide of {width}");
                }
                assert_ne!(backgrounds[0], backgrounds[1], "{page} has one look for light and dark");
            }
            let nameless = "return [...document.querySelectorAll('input,select,button,a')].filter(e => \
                !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()).length";
            assert_eq!(browser.run(nameless).await, 0, "{page} has what a screen reader cannot name");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and ChromeDriver: make test-browser"]
async fn the_console_can_be_used_with_the_keyboard_alone() {
    let service = app(&MemoryStore::new(), |_| {}).await;
    let service = &service;
    with_browser(|browser| async move {
        let address = service.service.admin_address().expect("an admin listener");
        browser.open(&format!("http://{address}/console")).await;
        // The skip link, then the field: Enter connects.
        browser.press(TAB).await;
        assert_eq!(browser.run("return document.activeElement.className").await, "skip");
        browser.press(TAB).await;
        browser.press(OPERATOR).await;
        browser.press(ENTER).await;
        browser.says("Requests per second").await;
        // On to the page of settings through the navigation.
        for _ in 0..60 {
            browser.press(TAB).await;
            if browser.run("return document.activeElement.textContent").await == "Settings" {
                break;
            }
        }
        browser.press(ENTER).await;
        browser.says("Settings that change without a restart").await;
    })
    .await;
}
