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

/// Heads kept for one answer: those that had to be loaded, and all of them once one showed more than its row was told.
#[derive(Default)]
pub(super) struct KnownHeads(foldhash::HashMap<Uuid, Arc<Head>>);

impl Router {
    /// Shows `look` each of these rows with its group's head; loads heads that are not known. `false`: a head may show
    /// a message that the rows' inboxes were not told of when they were asked (the caller's own would count as
    /// unread), so keep the heads, ask for the rows again and come back; a head that was kept before the rows were read
    /// never does.
    ///
    /// `told`: what was committed before the rows were asked for.
    async fn look_at_groups<'a>(
        &self,
        heads: &mut KnownHeads,
        rows: &'a [GroupRow],
        told: Position,
        mut look: impl FnMut(&'a GroupRow, &Arc<Head>),
    ) -> Result<bool, Failure> {
        let mut all_told = true;
        let mut unknown = Vec::new();
        self.heads.look(
            rows,
            |row| row.conversation,
            |row, head| match (heads.0.get(&row.conversation), head) {
                (Some(kept), _) => look(row, kept),
                (None, Some(head)) => {
                    all_told &= head.position <= told;
                    look(row, head);
                }
                (None, None) => unknown.push(row),
            },
        );
        for some in unknown.chunks(LOADED_AT_ONCE) {
            let loaded = some.iter().map(|row| self.head(row.conversation));
            for (row, head) in some.iter().zip(futures::future::try_join_all(loaded).await?) {
                all_told &= head.position <= told;
                look(row, &head);
                heads.0.insert(row.conversation, head);
            }
        }
        Ok(all_told)
    }

    /// Keeps every head that is known: with them the same groups are looked at once more at most, however busy they are.
    fn keep_heads(&self, heads: &mut KnownHeads, rows: &[GroupRow]) {
        self.heads.look(
            rows,
            |row| row.conversation,
            |row, head| {
                if let Some(head) = head {
                    heads.0.entry(row.conversation).or_insert_with(|| Arc::clone(head));
                }
            },
        );
    }

    /// Unread of all these groups; `None`: ask for the rows again and come back, see [`Router::look_at_groups`].
    pub(super) async fn unread_of_groups(
        &self,
        heads: &mut KnownHeads,
        rows: &[GroupRow],
        told: Position,
    ) -> Result<Option<u64>, Failure> {
        let mut unread = 0;
        let count = |row, head: &Arc<Head>| unread += Seen::of(row, head).unread();
        if self.look_at_groups(heads, rows, told, count).await? {
            return Ok(Some(unread));
        }
        self.keep_heads(heads, rows);
        Ok(None)
    }

    /// The newest `limit` of the groups that match, in no order, and how many match in all; `None`: see
    /// [`Router::look_at_groups`].
    pub(super) async fn newest_groups(
        &self,
        heads: &mut KnownHeads,
        rows: &[GroupRow],
        told: Position,
        chooser: &Chooser,
        limit: usize,
    ) -> Result<Option<(Vec<GroupView>, u64)>, Failure> {
        let mut matching: Vec<(Millis, &GroupRow)> = Vec::with_capacity(rows.len());
        let choose = |row, head: &Arc<Head>| {
            let seen = Seen::of(row, head);
            if chooser.takes_group(&seen) {
                matching.push((seen.last_at, row));
            }
        };
        if !self.look_at_groups(heads, rows, told, choose).await? {
            self.keep_heads(heads, rows);
            return Ok(None);
        }
        let total = matching.len() as u64;
        if limit < matching.len() {
            matching
                .select_nth_unstable_by_key(limit, |(last_at, row)| (Reverse(*last_at), row.conversation));
            matching.truncate(limit);
        }
        // Only those are copied that may be on the page.
        let mut views = Vec::with_capacity(matching.len());
        let mut show = |row: &GroupRow, head: &Arc<Head>| views.push(Seen::of(row, head).view());
        for (_, row) in matching {
            if !self.look_at_groups(heads, std::slice::from_ref(row), told, &mut show).await? {
                self.keep_heads(heads, rows); // it changed since
                return Ok(None);
            }
        }
        Ok(Some((views, total)))
    }

    /// One group; `None`: ask for the rows again and come back, see [`Router::look_at_groups`].
    pub(super) async fn listed_group(
        &self,
        heads: &mut KnownHeads,
        row: &GroupRow,
        told: Position,
    ) -> Result<Option<GroupView>, Failure> {
        let (mut view, row) = (None, std::slice::from_ref(row));
        let show = |row, head: &Arc<Head>| view = Some(Seen::of(row, head).view());
        if self.look_at_groups(heads, row, told, show).await? {
            return Ok(view);
        }
        self.keep_heads(heads, row);
        Ok(None)
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

impl<'a> Seen<'a> {
    fn of(row: &'a GroupRow, head: &'a Arc<Head>) -> Self {
        Self { row, head, last_at: row.last_at.max(head.last_at) }
    }

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
