//! Quarantine: an actor that fails too often decides nothing until it is resumed, and shows what is stored if it can.
//!
//! Guarantees: nothing is decided or saved meanwhile, and there are no ticks. For reads, what is stored is recovered
//! once and what is committed follows; whatever fails on the way ends the reads too, so nothing goes round in a loop.

use std::time::Duration;

use actix::Context;

use super::{Begin, Host, Pending};
use crate::runtime::behaviour::Behaviour;
use crate::runtime::status::Phase;

/// The recovery of what is known, at once.
const AT_ONCE: Begin = Begin { delay: Duration::ZERO, after_failure: true };

impl<B: Behaviour> Host<B> {
    /// Whether it waits for an operator.
    pub(super) const fn quarantined(&self) -> bool {
        self.seed.presence.quarantined
    }

    /// Whether a command only shows what is known, and that is there.
    pub(super) fn shows(&self, pending: &Pending<B>) -> bool {
        self.seed.status.serves_reads() && pending.command().is_some_and(B::reads)
    }

    /// Tells others where it is in its life: out of quarantine only [`Host::resume`] leads.
    pub(super) fn enter(&self, phase: Phase) {
        if !self.quarantined() {
            self.seed.status.enter(phase);
        }
    }

    /// Takes it out of service. What is returned makes it answer reads.
    pub(super) fn quarantine(&mut self, reason: String) -> Begin {
        tracing::error!(kind = B::KIND, key = %self.seed.key, %reason, "an actor is quarantined until it is resumed");
        self.seed.shared.numbers.note("quarantined", &self.seed.key, reason.clone());
        self.seed.presence.quarantined(true);
        self.seed.status.quarantine(reason);
        self.forget();
        AT_ONCE
    }

    /// An operator takes it out of service.
    pub(super) fn quarantine_by_hand(&mut self, reason: String, context: &mut Context<Self>) {
        if !self.quarantined() && !self.put_away() {
            let begin = self.quarantine(reason);
            self.recover(begin, context);
        }
    }

    /// It cannot show what is stored either.
    pub(super) fn refuse_reads(&mut self, reason: &str) {
        self.forget();
        tracing::error!(kind = B::KIND, key = %self.seed.key, reason, "a quarantined actor answers no reads any more");
    }

    /// An operator has it serve again.
    pub(super) fn resume(&mut self, context: &mut Context<Self>) {
        if !self.quarantined() {
            return;
        }
        self.seed.presence.quarantined(false);
        self.forget();
        self.crashes.clear();
        self.seed.shared.numbers.note("resumed", &self.seed.key, String::new());
        self.recover(AT_ONCE, context);
    }
}
