//! What the directory promises while reads and writes of the same row meet.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::*;
use crate::memory::MemoryStore;

/// A store whose reads answer, and whose writes begin, only when a permit is given.
struct Slow {
    inner: MemoryStore,
    reads: Semaphore,
    writes: Semaphore,
    read_calls: AtomicUsize,
}

impl Slow {
    fn with(reads: usize, writes: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(),
            reads: Semaphore::new(reads),
            writes: Semaphore::new(writes),
            read_calls: AtomicUsize::new(0),
        })
    }

    fn free() -> Arc<Self> {
        Self::with(1_000, 1_000)
    }
}

#[async_trait]
impl DirectoryStore for Slow {
    async fn get(&self, entry: Entry, ids: &[String]) -> Result<Vec<(String, Value)>, StoreError> {
        self.read_calls.fetch_add(1, Ordering::SeqCst);
        let rows = self.inner.get(entry, ids).await;
        self.reads.acquire().await.unwrap().forget();
        rows
    }

    async fn put(&self, entry: Entry, id: &str, row: &Value) -> Result<(), StoreError> {
        self.writes.acquire().await.unwrap().forget();
        self.inner.put(entry, id, row).await
    }

    async fn insert(&self, entry: Entry, id: &str, row: &Value) -> Result<(), StoreError> {
        self.writes.acquire().await.unwrap().forget();
        self.inner.insert(entry, id, row).await
    }

    async fn delete(&self, entry: Entry, id: &str) -> Result<bool, StoreError> {
        self.writes.acquire().await.unwrap().forget();
        self.inner.delete(entry, id).await
    }
}

fn named(name: &str) -> UserRow {
    UserRow { name: name.to_owned(), ..UserRow::default() }
}

async fn name_of(directory: &Directory, id: &str) -> Option<String> {
    directory.user(id).await.unwrap().map(|row| row.name.clone())
}

#[tokio::test]
async fn what_was_put_is_read_and_what_was_deleted_is_not() {
    let directory = Directory::new(Slow::free());
    assert_eq!(name_of(&directory, "1").await, None);
    directory.put_user("1", named("Ann")).await.unwrap();
    assert_eq!(name_of(&directory, "1").await.unwrap(), "Ann");
    assert!(directory.delete_user("1").await.unwrap());
    assert!(!directory.delete_user("1").await.unwrap());
    assert_eq!(name_of(&directory, "1").await, None);
}

#[tokio::test]
async fn known_rows_and_known_gaps_are_not_asked_again() {
    let store = Slow::free();
    let directory = Directory::new(store.clone());
    for _ in 0..3 {
        assert_eq!(name_of(&directory, "1").await, None);
    }
    assert_eq!(store.read_calls.load(Ordering::SeqCst), 1);
    directory.put_user("1", named("Ann")).await.unwrap();
    assert_eq!(name_of(&directory, "1").await.unwrap(), "Ann");
    assert_eq!(store.read_calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_slow_read_does_not_bring_the_older_row_back() {
    let store = Slow::with(0, 1_000);
    let directory = Directory::new(store.clone());
    let read = name_of(&directory, "1");
    futures::pin_mut!(read);
    assert!(futures::poll!(read.as_mut()).is_pending());
    directory.put_user("1", named("Ann")).await.unwrap();
    store.reads.add_permits(1);
    assert_eq!(read.await, None, "it began before the write");
    assert_eq!(name_of(&directory, "1").await.unwrap(), "Ann");
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_goes() {
    let store = Slow::with(1_000, 0);
    let directory = Directory::new(store.clone());
    assert_eq!(name_of(&directory, "1").await, None);
    {
        let write = directory.put_user("1", named("Ann"));
        futures::pin_mut!(write);
        assert!(futures::poll!(write.as_mut()).is_pending());
    }
    store.writes.add_permits(1);
    // The next write of the same row waits for it.
    store.writes.add_permits(1);
    directory.put_user("1", named("Bob")).await.unwrap();
    assert_eq!(name_of(&directory, "1").await.unwrap(), "Bob");
    assert_eq!(store.writes.available_permits(), 0);
}

#[tokio::test]
async fn an_agents_enterprise_is_fixed_once() {
    let directory = Directory::new(Slow::free());
    let fixed = futures::future::join_all((1..=8).map(|ent| directory.fix_agent("5", ent))).await;
    let first = fixed[0].clone().unwrap();
    assert!(fixed.iter().all(|ent| *ent == Ok(first)));
    assert_eq!(directory.fix_agent("5", 99).await.unwrap(), first);
    directory.name_agent("5", "Eve").await.unwrap();
    directory.name_agent("6", "nobody").await.unwrap();
    assert_eq!(directory.agent("5").await.unwrap().unwrap().ent_id, first);
    assert!(directory.agent("6").await.unwrap().is_none());
}

#[tokio::test]
async fn cards_are_read_in_batches_and_exist_for_everyone() {
    let store = Slow::free();
    let directory = Directory::new(store.clone());
    let tourist = UserRow { name: "T".into(), phone: "138".into(), avatar: "a".into(), tourist: true };
    directory.put_user("0", tourist).await.unwrap();
    let seat = PositionRow { name: "Desk".into(), ..PositionRow::default() };
    directory.put_position("77", seat).await.unwrap();
    let mut addresses: Vec<_> = (0..1_200).map(Address::user).collect();
    addresses.push(Address::position(77));
    addresses.push(Address::new(PartyType::Group, "g"));
    let cards = directory.cards(&addresses).await.unwrap();
    assert_eq!(cards.len(), addresses.len());
    let card = &cards[&Address::user(0)];
    assert_eq!((card.name.as_str(), card.phone.as_str(), card.tourist), ("T", "138", true));
    assert_eq!(cards[&Address::position(77)].name, "Desk");
    assert_eq!(cards[&Address::user(3)].name, "");
    assert_eq!(store.read_calls.load(Ordering::SeqCst), 3, "1,199 unknown users at 512 each");
}

#[tokio::test]
async fn a_failed_write_is_forgotten_by_the_cache() {
    let store = Slow::free();
    let directory = Directory::new(store.clone());
    directory.fix_agent("5", 1).await.unwrap();
    store.inner.put(Entry::Agent, "6", &serde_json::json!({"entId": 4})).await.unwrap();
    assert_eq!(directory.fix_agent("6", 1).await.unwrap(), 4);
    // Written behind the cache's back: a refused insert makes the next read ask the store.
    let other = Directory::new(store);
    assert_eq!(other.fix_agent("5", 2).await.unwrap(), 1);
}
