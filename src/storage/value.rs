//! Between SurrealDB's values, JSON and the ports' types. What comes back equals what went in: integers keep
//! their width, texts their every character.

use messagecenter_actors::domain::shadow::Side;
use messagecenter_actors::ports::StoreError;
use serde_json::Value as Json;
use surrealdb_types::{Bytes, Number, Object, RecordId, RecordIdKey, RecordIdKeyRange, Value};

use super::failure::corrupt;

/// A text as a value.
pub(super) fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// An unsigned number as a value. What is above 2^63 - 1 becomes 2^63 - 1: no position or page gets there,
/// only "no upper bound" does.
pub(super) fn integer(number: u64) -> Value {
    Value::Number(Number::Int(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// A signed number as a value.
pub(super) fn signed(number: i64) -> Value {
    Value::Number(Number::Int(number))
}

/// Bytes as a value; not copied.
pub(super) fn bytes(bytes: &bytes::Bytes) -> Value {
    Value::Bytes(Bytes::from(bytes.clone()))
}

/// An object of these fields.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
    let mut object = Object::new();
    for (name, value) in fields {
        object.insert(name, value);
    }
    object
}

/// `table:[part, part]`.
pub(super) fn record(table: &'static str, parts: [Value; 2]) -> Value {
    Value::RecordId(RecordId::new(table, key(parts)))
}

/// `table:[part, part]`, or `table:[part, part, 1]` on the second side.
pub(super) fn record_on(side: Side, table: &'static str, parts: [Value; 2]) -> Value {
    Value::RecordId(RecordId::new(table, key_on(side, parts)))
}

/// `table:⟨id⟩`.
pub(super) fn named(table: &'static str, id: &str) -> Value {
    Value::RecordId(RecordId::new(table, RecordIdKey::String(id.to_owned())))
}

/// `table:[start]..[end]`: from `start`, up to but not including `end`.
pub(super) fn range(table: &'static str, start: [Value; 2], end: [Value; 2]) -> Value {
    let range = RecordIdKeyRange {
        start: std::ops::Bound::Included(key(start)),
        end: std::ops::Bound::Excluded(key(end)),
    };
    Value::RecordId(RecordId::new(table, RecordIdKey::Range(Box::new(range))))
}

/// `table:[part, part]..=[part, part, 1]`: a record on both sides.
pub(super) fn both_sides(table: &'static str, parts: [Value; 2]) -> Value {
    let range = RecordIdKeyRange {
        start: std::ops::Bound::Included(key(parts.clone())),
        end: std::ops::Bound::Included(key_on(Side::Second, parts)),
    };
    Value::RecordId(RecordId::new(table, RecordIdKey::Range(Box::new(range))))
}

/// `table:[start, 1]>..[end]`: behind `start` on both sides, up to but not including `end`.
pub(super) fn range_behind(table: &'static str, start: [Value; 2], end: [Value; 2]) -> Value {
    behind(table, key_on(Side::Second, start), std::ops::Bound::Excluded(key(end)))
}

/// `table:⟨id⟩>..`: every record behind it whose key is a text.
pub(super) fn named_behind(table: &'static str, id: &str) -> Value {
    behind(table, RecordIdKey::String(id.to_owned()), std::ops::Bound::Unbounded)
}

fn behind(table: &'static str, start: RecordIdKey, end: std::ops::Bound<RecordIdKey>) -> Value {
    let range = RecordIdKeyRange { start: std::ops::Bound::Excluded(start), end };
    Value::RecordId(RecordId::new(table, RecordIdKey::Range(Box::new(range))))
}

fn key(parts: [Value; 2]) -> RecordIdKey {
    key_on(Side::First, parts)
}

fn key_on(side: Side, parts: [Value; 2]) -> RecordIdKey {
    let second = (side == Side::Second).then(|| integer(1));
    RecordIdKey::Array(parts.into_iter().chain(second).collect())
}

/// JSON as SurrealDB's value.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Number(from_number(number)),
        Json::String(string) => Value::String(string.clone()),
        Json::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        Json::Object(fields) => {
            let mut object = Object::new();
            for (name, value) in fields {
                object.insert(name.as_str(), from_json(value));
            }
            Value::Object(object)
        }
    }
}

fn from_number(number: &serde_json::Number) -> Number {
    if let Some(int) = number.as_i64() {
        return Number::Int(int);
    }
    match number.as_u64() {
        Some(large) => Number::Decimal(large.into()),
        None => Number::Float(number.as_f64().unwrap_or_default()),
    }
}

/// SurrealDB's value as JSON: the inverse of [`from_json`].
pub(super) fn into_json(value: Value) -> Json {
    match value {
        Value::Number(Number::Decimal(decimal)) => match u64::try_from(decimal) {
            Ok(large) => Json::from(large),
            Err(_) => Json::String(decimal.to_string()),
        },
        Value::Array(items) => items.into_inner().into_iter().map(into_json).collect(),
        Value::Object(object) => Json::Object(
            object.into_inner().into_iter().map(|(name, value)| (name, into_json(value))).collect(),
        ),
        other => other.into_json_value(),
    }
}

/// One record as it was read: its fields are taken out one by one, and a missing or foreign one is corruption.
pub(super) struct Row {
    table: &'static str,
    fields: Object,
}

impl Row {
    /// A row of `table`.
    pub(super) fn new(table: &'static str, value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Object(fields) => Ok(Self { table, fields }),
            _ => Err(corrupt(&format!("a record of {table} is not an object"))),
        }
    }

    fn broken(&self, field: &str) -> StoreError {
        corrupt(&format!("{}.{field} is not as it was written", self.table))
    }

    /// Whether it has the field still.
    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.get(field).is_some()
    }

    /// Takes any field.
    pub(super) fn take(&mut self, field: &str) -> Result<Value, StoreError> {
        self.fields.remove(field).ok_or_else(|| self.broken(field))
    }

    /// Takes a number.
    pub(super) fn signed(&mut self, field: &str) -> Result<i64, StoreError> {
        match self.take(field)? {
            Value::Number(Number::Int(number)) => Ok(number),
            _ => Err(self.broken(field)),
        }
    }

    /// Takes a number that is not negative and fits.
    pub(super) fn integer<T: TryFrom<i64>>(&mut self, field: &str) -> Result<T, StoreError> {
        let number = self.signed(field)?;
        T::try_from(number).map_err(|_| self.broken(field))
    }

    /// Takes bytes.
    pub(super) fn bytes(&mut self, field: &str) -> Result<bytes::Bytes, StoreError> {
        match self.take(field)? {
            Value::Bytes(bytes) => Ok(bytes.into_inner()),
            _ => Err(self.broken(field)),
        }
    }

    /// Takes a UUID.
    pub(super) fn uuid(&mut self, field: &str) -> Result<uuid::Uuid, StoreError> {
        match self.take(field)? {
            Value::Uuid(id) => Ok(id.into()),
            _ => Err(self.broken(field)),
        }
    }

    /// Takes the record's key.
    pub(super) fn key(&mut self) -> Result<RecordIdKey, StoreError> {
        match self.take("id")? {
            Value::RecordId(id) => Ok(id.key),
            _ => Err(self.broken("id")),
        }
    }

    /// The second part of a key that is an array of two texts, on whatever side; stays in the row.
    pub(super) fn text_of_key(&self) -> Result<String, StoreError> {
        let parts = match self.fields.get("id") {
            Some(Value::RecordId(RecordId { key: RecordIdKey::Array(parts), .. })) => parts,
            _ => return Err(self.broken("id")),
        };
        match (parts.get(1), parts.len()) {
            (Some(Value::String(id)), 2 | 3) => Ok(id.clone()),
            _ => Err(self.broken("id")),
        }
    }

    /// On which side the record is; its key stays in the row.
    pub(super) fn side_of_key(&self) -> Side {
        match self.fields.get("id") {
            Some(Value::RecordId(RecordId { key: RecordIdKey::Array(parts), .. })) if parts.len() > 2 => {
                Side::Second
            }
            _ => Side::First,
        }
    }

    /// Takes the second part of a key, a number that is not negative, on whatever side.
    pub(super) fn number_of_key(&mut self) -> Result<u64, StoreError> {
        let second = match self.key()? {
            RecordIdKey::Array(parts) if matches!(parts.len(), 2 | 3) => {
                parts.into_inner().into_iter().nth(1)
            }
            _ => None,
        };
        match second {
            Some(Value::Number(Number::Int(number))) => u64::try_from(number).map_err(|_| self.broken("id")),
            _ => Err(self.broken("id")),
        }
    }
}
