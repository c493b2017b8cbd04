//! The life of a request: found, read, handled within its time, answered, counted.
//!
//! Guarantees: every request that HTTP itself can read gets an envelope (but for `/metrics` and
//! `/openapi.json`); no mistake of a client is answered with a 5xx; a handler that panics costs one request.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures::FutureExt;
use messagecenter_actors::runtime::spans::{self, Sampled, What};
use tokio::time::timeout;

use super::body;
use super::call::{Answer, AppState, Call};
use super::crashed::Kept;
use super::errors::{BODY_INCOMPLETE, DEFECT, Problem, TIMED_OUT, UNKNOWN_PATH, WRONG_METHOD};
use super::field::Family;
use super::metrics::{DONE, NO_OPERATION};
use super::reading::Parts;
use super::routes::{self, Found, Route};
use crate::config::Settings;
use crate::config::settings::BusinessStatus;

/// How long an idle connection is kept: longer than the 60 s of usual load balancers, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a new connection may take until the head of its first request is there: a telephone in a tunnel, or a
/// client on a busy machine, takes longer than actix-web's five seconds.
pub const FIRST_HEAD: Duration = Duration::from_secs(20);

/// How long a shutdown waits for answers to be written, beyond the time that requests may take anyway.
const WRITING_SECONDS: u64 = 4;

/// The header by which a caller that traces says so (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// What the server is told.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where it listens; port 0 = any free one.
    pub address: SocketAddr,
    /// Its threads.
    pub workers: usize,
    /// Largest body in bytes, after decompression.
    pub body_limit: usize,
    /// How long the body may take to arrive, and then the handler to answer.
    pub request_timeout: Duration,
    /// The HTTP status of business refusals.
    pub business_status: BusinessStatus,
    /// Whether a gateway in front says who calls.
    pub trust_headers: bool,
}

impl From<&Settings> for HttpSettings {
    fn from(settings: &Settings) -> Self {
        Self {
            address: settings.server.address,
            workers: settings.workers(),
            body_limit: settings.http.body_limit,
            request_timeout: Duration::from_millis(settings.http.request_timeout_ms),
            business_status: settings.http.business_status,
            trust_headers: settings.auth.trust_headers,
        }
    }
}

/// A server that listens.
pub struct Serving {
    /// Where it listens, with the port that was chosen.
    pub address: SocketAddr,
    /// Stops it: `handle.stop(true).await` lets running requests end.
    pub handle: ServerHandle,
    /// Runs it: must be awaited or spawned; ends when it was stopped.
    pub server: Server,
}

/// Listens and serves. Signals are not handled here. Needs a tokio runtime.
///
/// # Errors
/// The address cannot be listened on.
pub fn serve(settings: HttpSettings, state: Arc<AppState>) -> io::Result<Serving> {
    let (address, workers) = (settings.address, settings.workers);
    // A request that has just begun may take its time twice: for its body and for its answer.
    let shutdown_seconds = (settings.request_timeout * 2).as_secs() + WRITING_SECONDS;
    let shared = (settings, state);
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(shared.clone())).default_service(web::to(answer))
    })
    .workers(workers.max(1))
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(FIRST_HEAD)
    .shutdown_timeout(shutdown_seconds)
    .disable_signals()
    .bind(address)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    Ok(Serving { address, handle: server.handle(), server })
}

type Shared = (HttpSettings, Arc<AppState>);

async fn answer(request: HttpRequest, mut payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    let began = Instant::now();
    let (settings, state) = shared.get_ref();
    let mut allow = None;
    let mut traced = None;
    let (operation, outcome) = match routes::find(request.method().as_str(), request.uri().path()) {
        Found::Route(route, parameters) => {
            traced = sample(route, &request, state).map(|sampled| (route, sampled));
            let handling = handle(route, &parameters, &request, &mut payload, &shared);
            let outcome = spans::within(traced.map(|(_, sampled)| sampled.trace), handling).await;
            (route.endpoint.operation, outcome)
        }
        Found::OtherMethods(methods) => {
            allow = Some(methods);
            (NO_OPERATION, Err(Problem::plain(&WRONG_METHOD)))
        }
        Found::Nothing => (NO_OPERATION, Err(Problem::plain(&UNKNOWN_PATH))),
    };
    let (answer, outcome) = match outcome {
        Ok(answer) => (answer, DONE),
        Err(problem) => (Answer::problem(&problem, settings.business_status), problem.code.name),
    };
    state.requests.count(operation, outcome, began.elapsed());
    if let Some((Route { endpoint, .. }, Sampled { trace, parent })) = traced {
        let what = What::Request {
            operation,
            method: endpoint.method.as_str(),
            route: endpoint.path,
            status: answer.status,
            error: (outcome != DONE).then_some(outcome),
        };
        state.router.observation().tracer().end(trace, parent, what, began);
    }
    respond(answer, allow)
}

/// Whether a request is traced: health and figures never are.
fn sample(route: &Route, request: &HttpRequest, state: &AppState) -> Option<Sampled> {
    if route.endpoint.family == Family::Operation {
        return None;
    }
    let tracer = state.router.observation().tracer();
    tracer.sample(|| {
        let mut said = request.headers().get_all(TRACEPARENT);
        // Two say nothing.
        said.next().filter(|_| said.next().is_none())?.as_bytes().try_into().ok()
    })
}

async fn handle(
    route: &'static Route,
    parameters: &[String],
    request: &HttpRequest,
    payload: &mut web::Payload,
    (settings, state): &Shared,
) -> Result<Answer, Problem> {
    let client = client(request, settings.trust_headers);
    // Health and figures must be seen when callers are refused.
    let counted = route.endpoint.family != Family::Operation;
    let _place = if counted { state.clients.admit(request.headers(), client.as_deref())? } else { None };
    let body = if route.reader.reads_body() {
        let reading = body::read(request, payload, settings.body_limit);
        timeout(settings.request_timeout, reading).await.map_err(|_| Problem::plain(&BODY_INCOMPLETE))??
    } else {
        web::Bytes::new()
    };
    let query = request.query_string();
    let parts = Parts { path: parameters, query, headers: request.headers(), body: &body };
    let outcome = once(route, &parts, client.clone(), settings, state).await;
    if let Err(Problem { letter: Some(letter), .. }) = &outcome {
        let headers = route.reader.headers(request.headers());
        let (parameters, query) = (parameters.to_vec(), query.to_owned());
        state.crashed.keep(*letter, Kept { route, parameters, query, headers, body, client });
    }
    outcome
}

/// Handles a request that was received whole.
async fn once(
    route: &'static Route,
    parts: &Parts<'_>,
    client: Option<Arc<str>>,
    settings: &HttpSettings,
    state: &Arc<AppState>,
) -> Result<Answer, Problem> {
    let handling = async {
        let values = route.reader.read(parts)?;
        let call = Call { endpoint: route.endpoint, values, app: Arc::clone(state), client };
        (route.handler)(call).await.map_err(Problem::from)
    };
    contained(route.endpoint.operation, settings.request_timeout, handling).await
}

/// Handles once more a request that made an actor panic.
///
/// # Errors
/// What its sender would be told.
pub async fn once_more(
    kept: &Kept,
    settings: &HttpSettings,
    state: &Arc<AppState>,
) -> Result<Answer, Problem> {
    let Kept { route, parameters, query, headers, body, client } = kept;
    let parts = Parts { path: parameters, query, headers, body };
    once(route, &parts, client.clone(), settings, state).await
}

/// Who is at the other end: behind a gateway that sets the identity headers, whom the gateway last named.
fn client(request: &HttpRequest, trust_headers: bool) -> Option<Arc<str>> {
    let forwarded = request.headers().get("x-forwarded-for").filter(|_| trust_headers);
    let named = forwarded.and_then(|hosts| hosts.to_str().ok()).and_then(|hosts| hosts.rsplit(',').next());
    match named.map(str::trim).filter(|host| !host.is_empty() && host.len() <= 64) {
        Some(host) => Some(Arc::from(host)),
        None => request.peer_addr().map(|address| Arc::from(address.ip().to_string())),
    }
}

/// Runs a handler within its time; its panic ends here.
async fn contained(
    operation: &'static str,
    limit: Duration,
    handling: impl Future<Output = Result<Answer, Problem>>,
) -> Result<Answer, Problem> {
    match timeout(limit, AssertUnwindSafe(handling).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => {
            tracing::error!(operation, "a handler panicked");
            Err(Problem::plain(&DEFECT))
        }
        Err(_elapsed) => Err(Problem::plain(&TIMED_OUT)),
    }
}

fn respond(answer: Answer, allow: Option<String>) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, answer.content_type));
    if let Some(seconds) = answer.retry_after {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if let Some(methods) = allow {
        response.insert_header((ALLOW, methods));
    }
    response.body(answer.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_panics_costs_its_request_only() {
        let outcome = contained("test", SHORT, async { panic!("on purpose") }).await;
        assert_eq!(outcome.err(), Some(Problem::plain(&DEFECT)));
        let outcome = contained("test", SHORT, async { Ok(Answer::new(&(), 0)) }).await;
        assert_eq!(outcome.map(|answer| answer.status).ok(), Some(200));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_takes_too_long_is_answered_503_and_when_to_retry() {
        let outcome = contained("test", SHORT, std::future::pending()).await;
        let problem = Problem::plain(&TIMED_OUT);
        assert_eq!(outcome.err().as_ref(), Some(&problem));
        let response = respond(Answer::problem(&problem, BusinessStatus::Ok), None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(RETRY_AFTER));
    }
}
