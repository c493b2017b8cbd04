//! Percent escapes of paths and queries.

use std::borrow::Cow;

use super::json::utf8_as_go;

/// A text with its percent escapes read; an escape that is none stays as it is.
pub fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = if first == b'%' { after.get(..2).and_then(hexadecimal) } else { None };
        bytes.push(escape.unwrap_or(first));
        rest = if escape.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(utf8_as_go(&bytes))
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
