//! The groups of a caller, each with its head: what a group's row shows and counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

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

/// The heads that one answer is made from.
#[derive(Default)]
pub(super) struct KnownHeads(HashMap<Uuid, Arc<Head>>);

impl KnownHeads {
    /// Whether everything that the head shows was told before the rows were asked for.
    fn learn(&mut self, group: Uuid, head: Arc<Head>, told: Position) -> bool {
        let is_told = head.position <= told;
        self.0.insert(group, head);
        is_told
    }
}

impl Router {
    /// Learns the heads of these rows that are not known yet. `false`: a head just learned may show a message
    /// that the rows' inboxes were not told of when they were asked (the caller's own would count as unread), so
    /// ask for the rows again and come back; a head that was known before the rows were read never does.
    ///
    /// `told`: what was committed before the rows were asked for.
    pub(super) async fn learn_heads(
        &self,
        heads: &mut KnownHeads,
        rows: &[GroupRow],
        told: Position,
    ) -> Result<bool, Failure> {
        let groups: BTreeSet<Uuid> = rows.iter().map(|row| row.conversation).collect();
        let mut all_told = true;
        let mut unknown = Vec::new();
        for group in groups.into_iter().filter(|group| !heads.0.contains_key(group)).collect::<Vec<_>>() {
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

/// The groups of these rows, each once: of a group reached by two addresses the furthest mark and both
/// addresses' own messages count.
pub(super) fn views(rows: Vec<GroupRow>, heads: &KnownHeads) -> Vec<GroupView> {
    let mut merged: BTreeMap<Uuid, GroupRow> = BTreeMap::new();
    for row in rows {
        match merged.get_mut(&row.conversation) {
            Some(other) => merge(other, &row),
            None => {
                merged.insert(row.conversation, row);
            }
        }
    }
    let known = |row: GroupRow| heads.0.get(&row.conversation).map(|head| view(&row, Arc::clone(head)));
    merged.into_values().filter_map(known).collect()
}

fn merge(row: &mut GroupRow, other: &GroupRow) {
    let own = Arc::make_mut(&mut row.own);
    other.own.iter().for_each(|seq| own.insert(seq));
    row.mark = row.mark.max(other.mark);
    row.last_at = row.last_at.max(other.last_at);
}

fn view(row: &GroupRow, head: Arc<Head>) -> GroupView {
    GroupView {
        conversation: row.conversation,
        group: Arc::clone(&row.group),
        unread: seq_set::unread(head.seq, row.mark, &row.own, &head.withdrawn),
        last_at: row.last_at.max(head.last_at),
        head,
    }
}
