//! The operators' listener: what they see, do and tune while the service runs.
//!
//! - [`tokens`]: who may ask; [`audit`]: who did what;
//! - [`table`]: every endpoint; [`routes`]: with its handler; [`server`]: the life of a request; [`errors`]: what is
//!   said no with;
//! - [`overview`], [`actors`], [`hot`], [`letters`], [`routing`]: what is seen and done;
//! - [`live`]: settings that change without a restart; [`settings`]: over HTTP;
//! - [`events`]: what happens, as a stream.
//!
//! Guarantees: nothing here shows message content, phones or tokens; no actor is asked anything for being looked at, but
//! for a routing whose queue is wanted; every write is in the audit before it happens.

pub mod actors;
pub mod audit;
pub mod errors;
pub mod events;
pub mod hot;
pub mod letters;
pub mod live;
pub mod overview;
pub mod page;
pub mod routes;
pub mod routing;
pub mod server;
pub mod settings;
pub mod table;
pub mod tokens;

use std::sync::Arc;
use std::time::Instant;

use crate::http::call::AppState;
use crate::http::server::HttpSettings;
use audit::AuditLog;
use hot::Looks;
use live::LiveSettings;
use tokens::Tokens;

/// What every handler may use. One per service.
pub struct Admin {
    /// What the service's own handlers use.
    pub app: Arc<AppState>,
    /// How the service's own requests are handled; what is replayed goes by it.
    pub http: HttpSettings,
    /// Settings that change without a restart.
    pub live: Arc<LiveSettings>,
    /// What operators did.
    pub audit: AuditLog,
    /// Who may ask.
    pub tokens: Tokens,
    /// When the service began, in epoch milliseconds by its clock; names this run in the stream of events.
    pub began_at: i64,
    /// The same, to measure from.
    pub began: Instant,
    /// The measurement of the busiest actors that is under way.
    pub looks: Looks,
}
