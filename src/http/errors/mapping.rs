//! Which code, text and waiting time a refusal, a failure or an unreadable request gets.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messagecenter_actors::api::Rejection;
use messagecenter_actors::domain::refusal::Refusal;
use messagecenter_actors::runtime::failure::Failure;

use super::{self as codes, ErrorCode};
use crate::http::reading::ReadError;

/// An answer that says no: a code and the text for this case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The code.
    pub code: &'static ErrorCode,
    /// For a developer: the field, what came, what is allowed. Never content, phone or token.
    pub text: Cow<'static, str>,
    /// When to try again, in seconds, at least 1; set exactly when the code says to.
    pub retry_after: Option<u64>,
    /// The dead letter that the request became.
    pub letter: Option<u64>,
}

impl Problem {
    /// The code with its own text; a second is what to wait where waiting helps.
    pub fn plain(code: &'static ErrorCode) -> Self {
        let retry_after = (code.retry != codes::Retry::No).then_some(1);
        Self { code, text: Cow::Borrowed(code.text), retry_after, letter: None }
    }

    /// The code with a text for this case.
    pub fn saying(code: &'static ErrorCode, text: String) -> Self {
        Self { text: Cow::Owned(text), ..Self::plain(code) }
    }

    /// The code with its own text and a wait, rounded up to a second and lengthened by 0 to as many whole seconds, which
    /// differ from answer to answer: those who were refused together must not come back together. The one place where
    /// jitter is added to what callers are told.
    pub fn after(code: &'static ErrorCode, wait: Duration) -> Self {
        let seconds = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
        Self { retry_after: Some(seconds.saturating_add(spread(seconds))), ..Self::plain(code) }
    }
}

/// From 0 to `most`, evenly, each next one far from the one before: a counter, mixed as SplitMix64 does.
fn spread(most: u64) -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut mixed = COUNTER.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % most.saturating_add(1).max(1)
}

/// The code and the text of a rejection, for an answer that holds several.
pub fn code_and_text(rejection: &Rejection) -> (u32, String) {
    let problem = Problem::from(rejection);
    (problem.code.number, problem.text.into_owned())
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Refused(refusal) => refusal.into(),
            Rejection::Failed(failure) => (*failure).into(),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        Self::from(&rejection)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let code = match &error {
            ReadError::Syntax(_) => &codes::BODY_SYNTAX,
            ReadError::NotAnObject(_) => &codes::NOT_AN_OBJECT,
            ReadError::NotSet(_) => &codes::FIELD_NOT_SET,
            ReadError::Nil(_) => &codes::FIELD_NIL,
            ReadError::Mismatch(_) | ReadError::NumberForText(_) => &codes::TYPE_MISMATCH,
            ReadError::NotAnInteger(_) | ReadError::OutOfRange { .. } => &codes::OUT_OF_RANGE,
            ReadError::NotAnOption { .. } => &codes::NOT_AN_OPTION,
            ReadError::TooLong { .. } => &codes::TOO_LONG,
            ReadError::HeaderNotAnInteger(_) | ReadError::HeaderTwice(_) => &codes::BAD_HEADER,
            ReadError::ParameterNotAnInteger(_) => &codes::BAD_PARAMETER,
        };
        Self::saying(code, error.to_string())
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::BadField { field, problem } => {
                Self::saying(&codes::BAD_FIELD, format!("field \"{field}\" {problem}"))
            }
            Refusal::NoTarget => Self::plain(&codes::NO_TARGET),
            Refusal::Oneself => Self::plain(&codes::ONESELF),
            Refusal::NoIdentity { header } => {
                Self::saying(&codes::NO_IDENTITY, format!("header \"{header}\" is needed to say who calls"))
            }
            Refusal::NotTheSender => Self::plain(&codes::NOT_THE_SENDER),
            Refusal::NotTheAuthor => Self::plain(&codes::NOT_THE_AUTHOR),
            Refusal::OwnMessage => Self::plain(&codes::OWN_MESSAGE),
            Refusal::NoticeNotAppraised => Self::plain(&codes::NOTICE_NOT_APPRAISED),
            Refusal::OtherEnterprise { record, named_by, asked } => Self::saying(
                &codes::OTHER_ENTERPRISE,
                format!("{named_by} is {asked}, the agent's record says {record}"),
            ),
            Refusal::UnknownConversation => Self::plain(&codes::UNKNOWN_CONVERSATION),
            Refusal::UnknownMessage => Self::plain(&codes::UNKNOWN_MESSAGE),
            Refusal::UnknownSession => Self::plain(&codes::UNKNOWN_SESSION),
            Refusal::UnknownSeat => Self::plain(&codes::UNKNOWN_SEAT),
            Refusal::UnknownUser => Self::plain(&codes::UNKNOWN_USER),
            Refusal::UnknownAgent => Self::plain(&codes::UNKNOWN_AGENT),
            Refusal::UnknownGroup => Self::plain(&codes::UNKNOWN_GROUP),
            Refusal::KeyReused => Self::plain(&codes::KEY_REUSED),
            Refusal::Disagrees { field } => {
                Self::saying(&codes::DISAGREES, format!("field \"{field}\" disagrees with the message"))
            }
            Refusal::EnterpriseFixed { record } => {
                Self::saying(&codes::ENTERPRISE_FIXED, format!("the agent's enterprise is fixed to {record}"))
            }
            Refusal::SeveralSessions => Self::plain(&codes::SEVERAL_SESSIONS),
            Refusal::LeaseOfAnother => Self::plain(&codes::LEASE_OF_ANOTHER),
            Refusal::AtCapacity { capacity } => {
                Self::saying(&codes::AT_CAPACITY, format!("all {capacity} places of the agent are taken"))
            }
            Refusal::AgentAway => Self::plain(&codes::AGENT_AWAY),
            Refusal::NotOffered => Self::plain(&codes::NOT_OFFERED),
            Refusal::NobodyFree => Self::plain(&codes::NOBODY_FREE),
            Refusal::MergedIntoAnother => Self::plain(&codes::MERGED_INTO_ANOTHER),
            Refusal::NotAVisitor => Self::plain(&codes::NOT_A_VISITOR),
            Refusal::NotRegistered => Self::plain(&codes::NOT_REGISTERED),
            Refusal::GroupClosed => Self::plain(&codes::GROUP_CLOSED),
            Refusal::QueueFull { limit } => Self::saying(
                &codes::QUEUE_FULL,
                format!("the group lets {limit} customers wait, and so many do"),
            ),
            Refusal::TooManyVisitors { most } => Self::saying(
                &codes::TOO_MANY_VISITORS,
                format!(
                    "field \"userId\" names a user who has {most} merged visitors; allowed are at most {most}"
                ),
            ),
            Refusal::SessionClosed => Self::plain(&codes::SESSION_CLOSED),
            Refusal::TooLate { window } => Self::saying(
                &codes::TOO_LATE,
                format!("a message may be withdrawn for {} seconds", window / 1_000),
            ),
            Refusal::Withdrawn => Self::plain(&codes::WITHDRAWN),
            Refusal::GroupGone => Self::plain(&codes::GROUP_GONE),
        }
    }
}

/// How long a caller waits for an operator: long enough not to add load, short enough to notice the end.
const OPERATOR_WAIT: Duration = Duration::from_secs(30);

/// How long a caller waits for another process to take over, or for an outcome that storage does not tell.
const OUTAGE_WAIT: Duration = Duration::from_secs(5);

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::MailboxFull(wait) => Self::after(&codes::MAILBOX_FULL, wait),
            Failure::Overloaded(wait) => Self::after(&codes::OVERLOADED, wait),
            Failure::Crashed(letter) => Self { letter: Some(letter), ..Self::plain(&codes::CRASHED) },
            Failure::Restarting(left) => Self::after(&codes::RESTARTING, left),
            Failure::Quarantined => Self::after(&codes::QUARANTINED, OPERATOR_WAIT),
            Failure::Draining => Self::after(&codes::DRAINING, OUTAGE_WAIT),
            Failure::StorageDown(left) => Self::after(&codes::STORAGE_DOWN, left),
            Failure::OutcomeUnknown => Self::after(&codes::OUTCOME_UNKNOWN, OUTAGE_WAIT),
            Failure::Lost => Self::plain(&codes::LOST),
        }
    }
}
