//! Falling back: an actor's facts behind its previous snapshot.
//!
//! Guarantees: every fact that this snapshot lacks, each once and in order, or nothing at all; what is found is noted as
//! unsaved again, so that a new snapshot takes the place of the one that was no good.

use super::index::Entry;
use super::recovery::{batch_of, each_batch};
use super::{Journal, Loaded, encoding};
use crate::domain::ids::ActorKey;
use crate::ports::StoreError;

impl Journal {
    /// What an actor needs to recover from its previous snapshot, once [`Journal::load`] was asked for it. `None`:
    /// there is no way back, because the newest snapshot does not tell where the journal must reach, or the journal
    /// does not reach there any more.
    ///
    /// Reads the journal from the first fact that the previous snapshot lacks: seconds for each million of facts.
    ///
    /// # Errors
    /// As [`Journal::load`].
    pub async fn load_previous(&self, key: &ActorKey) -> Result<Option<Loaded>, StoreError> {
        let _hold = self.hold().await;
        // As in loading: saves end first, and the index is read before the snapshots.
        let writing = self.writing.lock(key).await;
        let generation = self.queue.lock().generation();
        let unsaved = self.index.lock().of(key);
        let kept = self.store.load_both(key).await?;
        drop(writing);
        let Some((newest, since)) = kept.newest.and_then(|newest| newest.since.map(|since| (newest, since)))
        else {
            return Ok(None);
        };
        let bounds = self.store.bounds().await?;
        if bounds.oldest == 0 || bounds.oldest > since {
            return Ok(None);
        }
        let (decided, told) =
            kept.previous.as_ref().map_or((0, 0), |previous| (previous.decided, previous.told));
        let mut lacking: Vec<Entry> =
            unsaved.into_iter().filter(|entry| !entry.held(newest.decided, newest.told)).collect();
        let first = batch_of(&*self.store, bounds, since).await?;
        each_batch(&*self.store, first, newest.decided.max(newest.told), |batch| {
            for (offset, event) in (0..).zip(encoding::decode(batch)?) {
                let own = event.fact.decider() == *key;
                let entry = Entry { first: batch.first, offset, own };
                let concerned = own || event.fact.audience().contains(key);
                if concerned && entry.held(newest.decided, newest.told) && !entry.held(decided, told) {
                    lacking.push(entry);
                }
            }
            Ok(())
        })
        .await?;
        lacking.sort_by_key(|entry| entry.position());
        let Some(events) = self.facts_at(lacking.iter().copied()).await? else { return Ok(None) };
        self.index.lock().note_again(key, lacking);
        Ok(Some(Loaded { snapshot: kept.previous, events, generation }))
    }
}
