//! The router's side of the directory: users, seats, the enterprises of agents.

use std::sync::Arc;

use foldhash::HashMap;
use uuid::Uuid;

use crate::api::{PeerCard, PositionRow, Rejection, UserRow};
use crate::domain::ids::{Address, EntId, Millis};
use crate::domain::refusal::Refusal;
use crate::ports::StoreError;
use crate::router::Router;
use crate::runtime::failure::Failure;

/// Visitors' ids count milliseconds from here: 2020-01-01T00:00:00Z.
const VISITORS_SINCE: Millis = 1_577_836_800_000;

/// Bits that tell apart visitors of one millisecond. With them, ids stay exact in JavaScript for 69 years.
const VISITOR_BITS: u32 = 12;

/// The largest whole number that JavaScript holds exactly.
const JAVASCRIPT_SAFE: u64 = (1 << 53) - 1;

impl Router {
    /// What a caller is told when storage does not do what the directory asked.
    pub(super) fn rejected(&self, error: StoreError) -> Rejection {
        let failure = match error {
            StoreError::Unknown(_) => Failure::OutcomeUnknown,
            _ => Failure::StorageDown(self.world.journal.storage_wait()),
        };
        tracing::warn!(%error, "directory");
        failure.into()
    }

    /// Creates or replaces a user.
    ///
    /// # Errors
    /// Only failures.
    pub async fn put_user(&self, id: &str, row: UserRow) -> Result<(), Rejection> {
        self.directory.put_user(id, row).await.map_err(|error| self.rejected(error))
    }

    /// Makes a visitor: a user without an account, whose id nobody had or will have. It is a whole number that
    /// JavaScript holds exactly (below 2^53) and rises with the clock.
    ///
    /// # Errors
    /// Only failures.
    pub async fn mint_visitor(&self, row: UserRow) -> Result<String, Rejection> {
        loop {
            let since = self.world.clock.now().saturating_sub(VISITORS_SINCE).max(0).unsigned_abs();
            let low = Uuid::new_v4().as_u128() as u64 & ((1 << VISITOR_BITS) - 1);
            let id = ((since << VISITOR_BITS | low) & JAVASCRIPT_SAFE).to_string();
            match self.directory.insert_user(&id, row.clone()).await {
                Ok(()) => return Ok(id),
                Err(StoreError::Exists) => {} // two in one millisecond drew the same number
                Err(error) => return Err(self.rejected(error)),
            }
        }
    }

    /// A user.
    ///
    /// # Errors
    /// [`Refusal::UnknownUser`].
    pub async fn get_user(&self, id: &str) -> Result<Arc<UserRow>, Rejection> {
        let row = self.directory.user(id).await.map_err(|error| self.rejected(error))?;
        row.ok_or_else(|| Refusal::UnknownUser.into())
    }

    /// Deletes a user; its conversations stay.
    ///
    /// # Errors
    /// [`Refusal::UnknownUser`].
    pub async fn delete_user(&self, id: &str) -> Result<(), Rejection> {
        if self.directory.delete_user(id).await.map_err(|error| self.rejected(error))? {
            return Ok(());
        }
        Err(Refusal::UnknownUser.into())
    }

    /// Creates or replaces a seat.
    ///
    /// # Errors
    /// Only failures.
    pub async fn put_position(&self, id: &str, row: PositionRow) -> Result<(), Rejection> {
        self.directory.put_position(id, row).await.map_err(|error| self.rejected(error))
    }

    /// A seat.
    ///
    /// # Errors
    /// [`Refusal::UnknownSeat`].
    pub async fn get_position(&self, id: &str) -> Result<Arc<PositionRow>, Rejection> {
        let row = self.directory.position(id).await.map_err(|error| self.rejected(error))?;
        row.ok_or_else(|| Refusal::UnknownSeat.into())
    }

    /// Deletes a seat; its conversations stay.
    ///
    /// # Errors
    /// [`Refusal::UnknownSeat`].
    pub async fn delete_position(&self, id: &str) -> Result<(), Rejection> {
        if self.directory.delete_position(id).await.map_err(|error| self.rejected(error))? {
            return Ok(());
        }
        Err(Refusal::UnknownSeat.into())
    }

    /// The enterprise an agent (bare id) belongs to, if it was ever fixed.
    ///
    /// # Errors
    /// Only failures.
    pub async fn agent_enterprise(&self, agent: &str) -> Result<Option<EntId>, Rejection> {
        let row = self.directory.agent(agent).await.map_err(|error| self.rejected(error))?;
        Ok(row.map(|row| row.ent_id))
    }

    /// Fixes an agent's enterprise unless it is fixed already; gives the fixed one. Deleting the agent later
    /// leaves it fixed.
    ///
    /// # Errors
    /// Only failures.
    pub async fn fix_agent_enterprise(&self, agent: &str, ent: EntId) -> Result<EntId, Rejection> {
        self.directory.fix_agent(agent, ent).await.map_err(|error| self.rejected(error))
    }

    /// Remembers an agent's name for lists; its enterprise must be fixed first.
    ///
    /// # Errors
    /// Only failures.
    pub async fn name_agent(&self, agent: &str, name: &str) -> Result<(), Rejection> {
        self.directory.name_agent(agent, name).await.map_err(|error| self.rejected(error))
    }

    /// A card for every address; with its id only where the directory knows nothing. A merged visitor's shows the
    /// user beside the visitor's id.
    ///
    /// # Errors
    /// Only failures.
    pub async fn cards(&self, addresses: &[Address]) -> Result<HashMap<Address, PeerCard>, Rejection> {
        let aliases = &self.world.aliases;
        if aliases.count() == 0 {
            return self.directory.cards(addresses).await.map_err(|error| self.rejected(error));
        }
        let persons: Vec<Address> = addresses.iter().map(|address| aliases.person(address)).collect();
        let cards = self.directory.cards(&persons).await.map_err(|error| self.rejected(error))?;
        let known = addresses.iter().zip(&persons).filter_map(|(address, person)| {
            let card = PeerCard { address: Some(address.clone()), ..cards.get(person)?.clone() };
            Some((address.clone(), card))
        });
        Ok(known.collect())
    }
}
