//! Reading everything, and filling an empty store.

use async_trait::async_trait;
use serde_json::Value;

use super::MemoryStore;
use crate::domain::ids::ActorKey;
use crate::ports::{ArchiveStore, Entry, JournalBounds, RestoredEnds, Snapshot, StoreError};

#[async_trait]
impl ArchiveStore for MemoryStore {
    async fn snapshots_after(
        &self,
        kind: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Snapshot>, StoreError> {
        self.faults.before_read()?;
        let data = self.data.lock();
        let behind = |key: &&ActorKey| key.kind() == kind && key.id().as_str() > after;
        let mut keys: Vec<&ActorKey> = data.keys().into_iter().filter(behind).collect();
        keys.sort_by_key(|key| key.id());
        Ok(keys.into_iter().take(limit).filter_map(|key| data.kept(key).newest).collect())
    }

    async fn rows_after(
        &self,
        entry: Entry,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StoreError> {
        self.faults.before_read()?;
        let data = self.data.lock();
        let behind = data.rows.iter().filter(|((of, id), _)| *of == entry && id.as_str() > after);
        Ok(behind.take(limit).map(|((_, id), row)| (id.clone(), row.clone())).collect())
    }

    async fn whole(&self) -> Result<(), StoreError> {
        if self.data.lock().restoring {
            return Err(StoreError::Corrupt("a restore into this store did not end".to_owned()));
        }
        Ok(())
    }

    async fn begin_restore(&self, ends: RestoredEnds) -> Result<(), StoreError> {
        self.faults.before_write()?;
        let mut data = self.data.lock();
        self.check_held(&data)?;
        data.restoring = true;
        data.bounds = JournalBounds {
            oldest: 0,
            newest: ends.oldest.saturating_sub(1),
            replay_from: ends.replay_from,
            at: ends.at,
        };
        Ok(())
    }

    async fn end_restore(&self) -> Result<(), StoreError> {
        self.faults.before_write()?;
        let mut data = self.data.lock();
        self.check_held(&data)?;
        data.restoring = false;
        Ok(())
    }
}
