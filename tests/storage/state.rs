//! Snapshots, pages and directory rows on SurrealDB: whatever went in comes out, odd names included.

use messagecenter_actors::domain::ids::{ActorKey, Address, InboxKey, PartyType};
use messagecenter_actors::ports::{
    Collection, DirectoryStore, Entry, Page, Snapshot, StateStore, StoreError,
};
use serde_json::json;
use uuid::Uuid;

use super::stores::in_memory;

const ODD: [&str; 8] = [
    "plain",
    "with:colon@and~tilde",
    "nul\u{0}inside",
    "\u{0}",
    "😀 emoji",
    "'quoted\" `ticked` ⟨angled⟩ \\back",
    "-9223372036854775808",
    "line\nbreak\ttab",
];

fn snapshot(key: ActorKey, position: u64) -> Snapshot {
    Snapshot::new(key, position, position + 1, 3, vec![0, 255, 7].into())
}

fn page(collection: Collection, number: u64, position: u64, content: serde_json::Value) -> Page {
    Page::new(collection, number, position, content)
}

fn inbox(id: &str) -> ActorKey {
    ActorKey::Inbox(InboxKey::Party(Address::new(PartyType::User, id)))
}

#[tokio::test]
async fn a_snapshot_and_its_pages_come_back_whatever_the_names() {
    let store = in_memory().await;
    for id in ODD {
        let key = inbox(id);
        let content = json!([{"text": id, "none": null, "big": u64::MAX, "low": i64::MIN, "half": 0.5,
                              id: {"nested": [true, [], {}]}}]);
        let rows = page(Collection::Rows, 0, 8, content.clone());
        store.save(&snapshot(key.clone(), 7), std::slice::from_ref(&rows)).await.unwrap();
        assert_eq!(store.load(&key).await.unwrap(), Some(snapshot(key.clone(), 7)), "{id:?}");
        assert_eq!(store.page(&key, Collection::Rows, 0).await.unwrap(), Some(rows), "{id:?}");
        assert_eq!(store.page(&key, Collection::Members, 0).await.unwrap(), None);
    }
    assert_eq!(store.load(&inbox("nobody")).await.unwrap(), None);
    store.close().await;
}

#[tokio::test]
async fn saving_again_replaces_the_snapshot_and_only_the_pages_given() {
    let store = in_memory().await;
    let key = ActorKey::Conversation(Uuid::from_u128(5));
    let first = [
        page(Collection::History, 0, 1, json!([{"seq": 1}])),
        page(Collection::History, 1, 1, json!([{"seq": 65}])),
        page(Collection::Members, 0, 1, json!({"a": 1, "b": 2})),
    ];
    store.save(&snapshot(key.clone(), 1), &first).await.unwrap();
    let second = [page(Collection::Members, 0, 2, json!({"b": 3}))];
    store.save(&snapshot(key.clone(), 2), &second).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap(), Some(snapshot(key.clone(), 2)));
    assert_eq!(store.pages(&key, Collection::History, 0, 9).await.unwrap(), first[..2]);
    assert_eq!(store.pages(&key, Collection::Members, 0, 9).await.unwrap(), second);
    store.save(&snapshot(key.clone(), 3), &[]).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap(), Some(snapshot(key, 3)));
    store.close().await;
}

#[tokio::test]
async fn pages_are_read_between_exact_bounds_across_windows() {
    let store = in_memory().await;
    let key = ActorKey::Conversation(Uuid::from_u128(6));
    let neighbour = ActorKey::Conversation(Uuid::from_u128(7));
    let numbers = [0, 1, 300, 511, 512, 513, 1_100];
    let pages = numbers.map(|number| page(Collection::History, number, 4, json!([{ "page": number }])));
    store.save(&snapshot(key.clone(), 4), &pages).await.unwrap();
    store.save(&snapshot(neighbour, 4), &pages).await.unwrap();
    let read = async |from, to| -> Vec<u64> {
        let pages = store.pages(&key, Collection::History, from, to).await.unwrap();
        pages.into_iter().map(|page| page.number).collect()
    };
    assert_eq!(read(0, 1_101).await, numbers);
    assert_eq!(read(1, 513).await, [1, 300, 511, 512]);
    assert_eq!(read(2, 300).await, [0; 0]);
    assert_eq!(read(300, 300).await, [0; 0]);
    store.close().await;
}

#[tokio::test]
async fn the_keys_of_one_kind_are_listed_and_no_others() {
    let store = in_memory().await;
    let shunts = [0, 5, -3, i64::MAX].map(ActorKey::Shunt);
    for key in &shunts {
        store.save(&snapshot(key.clone(), 1), &[]).await.unwrap();
    }
    store.save(&snapshot(ActorKey::Session(Uuid::from_u128(1)), 1), &[]).await.unwrap();
    for id in ODD {
        store.save(&snapshot(inbox(id), 1), &[]).await.unwrap();
    }
    let mut found = store.keys("shunt").await.unwrap();
    found.sort();
    let mut expected = shunts.to_vec();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(store.keys("inbox").await.unwrap().len(), ODD.len());
    assert_eq!(store.keys("conversation").await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn directory_rows_are_created_once_replaced_and_deleted() {
    let store = in_memory().await;
    for id in ODD {
        let row = json!({"id": 5, "name": id, "tags": [], "none": null});
        assert_eq!(store.insert(Entry::User, id, &row).await, Ok(()));
        assert_eq!(store.insert(Entry::User, id, &json!({})).await, Err(StoreError::Exists));
        let found = store.get(Entry::User, &[id.to_owned(), "absent".to_owned()]).await.unwrap();
        assert_eq!(found, [(id.to_owned(), row)]);
        store.put(Entry::User, id, &json!({"name": "new"})).await.unwrap();
        let found = store.get(Entry::User, &[id.to_owned()]).await.unwrap();
        assert_eq!(found, [(id.to_owned(), json!({"name": "new"}))], "replaced, not merged");
        assert_eq!(store.get(Entry::Position, &[id.to_owned()]).await.unwrap(), []);
        assert_eq!(store.delete(Entry::User, id).await, Ok(true));
        assert_eq!(store.delete(Entry::User, id).await, Ok(false));
    }
    assert_eq!(store.get(Entry::Agent, &[]).await.unwrap(), []);
    store.close().await;
}
