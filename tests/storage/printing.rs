//! `messagecenter journal`: events as JSON lines.

use messagecenter::journal_cli::run;
use messagecenter_actors::domain::event::{ConversationEvent, ConversationFact, Fact};
use messagecenter_actors::domain::ids::{Address, ConversationKey};
use messagecenter_actors::journal::encoding;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::{Batch, JournalStore};

/// A batch of `count` events from `first`.
fn batch(first: u64, count: u32, epoch: u64) -> Batch {
    let key = ConversationKey::Notice(Address::user(7));
    let fact = ConversationFact { conversation: key.id(), key, event: ConversationEvent::Opened };
    let mut encoded = Vec::new();
    encoding::fact(5, &Fact::Conversation(fact), &mut encoded).unwrap();
    let parts = std::iter::repeat_n(encoded.as_slice(), count as usize);
    let events = encoding::frame(count, parts, encoded.len() * count as usize);
    Batch { first, count, id: uuid::Uuid::from_u128(u128::from(first)), epoch, at: 5, events }
}

async fn positions(store: &MemoryStore, from: u64) -> Vec<u64> {
    let mut output = Vec::new();
    run(store, from, false, &mut output).await.unwrap();
    let text = String::from_utf8(output).unwrap();
    let line =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["position"].as_u64().unwrap();
    text.lines().map(line).collect()
}

#[tokio::test]
async fn events_are_printed_from_the_one_asked_for_even_inside_a_batch() {
    let store = MemoryStore::new();
    let epoch = store.acquire().await.unwrap();
    assert_eq!(positions(&store, 1).await, [0; 0]);
    let mut first = 1;
    for count in [1, 2_000, 3] {
        store.append(&batch(first, count, epoch)).await.unwrap();
        first += u64::from(count);
    }
    assert_eq!(positions(&store, 0).await, (1..=2_004).collect::<Vec<u64>>());
    assert_eq!(positions(&store, 1_999).await, [1_999, 2_000, 2_001, 2_002, 2_003, 2_004]);
    assert_eq!(positions(&store, 2_004).await, [2_004]);
    for beyond in [2_005, 1 << 40, u64::MAX] {
        assert_eq!(positions(&store, beyond).await, [0; 0]);
    }
    store.trim(2_002).await.unwrap();
    assert_eq!(positions(&store, 5).await, [2_002, 2_003, 2_004]);
}
