//! The one reader of requests: an endpoint's table in, values or the first problem out.
//!
//! It reads as go-zero does: path and query, then headers, then the JSON body, each in the contract's field order, and the
//! first problem is the answer. Unknown keys mean nothing; of duplicate keys the last one counts. Where it is
//! kinder than go-zero: an empty optional integer header is absent, and the content type does not matter.

use actix_web::http::header::{HeaderMap, HeaderName};
use messagecenter_actors::domain::ids;

use super::field::{Allowed, Endpoint, Field, Kind, Place};
use super::json::{self, Body, Raw, Shape, utf8_as_go};
use super::percent;

#[cfg(test)]
mod tests;

/// Why a request cannot be read. Its text is for a developer and carries no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The body is no JSON.
    #[error("the body is no JSON: {0}")]
    Syntax(#[from] json::Syntax),
    /// The body is JSON but no object.
    #[error("the body must be an object, actual \"{}\"", .0.as_str())]
    NotAnObject(Shape),
    /// A required field is missing.
    #[error("field \"{0}\" is not set")]
    NotSet(&'static str),
    /// A required field is null.
    #[error("field \"{0}\" mustn't be nil")]
    Nil(&'static str),
    /// A field has another type.
    #[error("type mismatch for field \"{0}\"")]
    Mismatch(&'static str),
    /// A number came where a text is expected.
    #[error("type mismatch for field \"{0}\", expect \"string\", actual \"number\"")]
    NumberForText(&'static str),
    /// A number is no int64.
    #[error("field \"{0}\" must be an int64: no fraction, no exponent, at most 64 bits")]
    NotAnInteger(&'static str),
    /// A value is not in the field's list.
    #[error("value \"{value}\" is not defined in options \"[{options}]\"")]
    NotAnOption {
        /// What came, shortened.
        value: String,
        /// What is allowed, separated by blanks.
        options: String,
    },
    /// An integer is outside the field's range.
    #[error("value \"{value}\" of field \"{field}\" is out of range: {least} to {most}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What came.
        value: i64,
        /// The least allowed.
        least: i64,
        /// The most allowed.
        most: i64,
    },
    /// A text is longer than the field allows.
    #[error("field \"{field}\" has {bytes} bytes: at most {most}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// How many came.
        bytes: usize,
        /// The most allowed.
        most: usize,
    },
    /// A header is no int64.
    #[error("header \"{0}\" is not an int64")]
    HeaderNotAnInteger(&'static str),
    /// A header came more than once.
    #[error("header \"{0}\" is sent more than once")]
    HeaderTwice(&'static str),
    /// A parameter of the path or the query is no int64.
    #[error("parameter \"{0}\" is not an int64")]
    ParameterNotAnInteger(&'static str),
}

/// One value, as its field's kind says.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Absent,
    Int(i64),
    Text(String),
    Texts(Vec<String>),
    Bool(bool),
    Object(String),
}

/// What a request consists of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The values of the path's parameters, in its order, decoded.
    pub path: &'a [String],
    /// The query as it came.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body, unpacked.
    pub body: &'a [u8],
}

/// An endpoint with what reading it needs, prepared once.
#[derive(Debug)]
pub struct Reader {
    fields: Vec<(&'static Field, Option<HeaderName>)>,
    reads_body: bool,
}

impl Reader {
    /// Prepares to read `endpoint`.
    pub fn new(endpoint: &'static Endpoint) -> Self {
        let header = |field: &Field| {
            let lower = field.name.to_ascii_lowercase();
            (field.place == Place::Header).then(|| HeaderName::from_bytes(lower.as_bytes()).ok()).flatten()
        };
        let fields = endpoint.all_fields().map(|field| (field, header(field))).collect();
        Self { fields, reads_body: endpoint.reads_body() }
    }

    /// Whether the body is looked at.
    pub fn reads_body(&self) -> bool {
        self.reads_body
    }

    /// Those of the headers that are read.
    pub fn headers(&self, all: &HeaderMap) -> HeaderMap {
        let mut read = HeaderMap::new();
        for name in self.fields.iter().filter_map(|(_, name)| name.as_ref()) {
            all.get_all(name).for_each(|value| read.append(name.clone(), value.clone()));
        }
        read
    }

    /// Reads a request.
    ///
    /// # Errors
    /// The first problem in the order path, query, headers, body, and there in the contract's field order.
    pub fn read(&'static self, request: &Parts<'_>) -> Result<Values, ReadError> {
        let mut values = vec![Value::Absent; self.fields.len()];
        let mut segments = request.path.iter();
        for ((field, _), value) in self.fields.iter().zip(&mut values) {
            match field.place {
                Place::Path => *value = parameter(field, segments.next().map_or("", String::as_str))?,
                Place::Query => *value = query_value(field, request.query)?,
                Place::Header | Place::Json => {}
            }
        }
        for ((field, name), value) in self.fields.iter().zip(&mut values) {
            if let Some(name) = name {
                *value = header_value(field, name, request.headers)?;
            }
        }
        if self.reads_body {
            self.read_body(request.body, &mut values)?;
        }
        Ok(Values { reader: self, values })
    }

    fn read_body(&self, body: &[u8], values: &mut [Value]) -> Result<(), ReadError> {
        let mut found: Vec<Option<Raw<'_>>> = vec![None; self.fields.len()];
        let keep = |key: &[u8], raw| {
            let is_key = |field: &Field| field.place == Place::Json && field.name.as_bytes() == key;
            let place = self.fields.iter().position(|(field, _)| is_key(field));
            if let Some(slot) = place.and_then(|place| found.get_mut(place)) {
                *slot = Some(raw);
            }
        };
        if !body.is_empty()
            && let Body::Other(shape) = json::read_object(body, keep)?
        {
            return Err(ReadError::NotAnObject(shape));
        }
        for (((field, _), value), raw) in self.fields.iter().zip(values).zip(found) {
            if field.place == Place::Json {
                *value = json_value(field, raw)?;
            }
        }
        Ok(())
    }
}

fn query_value(field: &Field, query: &str) -> Result<Value, ReadError> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == field.name).map(|(_, value)| value);
    match values.next() {
        Some(value) if !value.is_empty() => parameter(field, &percent::decode(value)),
        _ if field.required => Err(ReadError::NotSet(field.name)),
        _ => Ok(Value::Absent),
    }
}

fn parameter(field: &Field, segment: &str) -> Result<Value, ReadError> {
    let value = match field.kind {
        Kind::Int => Value::Int(segment.parse().map_err(|_| ReadError::ParameterNotAnInteger(field.name))?),
        Kind::Text | Kind::TextList | Kind::Bool | Kind::Object => Value::Text(segment.to_owned()),
    };
    allowed(field, value)
}

fn header_value(field: &Field, name: &HeaderName, headers: &HeaderMap) -> Result<Value, ReadError> {
    let mut sent = headers.get_all(name);
    let Some(first) = sent.next() else {
        return if field.required { Err(ReadError::NotSet(field.name)) } else { Ok(Value::Absent) };
    };
    if sent.next().is_some() {
        return Err(ReadError::HeaderTwice(field.name));
    }
    if field.kind != Kind::Int {
        return allowed(field, Value::Text(utf8_as_go(first.as_bytes())));
    }
    if first.is_empty() && !field.required {
        return Ok(Value::Absent);
    }
    let integer = std::str::from_utf8(first.as_bytes()).ok().and_then(|text| text.trim().parse().ok());
    allowed(field, Value::Int(integer.ok_or(ReadError::HeaderNotAnInteger(field.name))?))
}

fn json_value(field: &Field, raw: Option<Raw<'_>>) -> Result<Value, ReadError> {
    let Some(raw) = raw else {
        return if field.required { Err(ReadError::NotSet(field.name)) } else { Ok(Value::Absent) };
    };
    let mismatch = ReadError::Mismatch(field.name);
    let value = match (field.kind, raw.shape()) {
        (_, Shape::Null) if field.required => return Err(ReadError::Nil(field.name)),
        (_, Shape::Null) => return Ok(Value::Absent),
        (Kind::Int, Shape::Number) => Value::Int(raw.integer().ok_or(ReadError::NotAnInteger(field.name))?),
        (Kind::Text, Shape::Text) => Value::Text(raw.text()),
        (Kind::Text, Shape::Number) => return Err(ReadError::NumberForText(field.name)),
        (Kind::TextList, Shape::List) => Value::Texts(texts(raw, mismatch)?),
        (Kind::Bool, Shape::Bool) => Value::Bool(raw.is_true()),
        (Kind::Object, Shape::Object) => Value::Object(raw.literal()),
        _ => return Err(mismatch),
    };
    allowed(field, value)
}

/// The elements of a list of texts: numbers as they are written, nulls left out.
fn texts(list: Raw<'_>, mismatch: ReadError) -> Result<Vec<String>, ReadError> {
    let mut texts = Vec::new();
    for element in list.elements() {
        match element.shape() {
            Shape::Text => texts.push(element.text()),
            Shape::Number => texts.push(element.literal()),
            Shape::Null => {}
            Shape::Bool | Shape::List | Shape::Object => return Err(mismatch),
        }
    }
    Ok(texts)
}

/// How much of a refused text is repeated: enough to recognise a mistake, too little to carry content.
const SHOWN_CHARACTERS: usize = 16;

fn allowed(field: &Field, value: Value) -> Result<Value, ReadError> {
    match (field.allowed, &value) {
        (Allowed::Ints(options), Value::Int(int)) if !options.contains(int) => {
            let options = options.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
            Err(ReadError::NotAnOption { value: int.to_string(), options })
        }
        (Allowed::Texts(options), Value::Text(text)) if !options.contains(&text.as_str()) => {
            let shown = text.chars().take(SHOWN_CHARACTERS).collect();
            let named: Vec<&str> = options.iter().copied().filter(|option| !option.is_empty()).collect();
            Err(ReadError::NotAnOption { value: shown, options: named.join(" ") })
        }
        (Allowed::Range(least, most), Value::Int(int)) if !(least..=most).contains(int) => {
            Err(ReadError::OutOfRange { field: field.name, value: *int, least, most })
        }
        (Allowed::Bytes(most), Value::Text(text)) if text.len() > most => {
            Err(ReadError::TooLong { field: field.name, bytes: text.len(), most })
        }
        _ => Ok(value),
    }
}

/// What a request says, by field name. A field is looked up by its name and kind, so a text in the body and an
/// integer header may share a name. Asking for a field that the endpoint does not have is a mistake of the
/// program: it stops in debug builds and reads as absent in release builds.
#[derive(Debug)]
pub struct Values {
    reader: &'static Reader,
    values: Vec<Value>,
}

/// The identity headers as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityHeaders<'a> {
    /// `newUserId`; 0 = absent.
    pub new_user_id: i64,
    /// `entUserId`; 0 = absent.
    pub ent_user_id: i64,
    /// `positionId`; 0 = absent.
    pub position_id: i64,
    /// `entId`; 0 = absent, or the platform.
    pub ent_id: i64,
    /// `appId`; empty = absent.
    pub app_id: &'a str,
}

impl Values {
    fn find(&self, is_it: impl Fn(&Field) -> bool) -> &Value {
        let place = self.reader.fields.iter().position(|(field, _)| is_it(field));
        place.and_then(|place| self.values.get(place)).unwrap_or(&Value::Absent)
    }

    fn named(&self, name: &str, kind: Kind) -> &Value {
        let is_it = |field: &Field| field.is_named(name) && field.kind == kind;
        debug_assert!(self.reader.fields.iter().any(|(field, _)| is_it(field)), "no {kind:?} field {name}");
        self.find(is_it)
    }

    /// An integer; 0 when absent.
    pub fn int(&self, name: &str) -> i64 {
        self.opt_int(name).unwrap_or(0)
    }

    /// An integer, if it was given.
    pub fn opt_int(&self, name: &str) -> Option<i64> {
        match self.named(name, Kind::Int) {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// A text; empty when absent.
    pub fn text(&self, name: &str) -> &str {
        match self.named(name, Kind::Text) {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// A list of texts; empty when absent.
    pub fn texts(&self, name: &str) -> &[String] {
        match self.named(name, Kind::TextList) {
            Value::Texts(texts) => texts,
            _ => &[],
        }
    }

    /// Whether a flag was given and is true.
    pub fn flag(&self, name: &str) -> bool {
        *self.named(name, Kind::Bool) == Value::Bool(true)
    }

    /// An object as its JSON text; empty when absent.
    pub fn object(&self, name: &str) -> &str {
        match self.named(name, Kind::Object) {
            Value::Object(text) => text,
            _ => "",
        }
    }

    /// A kind of conversation, if the integer is one.
    pub fn kind(&self, name: &str) -> Option<ids::Kind> {
        ids::Kind::from_number(self.int(name))
    }

    /// Whether a field of this name was given at all.
    pub fn given(&self, name: &str) -> bool {
        let is_it = |field: &Field| field.is_named(name);
        debug_assert!(self.reader.fields.iter().any(|(field, _)| is_it(field)), "no field {name}");
        *self.find(is_it) != Value::Absent
    }

    /// The identity headers, whatever the body calls its fields.
    pub fn identity(&self) -> IdentityHeaders<'_> {
        let header = |name| self.find(|field| field.place == Place::Header && field.is_named(name));
        let int = |name| if let Value::Int(int) = header(name) { *int } else { 0 };
        IdentityHeaders {
            new_user_id: int("newUserId"),
            ent_user_id: int("entUserId"),
            position_id: int("positionId"),
            ent_id: int("entId"),
            app_id: if let Value::Text(text) = header("appId") { text } else { "" },
        }
    }
}
