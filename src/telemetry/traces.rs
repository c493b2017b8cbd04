//! The exporter of traces: takes spans from the tracer and posts them to a collector, twice a second, by OTLP over HTTP.
//!
//! Guarantees: it never makes anybody wait. A collector that is away or refuses costs its spans, which are counted;
//! they are not kept and not tried again.

use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::runtime::spans::{Span, Tracer};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::otlp;

/// Spans that may wait: a few hundred bytes each.
const CAPACITY: usize = 8_192;

/// Most spans in one request: some hundred kilobytes, which every collector takes.
const BATCH: usize = 512;

/// How often they are sent.
const EVERY: Duration = Duration::from_millis(500);

/// How long the collector may take for one request.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the end of the service waits for the last spans.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Why an endpoint cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not http://HOST[:PORT][/PATH] without user, query and fragment")]
pub struct NoEndpoint;

/// Where spans are posted: an endpoint's `/v1/traces`.
///
/// # Errors
/// It is no plain `http://` URL.
pub fn target(endpoint: &str) -> Result<Url, NoEndpoint> {
    let base = Url::parse(endpoint).map_err(|_| NoEndpoint)?;
    let plain = base.scheme() == "http" && base.username().is_empty() && base.password().is_none();
    if !plain || !base.has_host() || base.query().is_some() || base.fragment().is_some() {
        return Err(NoEndpoint);
    }
    let mut target = base;
    target.path_segments_mut().map_err(|()| NoEndpoint)?.pop_if_empty().extend(["v1", "traces"]);
    Ok(target)
}

/// An exporter that runs.
pub struct Exporter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Starts to sample and to export to `endpoint`; `None` if it is empty. Needs a tokio runtime.
    pub fn start(endpoint: &str, tracer: Arc<Tracer>) -> Option<Self> {
        if endpoint.is_empty() {
            return None;
        }
        // Neither fails: the endpoint was checked with the settings, and nothing of TLS is set up.
        let target = target(endpoint).ok()?;
        let client = Client::builder().timeout(PATIENCE).redirect(Policy::none()).no_proxy().build().ok()?;
        let spans = tracer.open(CAPACITY)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(Work { target, client, tracer, spans, away: false }.run(stopped));
        Some(Self { stop, task })
    }

    /// Sends what is left, if the collector takes it soon, and ends.
    pub async fn stop(self) {
        let Self { stop, mut task } = self;
        let _ = stop.send(()); // it may have ended
        if timeout(LAST_PATIENCE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

struct Work {
    target: Url,
    client: Client,
    tracer: Arc<Tracer>,
    spans: mpsc::Receiver<Span>,
    /// Whether the last attempt failed: told once.
    away: bool,
}

impl Work {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut interval = interval(EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => self.send().await,
                _ = &mut stopped => return self.send().await,
            }
        }
    }

    /// Sends what waits, in batches, until one is not taken.
    async fn send(&mut self) {
        let mut batch = Vec::new();
        while let Ok(span) = self.spans.try_recv() {
            batch.push(span);
            if batch.len() >= BATCH && !self.post(&mut batch).await {
                return;
            }
        }
        if !batch.is_empty() {
            self.post(&mut batch).await;
        }
    }

    async fn post(&mut self, batch: &mut Vec<Span>) -> bool {
        let request = self.client.post(self.target.clone()).header(CONTENT_TYPE, "application/json");
        let sent = request.body(otlp::request(batch)).send().await;
        let refusal = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        match &refusal {
            Some(why) if !self.away => tracing::warn!(%why, "the collector of traces takes no spans"),
            None if self.away => tracing::info!("the collector of traces takes spans again"),
            _ => {}
        }
        let arrived = refusal.is_none();
        self.away = !arrived;
        if arrived {
            self.tracer.exported(batch.len());
        } else {
            self.tracer.dropped(batch.len());
        }
        batch.clear();
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_posted_below_the_endpoints_path() {
        let target = |endpoint| target(endpoint).map(String::from);
        assert_eq!(target("http://127.0.0.1:4318"), Ok("http://127.0.0.1:4318/v1/traces".to_owned()));
        assert_eq!(target("http://tempo/otlp/"), Ok("http://tempo/otlp/v1/traces".to_owned()));
        for wrong in
            ["https://a", "http://a:b@c", "http://a?b", "http://a#b", "collector:4318", "", "http://"]
        {
            assert_eq!(target(wrong), Err(NoEndpoint), "{wrong}");
        }
    }
}
