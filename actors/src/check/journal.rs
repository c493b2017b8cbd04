//! The journal: dense, readable, its conversations' messages in order.

use std::collections::HashMap;

use uuid::Uuid;

use super::Check;
use crate::domain::event::{ConversationEvent, Fact};
use crate::journal::{Unsaved, each_batch, encoding};
use crate::ports::StoreError;

impl Check<'_> {
    /// Reads every batch kept; what snapshots lack, or `None` if the journal cannot be read to its end.
    pub(super) async fn journal(&mut self) -> Result<Option<Unsaved>, StoreError> {
        let bounds = self.bounds;
        if bounds.replay_from > bounds.newest + 1 {
            let what = format!("its checkpoint {} lies above its end {}", bounds.replay_from, bounds.newest);
            self.fault("the journal", what);
            return Ok(None);
        }
        let mut seqs: HashMap<Uuid, u64> = HashMap::new();
        let (mut faults, mut batches) = (Vec::new(), 0);
        if bounds.oldest > 0 {
            let read = each_batch(self.store, bounds.oldest, bounds.newest, |batch| {
                batches += 1;
                let facts = encoding::decode(batch)?;
                if batch.at > bounds.at {
                    faults.push(format!("batch {} is younger than the journal's time", batch.first));
                }
                for event in &facts {
                    let Fact::Conversation(fact) = &event.fact else { continue };
                    let ConversationEvent::Sent { seq, .. } = &fact.event else { continue };
                    let before = seqs.insert(fact.conversation, *seq);
                    if before.is_some_and(|before| before + 1 != *seq) {
                        faults.push(format!(
                            "event {}: conversation {} goes on with message {seq} after {}",
                            event.position,
                            fact.conversation,
                            before.unwrap_or(0)
                        ));
                    }
                }
                Ok(())
            });
            let read = read.await;
            let whole = self.readable("the journal", read)?.is_some();
            self.checked.batches = batches;
            faults.into_iter().for_each(|what| self.fault("the journal", what));
            if !whole {
                return Ok(None);
            }
        }
        let unsaved = Unsaved::read(self.store, bounds).await;
        self.readable("the journal", unsaved)
    }
}
