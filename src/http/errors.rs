//! The table of error codes: every number a caller can get, with its HTTP status and whether to try again.
//!
//! A number never changes its meaning. `docs/errors.md` is this table; a test compares the two and pins the
//! numbers. [`mapping`] says which refusal, failure or unreadable request gets which code.

pub mod mapping;
pub mod page;

#[cfg(test)]
mod tests;

pub use mapping::{Problem, code_and_text};

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request gets the same answer.
    No,
    /// Nothing happened: try again after `Retry-After`.
    Safe,
    /// It may have happened: try again after `Retry-After`, a send with the same `Idempotency-Key`.
    MayHaveHappened,
}

/// One code.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// Five digits; the first three are the HTTP status.
    pub number: u32,
    /// Its name in metrics and documents.
    pub name: &'static str,
    /// Whether `http.business_status = "ok"` answers it with HTTP 200.
    pub business: bool,
    /// What to do.
    pub retry: Retry,
    /// What it means. The answer's text may say more.
    pub text: &'static str,
}

impl ErrorCode {
    /// The HTTP status that the number begins with.
    pub const fn rest_status(&self) -> u16 {
        (self.number / 100) as u16
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal, $business:literal, $retry:ident, $text:literal;)+) => {
        $(
            #[doc = $text]
            pub static $name: ErrorCode = ErrorCode {
                number: $number,
                name: stringify!($name),
                business: $business,
                retry: Retry::$retry,
                text: $text,
            };
        )+

        /// Every code, by number.
        pub static TABLE: &[&ErrorCode] = &[$(&$name),+];
    };
}

codes! {
    BODY_SYNTAX = 40000, false, No, "The body is no JSON.";
    FIELD_NOT_SET = 40001, false, No, "A required field or header is missing.";
    FIELD_NIL = 40002, false, No, "A required field is null.";
    NO_TARGET = 40003, false, No, "The message names no receiver, and no service session is open.";
    ONESELF = 40004, false, No, "The other party is the caller itself.";
    TYPE_MISMATCH = 40005, false, No, "A field has another type.";
    OUT_OF_RANGE = 40006, false, No, "A number is no int64 or is outside the field's range.";
    NOT_AN_OPTION = 40007, false, No, "A value is not in the field's list.";
    BAD_HEADER = 40008, false, No, "A header cannot be read, or is sent twice.";
    TOO_LONG = 40009, false, No, "A text is longer than its field allows.";
    BAD_FIELD = 40010, false, No, "A field's value cannot be used.";
    NOT_AN_OBJECT = 40011, false, No, "The body is JSON but no object.";
    BAD_ENCODING = 40012, false, No, "The body's content encoding is unknown or broken; gzip is understood.";
    BODY_INCOMPLETE = 40013, false, No, "The body did not arrive whole and in time.";
    BAD_PARAMETER = 40014, false, No, "A parameter of the path or the query cannot be read.";
    NO_IDENTITY = 40101, false, No, "The identity header that the hat needs is missing.";
    NOT_THE_SENDER = 40301, true, No, "sendId is not the caller.";
    NOT_THE_AUTHOR = 40302, true, No, "Only its author may withdraw a message.";
    OWN_MESSAGE = 40303, true, No, "One's own message cannot be appraised.";
    NOTICE_NOT_APPRAISED = 40304, true, No, "A notice cannot be appraised.";
    OTHER_ENTERPRISE = 40305, true, No, "The entId header, or receiveEntId, disagrees with the agent's record.";
    UNKNOWN_PATH = 40400, false, No, "Nothing is at this path.";
    UNKNOWN_CONVERSATION = 40401, true, No, "The conversation is unknown or not the caller's.";
    UNKNOWN_MESSAGE = 40402, true, No, "The message is unknown or not the caller's.";
    UNKNOWN_SESSION = 40403, true, No, "The session is unknown or not the caller's.";
    UNKNOWN_SEAT = 40404, true, No, "The seat is unknown.";
    UNKNOWN_USER = 40405, true, No, "The user is unknown to the directory.";
    UNKNOWN_AGENT = 40406, true, No, "The agent has no record.";
    UNKNOWN_GROUP = 40407, true, No, "The group is not defined.";
    WRONG_METHOD = 40500, false, No, "The path does not answer this method; Allow says which it answers.";
    KEY_REUSED = 40901, true, No, "The idempotency key was used with a different request.";
    DISAGREES = 40902, true, No, "A field disagrees with the message.";
    ENTERPRISE_FIXED = 40903, true, No, "An agent's enterprise is fixed at its first PUT.";
    SEVERAL_SESSIONS = 40904, true, No, "Several sessions are open: name one.";
    LEASE_OF_ANOTHER = 40905, true, No, "The reservation serves another customer or enterprise.";
    AT_CAPACITY = 40906, true, No, "The agent has no free place.";
    AGENT_AWAY = 40907, true, No, "The agent takes no customers now.";
    NOT_OFFERED = 40908, true, No, "The session is not offered to this agent.";
    NOBODY_FREE = 40909, true, No, "No agent of the group can take the session now.";
    MERGED_INTO_ANOTHER = 40910, true, No, "The visitor is merged into another user already.";
    NOT_A_VISITOR = 40911, true, No, "Only visitors are merged; this is a registered user.";
    NOT_REGISTERED = 40912, true, No, "A visitor is merged into a registered user only, never into a visitor.";
    GROUP_CLOSED = 40913, true, No, "The reception group takes no customers at this time.";
    QUEUE_FULL = 40914, true, No, "As many customers wait in the reception group as it allows.";
    TOO_MANY_VISITORS = 40915, true, No, "The user has as many merged visitors as one may have.";
    SESSION_CLOSED = 41001, true, No, "No session is open in this service conversation.";
    TOO_LATE = 41002, true, No, "The time in which a message may be withdrawn has passed.";
    WITHDRAWN = 41003, true, No, "The message is withdrawn and cannot be appraised.";
    GROUP_GONE = 41004, true, No, "The group was deleted.";
    BODY_TOO_LARGE = 41300, false, No, "The body is larger than http.body_limit, after decompression.";
    MAILBOX_FULL = 42901, false, Safe, "Too many requests wait for this conversation, inbox or queue.";
    TOO_MANY_AT_ONCE = 42902, false, Safe, "This caller has too many requests under way (admission.client_capacity).";
    OVERLOADED = 50301, false, Safe, "Too many requests wait in the whole service.";
    CRASHED = 50302, false, MayHaveHappened, "The request made its actor fail and is not tried again.";
    RESTARTING = 50303, false, Safe, "The actor is restarting.";
    QUARANTINED = 50304, false, Safe, "The actor failed too often; an operator must resume it. Reads go on where what is stored can be read.";
    DRAINING = 50305, false, Safe, "The service is shutting down.";
    STORAGE_DOWN = 50306, false, Safe, "Storage cannot be reached.";
    OUTCOME_UNKNOWN = 50307, false, MayHaveHappened, "Storage did not say whether it committed.";
    LOST = 50308, false, MayHaveHappened, "The answer was lost with its actor.";
    TIMED_OUT = 50309, false, MayHaveHappened, "The answer took longer than http.request_timeout_ms.";
    DEFECT = 50310, false, MayHaveHappened, "The service itself failed; its log says more.";
    NOT_READY = 50311, false, Safe, "The service is not ready; the answer says what it waits for.";
}
