//! Merged visitors: whose address is by now another name of a registered user.
//!
//! A merge is one fact of the platform's routing (enterprise 0): only it decides, so two merges never cross. This
//! is that fact's projection, in memory whole (about 300 bytes for each visitor ever merged), because every
//! request asks it. The order of writes:
//!
//! 1. `Promoted` of enterprise 0 is committed. Until then nothing has changed; from then on the visitor is merged
//!    for ever.
//! 2. Dispatch puts it here, before anybody is answered. From then on requests with the visitor's address act as
//!    the user, messages to it go to the user's conversations, and lists and counts of the user cover the
//!    visitor's inbox. No message and no read mark moves, so none can be lost or counted twice: what was in a
//!    mailbox before this moment lands in the visitor's conversation and counts there.
//! 3. Each enterprise's routing sees that there is a new alias before its next decision, and at its next tick: what
//!    the visitor had open there becomes the user's by one fact of its own. The merge answers once every awake
//!    routing did; one that sleeps has nothing open, and looks when it wakes.
//!
//! A crash between 1 and 3 leaves a merge that completes by itself: the start reads this from enterprise 0 and
//! wakes every routing before the service is ready.

use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::HashMap;
use parking_lot::RwLock;

use crate::domain::event::{Fact, Recorded, ShuntChange};
use crate::domain::ids::{Address, ConversationKey, EntId};

/// The enterprise whose routing decides merges: the platform itself.
pub const REGISTRAR: EntId = 0;

/// See the module's head. Written by dispatch alone once the service runs, in position order.
#[derive(Debug, Default)]
pub struct Aliases {
    known: RwLock<Known>,
    /// How many there are: what is read without a lock, as most services have none.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Known {
    user_of: HashMap<Address, Address>,
    visitors_of: HashMap<Address, Vec<Address>>,
    /// The visitors in the order they were merged in.
    merged: Vec<Address>,
}

impl Aliases {
    /// Takes one in; a repeat changes nothing.
    pub fn add(&self, visitor: &Address, user: &Address) {
        let mut known = self.known.write();
        if known.user_of.contains_key(visitor) {
            return;
        }
        known.user_of.insert(visitor.clone(), user.clone());
        known.visitors_of.entry(user.clone()).or_default().push(visitor.clone());
        known.merged.push(visitor.clone());
        self.count.store(known.merged.len(), Ordering::Release);
    }

    /// Sees a committed fact: the journal's dispatch calls it for every one, in position order.
    pub fn observe(&self, event: &Recorded) {
        let Fact::Shunt(fact) = &event.fact else { return };
        if fact.ent != REGISTRAR {
            return;
        }
        for change in &fact.changes {
            if let ShuntChange::Promoted { visitor, user, .. } = change {
                self.add(visitor, user);
            }
        }
    }

    /// How many visitors were merged ever.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The user whom this address names, if it is a merged visitor's.
    pub fn user_of(&self, address: &Address) -> Option<Address> {
        if self.count() == 0 {
            return None;
        }
        self.known.read().user_of.get(address).cloned()
    }

    /// Whom an address names: itself, or the user that the visitor became.
    pub fn person(&self, address: &Address) -> Address {
        self.user_of(address).unwrap_or_else(|| address.clone())
    }

    /// The visitors merged into a user, in order; empty for anybody else.
    pub fn visitors_of(&self, user: &Address) -> Vec<Address> {
        if self.count() == 0 {
            return Vec::new();
        }
        self.known.read().visitors_of.get(user).cloned().unwrap_or_default()
    }

    /// The visitors merged after the first `seen`, each with its user.
    pub fn since(&self, seen: usize) -> Vec<(Address, Address)> {
        if self.count() <= seen {
            return Vec::new();
        }
        let known = self.known.read();
        let new = known.merged.iter().skip(seen);
        new.filter_map(|visitor| Some((visitor.clone(), known.user_of.get(visitor)?.clone()))).collect()
    }

    /// The conversation that new messages to this one go to: the users' where it is a merged visitor's. A group
    /// stays itself.
    pub fn conversation(&self, key: ConversationKey) -> ConversationKey {
        if self.count() == 0 {
            return key;
        }
        match key {
            ConversationKey::OneToOne(one, other) => {
                ConversationKey::one_to_one(self.person(&one), self.person(&other))
            }
            ConversationKey::Service(ent, customer) => ConversationKey::Service(ent, self.person(&customer)),
            ConversationKey::Notice(receiver) => ConversationKey::Notice(self.person(&receiver)),
            group @ ConversationKey::Group(_) => group,
        }
    }
}

/// The same conversation with one party for another; `None` if the party is not in it.
pub fn exchanged(key: &ConversationKey, party: &Address, by: &Address) -> Option<ConversationKey> {
    match key {
        ConversationKey::OneToOne(one, other) if one == party => {
            Some(ConversationKey::one_to_one(by.clone(), other.clone()))
        }
        ConversationKey::OneToOne(one, other) if other == party => {
            Some(ConversationKey::one_to_one(one.clone(), by.clone()))
        }
        ConversationKey::Service(ent, customer) if customer == party => {
            Some(ConversationKey::Service(*ent, by.clone()))
        }
        ConversationKey::Notice(receiver) if receiver == party => Some(ConversationKey::Notice(by.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_visitor_is_another_name_of_the_user_and_stays_so() {
        let aliases = Aliases::default();
        let (visitor, user, other) = (Address::user(1), Address::user(2), Address::user(3));
        assert_eq!(aliases.person(&visitor), visitor);
        aliases.add(&visitor, &user);
        aliases.add(&visitor, &other);
        assert_eq!((aliases.person(&visitor), aliases.count()), (user.clone(), 1));
        assert_eq!(aliases.visitors_of(&user), std::slice::from_ref(&visitor));
        assert_eq!(aliases.visitors_of(&other), []);
        assert_eq!(aliases.since(0), [(visitor, user)]);
        assert_eq!(aliases.since(1), []);
    }

    #[test]
    fn new_messages_go_to_the_users_conversation_of_every_kind_but_groups() {
        let aliases = Aliases::default();
        let (visitor, user, peer) = (Address::user(1), Address::user(5), Address::user(3));
        aliases.add(&visitor, &user);
        let pair = ConversationKey::one_to_one(visitor.clone(), peer.clone());
        assert_eq!(aliases.conversation(pair.clone()), ConversationKey::one_to_one(user.clone(), peer));
        assert_eq!(exchanged(&pair, &visitor, &user), Some(aliases.conversation(pair)));
        let service = ConversationKey::Service(9, visitor.clone());
        assert_eq!(aliases.conversation(service), ConversationKey::Service(9, user.clone()));
        let notice = ConversationKey::Notice(visitor);
        assert_eq!(aliases.conversation(notice), ConversationKey::Notice(user));
        let group = ConversationKey::Group("1".into());
        assert_eq!(aliases.conversation(group.clone()), group);
    }
}
