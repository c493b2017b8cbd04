//! The groups of a caller, each with its head: what a group's row shows and counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{Router, unexpected};
use crate::conversation::{ConversationAnswer, ConversationCommand};
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

impl Router {
    /// The groups of these rows, each once: of a group reached by two addresses the furthest mark and both
    /// addresses' own messages count.
    pub(super) async fn groups(&self, rows: Vec<GroupRow>) -> Result<Vec<GroupView>, Failure> {
        let mut merged: BTreeMap<Uuid, GroupRow> = BTreeMap::new();
        for row in rows {
            match merged.get_mut(&row.conversation) {
                Some(other) => merge(other, &row),
                None => {
                    merged.insert(row.conversation, row);
                }
            }
        }
        let rows: Vec<GroupRow> = merged.into_values().collect();
        let mut views = Vec::with_capacity(rows.len());
        for some in rows.chunks(LOADED_AT_ONCE) {
            let heads = some.iter().map(|row| self.head(row.conversation));
            let heads = futures::future::try_join_all(heads).await?;
            views.extend(some.iter().zip(heads).map(|(row, head)| view(row, head)));
        }
        Ok(views)
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
