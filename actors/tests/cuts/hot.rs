//! One conversation with so many unsaved pages that its snapshot is written in pieces.

use std::collections::BTreeSet;
use std::sync::Arc;

use messagecenter_actors::api::{AppraiseRequest, SendRequest, SendTo, WithdrawRequest};
use messagecenter_actors::clock::ManualClock;
use messagecenter_actors::domain::ids::{Address, ConversationKey, MessageId};
use messagecenter_actors::domain::message::{Author, Body};
use messagecenter_actors::journal::JournalSettings;
use messagecenter_actors::memory::MemoryStore;
use messagecenter_actors::ports::Collection;
use messagecenter_actors::router::Router;

use crate::recorder::{Recorder, Write, again};
use crate::service::{ENT, NOW, start_keeping, still, user};
use crate::{Picture, Recorded, assert_same, on_one_thread, picture};

/// Messages between two snapshots: three pages and a part of one.
const MESSAGES: u64 = 230;

/// Of the batches, each so many is a cut; of all other writes, each.
const BATCHES_BETWEEN_CUTS: usize = 40;

async fn send(router: &Router, number: u64) {
    let request = SendRequest {
        author: Author { address: Address::user(1), own_type: 2 },
        ent: ENT,
        to: SendTo::Direct(Address::user(2)),
        body: Body { content: format!("m{number}"), ..Body::default() }.into(),
        idempotency: None,
    };
    router.send(request).await.expect("sent");
}

async fn vote(router: &Router, seq: u64, vote: i8) {
    let conversation = ConversationKey::one_to_one(Address::user(1), Address::user(2)).id();
    let message = MessageId { conversation, seq };
    router.appraise(AppraiseRequest { message, caller: user(2), vote }).await.expect("appraised");
}

async fn withdraw(router: &Router, seq: u64) {
    let conversation = ConversationKey::one_to_one(Address::user(1), Address::user(2)).id();
    let request = WithdrawRequest {
        message: MessageId { conversation, seq },
        by: vec![Address::user(1)],
        desk: None,
        sender_id: None,
        recipient_id: None,
        kind: None,
        group_id: None,
    };
    router.withdraw(request).await.expect("withdrawn");
}

/// Two stretches that each end with a snapshot in pieces. Where everything is kept, the second changes pages of both;
/// else it removes what the first one stored.
async fn live(store: &Arc<Recorder>, keep: u64) -> Picture {
    let settings = || JournalSettings { save_pages: 1, ..still() };
    let clock = Arc::new(ManualClock::at(NOW));
    let mut alive = Picture::new();
    for stretch in 0..2 {
        let running = start_keeping(store.clone(), clock.clone(), settings(), keep).await;
        let router = &running.router;
        let before = stretch * MESSAGES;
        for number in before + 1..=before + MESSAGES {
            send(router, number).await;
            clock.advance(3);
            if number % 50 == 0 {
                vote(router, number - 20, 1).await;
                vote(router, number - 20, -1).await;
                withdraw(router, number - 10).await;
            }
        }
        if keep == 0 {
            vote(router, before + 3, 1).await;
            withdraw(router, 7 + stretch).await;
        }
        alive = picture::shown(router, &[]).await;
        running.stop().await;
    }
    alive
}

/// What starts from every cut shows the fold of the whole journal up to there, whatever is kept from then on.
async fn cut_everywhere(recorded: &Recorded) {
    let crashed = MemoryStore::new();
    let (mut batches, mut folded, mut expected) = (0, usize::MAX, Picture::new());
    for (index, write) in recorded.writes.iter().enumerate() {
        again(&crashed, write).await;
        if matches!(write, Write::Append(_)) {
            batches += 1;
            if batches % BATCHES_BETWEEN_CUTS != 0 {
                continue;
            }
        }
        if folded != batches {
            folded = batches;
            expected = recorded.fold(&recorded.writes[..=index]).await;
        }
        let found = recorded.seen_on(crashed.copy()).await;
        assert_same(&found, &expected, &format!("cut after write {index}: {write:.60?}"));
    }
    let last = &recorded.fold(&recorded.writes).await[..recorded.alive.len()];
    assert_same(&recorded.alive, &last.to_vec(), "alive");
}

async fn recorded(keep: u64) -> Recorded {
    let store = Arc::new(Recorder::default());
    let alive = live(&store, keep).await;
    let writes = store.writes().await;
    Recorded { seed: 0, writes, keyed: vec![], leases: vec![], sessions: vec![], alive }
}

#[test]
fn a_snapshot_in_pieces_may_be_cut_between_any_two_of_them() {
    on_one_thread(async {
        let recorded = recorded(0).await;
        let pieces = recorded.writes.iter().filter(|write| matches!(write, Write::Pages(..))).count();
        assert!(
            pieces >= 6,
            "each stretch leaves four pages, the last of which goes with the snapshot: {pieces}"
        );
        cut_everywhere(&recorded).await;
    });
}

#[test]
fn messages_that_are_not_kept_are_gone_after_any_cut_behind_the_fact_and_none_before() {
    on_one_thread(async {
        let recorded = recorded(100).await;
        let mut stored = BTreeSet::new();
        let mut deleted = 0;
        for write in &recorded.writes {
            let pages = match write {
                Write::Pages(_, pages) | Write::Save(_, pages, _) => pages,
                _ => continue,
            };
            if let Write::Save(_, _, removed) = write {
                deleted += removed.clone().filter(|number| stored.contains(number)).count();
            }
            let messages = pages.iter().filter(|page| page.collection == Collection::History);
            stored.extend(messages.map(|page| page.number));
        }
        assert!(deleted >= 2, "stored pages were deleted: {deleted} of {stored:?}");
        cut_everywhere(&recorded).await;
    });
}
