//! A browser as an operator has it: headless Chromium, driven through ChromeDriver by the W3C's WebDriver protocol.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::panic::AssertUnwindSafe;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::FutureExt;
use serde_json::{Value, json};

use super::desk::PATIENCE;

/// What an element is called in answers: WebDriver §12.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What `make test-browser` says that is missing.
const MISSING: &str = "chromedriver: install Chromium and ChromeDriver (make tools-browser)";

/// Headless, alone, and without a look at other hosts.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one window.
pub struct Browser {
    driver: Child,
    client: reqwest::Client,
    session: String,
}

/// Something on the page.
pub struct Element(String);

/// Runs `body` in a browser of its own, and ends that browser however the body ends.
pub async fn with_browser<F: Future<Output = ()>>(body: impl FnOnce(Shared) -> F) {
    let browser = std::sync::Arc::new(Browser::start().await);
    let ended = AssertUnwindSafe(body(browser.clone())).catch_unwind().await;
    browser.end().await;
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// A browser that a test holds.
pub type Shared = std::sync::Arc<Browser>;

impl Browser {
    async fn start() -> Self {
        let mut command = Command::new("chromedriver");
        let mut driver = command.arg("--port=0").stdout(Stdio::piped()).spawn().expect(MISSING);
        let output = driver.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
        });
        // A browser that hangs fails its test.
        let client = reqwest::Client::builder().timeout(2 * PATIENCE).build().expect("a client");
        let address = format!("http://127.0.0.1:{}/session", port.expect("a port"));
        let options = json!({ "args": ARGUMENTS });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let made = client.post(&address).json(&wanted).send().await.expect("an answer");
        let made: Value = made.json().await.expect("JSON");
        let id = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}"));
        Self { driver, client, session: format!("{address}/{id}") }
    }

    async fn end(&self) {
        self.client.delete(&self.session).send().await.ok();
    }

    async fn tell(&self, what: &str, body: Value) -> Result<Value, Value> {
        let answer = self.client.post(format!("{}/{what}", self.session)).json(&body).send().await;
        let mut answer: Value = answer.expect("an answer").json().await.expect("JSON");
        if answer["value"]["error"].is_string() { Err(answer) } else { Ok(answer["value"].take()) }
    }

    async fn must(&self, what: &str, body: Value) -> Value {
        self.tell(what, body).await.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Opens a page.
    pub async fn open(&self, address: &str) {
        self.must("url", json!({ "url": address })).await;
    }

    /// What a script returns.
    pub async fn run(&self, script: &str) -> Value {
        self.must("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        self.must("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    /// Waits until an element is there.
    pub async fn find(&self, xpath: &str) -> Element {
        let began = Instant::now();
        loop {
            let found = self.tell("element", json!({ "using": "xpath", "value": xpath })).await;
            if let Some(id) = found.as_ref().ok().and_then(|found| found[ELEMENT].as_str()) {
                return Element(id.to_owned());
            }
            assert!(began.elapsed() < PATIENCE, "there is no {xpath}; the page says {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks what may be replaced at any moment, until it could be clicked.
    pub async fn click(&self, xpath: &str) {
        let began = Instant::now();
        loop {
            let Element(id) = self.find(xpath).await;
            let Err(error) = self.tell(&format!("element/{id}/click"), json!({})).await else { return };
            assert!(began.elapsed() < PATIENCE, "{xpath} cannot be clicked: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Types into an empty field that may be replaced at any moment, until it could be typed into.
    pub async fn write(&self, xpath: &str, text: &str) {
        let began = Instant::now();
        loop {
            let Element(id) = self.find(xpath).await;
            let Err(error) = self.tell(&format!("element/{id}/value"), json!({ "text": text })).await else {
                return;
            };
            assert!(began.elapsed() < PATIENCE, "{xpath} cannot be typed into: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a script returns true.
    pub async fn until(&self, script: &str) {
        let began = Instant::now();
        while self.run(script).await != true {
            assert!(began.elapsed() < PATIENCE, "never {script:?}; the page says {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses keys where the focus is; special ones as WebDriver §17.4.2 has them.
    pub async fn press(&self, keys: &str) {
        let keys = keys.chars().flat_map(|key| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        });
        let source = json!({ "type": "key", "id": "keyboard", "actions": keys.collect::<Vec<_>>() });
        self.must("actions", json!({ "actions": [source] })).await;
    }

    /// What the page says.
    pub async fn text(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says so.
    pub async fn says(&self, text: &str) {
        let began = Instant::now();
        while !self.text().await.contains(text) {
            assert!(began.elapsed() < PATIENCE, "no {text:?}; the page says {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}
