//! JSON written piece by piece, for answers of many rows: names and punctuation stand in the source as they are sent, and
//! only values are written. serde_json writes every name as a text of its own, which is most of the time of a row.
//!
//! Guarantees: a text is written as serde_json writes it. What is a piece is not looked at.

use uuid::Uuid;

/// See the module's head.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// One with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Names and punctuation, and what needs no escape between quotes.
    pub fn raw(&mut self, piece: &str) -> &mut Self {
        self.0.extend_from_slice(piece.as_bytes());
        self
    }

    /// A text, in quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        // All bytes are looked at, however early one is found, so that many are looked at at once.
        let escaped = text.bytes().fold(false, |found, byte| found | needs_escape(byte));
        if escaped {
            let _ = serde_json::to_writer(&mut self.0, text); // neither a text nor a list of bytes can refuse
            return self;
        }
        self.raw("\"").raw(text).raw("\"")
    }

    /// A whole number.
    pub fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.raw(itoa::Buffer::new().format(number))
    }

    /// `true` or `false`.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.raw(if flag { "true" } else { "false" })
    }

    /// An id in quotes, or `null`.
    pub fn id(&mut self, id: Option<Uuid>) -> &mut Self {
        match id {
            Some(id) => {
                self.raw("\"").raw(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())).raw("\"")
            }
            None => self.raw("null"),
        }
    }
}

/// A control character, a quote or a backslash.
const fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot write its own input has failed")]

    use super::*;

    #[test]
    fn every_text_is_written_as_serde_json_writes_it() {
        let characters = (0..=0x2ff).chain([0x2028, 0xfffd, 0x1f389]).filter_map(char::from_u32);
        for character in characters {
            for text in [character.to_string(), format!("{}{character}{}", "a".repeat(40), "ü".repeat(9))] {
                let mut writer = Writer::default();
                writer.text(&text);
                assert_eq!(writer.into_bytes(), serde_json::to_vec(&text).unwrap(), "{character:?}");
            }
        }
    }

    #[test]
    fn numbers_flags_and_ids_are_written_as_serde_json_writes_them() {
        let id = Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0);
        let mut writer = Writer::with_capacity(8);
        writer.raw("[").number(u64::MAX).raw(",").number(i64::MIN).raw(",").number(0_u8).raw(",");
        writer.flag(true).raw(",").flag(false).raw(",").id(Some(id)).raw(",").id(None).raw("]");
        let expected =
            serde_json::to_vec(&(u64::MAX, i64::MIN, 0, true, false, id.to_string(), None::<Uuid>)).unwrap();
        assert_eq!(writer.into_bytes(), expected);
    }
}
