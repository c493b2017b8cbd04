//! The endpoints of the admin listener with their handlers, and what a handler is given.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use futures::future::LocalBoxFuture;
use serde_json::Value;

use super::tokens::{Holder, Role};
use super::{Admin, actors, hot, letters, overview, routing, settings, table};
use crate::http::call::Answer;
use crate::http::errors::Problem;
use crate::http::field::{Endpoint, Method};
use crate::http::reading::{Reader, Values};
use crate::http::routes::{clean, parameters, segments};

/// One request that was read.
pub struct AdminCall {
    /// What it says.
    pub values: Values,
    /// What the handler may use.
    pub admin: Arc<Admin>,
    /// Who asks.
    pub who: Holder,
    /// What the audit is to say of the act.
    detail: Rc<RefCell<Value>>,
}

impl AdminCall {
    /// A call, and where its detail will be.
    pub fn new(values: Values, admin: Arc<Admin>, who: Holder) -> (Self, Rc<RefCell<Value>>) {
        let detail = Rc::new(RefCell::new(Value::Null));
        (Self { values, admin, who, detail: Rc::clone(&detail) }, detail)
    }

    /// Has the audit say this of the act.
    pub fn note(&self, detail: Value) {
        self.detail.replace(detail);
    }
}

/// What a handler gives back.
pub type AdminResult = Result<Answer, Problem>;

type Handler = fn(AdminCall) -> LocalBoxFuture<'static, AdminResult>;

/// An endpoint with its handler.
pub struct AdminRoute {
    /// What it is.
    pub endpoint: &'static Endpoint,
    /// How its requests are read.
    pub reader: Reader,
    /// What answers them; `None` = the stream of events.
    pub handler: Option<Handler>,
    segments: Vec<&'static str>,
}

impl AdminRoute {
    fn new(endpoint: &'static Endpoint, handler: Option<Handler>) -> Self {
        Self { endpoint, reader: Reader::new(endpoint), handler, segments: segments(endpoint) }
    }

    /// The role that it needs: whatever is no `GET` does something.
    pub fn role(&self) -> Role {
        if self.endpoint.method == Method::Get { Role::Viewer } else { Role::Operator }
    }
}

macro_rules! routes {
    ($($endpoint:path => $handler:path),+ $(,)?) => {
        vec![$(AdminRoute::new(&$endpoint, Some(|call| Box::pin($handler(call))))),+]
    };
}

/// Every endpoint with its handler.
pub static ROUTES: LazyLock<Vec<AdminRoute>> = LazyLock::new(|| {
    let mut routes = routes![
        table::OVERVIEW => overview::overview,
        table::FIGURES => overview::figures,
        table::ACTORS => actors::actors,
        table::ACTOR => actors::actor,
        table::HOT => hot::hot,
        table::PASSIVATE => actors::passivate,
        table::RESTART => actors::restart,
        table::SNAPSHOT => actors::snapshot,
        table::QUARANTINE => actors::quarantine,
        table::RESUME => actors::resume,
        table::TRACE => actors::trace,
        table::TRACED => actors::traced,
        table::LETTERS => letters::letters,
        table::REPLAY => letters::replay,
        table::DISCARD => letters::discard,
        table::SETTINGS => settings::settings,
        table::CHANGE_SETTINGS => settings::change,
        table::REVERT_SETTINGS => settings::revert,
        table::AUDIT => overview::audit,
        table::ENTERPRISES => routing::enterprises,
        table::RECEPTION => routing::reception,
    ];
    routes.push(AdminRoute::new(&table::EVENTS, None));
    routes
});

/// The route of a request with the values of its path's parameters; else the methods that its path answers.
pub fn find(method: &str, path: &str) -> Result<(&'static AdminRoute, Vec<String>), Vec<&'static str>> {
    let path = clean(path);
    let mut others = Vec::new();
    for route in ROUTES.iter() {
        let Some(parameters) = parameters(&route.segments, &path) else { continue };
        if route.endpoint.method.as_str() == method {
            return Ok((route, parameters));
        }
        others.push(route.endpoint.method.as_str());
    }
    Err(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_of_the_table_has_exactly_one_route() {
        for endpoint in table::ENDPOINTS {
            let routes = ROUTES.iter().filter(|route| std::ptr::eq(route.endpoint, endpoint)).count();
            assert_eq!(routes, 1, "{}", endpoint.operation);
        }
        assert_eq!(ROUTES.len(), table::ENDPOINTS.len());
    }

    #[test]
    fn what_changes_something_needs_an_operator() {
        let (route, parameters) =
            find("POST", "/admin/actors/inbox/user%3A1/restart").unwrap_or_else(|_| panic!());
        assert_eq!(
            (route.role(), parameters),
            (Role::Operator, vec!["inbox".to_owned(), "user:1".to_owned()])
        );
        assert!(find("GET", "/admin/settings").is_ok_and(|(route, _)| route.role() == Role::Viewer));
        assert_eq!(find("PUT", "/admin/settings").err(), Some(vec!["GET", "PATCH"]));
        assert_eq!(find("GET", "/admin/nothing").err(), Some(vec![]));
    }
}
