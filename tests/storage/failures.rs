//! What SurrealDB's errors mean.

use messagecenter::storage::failure::{Operation, classify};
use messagecenter_actors::ports::StoreError;
use surrealdb_types::{ConnectionError, Error, NotAllowedError, QueryError, SerializationError};

fn of_write(error: &Error) -> StoreError {
    classify(Operation::Write, error)
}

#[test]
fn a_lost_race_is_a_conflict_and_nothing_was_written() {
    let error = Error::query("busy".to_owned(), QueryError::TransactionConflict);
    assert_eq!(of_write(&error), StoreError::Conflict("busy".to_owned()));
}

#[test]
fn an_existing_record_is_told_apart() {
    assert_eq!(of_write(&Error::already_exists("x".to_owned(), None)), StoreError::Exists);
}

#[test]
fn what_our_transactions_throw_means_fenced_and_nothing_else_thrown_does() {
    let ours = Error::thrown("An error occurred: fenced".to_owned());
    assert!(matches!(of_write(&ours), StoreError::Fenced(_)));
    let foreign = Error::thrown("An error occurred: other".to_owned());
    assert!(matches!(of_write(&foreign), StoreError::Unknown(_)));
}

#[test]
fn what_was_never_sent_or_refused_beforehand_wrote_nothing() {
    let unsent = Error::connection("not connected".to_owned(), ConnectionError::Uninitialised);
    assert!(matches!(of_write(&unsent), StoreError::Unavailable(_)));
    let read_only = Error::not_allowed("disk".to_owned(), None::<NotAllowedError>);
    assert!(matches!(of_write(&read_only), StoreError::Unavailable(_)));
}

#[test]
fn every_other_error_of_a_write_leaves_its_outcome_open() {
    let errors = [
        Error::connection("reset".to_owned(), ConnectionError::ConnectionFailed),
        Error::internal("io".to_owned()),
        Error::query("commit failed".to_owned(), QueryError::NotExecuted),
        Error::query("slow".to_owned(), QueryError::Cancelled),
        Error::serialization("bad".to_owned(), SerializationError::Deserialization),
    ];
    for error in errors {
        assert!(matches!(of_write(&error), StoreError::Unknown(_)), "{error:?}");
    }
}

#[test]
fn a_read_that_fails_may_be_tried_again_unless_it_cannot_be_decoded() {
    let error = Error::internal("io".to_owned());
    assert!(matches!(classify(Operation::Read, &error), StoreError::Unavailable(_)));
    let error = Error::serialization("bad".to_owned(), SerializationError::Deserialization);
    assert!(matches!(classify(Operation::Read, &error), StoreError::Corrupt(_)));
}
