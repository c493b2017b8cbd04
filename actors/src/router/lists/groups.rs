//! The groups of a caller, each with its head: what a group's row shows and counts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::choose::Chooser;
use super::{Router, unexpected};
use crate::conversation::{ConversationAnswer, ConversationCommand};
use crate::domain::event::Position;
use crate::domain::group_head::Head;
use crate::domain::ids::Millis;
use crate::domain::inbox::GroupRow;
use crate::domain::seq_set;
use crate::runtime::failure::Failure;

/// Heads asked for at once: a caller with hundreds of cold groups must not take all places of the service.
const LOADED_AT_ONCE: usize = 32;

/// A group as one caller sees it.
pub(super) struct GroupView {
    /// The conversation.
    pub(super) conversation: Uuid,
    /// The group's bare id.
    pub(super) group: Arc<str>,
    /// Its head.
    pub(super) head: Arc<Head>,
    /// Unread of the caller.
    pub(super) unread: u64,
    /// Last activity.
    pub(super) last_at: Millis,
}

/// A group looked at: most are on no page, so nothing is copied yet.
pub(super) struct Seen<'a> {
    row: &'a GroupRow,
    head: &'a Arc<Head>,
    /// Last activity.
    pub(super) last_at: Millis,
}

/// The heads that one answer is made from.
#[derive(Default)]
pub(super) struct KnownHeads(foldhash::HashMap<Uuid, Arc<Head>>);

impl KnownHeads {
    /// Whether everything that the head shows was told before the rows were asked for.
    fn learn(&mut self, group: Uuid, head: Arc<Head>, told: Position) -> bool {
        let is_told = head.position <= told;
        self.0.insert(group, head);
        is_told
    }
}

impl Router {
    /// Learns the heads of these rows, each of another group, that are not known yet. `false`: a head just learned may
    /// show a message that the rows' inboxes were not told of when they were asked (the caller's own would count as
    /// unread), so ask for the rows again and come back; a head that was known before the rows were read never does.
    ///
    /// `told`: what was committed before the rows were asked for.
    pub(super) async fn learn_heads(
        &self,
        heads: &mut KnownHeads,
        rows: &[GroupRow],
        told: Position,
    ) -> Result<bool, Failure> {
        let mut all_told = true;
        let mut unknown = Vec::new();
        heads.0.reserve(rows.len());
        for group in rows.iter().map(|row| row.conversation) {
            if heads.0.contains_key(&group) {
                continue;
            }
            match self.heads.peek(group) {
                Some(head) => all_told &= heads.learn(group, head, told),
                None => unknown.push(group),
            }
        }
        for some in unknown.chunks(LOADED_AT_ONCE) {
            let learned = some.iter().map(|group| self.head(*group));
            for (group, head) in some.iter().zip(futures::future::try_join_all(learned).await?) {
                all_told &= heads.learn(*group, head, told);
            }
        }
        Ok(all_told)
    }

    async fn head(&self, group: Uuid) -> Result<Arc<Head>, Failure> {
        self.heads.get(group, || self.ask_head(group)).await
    }

    async fn ask_head(&self, group: Uuid) -> Result<Head, Failure> {
        match self.conversations.ask(&group, ConversationCommand::Head).await? {
            Ok(ConversationAnswer::Head(head)) => Ok(*head),
            _ => Err(unexpected()),
        }
    }
}

/// The groups of several inboxes by conversation, each once: of a group reached by two addresses the furthest mark
/// and both addresses' own messages count.
pub(super) fn merged(inboxes: Vec<Arc<Vec<GroupRow>>>) -> Arc<Vec<GroupRow>> {
    let mut inboxes = inboxes.into_iter().filter(|groups| !groups.is_empty());
    let Some(first) = inboxes.next() else { return Arc::default() };
    inboxes.fold(first, |groups, more| {
        let mut merged: BTreeMap<Uuid, GroupRow> = BTreeMap::new();
        for row in groups.iter().chain(more.iter()) {
            match merged.get_mut(&row.conversation) {
                Some(other) => merge(other, row),
                None => drop(merged.insert(row.conversation, row.clone())),
            }
        }
        Arc::new(merged.into_values().collect())
    })
}

fn merge(row: &mut GroupRow, other: &GroupRow) {
    let own = Arc::make_mut(&mut row.own);
    other.own.iter().for_each(|seq| own.insert(seq));
    row.mark = row.mark.max(other.mark);
    row.last_at = row.last_at.max(other.last_at);
}

/// Unread of all these groups.
pub(super) fn unread(rows: &[GroupRow], heads: &KnownHeads) -> u64 {
    rows.iter().filter_map(|row| seen(row, heads)).map(|group| group.unread()).sum()
}

/// The newest `limit` of the groups that match, in no order, and how many match in all.
pub(super) fn newest(
    rows: &[GroupRow],
    heads: &KnownHeads,
    chooser: &Chooser,
    limit: usize,
) -> (Vec<GroupView>, u64) {
    let seen = rows.iter().filter_map(|row| seen(row, heads));
    let mut matching: Vec<Seen<'_>> = seen.filter(|group| chooser.takes_group(group)).collect();
    let total = matching.len() as u64;
    if limit < matching.len() {
        matching.select_nth_unstable_by_key(limit, |group| (Reverse(group.last_at), group.row.conversation));
        matching.truncate(limit);
    }
    (matching.iter().map(Seen::view).collect(), total)
}

/// One group.
pub(super) fn view(row: &GroupRow, heads: &KnownHeads) -> Option<GroupView> {
    seen(row, heads).map(|group| group.view())
}

fn seen<'a>(row: &'a GroupRow, heads: &'a KnownHeads) -> Option<Seen<'a>> {
    let head = heads.0.get(&row.conversation)?;
    Some(Seen { row, head, last_at: row.last_at.max(head.last_at) })
}

impl Seen<'_> {
    /// Unread of the caller.
    pub(super) fn unread(&self) -> u64 {
        seq_set::unread(
            self.head.seq,
            self.row.mark.max(self.head.forgotten),
            &self.row.own,
            &self.head.withdrawn,
        )
    }

    fn view(&self) -> GroupView {
        GroupView {
            conversation: self.row.conversation,
            group: Arc::clone(&self.row.group),
            head: Arc::clone(self.head),
            unread: self.unread(),
            last_at: self.last_at,
        }
    }
}
