//! Messages that make their actor fail, in this process: whoever armed a text, a command that carries it panics or
//! holds its actor's thread. Without the feature `fail-points` none of this exists.

use std::collections::HashMap;
use std::sync::LazyLock;

use parking_lot::{Condvar, Mutex};

/// What a poisoned text does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// The actor panics.
    Panic,
    /// The actor's turn lasts until the text is cured.
    Hold,
}

static POISONED: LazyLock<Mutex<HashMap<String, Poison>>> = LazyLock::new(Mutex::default);

/// Somebody was cured.
static CURED: Condvar = Condvar::new();

/// From now on messages with this content do harm. Texts of different tests must differ.
pub fn arm(content: &str, poison: Poison) {
    POISONED.lock().insert(content.to_owned(), poison);
}

/// Messages with this content do no harm any more.
pub fn cure(content: &str) {
    POISONED.lock().remove(content);
    CURED.notify_all();
}

/// An actor handles a message with this content.
///
/// # Panics
/// If it was armed to.
pub fn taste(content: &str) {
    let mut poisoned = POISONED.lock();
    while poisoned.get(content) == Some(&Poison::Hold) {
        CURED.wait(&mut poisoned);
    }
    let panics = poisoned.get(content) == Some(&Poison::Panic);
    drop(poisoned);
    assert!(!panics, "poisoned on purpose");
}
