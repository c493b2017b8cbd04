//! From a method and a path to an endpoint and its handler.
//!
//! Paths are cleaned as Go's `path.Clean` does: `//message/./messageCount/` is `/message/messageCount`.

use std::borrow::Cow;
use std::sync::LazyLock;

use foldhash::HashMap;

use super::call::Handler;
use super::contract::{counting, finding, listing, marking, seats, sending, serving};
use super::field::{Endpoint, Method};
use super::reading::Reader;
use super::table::{contract, operation, routing, v1};
use super::v1::{agents, directory, groups, service, shunts};
use super::{health, metrics, openapi, percent};

/// An endpoint with its handler.
pub struct Route {
    /// What it is.
    pub endpoint: &'static Endpoint,
    /// How its requests are read.
    pub reader: Reader,
    /// What answers them.
    pub handler: Handler,
    segments: Vec<&'static str>,
}

impl Route {
    fn new(endpoint: &'static Endpoint, handler: Handler) -> Self {
        Self { endpoint, reader: Reader::new(endpoint), handler, segments: segments(endpoint) }
    }
}

/// The segments of an endpoint's path.
pub(crate) fn segments(endpoint: &Endpoint) -> Vec<&'static str> {
    endpoint.path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The values of a path's parameters, if it has these segments.
pub(crate) fn parameters(segments: &[&'static str], path: &[Cow<'_, str>]) -> Option<Vec<String>> {
    if segments.len() != path.len() {
        return None;
    }
    let mut parameters = Vec::new();
    for (segment, came) in segments.iter().zip(path) {
        if segment.starts_with('{') {
            parameters.push(came.clone().into_owned());
        } else if segment != came {
            return None;
        }
    }
    Some(parameters)
}

macro_rules! routes {
    ($($endpoint:path => $handler:path),+ $(,)?) => {
        vec![$(Route::new(&$endpoint, |call| Box::pin($handler(call)))),+]
    };
}

/// Every endpoint with its handler; the contract's come first, being asked for most.
pub static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    routes![
        contract::MESSAGE_ADD => sending::message_add,
        contract::MESSAGE_COUNT => counting::message_count,
        contract::FIND_MESSAGE => finding::find_message,
        contract::USER_LIST => listing::user_list,
        contract::CREATE_CHAT_SESSION => serving::create_chat_session,
        contract::CLOSE_CHAT_SESSION => serving::close_chat_session,
        contract::OBTAIN_SHUNT => serving::obtain_shunt,
        contract::UPDATE_READ_BY_ID => marking::update_read_by_id,
        contract::WITHDRAW_MESSAGE => marking::withdraw_message,
        contract::APPRAISE_MESSAGE => marking::appraise_message,
        contract::CONVERSATION_LIST => listing::conversation_list,
        contract::ONE_USER_POSITION => seats::one_user_position,
        contract::ONE_USER_CONVERSATION => seats::one_user_conversation,
        v1::PUT_USER => directory::put_user,
        v1::GET_USER => directory::get_user,
        v1::DELETE_USER => directory::delete_user,
        v1::PUT_POSITION => directory::put_position,
        v1::GET_POSITION => directory::get_position,
        v1::DELETE_POSITION => directory::delete_position,
        v1::PUT_GROUP => groups::put_group,
        v1::GET_GROUP => groups::get_group,
        v1::DELETE_GROUP => groups::delete_group,
        v1::GET_MEMBERS => groups::get_members,
        v1::PUT_MEMBERS => groups::put_members,
        v1::DELETE_MEMBERS => groups::delete_members,
        v1::PUT_AGENT => agents::put_agent,
        v1::GET_AGENT => agents::get_agent,
        v1::DELETE_AGENT => agents::delete_agent,
        v1::PUT_PRESENCE => agents::put_presence,
        v1::GET_SESSION => service::get_session,
        v1::GET_QUEUE => service::get_queue,
        routing::PUT_SHUNT => shunts::put_shunt,
        routing::GET_SHUNT => shunts::get_shunt,
        routing::DELETE_SHUNT => shunts::delete_shunt,
        routing::GET_STATS => shunts::get_stats,
        routing::TRANSFER => service::transfer,
        routing::ACCEPT => service::accept,
        routing::REJECT => service::reject,
        routing::DECISIONS => service::decisions,
        routing::POST_VISITOR => directory::post_visitor,
        routing::MERGE_VISITOR => directory::merge_visitor,
        operation::HEALTHZ => health::healthz,
        operation::READYZ => health::readyz,
        operation::METRICS => metrics::metrics,
        operation::OPENAPI => openapi::openapi,
    ]
});

/// The endpoints without parameters, by method and path: most requests spell their path as the table does and
/// are found without cleaning it.
static EXACT: LazyLock<HashMap<(&str, &str), &Route>> = LazyLock::new(|| {
    let plain = ROUTES.iter().filter(|route| !route.endpoint.path.contains('{'));
    plain.map(|route| ((route.endpoint.method.as_str(), route.endpoint.path), route)).collect()
});

/// What is at a path.
pub enum Found {
    /// An endpoint, and the values of its path's parameters.
    Route(&'static Route, Vec<String>),
    /// Endpoints, but none with this method: the methods they answer, for `Allow`.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// Finds what `method` at the raw `path` of a request means. `HEAD` is answered as `GET`.
pub fn find(method: &str, path: &str) -> Found {
    if let Some(route) = EXACT.get(&(method, path)) {
        return Found::Route(route, Vec::new());
    }
    let path = clean(path);
    let asked = if method == "HEAD" { "GET" } else { method };
    let mut others: Vec<&str> = Vec::new();
    for route in ROUTES.iter() {
        let Some(parameters) = parameters(&route.segments, &path) else { continue };
        if route.endpoint.method.as_str() == asked {
            return Found::Route(route, parameters);
        }
        others.push(route.endpoint.method.as_str());
        if route.endpoint.method == Method::Get {
            others.push("HEAD");
        }
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others.join(", ")) }
}

/// The segments of a path without empty ones and dots, each decoded after the path was split.
pub(crate) fn clean(path: &str) -> Vec<Cow<'_, str>> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    segments.into_iter().map(percent::decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::table;

    #[test]
    fn every_endpoint_of_the_table_has_exactly_one_route() {
        for endpoint in table::all().iter() {
            let routes = ROUTES.iter().filter(|route| std::ptr::eq(route.endpoint, *endpoint)).count();
            assert_eq!(routes, 1, "{}", endpoint.operation);
        }
        assert_eq!(ROUTES.len(), table::all().len());
    }

    #[test]
    fn operations_and_paths_are_unique() {
        let mut operations: Vec<_> = table::all().iter().map(|endpoint| endpoint.operation).collect();
        let mut paths: Vec<_> =
            table::all().iter().map(|endpoint| (endpoint.path, endpoint.method)).collect();
        let count = operations.len();
        operations.sort_unstable();
        operations.dedup();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!((operations.len(), paths.len()), (count, count));
    }

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        for path in ["/message/messageCount", "//message/./messageCount/", "/x/../message/message%43ount"] {
            assert!(
                matches!(find("POST", path), Found::Route(route, _) if route.endpoint.operation == "messageCount"),
                "{path}"
            );
        }
        assert!(matches!(find("POST", "/message/messagecount"), Found::Nothing));
        assert!(
            matches!(find("GET", "/message/messageCount"), Found::OtherMethods(allow) if allow == "POST")
        );
    }

    #[test]
    fn parameters_are_decoded_after_the_path_is_split() {
        let Found::Route(_, parameters) = find("GET", "/v1/groups/a%2Fb%3A%zz") else { panic!("no route") };
        assert_eq!(parameters, ["a/b:%zz"]);
    }
}
