//! Retention of conversations that nobody touches: a slow walk over what is stored asks those that hold too much to
//! remove it.
//!
//! Guarantees: reads only; each conversation decides in its own turn. A few conversations are looked at each second,
//! whatever the size of the store, and nothing at all while every kind keeps everything.

use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::Router;
use crate::api::Rejection;
use crate::conversation::{ConversationAnswer, ConversationCommand, Retained, holds_too_much};
use crate::domain::conversation::retaining::Retentions;
use crate::domain::ids::{ActorKey, Kind};
use crate::ports::{Snapshot, StoreError};
use crate::runtime::failure::Failure;

/// Conversations looked at in one piece: one range read, and a page of each whose age matters.
const PIECE: usize = 64;

/// Between two pieces: a million conversations take four hours and a half, at some hundredths of a core.
const PAUSE: Duration = Duration::from_secs(1);

/// How soon a change of the settings is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Between two steps of one conversation that has much to remove: what one removes is deleted before the next.
const STEP: Duration = Duration::from_millis(100);

/// How often a conversation may answer that nothing is deleted yet before the next one is looked at: storage is slow,
/// and the next walk goes on.
const PATIENCE: u32 = 50;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

/// Figures of retention. Cheap to clone; clones share their figures.
#[derive(Debug, Clone, Default)]
pub struct RetentionMetrics {
    removed: Family<OfKind, Counter>,
}

impl RetentionMetrics {
    /// Registers them under `messagecenter_retention_`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "messagecenter_retention_removed",
            "Messages deleted because they were too old or too many",
            self.removed.clone(),
        );
    }

    /// So many messages of a kind of conversation are not stored any more.
    pub fn removed(&self, kind: Kind, messages: u64) {
        if messages > 0 {
            self.removed.get_or_create(&OfKind { kind: word(kind) }).inc_by(messages);
        }
    }

    /// How many messages of a kind were removed since the start.
    pub fn total(&self, kind: Kind) -> u64 {
        self.removed.get_or_create(&OfKind { kind: word(kind) }).get()
    }
}

/// A kind as its settings are named.
const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::OneToOne => "one_to_one",
        Kind::Service => "service",
        Kind::Group => "group",
        Kind::Notice => "notice",
    }
}

impl Router {
    /// Has one conversation remove what it is not to keep any more, or the oldest part of it.
    ///
    /// # Errors
    /// Only failures.
    pub async fn retain(&self, conversation: Uuid) -> Result<Retained, Rejection> {
        let at = self.world.clock.now();
        match self.conversations.ask(&conversation, ConversationCommand::Retain { at }).await?? {
            ConversationAnswer::Retained(retained) => Ok(retained),
            _ => Err(Failure::Lost.into()),
        }
    }

    /// Looks at the stored conversations whose id is behind `after` (`""` = from the first), a piece of them, and has
    /// each that holds too much remove it. The last id looked at; `None` if there was none.
    ///
    /// # Errors
    /// The store's.
    pub async fn retain_some(&self, after: &str) -> Result<Option<String>, StoreError> {
        let retentions = self.world.rules.load().retention;
        let snapshots = self.world.store.snapshots_after("conversation", after, PIECE).await?;
        for snapshot in &snapshots {
            let now = self.world.clock.now();
            match holds_too_much(&*self.world.store, snapshot, &retentions, now).await {
                Ok(false) => {}
                Ok(true) => self.retain_all_of(snapshot).await,
                // Saved and removed meanwhile, or damaged: its own recovery finds that out.
                Err(StoreError::Corrupt(problem)) => tracing::debug!(%problem, "left out by retention"),
                Err(error) => return Err(error),
            }
        }
        Ok(snapshots.last().map(|snapshot| snapshot.key.id()))
    }

    async fn retain_all_of(&self, snapshot: &Snapshot) {
        let ActorKey::Conversation(id) = &snapshot.key else { return };
        let mut idle = 0;
        loop {
            match self.retain(*id).await {
                Ok(Retained { more: false, .. }) => return,
                Ok(Retained { removed: 0, .. }) if idle == PATIENCE => return,
                Ok(Retained { removed, .. }) => idle = if removed == 0 { idle + 1 } else { 0 },
                Err(rejection) => {
                    return tracing::debug!(conversation = %id, ?rejection, "retention has to wait");
                }
            }
            sleep(STEP).await;
        }
    }
}

/// Walks over and over until the router is gone.
pub(super) async fn walk(router: Weak<Router>) {
    let mut last: Option<(Retentions, Instant)> = None;
    loop {
        sleep(LOOK_EVERY).await;
        let Some(rules) = router.upgrade().map(|router| router.world.rules.load_full()) else {
            return;
        };
        let (retention, interval) = (rules.retention, rules.retention_interval);
        let rest = Duration::from_millis(interval.unsigned_abs());
        let walked = last.is_some_and(|(under, ended)| under == retention && ended.elapsed() < rest);
        if retention.keep_all() || interval == 0 || walked {
            continue;
        }
        let mut after = String::new();
        loop {
            let Some(router) = router.upgrade() else { return };
            if router.world.rules.load().retention != retention {
                break;
            }
            match retain_some(router, &after).await {
                Ok(Some(next)) => after = next,
                Ok(None) => {
                    last = Some((retention, Instant::now()));
                    break;
                }
                Err(error @ StoreError::Corrupt(_)) => {
                    tracing::error!(%error, after, "retention goes no further: `messagecenter check` names what is damaged");
                    last = Some((retention, Instant::now()));
                    break;
                }
                Err(error) => tracing::warn!(%error, "retention cannot read what is stored; it tries again"),
            }
            sleep(PAUSE).await;
        }
    }
}

async fn retain_some(router: Arc<Router>, after: &str) -> Result<Option<String>, StoreError> {
    router.retain_some(after).await
}

#[cfg(test)]
mod tests;
