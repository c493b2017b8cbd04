//! The envelope of every answer: `{"error_code":0,"error_msg":"ok","data":…,"count":n}`, all four keys, in this
//! order, written in one pass.

use serde::Serialize;

use super::json::writer::Writer;

/// The content type of every envelope.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// The usual size of an answer: one allocation serves most.
const USUAL_BYTES: usize = 512;

/// The size of one row of a list without its texts: names, ids and numbers of a message take some 370.
const ROW_BYTES: usize = 400;

#[derive(Serialize)]
struct Envelope<'a, D: Serialize> {
    error_code: u32,
    error_msg: &'a str,
    data: D,
    count: u64,
}

/// The envelope of what was done.
///
/// # Errors
/// A `data` that is no JSON (a map whose keys are no texts): a mistake of the program.
pub fn done(data: &impl Serialize, count: u64) -> Result<Vec<u8>, serde_json::Error> {
    write(&Envelope { error_code: 0, error_msg: "ok", data, count }, USUAL_BYTES)
}

/// The same for a list of many rows, each of which `write` writes; `texts` = bytes of the texts in them.
pub fn done_rows<R>(rows: &[R], count: u64, texts: usize, write: impl Fn(&mut Writer, &R)) -> Vec<u8> {
    let mut json = Writer::with_capacity(USUAL_BYTES + ROW_BYTES * rows.len() + texts);
    json.raw(r#"{"error_code":0,"error_msg":"ok","data":["#);
    for (index, row) in rows.iter().enumerate() {
        json.raw(if index == 0 { "" } else { "," });
        write(&mut json, row);
    }
    json.raw(r#"],"count":"#).number(count).raw("}");
    json.into_bytes()
}

/// The envelope of what was not done: `data` is `null`, `count` is 0.
pub fn not_done(code: u32, text: &str) -> Vec<u8> {
    not_done_because(code, text, ())
}

/// The same with `data` that says more; nothing is sent for a `data` that is no JSON.
pub fn not_done_because(code: u32, text: &str, data: impl Serialize) -> Vec<u8> {
    write(&Envelope { error_code: code, error_msg: text, data, count: 0 }, USUAL_BYTES).unwrap_or_default()
}

fn write<D: Serialize>(envelope: &Envelope<'_, D>, bytes: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(bytes);
    serde_json::to_writer(&mut bytes, envelope)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot write its own input has failed")]

    use super::*;

    #[test]
    fn a_list_that_is_written_row_by_row_is_the_same_answer() {
        for rows in [&[][..], &[7], &[7, 8, 9]] {
            let written = done_rows(rows, 12, 0, |json, row| {
                json.number(*row);
            });
            assert_eq!(written, done(&rows, 12).unwrap());
        }
    }

    #[test]
    fn all_four_keys_come_in_order() {
        let done = done(&Vec::<u8>::new(), 3).unwrap();
        assert_eq!(
            String::from_utf8(done).unwrap(),
            r#"{"error_code":0,"error_msg":"ok","data":[],"count":3}"#
        );
        let refused = String::from_utf8(not_done(40_402, "unknown \"x\"")).unwrap();
        assert_eq!(refused, r#"{"error_code":40402,"error_msg":"unknown \"x\"","data":null,"count":0}"#);
    }
}
