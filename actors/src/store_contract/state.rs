//! The rules of `StateStore`.

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use super::done;
use crate::domain::ids::{ActorKey, Address, InboxKey, PartyType};
use crate::domain::shadow::{Side, Sides};
use crate::ports::{Collection, Page, Snapshot, Store};

fn conversation(number: u128) -> ActorKey {
    ActorKey::Conversation(Uuid::from_u128(number))
}

fn inbox(id: &str) -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(Address::new(PartyType::User, id)))
}

fn snapshot(key: &ActorKey, decided: u64, told: u64) -> Snapshot {
    let state = Bytes::from(vec![decided as u8, 0, 255, told as u8]);
    Snapshot::new(key.clone(), decided, told, 1, state)
}

fn page(collection: Collection, number: u64, position: u64) -> Page {
    let content = json!([{ "seq": number, "text": "a \u{0} b \u{1f600} \"quoted\"", "none": null }]);
    Page::new(collection, number, position, content)
}

pub(super) async fn an_unknown_actor_has_no_snapshot(store: &dyn Store) {
    let key = conversation(1);
    assert_eq!(done("loading", store.load(&key).await), None, "an unknown actor has no snapshot");
    assert_eq!(done("reading", store.page(&key, Collection::History, 0).await), None, "nor a page");
    let pages = done("reading", store.pages(&key, Collection::History, 0, 9).await);
    assert_eq!(pages, Vec::new(), "nor pages");
}

pub(super) async fn a_snapshot_reads_back_and_is_replaced(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let key = conversation(1);
    for first in [snapshot(&key, 3, 2), snapshot(&key, 9, 12)] {
        done("saving", store.save(&first, &[]).await);
        assert_eq!(done("loading", store.load(&key).await), Some(first), "a snapshot reads back as saved");
    }
}

pub(super) async fn both_sides_of_a_snapshot_are_kept_and_each_names_its_pages(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    for (key, collection) in [(conversation(1), Collection::Members), (inbox("a:b"), Collection::Rows)] {
        let page = |number, position, side| Page { side, ..page(collection, number, position) };
        let first: Vec<Page> = (0..600).map(|number| page(number, 5, Side::First)).collect();
        let before = Snapshot { since: Some(2), ..snapshot(&key, 5, 5) };
        done("saving", store.save(&before, &first).await);
        let mut sides = Sides::default();
        [0, 7, 599].into_iter().for_each(|number| sides.turn(number));
        let changed: Vec<Page> = [0, 7, 599].map(|number| page(number, 9, Side::Second)).into();
        let newest = Snapshot { side: Side::Second, sides, since: Some(6), ..snapshot(&key, 9, 6) };
        done("saving", store.save(&newest, &changed).await);
        let kept = done("loading", store.load_both(&key).await);
        assert_eq!(kept.newest.as_ref(), Some(&newest), "the newest as it was saved");
        assert_eq!(kept.previous.as_ref(), Some(&before), "and the one before");
        assert_eq!(done("loading", store.load(&key).await).as_ref(), Some(&newest), "the newest alone");
        let named = done("reading", store.named_pages(&before, collection, 600).await);
        assert_eq!(named, first, "the one before names what it was saved with");
        let named = done("reading", store.named_pages(&newest, collection, 600).await);
        let expected: Vec<Page> = (0..600)
            .map(|number| match newest.sides.of(number) {
                Side::First => page(number, 5, Side::First),
                Side::Second => page(number, 9, Side::Second),
            })
            .collect();
        assert_eq!(named, expected, "the newest names the changed ones and those that did not change");
        assert_eq!(done("reading", store.named_pages(&newest, collection, 0).await), Vec::new());
        let few = done("reading", store.named_pages(&newest, collection, 2).await);
        assert_eq!(few, expected[..2], "no more than there are");
        let all = done("reading", store.pages(&key, collection, 0, 8).await);
        assert_eq!(all.len(), 10, "both places of those that were written to both");
        let keys = done("listing", store.keys(key.kind()).await);
        assert_eq!(keys, std::slice::from_ref(&key), "its key is listed once");
        let third = Snapshot { since: Some(10), ..snapshot(&key, 12, 6) };
        done("saving", store.save(&third, &[]).await);
        let kept = done("loading", store.load_both(&key).await);
        assert_eq!((kept.newest, kept.previous), (Some(third), Some(newest)), "the older one is overwritten");
    }
}

pub(super) async fn pages_are_read_one_by_one_and_by_range(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let key = conversation(1);
    let numbers = [0, 1, 2, 5, 600, 1_200];
    let written: Vec<Page> = numbers.iter().map(|number| page(Collection::History, *number, 7)).collect();
    done("saving", store.save(&snapshot(&key, 7, 0), &written).await);
    for expected in &written {
        let found = done("reading", store.page(&key, Collection::History, expected.number).await);
        assert_eq!(found.as_ref(), Some(expected), "a page reads back as saved");
    }
    let numbers_of = |pages: Vec<Page>| pages.iter().map(|page| page.number).collect::<Vec<_>>();
    let cases: [(u64, u64, &[u64]); 7] = [
        (0, 2_000, &numbers),
        (0, 1_200, &[0, 1, 2, 5, 600]),
        (1, 5, &[1, 2]),
        (3, 5, &[]),
        (5, 601, &[5, 600]),
        (4, 4, &[]),
        (7, 3, &[]),
    ];
    for (from, to, expected) in cases {
        let found = done("reading", store.pages(&key, Collection::History, from, to).await);
        assert_eq!(numbers_of(found), expected, "pages {from}..{to} rise, absent ones are left out");
    }
    let changed = Page { content: json!([]), ..page(Collection::History, 1, 8) };
    done("saving", store.save(&snapshot(&key, 8, 0), std::slice::from_ref(&changed)).await);
    let found = done("reading", store.pages(&key, Collection::History, 0, 3).await);
    let expected = vec![page(Collection::History, 0, 7), changed, page(Collection::History, 2, 7)];
    assert_eq!(found, expected, "a save replaces the pages it brings and no others");
}

pub(super) async fn removed_pages_go_with_the_snapshot(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let (key, other) = (conversation(1), conversation(2));
    let written: Vec<Page> = (0..6).map(|number| page(Collection::History, number, 7)).collect();
    for key in [&key, &other] {
        done("saving", store.save(&snapshot(key, 7, 0), &written).await);
    }
    done("saving", store.save(&snapshot(&inbox("1"), 7, 0), &[page(Collection::Rows, 1, 7)]).await);
    let changed = page(Collection::History, 4, 9);
    let members = page(Collection::Members, 1, 9);
    let pages = [changed.clone(), members.clone()];
    done("saving", store.save_and_remove(&snapshot(&key, 9, 0), &pages, 0..3).await);
    assert_eq!(
        done("loading", store.load(&key).await),
        Some(snapshot(&key, 9, 0)),
        "the snapshot is the new one"
    );
    let left = done("reading", store.pages(&key, Collection::History, 0, 99).await);
    let expected = [written.get(3).cloned(), Some(changed), written.get(5).cloned()];
    assert_eq!(
        left.into_iter().map(Some).collect::<Vec<_>>(),
        expected,
        "exactly the removed pages are gone"
    );
    assert_eq!(done("reading", store.page(&key, Collection::History, 2).await), None, "and not found");
    let found = done("reading", store.pages(&key, Collection::Members, 0, 9).await);
    assert_eq!(found, [members], "pages of members stay whatever their numbers");
    let found = done("reading", store.pages(&other, Collection::History, 0, 9).await);
    assert_eq!(found, written, "other conversations keep theirs");
    let found = done("reading", store.pages(&inbox("1"), Collection::Rows, 0, 9).await);
    assert_eq!(found.len(), 1, "and so do inboxes");
    done("removing again", store.save_and_remove(&snapshot(&key, 10, 0), &[], 0..3).await);
    done("removing nothing", store.save_and_remove(&snapshot(&key, 11, 0), &[], 4..4).await);
    assert_eq!(
        done("reading", store.pages(&key, Collection::History, 0, 99).await).len(),
        3,
        "nothing else goes"
    );
}

pub(super) async fn pages_written_ahead_leave_the_snapshot_as_it_is(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let key = conversation(1);
    let older = [page(Collection::History, 0, 3)];
    done("saving", store.save(&snapshot(&key, 3, 0), &older).await);
    let ahead = [page(Collection::History, 0, 9), page(Collection::History, 1, 9)];
    done("writing ahead", store.put_pages(&key, &ahead).await);
    assert_eq!(
        done("loading", store.load(&key).await),
        Some(snapshot(&key, 3, 0)),
        "the snapshot is as before"
    );
    let found = done("reading", store.pages(&key, Collection::History, 0, 9).await);
    assert_eq!(found, ahead, "the pages are the new ones");
    let other = done("reading", store.pages(&conversation(2), Collection::History, 0, 9).await);
    assert_eq!(other, Vec::new(), "nobody else's pages were written");
}

pub(super) async fn actors_and_collections_do_not_mix(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let keys = [conversation(1), ActorKey::Session(Uuid::from_u128(1)), inbox("1"), ActorKey::Shunt(1)];
    let collections = [Collection::History, Collection::Members, Collection::Rows];
    for (index, key) in keys.iter().enumerate() {
        let position = index as u64 + 1;
        let pages = collections.map(|collection| page(collection, position, position));
        done("saving", store.save(&snapshot(key, position, 0), &pages).await);
    }
    for (index, key) in keys.iter().enumerate() {
        let position = index as u64 + 1;
        let found = done("loading", store.load(key).await);
        assert_eq!(found, Some(snapshot(key, position, 0)), "each actor has its own snapshot: {key}");
        for collection in collections {
            let found = done("reading", store.pages(key, collection, 0, 99).await);
            assert_eq!(found, vec![page(collection, position, position)], "each actor has its own pages");
        }
    }
}

pub(super) async fn odd_ids_are_only_ids(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let ids =
        ["a:b", "a", "a:b:c", "'; DELETE snapshot; --", "\u{0}", "⟨x⟩", "`", "\u{1f600}", "-1", "1", "~@"];
    for (index, id) in ids.iter().enumerate() {
        let position = index as u64 + 1;
        let rows = [page(Collection::Rows, 0, position)];
        done("saving", store.save(&snapshot(&inbox(id), position, 0), &rows).await);
    }
    for (index, id) in ids.iter().enumerate() {
        let position = index as u64 + 1;
        let found = done("loading", store.load(&inbox(id)).await);
        assert_eq!(found, Some(snapshot(&inbox(id), position, 0)), "{id:?} is only an id");
        let found = done("reading", store.page(&inbox(id), Collection::Rows, 0).await);
        assert_eq!(found, Some(page(Collection::Rows, 0, position)), "{id:?} is only an id");
    }
}

pub(super) async fn keys_lists_one_kind(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    assert_eq!(done("listing", store.keys("shunt").await), Vec::new(), "an empty store has no keys");
    let shunts = [ActorKey::Shunt(-5), ActorKey::Shunt(0), ActorKey::Shunt(i64::MAX)];
    let others = [conversation(1), inbox("shunt"), ActorKey::Inbox(InboxKey::Desk(7))];
    for key in shunts.iter().chain(&others) {
        done("saving", store.save(&snapshot(key, 1, 0), &[]).await);
    }
    let mut found = done("listing", store.keys("shunt").await);
    found.sort();
    assert_eq!(found, shunts, "all keys of one kind and none of another");
    let mut found = done("listing", store.keys("inbox").await);
    found.sort();
    assert_eq!(found, others[1..], "both kinds of inboxes are inboxes");
    assert_eq!(done("listing", store.keys("conversation").await), others[..1], "every kind can be listed");
    assert_eq!(done("listing", store.keys("session").await), Vec::new(), "a kind without snapshots is empty");
}

pub(super) async fn content_reads_back_whatever_it_is(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let texts =
        ["", "2026-01-01T00:00:00Z", "journal:1", "u'00000000-0000-0000-0000-000000000000'", "1.0", "$id"];
    let values = [
        json!([]),
        json!({}),
        json!(texts),
        json!([[], [[]], [{}]]),
        json!([u64::MAX, i64::MIN, i64::MAX, 0, -1]),
        json!([0.5, -2.25, 1e300, 1.0]),
        json!([true, false, null]),
        json!({ "id": "x", "position": "y", "": 1, "a.b": { "`": 2, "\u{0}": [3] }, "in": 4, "type": "SELECT" }),
        json!("x".repeat(1 << 20)),
    ];
    for (number, content) in (0..).zip(values) {
        for collection in [Collection::Members, Collection::Rows] {
            let written = Page { content: content.clone(), ..page(collection, number, 3) };
            let key = conversation(u128::from(number) + 1);
            done("saving", store.save(&snapshot(&key, 3, 3), std::slice::from_ref(&written)).await);
            let found = done("reading", store.page(&key, collection, number).await);
            assert_eq!(found, Some(written), "content reads back as saved");
        }
    }
    let key = inbox("whole");
    for state in [Bytes::new(), Bytes::from(vec![0; 1]), Bytes::from((0..=255).collect::<Vec<u8>>())] {
        let position = i64::MAX as u64;
        let held = Snapshot::new(key.clone(), position, position, u16::MAX, state);
        done("saving", store.save(&held, &[]).await);
        assert_eq!(done("loading", store.load(&key).await), Some(held), "a state reads back as saved");
    }
}

pub(super) async fn much_fits_into_one_save(store: &dyn Store) {
    done("acquiring", store.acquire().await);
    let key = conversation(1);
    let large = Snapshot { state: Bytes::from(vec![0xa7; 2 << 20]), ..snapshot(&key, 9, 9) };
    let pages: Vec<Page> = (0..600).map(|number| page(Collection::Members, number, 9)).collect();
    done("six hundred pages are saved", store.save(&large, &pages).await);
    assert!(done("loading", store.load(&key).await) == Some(large), "a large state reads back as saved");
    let found = done("reading", store.pages(&key, Collection::Members, 0, 600).await);
    assert!(found == pages, "and every page with it");
}

pub(super) async fn fill(store: &dyn Store) {
    done("saving", store.save(&snapshot(&inbox("1"), 2, 1), &[page(Collection::Rows, 3, 2)]).await);
}

pub(super) async fn is_filled(store: &dyn Store) {
    let found = done("loading", store.load(&inbox("1")).await);
    assert_eq!(found, Some(snapshot(&inbox("1"), 2, 1)), "snapshots outlive a restart");
    let found = done("reading", store.page(&inbox("1"), Collection::Rows, 3).await);
    assert_eq!(found, Some(page(Collection::Rows, 3, 2)), "pages outlive a restart");
}
