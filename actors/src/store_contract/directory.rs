//! The rules of `DirectoryStore`.

use serde_json::{Value, json};

use super::done;
use crate::ports::{Entry, Store, StoreError};

async fn get(store: &dyn Store, entry: Entry, ids: &[&str]) -> Vec<(String, Value)> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let mut found = done("getting rows", store.get(entry, &ids).await);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

pub(super) async fn rows_are_put_found_and_deleted(store: &dyn Store) {
    let ann = json!({ "name": "Ann", "phone": "13800000000", "tourist": false, "at": 1_700_000_000_000_i64 });
    let bob = json!({ "name": "Bob", "tags": ["a", "b"], "more": { "deep": null } });
    done("putting", store.put(Entry::User, "1", &ann).await);
    done("putting", store.put(Entry::User, "2", &bob).await);
    let found = get(store, Entry::User, &["2", "3", "1"]).await;
    assert_eq!(
        found,
        vec![("1".to_owned(), ann), ("2".to_owned(), bob)],
        "rows that exist, as they were put"
    );
    let changed = json!({ "name": "Ann Lee" });
    done("putting", store.put(Entry::User, "1", &changed).await);
    let found = get(store, Entry::User, &["1"]).await;
    assert_eq!(found, vec![("1".to_owned(), changed)], "a put replaces the whole row");
    assert!(done("deleting", store.delete(Entry::User, "1").await), "a row that exists is deleted");
    assert!(!done("deleting", store.delete(Entry::User, "1").await), "and only once");
    assert_eq!(get(store, Entry::User, &["1"]).await, Vec::new(), "a deleted row is gone");
    assert_eq!(get(store, Entry::User, &[]).await, Vec::new(), "no ids, no rows");
}

pub(super) async fn an_insert_never_replaces(store: &dyn Store) {
    let first = json!({ "ent": 1 });
    done("inserting", store.insert(Entry::Agent, "5", &first).await);
    let refused = store.insert(Entry::Agent, "5", &json!({ "ent": 2 })).await;
    assert_eq!(refused, Err(StoreError::Exists), "an insert never replaces");
    assert_eq!(get(store, Entry::Agent, &["5"]).await, vec![("5".to_owned(), first)]);
    assert!(done("deleting", store.delete(Entry::Agent, "5").await), "what was inserted is deleted");
    done("a deleted row may be inserted again", store.insert(Entry::Agent, "5", &json!({ "ent": 3 })).await);
    done("putting", store.put(Entry::Agent, "5", &json!({})).await);
    assert_eq!(get(store, Entry::Agent, &["5"]).await, vec![("5".to_owned(), json!({}))], "and replaced");
}

pub(super) async fn as_many_rows_as_may_be_asked_for_are_found(store: &dyn Store) {
    let ids: Vec<String> = (0..512).map(|number| format!("{number:03}")).collect();
    for id in &ids {
        done("putting", store.put(Entry::User, id, &json!({ "name": id })).await);
    }
    let found = get(store, Entry::User, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let expected: Vec<(String, Value)> = ids.iter().map(|id| (id.clone(), json!({ "name": id }))).collect();
    assert_eq!(found, expected, "512 rows are found at once");
}

pub(super) async fn tables_do_not_mix_and_odd_ids_are_only_ids(store: &dyn Store) {
    let ids = ["1", "a:b", "'", "⟩", "`", "\u{0}", "\u{1f600}", "*", "-9223372036854775808"];
    for entry in [Entry::User, Entry::Position, Entry::Agent] {
        for id in ids {
            done("putting", store.put(entry, id, &json!({ "id": id, "table": entry.table() })).await);
        }
    }
    for entry in [Entry::User, Entry::Position, Entry::Agent] {
        for id in ids {
            let expected = json!({ "id": id, "table": entry.table() });
            let found = get(store, entry, &[id]).await;
            assert_eq!(found, vec![(id.to_owned(), expected)], "{id:?} is only an id");
        }
    }
}

const KEPT: [(Entry, &str); 3] = [(Entry::User, "1"), (Entry::Position, "9"), (Entry::Agent, "5")];

pub(super) async fn fill(store: &dyn Store) {
    for (entry, id) in KEPT {
        done("putting", store.put(entry, id, &json!({ "in": entry.table() })).await);
    }
    done("inserting", store.insert(Entry::User, "2", &json!({})).await);
    done("deleting", store.delete(Entry::User, "2").await);
}

pub(super) async fn is_filled(store: &dyn Store) {
    for (entry, id) in KEPT {
        let found = get(store, entry, &[id, "2"]).await;
        let expected = vec![(id.to_owned(), json!({ "in": entry.table() }))];
        assert_eq!(found, expected, "rows outlive a restart, deleted ones do not");
    }
}
