//! The rules of `ArchiveStore`.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::done;
use crate::domain::ids::{ActorKey, Address, InboxKey, PartyType};
use crate::domain::shadow::Side;
use crate::ports::{Batch, Entry, JournalBounds, RestoredEnds, Snapshot, Store, StoreError};

fn inbox(id: &str) -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(Address::new(PartyType::User, id)))
}

pub(super) async fn everything_is_listed_piece_by_piece(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let odd = ["a:b", "'", "\u{1f600}", "-5", "zz", "Z"];
    let ids = (0..40).map(|number| number.to_string()).chain(odd.map(str::to_owned));
    let ids: BTreeSet<String> = ids.collect();
    for id in &ids {
        // Some were saved twice, and their older snapshot is kept as well: it is not listed.
        let older = Snapshot { side: Side::Second, ..Snapshot::new(inbox(id), 1, 1, 3, Bytes::new()) };
        if id.len() == 1 {
            done("saving", store.save(&older, &[]).await);
        }
        let snapshot = Snapshot::new(inbox(id), 1, 2, 3, Bytes::from(id.clone()));
        done("saving", store.save(&snapshot, &[]).await);
        done("putting", store.put(Entry::Position, id, &json!({ "name": id })).await);
    }
    let other = Snapshot::new(ActorKey::Session(Uuid::nil()), 0, 0, 1, Bytes::new());
    done("saving", store.save(&other, &[]).await);
    done("putting", store.put(Entry::User, "1", &json!({})).await);
    let (mut after, mut seen) = (String::new(), BTreeSet::new());
    loop {
        let piece = done("listing", store.snapshots_after("inbox", &after, 7).await);
        assert!(piece.len() <= 7, "no more than asked for");
        let Some(last) = piece.last() else { break };
        after = last.key.id();
        for snapshot in piece {
            let id = String::from_utf8(snapshot.state.to_vec()).unwrap_or_default();
            assert_eq!(snapshot.key, inbox(&id), "each as it was saved");
            assert!(seen.insert(id), "each once");
        }
    }
    assert_eq!(seen, ids, "every snapshot of the kind, and no other");
    let (mut after, mut seen) = (String::new(), BTreeSet::new());
    loop {
        let piece = done("listing", store.rows_after(Entry::Position, &after, 7).await);
        assert!(piece.len() <= 7, "no more than asked for");
        let Some((last, _)) = piece.last() else { break };
        after.clone_from(last);
        for (id, row) in piece {
            assert_eq!(row, json!({ "name": id }), "each as it was put");
            assert!(seen.insert(id), "each once");
        }
    }
    assert_eq!(seen, ids, "every row of the table, and no other");
}

const ENDS: RestoredEnds = RestoredEnds { oldest: 41, replay_from: 43, at: 9_000 };

pub(super) async fn a_store_being_filled_is_nobodys(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    done("beginning", store.begin_restore(ENDS).await);
    let refused = store.acquire().await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "nobody takes it: {refused:?}");
    let refused = crate::backup::make(store, 1, Vec::new()).await;
    assert!(refused.is_err(), "nor is it taken for a whole one by who only reads");
    done("ending", store.end_restore().await);
    done("acquiring a filled store", store.acquire().await);
}

pub(super) async fn a_filled_journal_goes_on_where_it_ended(store: &dyn Store) {
    let epoch = done("acquiring", store.acquire().await);
    done("beginning", store.begin_restore(ENDS).await);
    let empty = JournalBounds { oldest: 0, newest: 40, replay_from: 43, at: 9_000 };
    let bounds = done("bounds", store.bounds().await);
    assert_eq!((bounds.oldest, bounds.newest), (empty.oldest, empty.newest), "nothing is in it yet");
    for first in [41, 43] {
        let id = Uuid::from_u128(first.into());
        let batch = Batch { first, count: 2, id, epoch, at: 8_000, events: Bytes::from_static(b"x") };
        done("appending", store.append(&batch).await);
    }
    done("ending", store.end_restore().await);
    let bounds = done("bounds", store.bounds().await);
    assert_eq!(bounds, JournalBounds { oldest: 41, newest: 44, replay_from: 43, at: 9_000 });
}
