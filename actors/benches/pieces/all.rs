//! The hot pieces of the service, each as something that is made ready once and then done over and over at a
//! constant cost. `hot` takes their time, `instructions` counts their instructions.
//!
//! Every piece does its work on the caller's thread alone, so that a count never depends on how threads are
//! scheduled; what crosses threads is only timed (`hot/asks.rs`). Memory comes from the system's allocator,
//! where the service uses mimalloc: an allocation costs somewhat more here.

mod admission;
mod conversation;
mod desk;
mod encoding;
mod ids;
mod inbox;
mod journal;
pub mod people;
mod registry;
mod routing;
mod whole;

/// One hot piece, ready to be done again and again.
pub trait Piece {
    /// Operations in one go. 64 hide what measuring costs and fill one page of a history.
    const OPERATIONS: u64 = 64;

    /// Makes the next go possible, and the state as it was before the last one: not measured.
    fn prepare(&mut self) {}

    /// Does [`Piece::OPERATIONS`] operations: measured.
    fn go(&mut self);
}

/// Who measures pieces.
pub trait Measure {
    /// Measures one piece. `make` makes it ready; it is left out where the name is not asked for.
    fn measure<P: Piece>(&mut self, name: &'static str, make: fn() -> P);
}

/// Hands every piece to `by`, in the order of a request's way through the service.
pub fn measure_all(by: &mut impl Measure) {
    by.measure("ids/conversation_id", ids::ConversationId::new);
    by.measure("admission/admit_and_release", admission::Admitting::new);
    by.measure("registry/find_conversation", registry::Finding::conversation);
    by.measure("registry/find_inbox", registry::Finding::inbox);
    by.measure("registry/tell_inbox", registry::Telling::new);

    by.measure("conversation/send_one_to_one", conversation::Sending::one_to_one);
    by.measure("conversation/send_with_key", conversation::Sending::with_key);
    by.measure("conversation/send_group_of_1000", conversation::Sending::group);
    by.measure("conversation/read_mark", conversation::Reading::new);
    by.measure("conversation/history_page", conversation::Paging::new);

    by.measure("routing/obtain_among_100", routing::Obtaining::new);
    by.measure("routing/open_and_close_among_100", routing::Serving::new);

    by.measure("encoding/fact_of_a_send", encoding::Writing::new);
    by.measure("encoding/decode_a_batch", encoding::Decoding::new);
    by.measure("journal/append", journal::Appending::new);
    by.measure("journal/gate_passed", journal::Passing::new);
    by.measure("journal/commit_of_64", journal::Committing::<64>::new);
    by.measure("journal/commit_of_1", journal::Committing::<1>::new);

    by.measure("inbox/told_of_a_message", inbox::Told::message);
    by.measure("inbox/told_of_a_read_mark", inbox::Told::read_mark);
    by.measure("inbox/unread", inbox::Counting::new);
    by.measure("inbox/first_page_of_20", inbox::Listing::new);

    by.measure("whole/send_one_to_one", whole::Whole::one_to_one);
    by.measure("whole/send_group_of_1000", whole::Whole::group);
    by.measure("whole/read_mark", whole::Whole::read_mark);
}
