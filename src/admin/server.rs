//! The life of a request on the admin listener: found, its token checked, read, in the audit if it does something,
//! handled, answered.
//!
//! Guarantees: nothing but `/console`'s static files is answered without a token; whatever does something is in the audit
//! before it happens, or does not happen.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures::FutureExt;
use tokio::time::timeout;

use super::errors::{BAD_TOKEN, NOT_AN_OPERATOR};
use super::routes::{self, AdminCall, AdminResult, AdminRoute};
use super::tokens::{Holder, Role};
use super::{Admin, events};
use crate::config::settings::BusinessStatus;
use crate::console;
use crate::http::body;
use crate::http::call::Answer;
use crate::http::errors::{
    BODY_INCOMPLETE, DEFECT, Problem, STORAGE_DOWN, TIMED_OUT, UNKNOWN_PATH, WRONG_METHOD,
};
use crate::http::reading::{Parts, Values};
use crate::http::server::{FIRST_HEAD, Serving};

/// Longest a request of an operator may take: measuring the busiest actors takes up to 10 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Largest body: the longest change of settings is a few thousand bytes.
const BODY_LIMIT: usize = 65_536;

/// What the console's page may load and whom it may ask: itself.
const POLICY: &str =
    "default-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Listens and serves. Needs a tokio runtime.
///
/// # Errors
/// The address cannot be listened on.
pub fn serve(address: SocketAddr, admin: Arc<Admin>) -> io::Result<Serving> {
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::from(Arc::clone(&admin))).default_service(web::to(answer))
    })
    .workers(1)
    .client_request_timeout(FIRST_HEAD)
    .shutdown_timeout(1) // a stream of events never ends by itself
    .disable_signals()
    .bind(address)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    Ok(Serving { address, handle: server.handle(), server })
}

async fn answer(request: HttpRequest, mut payload: web::Payload, admin: web::Data<Admin>) -> HttpResponse {
    let (method, path) = (request.method().as_str(), request.uri().path());
    if method == "GET" {
        if path == "/" {
            return HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/console")).finish();
        }
        if let Some((content_type, content)) = console::file(path) {
            return HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, content_type))
                .insert_header((CACHE_CONTROL, "no-cache"))
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .body(content);
        }
    }
    let who = match authenticated(&request, &admin) {
        Ok(who) => who,
        Err(problem) => return said_no(&problem),
    };
    let (route, parameters) = match routes::find(method, path) {
        Ok(found) => found,
        Err(methods) if methods.is_empty() => return said_no(&Problem::plain(&UNKNOWN_PATH)),
        Err(methods) => {
            let mut response = said_no(&Problem::plain(&WRONG_METHOD));
            if let Ok(allow) = methods.join(", ").parse() {
                response.headers_mut().insert(ALLOW, allow);
            }
            return response;
        }
    };
    if route.role() > who.role {
        return said_no(&Problem::plain(&NOT_AN_OPERATOR));
    }
    let values = match read(route, &parameters, &request, &mut payload).await {
        Ok(values) => values,
        Err(problem) => return said_no(&problem),
    };
    if route.handler.is_none() {
        let observation = Arc::clone(admin.app.router.observation());
        return HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .streaming(events::follow(observation, admin.began_at, values.text("Last-Event-ID")));
    }
    match handle(route, path, values, admin.into_inner(), who).await {
        Ok(answer) => respond(answer),
        Err(problem) => said_no(&problem),
    }
}

fn authenticated(request: &HttpRequest, admin: &Admin) -> Result<Holder, Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = header.and_then(|header| header.strip_prefix("Bearer ")).map(str::trim);
    let holder = token.and_then(|token| admin.tokens.holder(token)).cloned();
    holder.ok_or_else(|| Problem::plain(&BAD_TOKEN))
}

async fn read(
    route: &'static AdminRoute,
    path: &[String],
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<Values, Problem> {
    let body = if route.reader.reads_body() {
        let reading = body::read(request, payload, BODY_LIMIT);
        timeout(PATIENCE, reading).await.map_err(|_| Problem::plain(&BODY_INCOMPLETE))??
    } else {
        web::Bytes::new()
    };
    let parts = Parts { path, query: request.query_string(), headers: request.headers(), body: &body };
    Ok(route.reader.read(&parts)?)
}

async fn handle(
    route: &'static AdminRoute,
    path: &str,
    values: Values,
    admin: Arc<Admin>,
    who: Holder,
) -> AdminResult {
    let Some(handler) = route.handler else { return Err(Problem::plain(&DEFECT)) };
    let reason =
        if route.endpoint.has_text("reason") { values.text("reason").to_owned() } else { String::new() };
    let operation = route.endpoint.operation;
    let row = if route.role() == Role::Operator {
        let at = admin.app.router.world().clock.now();
        let row = admin.audit.begin(at, &who, operation, path, &reason).await;
        tracing::info!(who = who.name, operation, path, "an operator acts");
        Some(row.map_err(|error| {
            tracing::warn!(%error, "the audit cannot be written, so nothing is done");
            Problem::plain(&STORAGE_DOWN)
        })?)
    } else {
        None
    };
    let (call, detail) = AdminCall::new(values, Arc::clone(&admin), who);
    let handled = timeout(PATIENCE, AssertUnwindSafe(handler(call)).catch_unwind()).await;
    let outcome = match handled {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(Problem::plain(&DEFECT)),
        Err(_elapsed) => Err(Problem::plain(&TIMED_OUT)),
    };
    if let Some(row) = row {
        let ended = outcome.as_ref().map_or_else(|problem| problem.code.name, |_| "done");
        if let Err(error) = admin.audit.end(row, ended, detail.take()).await {
            tracing::warn!(%error, operation, ended, "the audit does not say how an act ended");
        }
    }
    outcome
}

fn said_no(problem: &Problem) -> HttpResponse {
    let mut response = respond(Answer::problem(problem, BusinessStatus::Rest));
    if problem.code.number == BAD_TOKEN.number
        && let Ok(scheme) = "Bearer".parse()
    {
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, answer.content_type)).insert_header((CACHE_CONTROL, "no-store"));
    if let Some(seconds) = answer.retry_after {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    response.body(answer.body)
}
