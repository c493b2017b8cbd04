//! What the admin listener says no with, besides the codes of [`crate::http::errors`]. `docs/admin.md` has them all.

use crate::http::errors::{ErrorCode, Retry};

const fn code(number: u32, name: &'static str, text: &'static str) -> ErrorCode {
    ErrorCode { number, name, business: false, retry: Retry::No, text }
}

/// No value, or one that is refused.
pub static BAD_SETTING: ErrorCode =
    code(40020, "BAD_SETTING", "A setting is unknown, needs a restart, or its value is refused.");
/// Who are you.
pub static BAD_TOKEN: ErrorCode =
    code(40120, "BAD_TOKEN", "The header `Authorization: Bearer` is missing, or its token is unknown.");
/// Not with this role.
pub static NOT_AN_OPERATOR: ErrorCode =
    code(40320, "NOT_AN_OPERATOR", "The token's role is viewer; this needs operator.");
/// No such actor.
pub static NOT_ACTIVE: ErrorCode = code(40420, "NOT_ACTIVE", "The actor is not in memory.");
/// No such kind or key.
pub static NO_SUCH_KEY: ErrorCode = code(40421, "NO_SUCH_KEY", "No actor can have this kind and key.");
/// No such letter.
pub static NO_SUCH_LETTER: ErrorCode =
    code(40422, "NO_SUCH_LETTER", "There is no dead letter of this number.");
/// No such version.
pub static NO_SUCH_VERSION: ErrorCode =
    code(40423, "NO_SUCH_VERSION", "This version of the live settings is not kept.");
/// It was not traced.
pub static NOT_TRACED: ErrorCode =
    code(40424, "NOT_TRACED", "The actor was not traced since it is in memory.");
/// It waits for nobody.
pub static NOT_QUARANTINED: ErrorCode = code(40920, "NOT_QUARANTINED", "The actor is not quarantined.");
/// It may not leave memory.
pub static IN_USE: ErrorCode =
    code(40921, "IN_USE", "The actor cannot leave memory now: `error_msg` says why.");
/// Its request is not kept.
pub static NOT_REPLAYABLE: ErrorCode =
    code(40922, "NOT_REPLAYABLE", "The letter is of no request, or its request is no longer kept.");
/// Somebody else was faster.
pub static VERSION_CHANGED: ErrorCode =
    code(41220, "VERSION_CHANGED", "The live settings have another version than `If-Match` says.");
/// What did you look at.
pub static VERSION_NEEDED: ErrorCode = code(
    42820,
    "VERSION_NEEDED",
    "The header `If-Match` must say which version of the live settings is changed.",
);

/// All of them, by number.
pub static TABLE: [&ErrorCode; 13] = [
    &BAD_SETTING,
    &BAD_TOKEN,
    &NOT_AN_OPERATOR,
    &NOT_ACTIVE,
    &NO_SUCH_KEY,
    &NO_SUCH_LETTER,
    &NO_SUCH_VERSION,
    &NOT_TRACED,
    &NOT_QUARANTINED,
    &IN_USE,
    &NOT_REPLAYABLE,
    &VERSION_CHANGED,
    &VERSION_NEEDED,
];
