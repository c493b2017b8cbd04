//! Nothing leaves before it is on disk; everybody concerned hears of it first.

use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::journal::{AppendError, Deliver};
use messagecenter_actors::runtime::failure::Failure;

use crate::world::*;

#[tokio::test]
async fn an_answer_leaves_only_after_its_commit() {
    let world = World::new().await;
    world.store.faults().hold_appends(true);
    let position = world.send("a", 1);
    let mut write = world.answer(1, position);
    World::breathe().await;
    assert!(write.try_recv().is_err(), "the commit has not happened");
    assert_eq!(world.journal.committed(), 0);
    world.store.faults().hold_appends(false);
    assert_eq!(write.await.unwrap(), Ok(()));
    assert_eq!(world.journal.committed(), position);
}

#[tokio::test]
async fn a_read_waits_for_what_it_could_have_seen_and_for_nothing_else() {
    let world = World::new().await;
    let old = world.send("a", 1);
    world.committed(old).await;
    world.store.faults().hold_appends(true);
    let new = world.send("b", 1);
    let mut sees_new = world.answer(1, new);
    let mut sees_old = world.answer(1, old);
    let mut sees_nothing = world.answer(1, 0);
    World::breathe().await;
    assert!(sees_new.try_recv().is_err());
    assert_eq!(sees_old.try_recv().unwrap(), Ok(()));
    assert_eq!(sees_nothing.try_recv().unwrap(), Ok(()));
    world.store.faults().hold_appends(false);
    assert_eq!(sees_new.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn positions_are_dense_and_in_queue_order_across_batches_and_starts() {
    let world = World::new().await;
    for turn in 0..100_u64 {
        let facts = (0..=turn % 3).map(|n| sent("a", turn * 3 + n)).collect();
        let events = world.journal.append(1, 0, NOW, facts).unwrap();
        if turn % 10 == 0 {
            world.committed(events[0].position).await;
        }
    }
    world.journal.close().await;
    let again = World::with(world.store.clone(), settings()).await;
    again.committed(again.send("b", 1)).await;
    let mut next = 1;
    for batch in again.store.batches() {
        assert_eq!(batch.first, next);
        next += u64::from(batch.count);
    }
    assert_eq!(next, again.journal.committed() + 1);
    assert_eq!(again.store.batches().last().unwrap().epoch, 2, "every start is an epoch of its own");
}

#[tokio::test]
async fn what_queues_during_a_commit_makes_the_next_one() {
    let world = World::new().await;
    world.store.faults().hold_appends(true);
    world.send("a", 1);
    World::breathe().await;
    for seq in 2..=50 {
        world.send("a", seq);
    }
    world.store.faults().hold_appends(false);
    world.committed(50).await;
    let counts: Vec<u32> = world.store.batches().iter().map(|batch| batch.count).collect();
    assert_eq!(counts, [1, 49]);
}

#[tokio::test]
async fn batches_are_bounded_in_events_and_bytes_and_never_split_a_turn() {
    let settings =
        messagecenter_actors::journal::JournalSettings { max_events: 10, max_bytes: 10_000, ..settings() };
    let world = World::with(messagecenter_actors::memory::MemoryStore::new(), settings).await;
    world.store.faults().hold_appends(true);
    world.send("a", 1);
    World::breathe().await;
    for _ in 0..4 {
        world.append(1, 0, (0..4).map(|seq| sent("a", seq)).collect());
    }
    world.append(1, 0, vec![sized("a", 1, 6_000)]);
    world.append(1, 0, vec![sized("a", 1, 6_000)]);
    world.append(1, 0, (0..15).map(|seq| sized("a", seq, 2_000)).collect());
    let last = world.send("a", 9);
    world.store.faults().hold_appends(false);
    world.committed(last).await;
    let counts: Vec<u32> = world.store.batches().iter().map(|batch| batch.count).collect();
    assert_eq!(counts, [1, 8, 9, 1, 15, 1], "a turn larger than a batch goes alone and whole");
}

#[tokio::test]
async fn a_batch_is_delivered_then_observed_then_its_answers_leave_in_order() {
    let world = World::new().await;
    world.store.faults().hold_appends(true);
    let release = |label: &'static str| {
        let audience = Arc::clone(&world.audience);
        Box::new(move |_| audience.note(Seen::Released(label)))
    };
    world.send("a", 1);
    World::breathe().await;
    world.send("b", 1);
    world.append(1, 0, vec![assigned(3, 9, "c")]);
    world.journal.release_after(1, 3, release("third"));
    world.journal.release_after(1, 2, release("second"));
    world.journal.release_after(1, 2, release("second again"));
    world.journal.release_after(1, 1, release("first"));
    world.store.faults().hold_appends(false);
    world.committed(3).await;
    let service = messagecenter_actors::domain::ids::ConversationKey::Service(
        3,
        messagecenter_actors::domain::ids::Address::user("c"),
    );
    use messagecenter_actors::domain::ids::{ActorKey, InboxKey};
    let (b, other) = (inbox("b"), inbox("other"));
    let expected = vec![
        Seen::Delivered(inbox("a"), 1),
        Seen::Delivered(other.clone(), 1),
        Seen::Observed(1),
        Seen::Released("first"),
        Seen::Delivered(b, 2),
        Seen::Delivered(other, 2),
        Seen::Delivered(ActorKey::Conversation(service.id()), 3),
        Seen::Delivered(ActorKey::Session(uuid::Uuid::from_u128(9)), 3),
        Seen::Delivered(inbox("c"), 3),
        Seen::Delivered(ActorKey::Inbox(InboxKey::Desk(3)), 3),
        Seen::Observed(2),
        Seen::Observed(3),
        Seen::Released("second"),
        Seen::Released("second again"),
        Seen::Released("third"),
    ];
    assert_eq!(world.audience.seen(), expected);
}

#[tokio::test]
async fn a_panic_in_the_audience_stops_neither_commits_nor_answers() {
    struct Clumsy;
    impl Deliver for Clumsy {
        fn deliver(
            &self,
            _: &messagecenter_actors::domain::ids::ActorKey,
            _: &Arc<messagecenter_actors::domain::event::Recorded>,
        ) {
            panic!("on purpose");
        }
        fn observe(&self, _: &Arc<messagecenter_actors::domain::event::Recorded>) {
            panic!("on purpose");
        }
        fn rolled_back(&self) {}
        fn checkpoint(&self, _: &messagecenter_actors::domain::ids::ActorKey) {}
    }
    let clock = Arc::new(messagecenter_actors::clock::ManualClock::at(NOW));
    let store = messagecenter_actors::memory::MemoryStore::new();
    let world = World::detached(store, clock, settings()).await;
    world.journal.attach(Arc::new(Clumsy));
    world.journal.release_after(1, world.send("a", 1), Box::new(|_| panic!("on purpose")));
    world.committed(1).await;
    world.committed(world.send("a", 2)).await;
}

#[tokio::test]
async fn facts_queued_before_the_audience_is_there_are_told_to_it() {
    let clock = Arc::new(messagecenter_actors::clock::ManualClock::at(NOW));
    let store = messagecenter_actors::memory::MemoryStore::new();
    let world = World::detached(store, clock, settings()).await;
    let position = world.send("a", 1);
    let answer = world.answer(1, position);
    world.journal.attach(Arc::clone(&world.audience) as Arc<dyn Deliver>);
    assert_eq!(answer.await.unwrap(), Ok(()));
    assert_eq!(world.audience.observed(), [1]);
}

#[tokio::test]
async fn closing_commits_what_is_queued_and_takes_nothing_more() {
    let world = World::new().await;
    let answers: Vec<_> = (1..=20).map(|seq| world.answer(1, world.send("a", seq))).collect();
    world.journal.close().await;
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Ok(()));
    }
    assert_eq!(world.journal.append(1, 0, NOW, vec![sent("a", 21)]), Err(AppendError::Closed));
    assert_eq!(world.answer(1, 20).await.unwrap(), Ok(()), "what is on disk can still be read");
    assert!(world.journal.healthy().is_err());
    assert_eq!(Arc::strong_count(&world.audience), 1, "a closed journal lets its audience go");
}

#[tokio::test]
async fn a_later_process_fences_this_one_for_good() {
    let world = World::new().await;
    world.committed(world.send("a", 1)).await;
    let later = World::with(world.store.clone(), settings()).await;
    let position = world.send("a", 2);
    assert!(matches!(world.answer(1, position).await.unwrap(), Err(Failure::StorageDown(_))));
    assert_eq!(world.journal.append(1, 0, NOW, vec![sent("a", 3)]), Err(AppendError::StorageDown));
    assert_eq!(world.journal.healthy(), Err("another process owns the store"));
    world.journal.fenced().await;
    world.journal.settled().await;
    world.journal.close().await;
    world.journal.close().await;
    later.committed(later.send("b", 1)).await;
    assert_eq!(later.store.batches().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn settled_waits_for_exactly_what_was_appended_before() {
    let world = World::new().await;
    world.journal.settled().await;
    world.store.faults().hold_appends(true);
    world.send("a", 1);
    let waited = tokio::time::timeout(Duration::from_millis(100), world.journal.settled()).await;
    assert!(waited.is_err(), "a commit is under way");
    world.store.faults().hold_appends(false);
    world.journal.settled().await;
    assert_eq!(world.journal.committed(), 1);
}

#[tokio::test]
async fn the_clock_starts_at_the_newest_fact() {
    let world = World::new().await;
    world.journal.append(1, 0, NOW + 5_000, vec![sent("a", 1)]).unwrap();
    world.committed(1).await;
    let wall = Arc::new(messagecenter_actors::clock::ManualClock::at(NOW));
    let clock = messagecenter_actors::clock::Clock::new(wall);
    let handle = tokio::runtime::Handle::current();
    let store = Arc::new(world.store.clone());
    messagecenter_actors::journal::Journal::start(store, clock.clone(), settings(), handle).await.unwrap();
    assert_eq!(clock.now(), NOW + 5_000);
}
