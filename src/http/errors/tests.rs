//! The table of codes: pinned, complete, and equal to its page.

use std::collections::BTreeSet;
use std::time::Duration;

use messagecenter_actors::runtime::failure::Failure;

use super::*;

/// Numbers are a promise to callers: this list only grows.
const PINNED: [(u32, &str); 63] = [
    (40000, "BODY_SYNTAX"),
    (40001, "FIELD_NOT_SET"),
    (40002, "FIELD_NIL"),
    (40003, "NO_TARGET"),
    (40004, "ONESELF"),
    (40005, "TYPE_MISMATCH"),
    (40006, "OUT_OF_RANGE"),
    (40007, "NOT_AN_OPTION"),
    (40008, "BAD_HEADER"),
    (40009, "TOO_LONG"),
    (40010, "BAD_FIELD"),
    (40011, "NOT_AN_OBJECT"),
    (40012, "BAD_ENCODING"),
    (40013, "BODY_INCOMPLETE"),
    (40014, "BAD_PARAMETER"),
    (40101, "NO_IDENTITY"),
    (40301, "NOT_THE_SENDER"),
    (40302, "NOT_THE_AUTHOR"),
    (40303, "OWN_MESSAGE"),
    (40304, "NOTICE_NOT_APPRAISED"),
    (40305, "OTHER_ENTERPRISE"),
    (40400, "UNKNOWN_PATH"),
    (40401, "UNKNOWN_CONVERSATION"),
    (40402, "UNKNOWN_MESSAGE"),
    (40403, "UNKNOWN_SESSION"),
    (40404, "UNKNOWN_SEAT"),
    (40405, "UNKNOWN_USER"),
    (40406, "UNKNOWN_AGENT"),
    (40407, "UNKNOWN_GROUP"),
    (40500, "WRONG_METHOD"),
    (40901, "KEY_REUSED"),
    (40902, "DISAGREES"),
    (40903, "ENTERPRISE_FIXED"),
    (40904, "SEVERAL_SESSIONS"),
    (40905, "LEASE_OF_ANOTHER"),
    (40906, "AT_CAPACITY"),
    (40907, "AGENT_AWAY"),
    (40908, "NOT_OFFERED"),
    (40909, "NOBODY_FREE"),
    (40910, "MERGED_INTO_ANOTHER"),
    (40911, "NOT_A_VISITOR"),
    (40912, "NOT_REGISTERED"),
    (40913, "GROUP_CLOSED"),
    (40914, "QUEUE_FULL"),
    (40915, "TOO_MANY_VISITORS"),
    (41001, "SESSION_CLOSED"),
    (41002, "TOO_LATE"),
    (41003, "WITHDRAWN"),
    (41004, "GROUP_GONE"),
    (41300, "BODY_TOO_LARGE"),
    (42901, "MAILBOX_FULL"),
    (42902, "TOO_MANY_AT_ONCE"),
    (50301, "OVERLOADED"),
    (50302, "CRASHED"),
    (50303, "RESTARTING"),
    (50304, "QUARANTINED"),
    (50305, "DRAINING"),
    (50306, "STORAGE_DOWN"),
    (50307, "OUTCOME_UNKNOWN"),
    (50308, "LOST"),
    (50309, "TIMED_OUT"),
    (50310, "DEFECT"),
    (50311, "NOT_READY"),
];

#[test]
fn numbers_never_change_their_meaning() {
    let table: Vec<(u32, &str)> = TABLE.iter().map(|code| (code.number, code.name)).collect();
    assert_eq!(table, PINNED);
    let numbers: BTreeSet<u32> = table.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers.len(), TABLE.len());
}

#[test]
fn only_refusals_of_the_business_may_hide_behind_200() {
    for code in TABLE {
        let status = code.rest_status();
        let always = matches!(status, 400 | 401 | 405 | 413 | 429 | 503) || code.number == 40400;
        assert_eq!(code.business, !always, "{}", code.name);
        assert_eq!(code.retry != Retry::No, matches!(status, 429 | 503), "{}", code.name);
    }
}

#[test]
fn waiting_is_said_in_whole_seconds_and_never_zero() {
    for (wait, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
        let told: BTreeSet<u64> = (0..1_000)
            .filter_map(|_| Problem::from(Failure::MailboxFull(Duration::from_millis(wait))).retry_after)
            .collect();
        let all: BTreeSet<u64> = (seconds..=2 * seconds).collect();
        assert_eq!(told, all, "from the wait to twice the wait, so that not all come back at once");
    }
    assert_eq!(Problem::plain(&UNKNOWN_MESSAGE).retry_after, None);
}

#[test]
fn the_page_in_docs_is_this_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    if std::env::var_os("WRITE_DOCS").is_some() {
        assert!(std::fs::write(path, page::page()).is_ok(), "cannot write {path}");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page::page(), "docs/errors.md is not the table: run the tests once with WRITE_DOCS=1");
}
