//! The contract of the ports as one suite that every implementation must pass.
//!
//! Test code, public so that the packages that implement the ports can run it on theirs: each rule is an
//! assertion that panics with the rule it found broken.

use std::sync::Arc;

use async_trait::async_trait;

use crate::ports::Store;

mod archive;
mod directory;
mod fencing;
mod journal;
mod outcomes;
mod state;

/// How the suite gets stores to try.
#[async_trait]
pub trait Stores: Send + Sync {
    /// A new, empty store.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// The same data through another handle, as a restart of the service opens it, after `store` is dropped;
    /// `None` if this engine keeps nothing.
    async fn reopened(&self, store: Arc<dyn Store>) -> Option<Arc<dyn Store>>;

    /// The same data through a handle of its own while `store` stays open, as another process has it; `None` if
    /// only one process can have the data of this engine open.
    async fn beside(&self, _store: &Arc<dyn Store>) -> Option<Arc<dyn Store>> {
        None
    }
}

/// Tries every rule.
///
/// # Panics
/// With the first rule that is broken.
pub async fn check(stores: &dyn Stores) {
    journal::an_empty_journal_has_no_bounds(&*stores.fresh().await).await;
    journal::a_batch_reads_back_as_written(&*stores.fresh().await).await;
    journal::a_position_is_written_once(&*stores.fresh().await).await;
    journal::a_scan_gives_its_window_rising(&*stores.fresh().await).await;
    journal::a_scan_of_many_small_batches_is_complete(&*stores.fresh().await).await;
    journal::bounds_follow_writing_and_trimming(&*stores.fresh().await).await;
    journal::trimming_spares_a_batch_with_one_event_to_keep(&*stores.fresh().await).await;
    journal::trimming_far_reaches_every_batch(&*stores.fresh().await).await;
    journal::a_large_batch_fits(&*stores.fresh().await).await;
    journal::numbers_read_back_whatever_they_are(&*stores.fresh().await).await;
    outcomes::reading_back_tells_whose_batch_it_is(&*stores.fresh().await).await;
    outcomes::of_writers_at_one_place_one_wins(stores.fresh().await).await;
    outcomes::of_inserts_of_one_row_one_wins(stores.fresh().await).await;
    outcomes::a_caller_that_goes_away_leaves_all_or_nothing(stores.fresh().await).await;
    fencing::each_epoch_is_one_more_and_fences_the_last(&*stores.fresh().await).await;
    fencing::takers_at_once_get_epochs_of_their_own(stores.fresh().await).await;
    let store = stores.fresh().await;
    if let Some(beside) = stores.beside(&store).await {
        fencing::whoever_is_fenced_reads_but_writes_nothing(&*store, &*beside).await;
    }
    state::an_unknown_actor_has_no_snapshot(&*stores.fresh().await).await;
    state::a_snapshot_reads_back_and_is_replaced(&*stores.fresh().await).await;
    state::both_sides_of_a_snapshot_are_kept_and_each_names_its_pages(&*stores.fresh().await).await;
    state::pages_are_read_one_by_one_and_by_range(&*stores.fresh().await).await;
    state::pages_written_ahead_leave_the_snapshot_as_it_is(&*stores.fresh().await).await;
    state::removed_pages_go_with_the_snapshot(&*stores.fresh().await).await;
    state::actors_and_collections_do_not_mix(&*stores.fresh().await).await;
    state::odd_ids_are_only_ids(&*stores.fresh().await).await;
    state::keys_lists_one_kind(&*stores.fresh().await).await;
    state::content_reads_back_whatever_it_is(&*stores.fresh().await).await;
    state::much_fits_into_one_save(&*stores.fresh().await).await;
    directory::rows_are_put_found_and_deleted(&*stores.fresh().await).await;
    directory::an_insert_never_replaces(&*stores.fresh().await).await;
    directory::tables_do_not_mix_and_odd_ids_are_only_ids(&*stores.fresh().await).await;
    directory::as_many_rows_as_may_be_asked_for_are_found(&*stores.fresh().await).await;
    archive::everything_is_listed_piece_by_piece(&*stores.fresh().await).await;
    archive::a_store_being_filled_is_nobodys(&*stores.fresh().await).await;
    archive::a_filled_journal_goes_on_where_it_ended(&*stores.fresh().await).await;
    let store = stores.fresh().await;
    journal::fill(&*store).await;
    state::fill(&*store).await;
    directory::fill(&*store).await;
    if let Some(reopened) = stores.reopened(store).await {
        journal::is_filled(&*reopened).await;
        state::is_filled(&*reopened).await;
        directory::is_filled(&*reopened).await;
    }
    let store = stores.fresh().await;
    journal::trim_all(&*store).await;
    if let Some(reopened) = stores.reopened(store).await {
        journal::goes_on_behind_what_was_trimmed(&*reopened).await;
    }
}

/// The value of a call that must succeed.
fn done<T>(rule: &str, outcome: Result<T, crate::ports::StoreError>) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => fail(&format!("{rule}: {error}")),
    }
}

#[allow(clippy::panic, reason = "a broken rule ends the test")]
fn fail(rule: &str) -> ! {
    panic!("{rule}")
}
