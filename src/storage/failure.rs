//! What SurrealDB's errors mean to the ports. Nothing else in the program looks into them.
//!
//! The rule for writes: an error is called "nothing was written" only where SurrealDB decided so before it
//! committed. Everything else is [`StoreError::Unknown`], and whoever wrote reads back.

use messagecenter_actors::ports::StoreError;
use surrealdb_types::{ConnectionError, Error, ErrorDetails, QueryError, Value};

/// What our transactions throw when their epoch is not the lease's.
pub(super) const FENCED: &str = "fenced";

/// Whether a statement may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It only read: trying again is always safe.
    Read,
    /// It wrote: an error without a verdict leaves the outcome open.
    Write,
}

impl Operation {
    /// The error of a statement that ended without a verdict.
    pub fn undecided(self, reason: &str) -> StoreError {
        match self {
            Self::Read => StoreError::Unavailable(reason.to_owned()),
            Self::Write => StoreError::Unknown(reason.to_owned()),
        }
    }
}

/// The meaning of one error.
pub fn classify(operation: Operation, error: &Error) -> StoreError {
    let message = error.message();
    match error.details() {
        ErrorDetails::Thrown if message.contains(FENCED) => {
            StoreError::Fenced("another process has taken the store".to_owned())
        }
        ErrorDetails::AlreadyExists(_) => StoreError::Exists,
        ErrorDetails::Query(Some(QueryError::TransactionConflict)) => {
            StoreError::Conflict(message.to_owned())
        }
        // Never connected: nothing was sent. A connection that failed later may have carried the write.
        ErrorDetails::Connection(Some(ConnectionError::Uninitialised)) => {
            StoreError::Unavailable(message.to_owned())
        }
        // The disk is nearly full or we may not write at all: refused before anything happened.
        ErrorDetails::NotAllowed(_) => StoreError::Unavailable(message.to_owned()),
        ErrorDetails::Serialization(_) if operation == Operation::Read => {
            StoreError::Corrupt(message.to_owned())
        }
        // RocksDB checks a sum over each block that it reads.
        _ if operation == Operation::Read && message.contains("Corruption: ") => {
            StoreError::Corrupt(message.to_owned())
        }
        _ => operation.undecided(message),
    }
}

/// The answers, if every statement succeeded: SurrealDB answers `Ok` to a text whose statements failed.
///
/// In a failed transaction one statement has the cause and all others say only that they did not run, so the
/// most telling error is the answer.
pub(super) fn check(
    operation: Operation,
    outcomes: Vec<Result<Value, Error>>,
) -> Result<Vec<Value>, StoreError> {
    let mut cause: Option<Error> = None;
    let mut answers = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        match outcome {
            Ok(answer) => answers.push(answer),
            Err(error) if cause.as_ref().is_none_or(|cause| silence(&error) < silence(cause)) => {
                cause = Some(error);
            }
            Err(_) => {}
        }
    }
    match cause {
        None => Ok(answers),
        Some(error) => Err(classify(operation, &error)),
    }
}

/// How little an error tells: the lowest is the cause.
fn silence(error: &Error) -> u8 {
    match error.details() {
        ErrorDetails::Thrown => 0,
        ErrorDetails::AlreadyExists(_) => 1,
        ErrorDetails::Query(Some(QueryError::TransactionConflict)) => 2,
        ErrorDetails::Query(Some(QueryError::NotExecuted)) => 4,
        _ => 3,
    }
}

/// The error of a record that is not as this program writes it.
pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.to_owned())
}
