//! The table against the contract's own text.

use super::*;
use crate::http::field::{Field, Kind, Place};

const CONTRACT: &str = include_str!("../../../schema/messagecenter.api");

/// What the table adds on purpose.
const ADDED: [(&str, &str); 2] = [("messageAdd", "Idempotency-Key"), ("updateReadById", "messageId")];

/// A field as one line of the contract has it: name, place, kind, required, options.
#[derive(Debug, PartialEq)]
struct Line(String, Place, Kind, bool, Option<String>);

fn line(text: &str) -> Option<Line> {
    let kind = match text.split_whitespace().nth(1)? {
        "int64" => Kind::Int,
        "string" => Kind::Text,
        "[]string" => Kind::TextList,
        _ => return None,
    };
    let (place, tag) = match text.split_once("`json:\"") {
        Some((_, tag)) => (Place::Json, tag),
        None => (Place::Header, text.split_once("`header:\"")?.1),
    };
    let tag = tag.split_once('"')?.0;
    let mut parts = tag.split(',');
    let name = parts.next()?.to_owned();
    let rest: Vec<&str> = parts.collect();
    let options =
        rest.iter().find_map(|part| part.strip_prefix("options=")).map(|list| list.replace('|', " "));
    Some(Line(name, place, kind, !rest.contains(&"optional"), options))
}

fn fields_of(type_name: &str) -> Vec<Line> {
    let start = format!("type {type_name} {{");
    let lines = CONTRACT.lines().skip_while(|text| *text != start).skip(1);
    lines.take_while(|text| *text != "}").filter_map(line).collect()
}

fn as_line(field: &Field, has_options: bool) -> Line {
    let options = match field.allowed {
        crate::http::field::Allowed::Ints(list) if has_options => {
            Some(list.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    };
    Line(field.name.to_owned(), field.place, field.kind, field.required, options)
}

#[test]
fn paths_names_order_types_and_requirements_are_the_contracts() {
    let mut compared = 0;
    for text in CONTRACT.lines().filter_map(|text| text.trim().strip_prefix("post ")) {
        let mut words = text.split([' ', '(', ')']).filter(|word| !word.is_empty());
        let (path, type_name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let endpoint = all().iter().find(|endpoint| endpoint.path == path);
        let Some(endpoint) = endpoint else { panic!("{path} is not in the table") };
        let expected = fields_of(type_name);
        assert!(!expected.is_empty(), "{type_name}");
        let contracts =
            endpoint.fields.iter().filter(|field| !ADDED.contains(&(endpoint.operation, field.name)));
        let has_options =
            |field: &Field| expected.iter().any(|line| line.0 == field.name && line.4.is_some());
        let table: Vec<Line> = contracts.map(|field| as_line(field, has_options(field))).collect();
        assert_eq!(table, expected, "{path}");
        compared += 1;
    }
    assert_eq!(compared, contract::ENDPOINTS.len());
}
