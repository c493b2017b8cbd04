//! Groups: defined, redefined, deleted, joined and left. Deleting is for good: a name that came back would
//! show its old messages to new members.

use foldhash::{HashSet, HashSetExt};

use super::{ConversationState, GroupState};
use crate::domain::event::ConversationEvent;
use crate::domain::ids::Address;
use crate::domain::refusal::Refusal;

impl ConversationState {
    /// The events of defining a group: its name and picture where they differ, and, if members are given,
    /// who joins and who leaves to make it exactly those. Without members those of an open group stay.
    ///
    /// # Errors
    /// `GroupGone` if it was deleted.
    pub fn define(
        &self,
        name: &str,
        avatar: &str,
        members: Option<&[Address]>,
    ) -> Result<Vec<ConversationEvent>, Refusal> {
        if self.core.group == GroupState::Deleted {
            return Err(Refusal::GroupGone);
        }
        let defined = GroupState::Defined { name: name.to_owned(), avatar: avatar.to_owned() };
        let mut events = Vec::new();
        if self.core.group != defined {
            events.push(ConversationEvent::GroupDefined { name: name.to_owned(), avatar: avatar.to_owned() });
        }
        if let Some(members) = members {
            events.extend(self.joining(members));
            let kept: HashSet<&Address> = members.iter().collect();
            let leaving = self.readers.addresses().filter(|address| !kept.contains(address));
            events.extend(leaving.map(|member| ConversationEvent::Left { member: member.clone() }));
        }
        Ok(events)
    }

    /// The events of adding and removing members of a group, defined or open; who is in or out already stays so.
    ///
    /// # Errors
    /// `GroupGone` if it was deleted.
    pub fn change_members(
        &self,
        add: &[Address],
        remove: &[Address],
    ) -> Result<Vec<ConversationEvent>, Refusal> {
        self.described()?;
        let mut events = self.joining(add);
        let mut seen = HashSet::new();
        let leaving = remove.iter().filter(|member| self.readers.contains(member) && seen.insert(*member));
        events.extend(leaving.map(|member| ConversationEvent::Left { member: member.clone() }));
        Ok(events)
    }

    fn joining(&self, members: &[Address]) -> Vec<ConversationEvent> {
        let mut seen = HashSet::new();
        let new = members.iter().filter(|member| !self.readers.contains(member) && seen.insert(*member));
        new.map(|member| self.joined(member)).collect()
    }

    /// The events of deleting a defined group: none if it was deleted before.
    ///
    /// # Errors
    /// `UnknownGroup` if it is not defined.
    pub fn delete(&self) -> Result<Vec<ConversationEvent>, Refusal> {
        match &self.core.group {
            GroupState::Open => Err(Refusal::UnknownGroup),
            GroupState::Deleted => Ok(Vec::new()),
            GroupState::Defined { .. } => {
                let members = self.readers.addresses().cloned().collect();
                Ok(vec![ConversationEvent::GroupDeleted { members }])
            }
        }
    }

    /// Name and picture; both empty for an open group, which nobody defined.
    ///
    /// # Errors
    /// `GroupGone` if it was deleted.
    pub fn described(&self) -> Result<(&str, &str), Refusal> {
        match &self.core.group {
            GroupState::Open => Ok(("", "")),
            GroupState::Deleted => Err(Refusal::GroupGone),
            GroupState::Defined { name, avatar } => Ok((name, avatar)),
        }
    }

    /// A page of the members, pages from 1.
    pub fn members(&self, page: u64, size: u64) -> Vec<Address> {
        let skipped = page.saturating_sub(1).saturating_mul(size);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.readers.addresses().skip(skipped).take(size).cloned().collect()
    }
}
