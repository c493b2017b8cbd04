//! `docs/errors.md`, made from the table.

use super::{Retry, TABLE};

/// What stands before the table.
const INTRODUCTION: &str = "\
# Error codes

Every answer carries `error_code` and `error_msg`; 0 means done. The first three digits are the HTTP status
that fits the error. Rows marked * are refusals of the business: they are answered with HTTP 200 unless
`http.business_status` is `rest`. All others are always answered with their status. `error_msg` names the
field, what came and what is allowed; programs should look at the number.

Where a request may be tried again, the answer carries `Retry-After`. *safe* means that nothing happened.
*may have happened* means that the first attempt may have taken effect: repeat a send with the same
`Idempotency-Key`; every other request of the contract may be repeated as it is.

| Code | HTTP | Name | Try again | Meaning |
|---|---|---|---|---|
";

/// The page, as `docs/errors.md` must hold it.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for code in TABLE {
        let retry = match code.retry {
            Retry::No => "no",
            Retry::Safe => "safe",
            Retry::MayHaveHappened => "may have happened",
        };
        let mark = if code.business { "*" } else { "" };
        let (number, status, name, text) = (code.number, code.rest_status(), code.name, code.text);
        page.push_str(&format!("| {number} | {status}{mark} | {name} | {retry} | {text} |\n"));
    }
    page
}
