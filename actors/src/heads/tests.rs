//! What heads promise while they are loaded, observed, dropped and loaded again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::event::{ConversationEvent, ConversationFact};
use crate::domain::ids::{Address, ConversationKey};
use crate::domain::message::{Author, Body};

fn key(group: &str) -> ConversationKey {
    ConversationKey::Group(group.into())
}

fn fact(group: &str, position: u64, event: ConversationEvent) -> Arc<Recorded> {
    let key = key(group);
    let fact = Fact::Conversation(ConversationFact { conversation: key.id(), key, event });
    Arc::new(Recorded { position, at: position as i64 * 10, fact })
}

fn sent(group: &str, position: u64, seq: u64) -> Arc<Recorded> {
    let author = Author { address: Address::user(1), own_type: 2 };
    let body = Body { content: format!("text {seq}"), ..Body::default() };
    fact(
        group,
        position,
        ConversationEvent::Sent {
            seq,
            author,
            body: body.into(),
            session: None,
            idempotency: None,
            answers: false,
        },
    )
}

fn known(heads: &Heads, group: Uuid) -> Option<Arc<Head>> {
    let mut known = None;
    heads.look(&[group], |group| *group, |_, head| known = head.map(Arc::clone));
    known
}

fn head_of(events: &[Arc<Recorded>]) -> Head {
    let mut head = Head::default();
    events.iter().for_each(|event| head.apply(event));
    head
}

#[tokio::test]
async fn facts_committed_while_loading_are_not_lost() {
    let heads = Heads::new();
    let events: Vec<_> = (1..=5).map(|n| sent("g", n, n)).collect();
    let group = key("g").id();
    let head = heads
        .get(group, || async {
            // Asked at position 3; 2 (held already), 4 and 5 are committed before the answer comes.
            let loaded = head_of(&events[..3]);
            for event in [&events[1], &events[3], &events[4]] {
                heads.observe(event);
            }
            Ok::<_, ()>(loaded)
        })
        .await
        .unwrap();
    assert_eq!(*head, head_of(&events));
    assert_eq!(known(&heads, group).unwrap().seq, 5);
}

#[tokio::test]
async fn a_known_head_follows_every_fact() {
    let heads = Heads::new();
    let group = key("g").id();
    heads.get(group, || async { Ok::<_, ()>(Head::default()) }).await.unwrap();
    let mut events: Vec<_> = (1..=3).map(|n| sent("g", n, n)).collect();
    events.push(fact("g", 4, ConversationEvent::Withdrawn { seq: 3 }));
    events.push(fact("g", 5, ConversationEvent::Withdrawn { seq: 1 }));
    for event in &events {
        heads.observe(event);
        heads.observe(&sent("other", event.position, 9));
    }
    let head = known(&heads, group).unwrap();
    assert_eq!((head.seq, head.last_withdrawn, head.preview.text.as_str()), (3, true, ""));
    assert_eq!(head.withdrawn.iter().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(head.last_at, 30);
    assert!(known(&heads, key("other").id()).is_none());
}

#[tokio::test]
async fn callers_at_once_ask_once() {
    let heads = Heads::new();
    let asked = AtomicUsize::new(0);
    let ask = || async {
        asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok::<_, ()>(Head { seq: 7, ..Head::default() })
    };
    let group = key("g").id();
    let all = futures::future::join_all((0..20).map(|_| heads.get(group, ask))).await;
    assert!(all.iter().all(|head| head.as_ref().unwrap().seq == 7));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failed_or_cancelled_load_leaves_nothing_behind() {
    let heads = Heads::new();
    let group = key("g").id();
    assert_eq!(heads.get(group, || async { Err::<Head, _>("away") }).await, Err("away"));
    {
        let pending = heads.get(group, std::future::pending::<Result<Head, ()>>);
        futures::pin_mut!(pending);
        assert!(futures::poll!(pending.as_mut()).is_pending());
        heads.observe(&sent("g", 1, 1));
    }
    heads.with_shard(group, |shard| assert!(shard.is_empty()));
    // A later load sees the fact in what the group answers.
    let head = heads.get(group, || async { Ok::<_, ()>(head_of(&[sent("g", 1, 1)])) }).await.unwrap();
    assert_eq!(head.seq, 1);
}

#[tokio::test]
async fn a_waiter_of_a_dropped_head_starts_over_and_keeps_newer_facts() {
    let heads = Heads::new();
    let group = key("g").id();
    let first = heads.get(group, || async {
        tokio::task::yield_now().await;
        Ok::<_, ()>(head_of(&[sent("g", 1, 1)]))
    });
    let second = heads.get(group, || async {
        heads.observe(&sent("g", 2, 2));
        Ok::<_, ()>(head_of(&[sent("g", 1, 1)]))
    });
    futures::pin_mut!(first, second);
    assert!(futures::poll!(first.as_mut()).is_pending());
    assert!(futures::poll!(second.as_mut()).is_pending());
    assert_eq!(first.await.unwrap().seq, 1);
    heads.with_shard(group, HashMap::clear);
    assert_eq!(second.await.unwrap().seq, 2);
    assert_eq!(known(&heads, group).unwrap().seq, 2);
}

#[tokio::test]
async fn old_heads_make_room() {
    let heads = Heads::new();
    for n in 0..SHARD_LIMIT as u128 + 10 {
        let group = Uuid::from_u128(n * SHARDS as u128);
        heads.get(group, || async { Ok::<_, ()>(Head::default()) }).await.unwrap();
    }
    heads.with_shard(Uuid::from_u128(0), |shard| assert!(shard.len() <= SHARD_LIMIT));
}

#[tokio::test]
async fn many_are_looked_at_in_their_order_whether_known_or_not() {
    let heads = Heads::new();
    let mut groups: Vec<(Uuid, u64)> =
        (0..300).map(|number| (key(&format!("g{number}")).id(), number)).collect();
    groups.sort_unstable();
    for (group, number) in groups.iter().filter(|(_, number)| number % 3 != 0) {
        let seq = *number;
        heads.get(*group, || async { Ok::<_, ()>(Head { seq, ..Head::default() }) }).await.unwrap();
    }
    let mut seen = Vec::new();
    let look = |(_, number): &(Uuid, u64), head: Option<&Arc<Head>>| {
        seen.push(*number);
        assert_eq!(head.map(|head| head.seq), (number % 3 != 0).then_some(*number));
    };
    heads.look(&groups, |(group, _)| *group, look);
    let order: Vec<u64> = groups.iter().map(|(_, number)| *number).collect();
    assert_eq!(seen, order);
    let shards: Vec<usize> = groups.iter().map(|(group, _)| shard_of(*group)).collect();
    assert!(
        shards.is_sorted() && shards.last() == Some(&(SHARDS - 1)),
        "in this order they come shard by shard"
    );
}
