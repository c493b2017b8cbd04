//! What is read from requests that can be read; what is refused is tested over HTTP in `tests/reading`.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use actix_web::http::header::{HeaderMap, HeaderValue};

use super::*;
use crate::http::routes::ROUTES;

fn read_with(
    operation: &str,
    headers: &[(&'static str, &'static [u8])],
    body: &[u8],
) -> Result<Values, ReadError> {
    let route = ROUTES.iter().find(|route| route.endpoint.operation == operation).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
    }
    route.reader.read(&Parts { path: &["7".to_owned()], query: "size=5&page=+2", headers: &map, body })
}

fn read(operation: &str, body: &str) -> Values {
    let headers: [(&str, &[u8]); 2] = [("newuserid", b"1001"), ("appid", b"web")];
    read_with(operation, &headers, body.as_bytes()).unwrap()
}

#[test]
fn absent_and_null_read_the_same() {
    for body in [r#"{"sendId":"1"}"#, r#"{"sendId":"1","userType":null,"sendType":null,"messageId":null}"#] {
        let values = read("updateReadById", body);
        assert_eq!((values.int("userType"), values.opt_int("userType")), (0, None));
        assert_eq!((values.text("messageId"), values.given("messageId")), ("", false));
    }
}

#[test]
fn an_empty_text_is_given_and_satisfies_a_required_field() {
    let values = read("obtainShunt", r#"{"type":""}"#);
    assert_eq!((values.text("type"), values.given("type")), ("", true));
}

#[test]
fn integers_in_headers_may_have_signs_and_zeros() {
    let cases: [(&[u8], i64); 5] =
        [(b"+5", 5), (b"-5", -5), (b"007", 7), (b"9223372036854775807", i64::MAX), (b"-0", 0)];
    for (sent, expected) in cases {
        let headers = [("newuserid", sent)];
        let values = read_with("messageCount", &headers, br#"{"userType":2}"#).unwrap();
        assert_eq!(values.int("newUserId"), expected);
        assert_eq!(values.identity().new_user_id, expected);
    }
}

#[test]
fn an_empty_optional_integer_header_is_absent() {
    let values = read_with("messageCount", &[("entuserid", b"")], br#"{"userType":2}"#).unwrap();
    assert_eq!(values.opt_int("entUserId"), None);
}

#[test]
fn header_names_ignore_case_also_between_the_contracts_two_spellings() {
    let values = read("withdrawMessage", r#"{"messageId":"m","userType":2}"#);
    assert_eq!((values.text("appId"), values.text("appid"), values.identity().app_id), ("web", "web", "web"));
}

#[test]
fn a_body_field_and_a_header_may_share_a_name() {
    let headers: [(&str, &[u8]); 2] = [("positionid", b"5"), ("appid", b"web")];
    let values = read_with("oneUserPosition", &headers, br#"{"positionId":"77"}"#).unwrap();
    assert_eq!((values.text("positionId"), values.int("positionId")), ("77", 5));
    assert_eq!(values.identity().position_id, 5);
}

#[test]
fn a_headers_name_inside_the_body_means_nothing() {
    let values =
        read_with("messageCount", &[], br#"{"userType":2,"newUserId":"x","positionId":{}}"#).unwrap();
    assert_eq!(values.identity().new_user_id, 0);
}

#[test]
fn lists_take_numbers_as_they_are_written_and_drop_nulls() {
    let body = r#"{"ownType":2,"title":"","content":"","item":0,"type":1,"link":"","itemType":0,
        "receiverIds":[1,"a",null,007e,"\u0062"],"groupIds":[]}"#;
    let body = body.replace("007e", "1.50e+2");
    let values = read("messageAdd", &body);
    assert_eq!(values.texts("receiverIds"), ["1", "a", "1.50e+2", "b"]);
    assert_eq!((values.texts("groupIds").len(), values.given("groupIds")), (0, true));
}

#[test]
fn of_duplicate_keys_the_last_one_counts_whatever_the_others_are() {
    let values = read("messageCount", r#"{"userType":"x","userType":1,"user\u0054ype":2}"#);
    assert_eq!(values.int("userType"), 2);
}

#[test]
fn flags_and_kinds_are_read_as_such() {
    assert!(read("putUser", r#"{"isTourist":true}"#).flag("isTourist"));
    assert!(!read("putUser", r#"{"isTourist":null}"#).flag("isTourist"));
    let values = read("findMessage", r#"{"msgType":3,"userType":2,"pageSize":10}"#);
    assert_eq!(values.kind("msgType"), Some(ids::Kind::Group));
}

#[test]
fn path_and_query_are_read_where_an_endpoint_has_them() {
    let values = read("getMembers", "");
    assert_eq!((values.text("id"), values.int("size"), values.int("page")), ("7", 5, 2));
}

#[test]
fn texts_in_headers_are_read_as_go_reads_bytes() {
    let values = read_with("messageCount", &[("appid", b"\xffa")], br#"{"userType":1}"#).unwrap();
    assert_eq!(values.text("appId"), "\u{fffd}a");
}
