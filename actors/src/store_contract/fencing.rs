//! The rules of who may write: the epoch of each start, and what a former holder can still do.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::done;
use super::journal::{batch, bounds};
use crate::domain::ids::ActorKey;
use crate::ports::{Collection, Page, Snapshot, Store, StoreError};

/// Takers at once.
const TAKERS: u64 = 4;

pub(super) async fn each_epoch_is_one_more_and_fences_the_last(store: &dyn Store) {
    let earlier = done("acquiring", store.acquire().await);
    done("a batch is written", store.append(&batch(earlier, 1, 1)).await);
    let later = done("acquiring", store.acquire().await);
    assert_eq!(later, earlier + 1, "each epoch is one more");
    let refused = store.append(&batch(earlier, 2, 1)).await;
    assert!(matches!(refused, Err(StoreError::Fenced(_))), "an earlier epoch is fenced, not {refused:?}");
    assert_eq!(done("reading", store.read(2).await), None, "a fenced batch is not written");
    let refused = store.append(&batch(earlier, 1, 1)).await;
    assert!(matches!(refused, Err(StoreError::Fenced(_))), "also where a batch is, not {refused:?}");
    done("the new epoch writes", store.append(&batch(later, 2, 1)).await);
}

pub(super) async fn takers_at_once_get_epochs_of_their_own(store: Arc<dyn Store>) {
    let takers = (0..TAKERS).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.acquire().await })
    });
    let mut epochs = BTreeSet::new();
    for taken in futures::future::join_all(takers).await.into_iter().flatten() {
        epochs.insert(done("acquiring", taken));
    }
    assert_eq!(epochs, (1..=TAKERS).collect(), "each taker has an epoch of its own, without a gap");
}

fn snapshot(position: u64) -> (Snapshot, Page) {
    let state = Bytes::from(position.to_be_bytes().to_vec());
    let content = serde_json::json!([position]);
    (
        Snapshot::new(ActorKey::Shunt(1), position, 0, 1, state),
        Page::new(Collection::Rows, 0, position, content),
    )
}

pub(super) async fn whoever_is_fenced_reads_but_writes_nothing(former: &dyn Store, holder: &dyn Store) {
    let earlier = done("acquiring", former.acquire().await);
    done("the first holder writes", former.append(&batch(earlier, 1, 1)).await);
    let (held, page) = snapshot(1);
    done("the first holder saves", former.save(&held, std::slice::from_ref(&page)).await);
    let later = done("acquiring", holder.acquire().await);
    assert_eq!(later, earlier + 1, "each epoch is one more, whoever takes it");
    let before = bounds(holder).await;
    let (newer, newer_page) = snapshot(2);
    let refused = [
        ("append", former.append(&batch(earlier, 2, 1)).await),
        ("save", former.save(&newer, std::slice::from_ref(&newer_page)).await),
        ("put_pages", former.put_pages(&newer.key, std::slice::from_ref(&newer_page)).await),
        ("save without pages", former.save(&newer, &[]).await),
        ("set_checkpoint", former.set_checkpoint(2).await),
        ("trim", former.trim(2).await.map(drop)),
    ];
    for (call, outcome) in refused {
        assert!(matches!(outcome, Err(StoreError::Fenced(_))), "{call} is fenced, not {outcome:?}");
    }
    for reader in [former, holder] {
        assert_eq!(bounds(reader).await, before, "a fenced call changes nothing");
        let found = done("loading", reader.load(&held.key).await);
        assert_eq!(found.as_ref(), Some(&held), "a fenced snapshot is not written");
        let found = done("reading", reader.page(&held.key, Collection::Rows, 0).await);
        assert_eq!(found.as_ref(), Some(&page), "nor are its pages");
    }
    done("the new holder writes", holder.append(&batch(later, 2, 1)).await);
    assert_eq!(bounds(former).await.newest, 2, "whoever is fenced still reads");
}
