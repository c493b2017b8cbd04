//! The directory: what is known of users, seats and agents beyond their ids.
//!
//! Guarantees: written durably before it is acknowledged, and read through a bounded cache that never shows
//! less than what was acknowledged. An agent's enterprise is fixed once.

mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};

use self::table::Table;
use crate::api::{PeerCard, PositionRow, UserRow};
use crate::domain::ids::{Address, EntId, PartyType};
use crate::ports::{DirectoryStore, Entry, StoreError};

/// Rows of each table kept in memory: about 30 MB of users with names and pictures' addresses.
const CACHED_ROWS: usize = 100_000;

/// What the directory knows of an agent; the rest is in its enterprise's routing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRow {
    /// The enterprise it belongs to, for ever.
    pub ent_id: EntId,
    /// Its name, as its record had it last.
    #[serde(default)]
    pub name: String,
}

/// See the module's head.
pub struct Directory {
    users: Table<UserRow>,
    positions: Table<PositionRow>,
    agents: Table<AgentRow>,
}

impl Directory {
    /// The directory kept in `store`.
    pub fn new(store: Arc<dyn DirectoryStore>) -> Self {
        Self {
            users: Table::new(Entry::User, Arc::clone(&store), CACHED_ROWS),
            positions: Table::new(Entry::Position, Arc::clone(&store), CACHED_ROWS),
            agents: Table::new(Entry::Agent, store, CACHED_ROWS),
        }
    }

    /// A user's row.
    ///
    /// # Errors
    /// Those of the store; so for every method here.
    pub async fn user(&self, id: &str) -> Result<Option<Arc<UserRow>>, StoreError> {
        self.users.get(id).await
    }

    /// Creates or replaces a user's row.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put_user(&self, id: &str, row: UserRow) -> Result<(), StoreError> {
        self.users.put(id, row).await
    }

    /// Creates a user's row.
    ///
    /// # Errors
    /// `Exists`, and those of the store.
    pub async fn insert_user(&self, id: &str, row: UserRow) -> Result<(), StoreError> {
        self.users.insert(id, row).await
    }

    /// Deletes a user's row; whether there was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_user(&self, id: &str) -> Result<bool, StoreError> {
        self.users.delete(id).await
    }

    /// A seat's row.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn position(&self, id: &str) -> Result<Option<Arc<PositionRow>>, StoreError> {
        self.positions.get(id).await
    }

    /// Creates or replaces a seat's row.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put_position(&self, id: &str, row: PositionRow) -> Result<(), StoreError> {
        self.positions.put(id, row).await
    }

    /// Deletes a seat's row; whether there was one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_position(&self, id: &str) -> Result<bool, StoreError> {
        self.positions.delete(id).await
    }

    /// An agent's row.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn agent(&self, id: &str) -> Result<Option<Arc<AgentRow>>, StoreError> {
        self.agents.get(id).await
    }

    /// Fixes an agent's enterprise unless it is fixed already; gives the fixed one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn fix_agent(&self, id: &str, ent_id: EntId) -> Result<EntId, StoreError> {
        if let Some(fixed) = self.agent(id).await? {
            return Ok(fixed.ent_id);
        }
        match self.agents.insert(id, AgentRow { ent_id, name: String::new() }).await {
            Ok(()) => Ok(ent_id),
            Err(StoreError::Exists) => match self.agent(id).await? {
                Some(fixed) => Ok(fixed.ent_id),
                None => Err(StoreError::Conflict("an agent's row came and went".to_owned())),
            },
            Err(error) => Err(error),
        }
    }

    /// Remembers the name of an agent whose enterprise is fixed; does nothing for another.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn name_agent(&self, id: &str, name: &str) -> Result<(), StoreError> {
        match self.agent(id).await? {
            Some(row) if row.name != name => {
                self.agents.put(id, AgentRow { ent_id: row.ent_id, name: name.to_owned() }).await
            }
            _ => Ok(()),
        }
    }

    /// A card for every address; with its id only where the directory knows nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn cards(&self, addresses: &[Address]) -> Result<HashMap<Address, PeerCard>, StoreError> {
        let ids = |party: PartyType| -> Vec<Arc<str>> {
            let of_type = addresses.iter().filter(|address| address.party == party);
            of_type.map(|address| Arc::clone(&address.id)).collect()
        };
        let users = self.users.get_many(&ids(PartyType::User)).await?;
        let positions = self.positions.get_many(&ids(PartyType::Position)).await?;
        let agents = self.agents.get_many(&ids(PartyType::Agent)).await?;
        let mut cards = HashMap::with_capacity(addresses.len());
        for address in addresses {
            let mut card = PeerCard { address: Some(address.clone()), ..PeerCard::default() };
            if address.party == PartyType::User
                && let Some(user) = users.get(&address.id)
            {
                card.name.clone_from(&user.name);
                card.avatar.clone_from(&user.avatar);
                card.phone.clone_from(&user.phone);
                card.tourist = user.tourist;
            }
            if address.party == PartyType::Position
                && let Some(seat) = positions.get(&address.id)
            {
                card.name.clone_from(&seat.name);
                card.avatar.clone_from(&seat.avatar);
            }
            if address.party == PartyType::Agent
                && let Some(agent) = agents.get(&address.id)
            {
                card.name.clone_from(&agent.name);
            }
            cards.insert(address.clone(), card);
        }
        Ok(cards)
    }
}
