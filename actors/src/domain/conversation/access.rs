//! Who may do what in a conversation. Whoever may not is told that it does not exist.

use super::{ConversationState, GroupState, Limits};
use crate::api::{Caller, Hat};
use crate::domain::event::Reader;
use crate::domain::identity::person;
use crate::domain::ids::{Address, ConversationKey, EntId};
use crate::domain::message::Author;
use crate::domain::refusal::Refusal;

/// How a reading caller stands to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A party, a customer, a member or a receiver, by this address of the caller.
    Party(Address),
    /// An agent of the serving enterprise, by its own address.
    Desk(Address),
    /// Not yet a member of an open group: reading joins, by this address.
    Newcomer(Address),
}

impl Standing {
    /// Whose cursor moves.
    pub fn reader(&self) -> Reader {
        match self {
            Self::Party(address) | Self::Newcomer(address) => Reader::Party(address.clone()),
            Self::Desk(_) => Reader::Desk,
        }
    }

    /// Who votes.
    pub const fn address(&self) -> &Address {
        match self {
            Self::Party(address) | Self::Newcomer(address) | Self::Desk(address) => address,
        }
    }
}

/// How an author stands to a conversation it writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// It may write.
    Allowed,
    /// It may write to this open group, and joins by it.
    Joins,
    /// It is the customer of this service conversation.
    Customer,
    /// It is on the desk's side of this service conversation.
    Desk,
}

impl ConversationState {
    /// How a caller stands as a reader.
    ///
    /// # Errors
    /// `UnknownConversation` for strangers, `NoIdentity` for a caller that is no person where one is needed.
    pub fn standing(&self, caller: &Caller, limits: &Limits) -> Result<Standing, Refusal> {
        match &self.core.key {
            ConversationKey::OneToOne(one, other) => {
                let mut addresses = caller.seat.iter().chain(&caller.own).chain(&caller.aliases);
                let party = addresses.find(|address| *address == one || *address == other);
                party.cloned().map(Standing::Party).ok_or(Refusal::UnknownConversation)
            }
            ConversationKey::Service(ent, customer) => match caller.hat {
                Hat::Agent if caller.ent == *ent => Ok(Standing::Desk(person(caller)?.clone())),
                Hat::User if caller.own.iter().chain(&caller.aliases).any(|own| own == customer) => {
                    Ok(Standing::Party(customer.clone()))
                }
                _ => Err(Refusal::UnknownConversation),
            },
            ConversationKey::Group(_) => self.group_standing(caller, limits),
            ConversationKey::Notice(receiver) => {
                let mut addresses = caller.own.iter().chain(&caller.seat).chain(&caller.aliases);
                let receives = addresses.any(|address| address == receiver);
                if receives {
                    Ok(Standing::Party(receiver.clone()))
                } else {
                    Err(Refusal::UnknownConversation)
                }
            }
        }
    }

    fn group_standing(&self, caller: &Caller, limits: &Limits) -> Result<Standing, Refusal> {
        if self.core.group == GroupState::Deleted {
            return Err(Refusal::UnknownConversation);
        }
        let mut addresses = caller.own.iter().chain(&caller.seat).chain(&caller.aliases);
        if let Some(member) = addresses.find(|address| self.readers.contains(address)) {
            return Ok(Standing::Party(member.clone()));
        }
        if self.core.group == GroupState::Open && limits.groups_open {
            return Ok(Standing::Newcomer(person(caller)?.clone()));
        }
        Err(Refusal::UnknownConversation)
    }

    /// How an author of enterprise `ent` stands as a writer.
    ///
    /// # Errors
    /// `UnknownConversation` for strangers, `GroupGone` for members of a deleted group.
    pub fn writing(&self, author: &Author, ent: EntId, limits: &Limits) -> Result<Writing, Refusal> {
        let address = &author.address;
        match &self.core.key {
            ConversationKey::OneToOne(one, other) if one == other => Err(Refusal::Oneself),
            ConversationKey::OneToOne(one, other) if address == one || address == other => {
                Ok(Writing::Allowed)
            }
            ConversationKey::OneToOne(..) => Err(Refusal::UnknownConversation),
            ConversationKey::Service(_, customer) if author.is_customer(customer) => Ok(Writing::Customer),
            ConversationKey::Service(serving, _) if *serving == ent && author.own_type != OWN_TYPE_USER => {
                Ok(Writing::Desk)
            }
            ConversationKey::Service(..) => Err(Refusal::UnknownConversation),
            ConversationKey::Group(_) => self.group_writing(address, limits),
            ConversationKey::Notice(_) => Ok(Writing::Allowed),
        }
    }

    fn group_writing(&self, address: &Address, limits: &Limits) -> Result<Writing, Refusal> {
        // Systems and bots never read, so they are in no group: the right to be one is what lets them write.
        let machine = !super::reads_messages(address);
        let inside = machine || self.readers.contains(address);
        match &self.core.group {
            GroupState::Deleted if inside => Err(Refusal::GroupGone),
            GroupState::Open if machine && !self.exists() && !limits.groups_open => {
                Err(Refusal::UnknownConversation)
            }
            _ if inside => Ok(Writing::Allowed),
            GroupState::Open if limits.groups_open => Ok(Writing::Joins),
            _ => Err(Refusal::UnknownConversation),
        }
    }

    /// Whether one of these addresses, or the desk of this enterprise, takes part here: what decides between
    /// "not yours" and "unknown".
    pub fn takes_part(&self, addresses: &[Address], desk: Option<EntId>) -> bool {
        match &self.core.key {
            ConversationKey::OneToOne(one, other) => addresses.iter().any(|a| a == one || a == other),
            ConversationKey::Service(ent, customer) => desk == Some(*ent) || addresses.contains(customer),
            ConversationKey::Group(_) => {
                self.core.group != GroupState::Deleted && addresses.iter().any(|a| self.readers.contains(a))
            }
            ConversationKey::Notice(receiver) => addresses.contains(receiver),
        }
    }
}

/// `ownType` of a user.
const OWN_TYPE_USER: u8 = 2;
