//! Panics as values: caught, named without content, never let out of a destructor.
//!
//! A destructor that panics while another panic unwinds ends the process. So whatever the runtime owns of
//! others (messages, parked work, state) is [`Guarded`]: its destructor's panic stops there. What a handler
//! owns while it panics itself is beyond reach: a second panic from there does end the process.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest panic text kept.
const TEXT_BYTES: usize = 160;

thread_local! {
    /// Where this thread panicked last; written by the hook, read by the supervisor on the same thread.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
    /// The dead letter of the panic that unwinds on this thread. Set by the first reply that is dropped by it, taken
    /// by whoever catches it; [`caught`] begins without one, so a panic that somebody else caught leaves it nothing.
    static LETTER: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Numbers dead letters, from 1; one sequence per process, so that a number names one letter.
static LETTERS: AtomicU64 = AtomicU64::new(0);

/// The number of the dead letter that the panic on this thread becomes.
pub(super) fn letter() -> u64 {
    LETTER.with(|letter| {
        let number = letter.get().unwrap_or_else(next_letter);
        letter.set(Some(number));
        number
    })
}

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Panic {
    /// What it said, without what it quoted, and where it was if the hook is installed.
    pub(super) text: String,
    /// The number that a caller was told.
    letter: Option<u64>,
}

impl Panic {
    /// The number of the dead letter that it becomes: the one that its caller was told, if there was one.
    pub(super) fn letter(&self) -> u64 {
        self.letter.unwrap_or_else(next_letter)
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn next_letter() -> u64 {
    LETTERS.fetch_add(1, Ordering::Relaxed) + 1
}

/// Replaces the process's panic hook by one that logs the place of a panic, never its text: texts of
/// slicing or `unwrap` quote what they failed on, which may be a user's message. Optional; call it once.
pub fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        tracing::error!(%place, thread = std::thread::current().name().unwrap_or("?"), "panic");
        LOCATION.with(|location| {
            if let Ok(mut location) = location.try_borrow_mut() {
                *location = Some(place);
            }
        });
    }));
}

/// Runs `work`; a panic becomes its description.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    // Within a panic that unwinds already, what is dropped is dropped by that one.
    let unwinding = std::thread::panicking();
    if !unwinding {
        LETTER.with(|letter| letter.set(None));
    }
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let letter = if unwinding { None } else { LETTER.with(Cell::take) };
        Panic { text: describe(payload), letter }
    })
}

/// What a panic said, without what it quoted, and where it was if the hook is installed.
fn describe(payload: Box<dyn Any + Send>) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without text");
    let mut description = without_quotes(text);
    if let Some(place) = LOCATION.with(|location| location.try_borrow_mut().ok().and_then(|mut l| l.take())) {
        description.push_str(" at ");
        description.push_str(&place);
    }
    // A payload may itself panic when dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    description
}

/// The text up to the first thing it quotes: standard panics, and errors of decoding, quote values.
pub(crate) fn without_quotes(text: &str) -> String {
    let unquoted = text.split(['`', '\'', '"', ':', '\n']).next().unwrap_or_default();
    let mut end = unquoted.len().min(TEXT_BYTES);
    while !unquoted.is_char_boundary(end) {
        end -= 1;
    }
    unquoted.get(..end).unwrap_or_default().trim_end().to_owned()
}

/// A value whose destructor cannot unwind into its owner.
pub(super) struct Guarded<T>(Option<T>);

impl<T> Guarded<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value, unguarded from now on. `None` only if it was taken before.
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    pub(super) const fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }

    pub(super) const fn as_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        let Some(value) = self.0.take() else { return };
        if let Err(panic) = caught(|| drop(value)) {
            tracing::error!(%panic, "a destructor panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }

    #[test]
    fn a_destructor_that_panics_stops_at_its_guard_even_while_unwinding() {
        drop(Guarded::new(Bomb));
        let outcome = caught(|| {
            let _first = Guarded::new(Bomb);
            let _second = Guarded::new(Bomb);
            panic!("outer");
        });
        assert_eq!(outcome.map_err(|panic| panic.text), Err::<(), _>("outer".to_owned()));
    }

    #[test]
    fn a_description_quotes_nothing() {
        let secret = "héllo secret".to_owned();
        let described = caught(|| secret.get(2..3).map_or_else(|| panic!("cut inside `{secret}`"), str::len));
        assert_eq!(described.map_err(|panic| panic.text), Err("cut inside".to_owned()));
    }

    struct Told(std::rc::Rc<Cell<u64>>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.set(letter());
        }
    }

    #[test]
    fn a_letter_is_that_of_the_panic_whose_caller_was_told_and_of_no_other() {
        let told = std::rc::Rc::new(Cell::new(0));
        let panics = |tells: bool| {
            let reply = tells.then(|| Told(std::rc::Rc::clone(&told)));
            caught(|| {
                let _dropped_by_the_panic = reply;
                let _another_bomb = Guarded::new(Bomb);
                panic!("outer");
            })
        };
        let Err::<(), _>(first) = panics(true) else { panic!("it is caught") };
        assert_eq!(first.letter(), told.get());
        let Err(second) = panics(false) else { panic!("it is caught") };
        assert!(second.letter() > told.get(), "it told nobody, so nobody was told of it");
        // One that another catches: the next must not have its number.
        let reply = Told(std::rc::Rc::clone(&told));
        assert!(
            catch_unwind(AssertUnwindSafe(|| {
                let _dropped = reply;
                panic!("elsewhere");
            }))
            .is_err()
        );
        let elsewhere = told.get();
        let Err(third) = panics(false) else { panic!("it is caught") };
        assert_ne!(third.letter(), elsewhere);
    }
}
