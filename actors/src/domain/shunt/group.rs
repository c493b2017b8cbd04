//! A reception group as the routing keeps it: its definition and what follows from it.

use std::sync::Arc;

use super::hours::Hours;
use super::queue::MAX_CLASS;
use crate::domain::event::GroupDefinition;
use crate::domain::ids::Millis;
use crate::domain::refusal::Refusal;

/// Overflow groups of one group at most: each is looked at when nobody else can serve.
pub const MAX_OVERFLOW: usize = 16;

/// Skills a group may ask for at most.
pub const MAX_SKILLS: usize = 32;

/// Lines of business hours at most.
pub const MAX_HOURS: usize = 64;

/// A defined group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// As it was put.
    pub definition: Arc<GroupDefinition>,
    hours: Option<Hours>,
}

impl Group {
    /// Takes a definition; hours that cannot be read, which no command lets in, are never closed.
    pub fn new(definition: Arc<GroupDefinition>) -> Self {
        let hours = Hours::read(&definition.hours, &definition.time_zone).ok();
        Self { definition, hours }
    }

    /// Whether customers are taken at `at`.
    pub fn is_open(&self, at: Millis) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.is_open(at))
    }
}

/// Checks a definition before it is let in.
///
/// # Errors
/// `BadField`: the field, what came, what is allowed.
pub fn check(definition: &GroupDefinition) -> Result<(), Refusal> {
    let bad = |field, problem| Err(Refusal::BadField { field, problem });
    if let Err(problem) = Hours::read(&[], &definition.time_zone) {
        return bad("timeZone", problem);
    }
    if let Err(problem) = Hours::read(&definition.hours, &definition.time_zone) {
        return bad("hours", problem);
    }
    let limits = [
        ("overflow", definition.overflow.len(), MAX_OVERFLOW),
        ("skills", definition.skills.len(), MAX_SKILLS),
        ("hours", definition.hours.len(), MAX_HOURS),
    ];
    for (field, came, most) in limits {
        if came > most {
            return bad(field, format!("has {came} entries; at most {most} are allowed"));
        }
    }
    if definition.class > MAX_CLASS {
        return bad("class", format!("is {}; allowed are 0 to {MAX_CLASS}", definition.class));
    }
    if definition.idle_close > 0 && definition.idle_warning >= definition.idle_close {
        return bad("idleWarningSeconds", "must be less than idleCloseSeconds".to_owned());
    }
    Ok(())
}
