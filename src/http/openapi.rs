//! `GET /openapi.json`: an OpenAPI 3.1 document made from the tables of endpoints and errors.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::call::{Answer, Call, HandlerResult};
use super::errors::{ErrorCode, TABLE};
use super::field::{Allowed, Endpoint, Family, Field, Kind, Place};
use super::table;

/// The document as it is sent, made once.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| document().to_string().into_bytes());

/// `GET /openapi.json`.
pub async fn openapi(_call: Call) -> HandlerResult {
    Ok(Answer::plain("application/json; charset=utf-8", DOCUMENT.clone()))
}

/// The document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in table::all() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.as_str().to_lowercase(), operation(endpoint));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "messagecenter",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Chat, customer service, groups and notices. Every answer is an envelope; `error_code` 0 \
                            means done. Unknown keys of a body are ignored; keys are case-sensitive.",
        },
        "paths": paths,
        "components": { "schemas": { "Envelope": envelope(), "Error": error() }, "responses": responses() },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "operationId": endpoint.operation,
        "tags": [endpoint.family.as_str()],
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": answers(endpoint),
    });
    if endpoint.reads_body()
        && let Some(operation) = operation.as_object_mut()
    {
        operation.insert("requestBody".to_owned(), body(endpoint));
    }
    operation
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let parameters = endpoint.all_fields().filter(|field| field.place != Place::Json);
    parameters.map(parameter).collect()
}

fn parameter(field: &Field) -> Value {
    let place = place_name(field.place);
    json!({
        "name": field.name,
        "in": place,
        "required": field.required,
        "description": field.doc,
        "schema": schema(field, false),
    })
}

const fn place_name(place: Place) -> &'static str {
    match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header | Place::Json => "header",
    }
}

fn body(endpoint: &Endpoint) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in endpoint.fields.iter().filter(|field| field.place == Place::Json) {
        let mut property = schema(field, !field.required);
        if let Some(property) = property.as_object_mut() {
            property.insert("description".to_owned(), json!(field.doc));
        }
        properties.insert(field.name.to_owned(), property);
        if field.required {
            required.push(field.name);
        }
    }
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "required": !required.is_empty(), "content": { "application/json": { "schema": schema } } })
}

/// The schema of a field's value. An optional key of the body may be null, which means absent.
fn schema(field: &Field, nullable: bool) -> Value {
    let name = match field.kind {
        Kind::Int => "integer",
        Kind::Text => "string",
        Kind::TextList => "array",
        Kind::Bool => "boolean",
        Kind::Object => "object",
    };
    let mut schema = Map::new();
    schema.insert("type".to_owned(), if nullable { json!([name, "null"]) } else { json!(name) });
    if field.kind == Kind::Int {
        schema.insert("format".to_owned(), json!("int64"));
    }
    if field.kind == Kind::TextList {
        schema.insert("items".to_owned(), json!({ "type": ["string", "number", "null"] }));
    }
    match field.allowed {
        // Not every reader of the document knows what a format means.
        Allowed::Any if field.kind == Kind::Int => {
            schema.insert("minimum".to_owned(), json!(i64::MIN));
            schema.insert("maximum".to_owned(), json!(i64::MAX));
        }
        Allowed::Any => {}
        Allowed::Ints(options) => {
            let mut options: Vec<Value> = options.iter().map(|option| json!(option)).collect();
            options.extend(nullable.then_some(Value::Null));
            schema.insert("enum".to_owned(), Value::Array(options));
        }
        Allowed::Texts(options) => {
            let mut options: Vec<Value> = options.iter().map(|option| json!(option)).collect();
            options.extend(nullable.then_some(Value::Null));
            schema.insert("enum".to_owned(), Value::Array(options));
        }
        Allowed::Range(least, most) => {
            schema.insert("minimum".to_owned(), json!(least));
            schema.insert("maximum".to_owned(), json!(most));
        }
        Allowed::Bytes(most) => {
            schema.insert("maxLength".to_owned(), json!(most));
        }
    }
    Value::Object(schema)
}

fn answers(endpoint: &Endpoint) -> Value {
    let mut answers = Map::new();
    answers.insert("200".to_owned(), done(endpoint));
    if endpoint.family != Family::Operation {
        for status in ["400", "401", "413", "429", "503"] {
            answers.insert(status.to_owned(), json!({ "$ref": format!("#/components/responses/{status}") }));
        }
        let refused =
            "A refusal of the business, when `http.business_status` is `rest`; else it comes with 200.";
        answers.insert("4XX".to_owned(), json!({ "description": refused, "content": json_content("Error") }));
    } else if endpoint.operation == "readyz" {
        answers.insert("503".to_owned(), json!({ "$ref": "#/components/responses/503" }));
    }
    Value::Object(answers)
}

/// Endpoints without the envelope say so by their content.
fn done(endpoint: &Endpoint) -> Value {
    match endpoint.operation {
        "metrics" => json!({
            "description": endpoint.data,
            "content": { "application/openmetrics-text": { "schema": { "type": "string" } } },
        }),
        "openapi" => json!({
            "description": endpoint.data,
            "content": { "application/json": { "schema": { "type": "object" } } },
        }),
        _ => json!({
            "description": format!("`data`: {}; `count`: {}.", endpoint.data, endpoint.count),
            "content": json_content("Envelope"),
        }),
    }
}

fn json_content(schema: &str) -> Value {
    json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn envelope() -> Value {
    json!({
        "type": "object",
        "description": "All four keys, in this order.",
        "required": ["error_code", "error_msg", "data", "count"],
        "properties": {
            "error_code": { "type": "integer", "description": "0 = done; else one of the codes of Error." },
            "error_msg": { "type": "string", "description": "`ok`, or what is wrong, for a developer." },
            "data": { "description": "What the operation says; a list is never null." },
            "count": { "type": "integer", "format": "int64" },
        },
    })
}

fn error() -> Value {
    let codes: Vec<u32> = TABLE.iter().map(|code| code.number).collect();
    json!({
        "allOf": [{ "$ref": "#/components/schemas/Envelope" }],
        "description": listing(TABLE.iter().copied()),
        "properties": { "error_code": { "enum": codes } },
    })
}

fn listing(codes: impl Iterator<Item = &'static ErrorCode>) -> String {
    codes.map(|code| format!("- {} {}: {}\n", code.number, code.name, code.text)).collect()
}

/// One response for each HTTP status that is sent whatever `http.business_status` says.
fn responses() -> Value {
    let mut responses = Map::new();
    for status in TABLE.iter().filter(|code| !code.business).map(|code| code.rest_status()) {
        let codes = TABLE.iter().copied().filter(move |code| !code.business && code.rest_status() == status);
        let mut response = json!({ "description": listing(codes), "content": json_content("Error") });
        if (status == 429 || status == 503)
            && let Some(response) = response.as_object_mut()
        {
            let wait =
                json!({ "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 } });
            response.insert("headers".to_owned(), json!({ "Retry-After": wait }));
        }
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_says_what_the_table_says() {
        let document = document();
        let mut operations = BTreeSet::new();
        for endpoint in table::all() {
            let operation = &document["paths"][endpoint.path][endpoint.method.as_str().to_lowercase()];
            assert_eq!(operation["operationId"], endpoint.operation);
            operations.insert(endpoint.operation);
            for field in endpoint.all_fields() {
                let described = match field.place {
                    Place::Json => {
                        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
                        assert_eq!(required.contains(&json!(field.name)), field.required, "{}", field.name);
                        schema["properties"][field.name].clone()
                    }
                    place => {
                        let place = place_name(place);
                        let parameters =
                            operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
                        let mut same = parameters
                            .iter()
                            .filter(|parameter| parameter["name"] == field.name && parameter["in"] == place);
                        let parameter = same.next().cloned().unwrap_or_default();
                        assert!(same.next().is_none(), "{} twice in {}", field.name, endpoint.operation);
                        assert_eq!(parameter["required"], field.required, "{}", field.name);
                        parameter["schema"].clone()
                    }
                };
                let options = described["enum"]
                    .as_array()
                    .map_or(0, |options| options.iter().filter(|option| !option.is_null()).count());
                match field.allowed {
                    Allowed::Ints(allowed) => assert_eq!(options, allowed.len(), "{}", field.name),
                    Allowed::Texts(allowed) => assert_eq!(options, allowed.len(), "{}", field.name),
                    _ => assert!(described.is_object(), "{}", field.name),
                }
            }
        }
        assert_eq!(operations.len(), table::all().len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut references = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split_once('"'));
        assert!(references.all(|(pointer, _)| document.pointer(pointer).is_some()));
        assert_eq!(document["openapi"], "3.1.0");
    }
}
