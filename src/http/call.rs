//! What a handler is given and what it gives back.

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use messagecenter_actors::api::Rejection;
use messagecenter_actors::router::Router;
use prometheus_client::registry::Registry;
use serde::Serialize;

use super::clients::Clients;
use super::crashed::Crashed;
use super::envelope;
use super::errors::{self, Problem};
use super::field::Endpoint;
use super::health::Readiness;
use super::json::writer::Writer;
use super::metrics::RequestMetrics;
use super::reading::Values;
use crate::config::settings::BusinessStatus;

/// What every handler may use. One per service.
pub struct AppState {
    /// The door to the actors.
    pub router: Arc<Router>,
    /// Every figure of the service.
    pub registry: Arc<Registry>,
    /// The figures of requests; registered in `registry`.
    pub requests: RequestMetrics,
    /// What the service still waits for.
    pub readiness: Readiness,
    /// How many requests each caller has under way.
    pub clients: Arc<Clients>,
    /// Requests that made an actor panic.
    pub crashed: Arc<Crashed>,
}

/// One request that was read.
pub struct Call {
    /// What was asked for.
    pub endpoint: &'static Endpoint,
    /// What it says.
    pub values: Values,
    /// What the handler may use.
    pub app: Arc<AppState>,
    /// The address of the client, as far as it is known.
    pub client: Option<Arc<str>>,
}

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// The whole body.
    pub body: Vec<u8>,
    /// When to try again, in seconds.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// What was done, in the envelope. A list is an empty list, never `null`.
    pub fn new(data: &impl Serialize, count: u64) -> Self {
        Self::written(envelope::done(data, count))
    }

    /// The same for a list of many rows, each of which `write` writes; `texts` = bytes of the texts in them.
    pub fn rows<R>(rows: &[R], count: u64, texts: usize, write: impl Fn(&mut Writer, &R)) -> Self {
        Self::plain(envelope::CONTENT_TYPE, envelope::done_rows(rows, count, texts, write))
    }

    fn written(body: Result<Vec<u8>, serde_json::Error>) -> Self {
        match body {
            Ok(body) => Self::plain(envelope::CONTENT_TYPE, body),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                Self::problem(&Problem::plain(&errors::DEFECT), BusinessStatus::Ok)
            }
        }
    }

    /// What was not done, with the HTTP status that `http.business_status` gives it.
    pub fn problem(problem: &Problem, business: BusinessStatus) -> Self {
        let hidden = problem.code.business && business == BusinessStatus::Ok;
        Self {
            status: if hidden { 200 } else { problem.code.rest_status() },
            content_type: envelope::CONTENT_TYPE,
            body: envelope::not_done(problem.code.number, &problem.text),
            retry_after: problem.retry_after,
        }
    }

    /// A body as it is, with HTTP status 200.
    pub fn plain(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, body: body.into(), retry_after: None }
    }
}

/// What a handler gives back.
pub type HandlerResult = Result<Answer, Rejection>;

/// A handler as the routes keep it.
pub type Handler = fn(Call) -> LocalBoxFuture<'static, HandlerResult>;
