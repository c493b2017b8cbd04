//! What is JSON and what is not, as Go has it.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own input has failed")]

use super::*;

fn members(text: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let body = read_object(text.as_bytes(), |key, value| members.push((utf8_as_go(key), value.literal())));
    assert_eq!(body.unwrap(), Body::Object, "{text}");
    members
}

fn text_of(json: &[u8]) -> String {
    let mut text = String::new();
    let whole = [b"{\"t\":", json, b"}"].concat();
    read_object(&whole, |_, value| text = value.text()).unwrap();
    text
}

#[test]
fn members_come_in_order_with_duplicates_and_unescaped_keys() {
    let read = members(r#" {"a" : 1 ,"b":[1,{"x":[]}], "a":"2", "\u0061b":null} trailing"#);
    let expected = [("a", "1"), ("b", r#"[1,{"x":[]}]"#), ("a", "\"2\""), ("ab", "null")];
    assert_eq!(read, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn what_is_no_json_says_where() {
    let cases = [
        ("", 0),
        ("  ", 2),
        ("{", 1),
        ("{]", 1),
        (r#"{"a"}"#, 4),
        (r#"{"a":}"#, 5),
        (r#"{"a":1,}"#, 7),
        (r#"{"a":[1,]}"#, 8),
        (r#"{"a":[1}"#, 7),
        (r#"{"a":01}"#, 6),
        (r#"{"a":1.}"#, 7),
        (r#"{"a":+1}"#, 5),
        (r#"{"a":tru}"#, 8),
        (r#"{"a":"\x"}"#, 7),
        (r#"{"a":"\u12g4"}"#, 10),
        ("{\"a\":\"\n\"}", 6),
        (r#"{"a":"x"#, 7),
        (r#"{'a':1}"#, 1),
    ];
    for (text, at) in cases {
        let problem = read_object(text.as_bytes(), |_, _| {}).unwrap_err();
        assert_eq!(problem.at, at, "{text}: {problem}");
    }
}

#[test]
fn a_body_that_is_no_object_says_what_it_is() {
    for (text, shape) in [("null", Shape::Null), ("[1]", Shape::List), ("\"x\"", Shape::Text)] {
        assert_eq!(read_object(text.as_bytes(), |_, _| {}).unwrap(), Body::Other(shape));
    }
}

#[test]
fn nesting_has_no_limit() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
    assert_eq!(members(&deep).len(), 1);
    let cut = format!("{{\"a\":{}", "[{\"a\":".repeat(100_000));
    assert!(read_object(cut.as_bytes(), |_, _| {}).is_err());
}

#[test]
fn broken_text_becomes_replacement_characters_as_in_go() {
    assert_eq!(text_of(br#""a\ud83d\ude00b""#), "a😀b");
    assert_eq!(text_of(br#""\ud83dx""#), "\u{fffd}x");
    assert_eq!(text_of(br#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
    assert_eq!(text_of(br#""\ude00\u0041""#), "\u{fffd}A");
    assert_eq!(text_of(b"\"\xe4\xbd\""), "\u{fffd}\u{fffd}");
    assert_eq!(text_of(b"\"\xff\xe4\xbd\xa0\""), "\u{fffd}你");
    assert_eq!(text_of(br#""\u0000\/\"\\\b\f\n\r\t""#), "\0/\"\\\u{8}\u{c}\n\r\t");
}

#[test]
fn integers_have_no_fraction_no_exponent_and_64_bits() {
    let integer = |literal: &str| {
        let mut integer = None;
        read_object(format!("{{\"a\":{literal}}}").as_bytes(), |_, value| integer = value.integer()).unwrap();
        integer
    };
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
    assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(integer("-0"), Some(0));
    for literal in ["9223372036854775808", "1.0", "1e3", "1e400"] {
        assert_eq!(integer(literal), None, "{literal}");
    }
}

#[test]
fn a_list_gives_its_elements() {
    let mut shapes = Vec::new();
    let text = br#"{"a":[ 1 , "x,]", null,[2,[3]],{"b":[]}, true ],"e":[ ]}"#;
    read_object(text, |_, value| shapes.push(value.elements().iter().map(|e| e.shape()).collect::<Vec<_>>()))
        .unwrap();
    use Shape::{Bool, List, Null, Number, Object, Text};
    assert_eq!(shapes, [vec![Number, Text, Null, List, Object, Bool], vec![]]);
}
