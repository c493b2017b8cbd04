//! Failures: why a command got no answer although nothing was wrong with it. Each becomes one 429 or 503.

use std::time::Duration;

/// What is told to wait where nothing better is known: the least that `Retry-After` can say.
pub const SOON: Duration = Duration::from_secs(1);

/// Why there is no answer. `may have happened` is said where it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// This actor has all the commands it may have: try again after the given time. Nothing happened.
    MailboxFull(Duration),
    /// The whole service has all the commands it may have. Nothing happened.
    Overloaded(Duration),
    /// The command made its actor panic; it is dead-lettered, under this number, and not tried again. It may have
    /// happened.
    Crashed(u64),
    /// The actor is restarting or activating and could not take the command: try again after the given time. Nothing
    /// happened.
    Restarting(Duration),
    /// The actor failed too often or cannot recover; an operator must resume it. Nothing happened.
    Quarantined,
    /// The service is shutting down. Nothing happened.
    Draining,
    /// Storage cannot be written or read now: it is tried again after the given time. Nothing happened.
    StorageDown(Duration),
    /// Storage did not say whether it committed. It may have happened.
    OutcomeUnknown,
    /// The answer was lost with its actor. It may have happened.
    Lost,
}

impl Failure {
    /// A word for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MailboxFull(_) => "mailbox_full",
            Self::Overloaded(_) => "overloaded",
            Self::Crashed(_) => "crashed",
            Self::Restarting(_) => "restarting",
            Self::Quarantined => "quarantined",
            Self::Draining => "draining",
            Self::StorageDown(_) => "storage_down",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Lost => "lost",
        }
    }
}
