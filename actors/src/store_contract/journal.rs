//! The rules of `JournalStore`.

use bytes::Bytes;
use uuid::Uuid;

use super::done;
use crate::domain::event::Position;
use crate::ports::{Batch, JournalBounds, Store, StoreError};

pub(super) fn batch(epoch: u64, first: Position, count: u32) -> Batch {
    let at = 1_700_000_000_000 + first as i64;
    let events = Bytes::from(vec![first as u8; 3]);
    Batch { first, count, id: Uuid::from_u128(u128::from(first) + 7), epoch, at, events }
}

/// Writes batches of the given sizes one after the other and gives them back.
async fn write(store: &dyn Store, sizes: &[u32]) -> Vec<Batch> {
    let epoch = done("a store can be acquired", store.acquire().await);
    let mut first = 1;
    let mut written = Vec::new();
    for count in sizes {
        let batch = batch(epoch, first, *count);
        done("a batch is written", store.append(&batch).await);
        first += u64::from(*count);
        written.push(batch);
    }
    written
}

pub(super) async fn bounds(store: &dyn Store) -> JournalBounds {
    done("bounds can be read", store.bounds().await)
}

pub(super) async fn an_empty_journal_has_no_bounds(store: &dyn Store) {
    let empty = JournalBounds { oldest: 0, newest: 0, replay_from: 1, at: 0 };
    assert_eq!(bounds(store).await, empty, "an empty journal has no bounds and replays from 1");
    assert_eq!(done("reading", store.read(1).await), None, "an empty journal holds no batch");
    let found = done("scanning", store.scan(1, 100, 10).await);
    assert_eq!(found, Vec::new(), "an empty journal holds no batch");
    assert_eq!(done("trimming", store.trim(100).await), 0, "an empty journal has nothing to trim");
}

pub(super) async fn a_batch_reads_back_as_written(store: &dyn Store) {
    let written = write(store, &[3, 1]).await;
    for batch in &written {
        let found = done("reading", store.read(batch.first).await);
        assert_eq!(found.as_ref(), Some(batch), "a batch reads back as it was written");
    }
    for absent in [2, 3, 5] {
        let found = done("reading", store.read(absent).await);
        assert_eq!(found, None, "only a first position names a batch, {absent} is none");
    }
}

pub(super) async fn a_position_is_written_once(store: &dyn Store) {
    let written = write(store, &[2]).await;
    let Some(first) = written.first() else { return };
    let other = Batch { id: Uuid::from_u128(99), at: 5, ..first.clone() };
    assert_eq!(store.append(&other).await, Err(StoreError::Exists), "a first position is written once");
    assert_eq!(store.append(first).await, Err(StoreError::Exists), "even with the same content");
    let found = done("reading", store.read(first.first).await);
    assert_eq!(found.as_ref(), Some(first), "a refused batch changes nothing");
}

pub(super) async fn a_scan_gives_its_window_rising(store: &dyn Store) {
    let written = write(store, &[2, 3, 1, 1, 5]).await; // firsts 1, 3, 6, 7, 8
    let firsts = |batches: Vec<Batch>| batches.iter().map(|batch| batch.first).collect::<Vec<_>>();
    let cases: [(Position, Position, usize, &[Position]); 11] = [
        (1, 100, 512, &[1, 3, 6, 7, 8]),
        (3, 8, 512, &[3, 6, 7]),
        (1, 1, 512, &[]),
        (7, 3, 512, &[]),
        (1, 100, 2, &[1, 3]),
        (3, 4, 512, &[3]),
        (9, 100, 512, &[]),
        (2, 100, 512, &[3, 6, 7, 8]),
        (0, Position::MAX, 512, &[1, 3, 6, 7, 8]),
        (6, Position::MAX, 1, &[6]),
        (1, 100, 0, &[]),
    ];
    for (from, below, limit, expected) in cases {
        let found = done("scanning", store.scan(from, below, limit).await);
        assert_eq!(firsts(found), expected, "a scan of {from}..{below}, at most {limit}");
    }
    assert_eq!(done("scanning", store.scan(1, 100, 512).await), written, "a scan gives batches as written");
}

pub(super) async fn a_scan_of_many_small_batches_is_complete(store: &dyn Store) {
    write(store, &[1; 600]).await;
    let first = done("scanning", store.scan(1, 1_000, 512).await);
    assert_eq!(first.len(), 512, "a scan gives as many as it may");
    let second = done("scanning", store.scan(513, 1_000, 512).await);
    assert_eq!(second.len(), 88, "the next scan gives the rest");
    let greedy = done("scanning", store.scan(1, 1_000, 10_000).await);
    assert_eq!(greedy, first, "no scan gives more than 512");
}

pub(super) async fn bounds_follow_writing_and_trimming(store: &dyn Store) {
    let written = write(store, &[4, 4, 4]).await;
    let at = written.last().map_or(0, |batch| batch.at);
    assert_eq!(bounds(store).await, JournalBounds { oldest: 1, newest: 12, replay_from: 1, at });
    done("recording a checkpoint", store.set_checkpoint(9).await);
    assert_eq!(bounds(store).await, JournalBounds { oldest: 1, newest: 12, replay_from: 9, at });
    assert_eq!(done("trimming", store.trim(9).await), 2, "two batches lie below 9");
    assert_eq!(bounds(store).await, JournalBounds { oldest: 9, newest: 12, replay_from: 9, at });
    assert_eq!(done("trimming", store.trim(9).await), 0, "trimming again finds nothing");
    done("recording a checkpoint", store.set_checkpoint(13).await);
    assert_eq!(done("trimming", store.trim(13).await), 1, "the last batch lies below 13");
    let trimmed = bounds(store).await;
    assert_eq!((trimmed.oldest, trimmed.newest), (0, 12), "trimming everything does not lower the newest");
    assert_eq!((trimmed.replay_from, trimmed.at), (13, at), "nor the time");
    let epoch = done("acquiring", store.acquire().await);
    done("writing goes on behind what was trimmed", store.append(&batch(epoch, 13, 1)).await);
    let grown = bounds(store).await;
    assert_eq!((grown.oldest, grown.newest), (13, 13), "what is written then is the oldest");
}

pub(super) async fn trimming_spares_a_batch_with_one_event_to_keep(store: &dyn Store) {
    write(store, &[4, 4]).await;
    assert_eq!(done("trimming", store.trim(4).await), 0, "position 4 is to be kept, so is its batch");
    assert!(done("reading", store.read(1).await).is_some(), "a spared batch can be read");
    assert_eq!(done("trimming", store.trim(8).await), 1, "position 8 is to be kept, so is its batch");
    assert_eq!(done("reading", store.read(1).await), None, "a trimmed batch is gone");
    assert!(done("reading", store.read(5).await).is_some(), "a spared batch can be read");
}

pub(super) async fn trimming_far_reaches_every_batch(store: &dyn Store) {
    write(store, &[1; 600]).await;
    assert_eq!(done("trimming", store.trim(0).await), 0, "nothing lies below 0");
    assert_eq!(done("trimming", store.trim(1).await), 0, "nothing lies below 1");
    done("recording a checkpoint", store.set_checkpoint(601).await);
    assert_eq!(done("trimming", store.trim(592).await), 591, "more than one window is trimmed at once");
    let left = done("scanning", store.scan(1, 1_000, 512).await);
    let firsts: Vec<Position> = left.iter().map(|batch| batch.first).collect();
    assert_eq!(firsts, (592..=600).collect::<Vec<_>>(), "a scan from before what was trimmed gives the rest");
    assert_eq!(
        done("trimming", store.trim(Position::MAX).await),
        9,
        "trimming may ask for more than there is"
    );
    let trimmed = bounds(store).await;
    assert_eq!((trimmed.oldest, trimmed.newest), (0, 600), "nothing is left, and the newest is not lowered");
    assert_eq!(done("scanning", store.scan(1, 1_000, 512).await), Vec::new(), "what was trimmed is gone");
}

pub(super) async fn numbers_read_back_whatever_they_are(store: &dyn Store) {
    let epoch = done("acquiring", store.acquire().await);
    let mut first = 1;
    for (count, at, id) in [(1, 0, 0), (70_000, i64::MAX, u128::MAX), (1, 5, 1 << 64)] {
        let events = Bytes::from(vec![0xff, 0x00]);
        let batch = Batch { first, count, id: Uuid::from_u128(id), epoch, at, events };
        done("a batch is written", store.append(&batch).await);
        let found = done("reading", store.read(first).await);
        assert_eq!(found, Some(batch), "a batch reads back as it was written");
        first += u64::from(count);
    }
    let found = bounds(store).await;
    assert_eq!((found.newest, found.at), (70_002, i64::MAX), "the newest time is kept, not the last");
}

pub(super) async fn a_large_batch_fits(store: &dyn Store) {
    let epoch = done("acquiring", store.acquire().await);
    let large = Batch { events: Bytes::from(vec![0xa7; 5 << 20]), ..batch(epoch, 1, 1_000) };
    done("five megabytes are written", store.append(&large).await);
    let found = done("reading", store.read(1).await);
    assert!(found.as_ref() == Some(&large), "five megabytes read back as written");
}

pub(super) async fn fill(store: &dyn Store) {
    write(store, &[2, 3]).await;
    done("recording a checkpoint", store.set_checkpoint(3).await);
}

pub(super) async fn is_filled(store: &dyn Store) {
    let found = bounds(store).await;
    assert_eq!((found.oldest, found.newest, found.replay_from), (1, 5, 3), "bounds outlive a restart");
    let batches = done("scanning", store.scan(1, 100, 512).await);
    let epoch = batches.first().map_or(0, |batch| batch.epoch);
    assert_eq!(batches, vec![batch(epoch, 1, 2), batch(epoch, 3, 3)], "batches outlive a restart");
    assert_eq!(done("acquiring", store.acquire().await), epoch + 1, "epochs outlive a restart");
}

pub(super) async fn trim_all(store: &dyn Store) {
    write(store, &[2, 3]).await;
    done("recording a checkpoint", store.set_checkpoint(6).await);
    assert_eq!(done("trimming", store.trim(6).await), 2, "both batches lie below 6");
}

pub(super) async fn goes_on_behind_what_was_trimmed(store: &dyn Store) {
    let found = bounds(store).await;
    assert_eq!(
        (found.oldest, found.newest, found.replay_from),
        (0, 5, 6),
        "ends outlive batches and restarts"
    );
    assert!(found.at > 0, "and so does the time");
    let epoch = done("acquiring", store.acquire().await);
    done("writing goes on behind what was trimmed", store.append(&batch(epoch, 6, 2)).await);
    let grown = bounds(store).await;
    assert_eq!((grown.oldest, grown.newest), (6, 7), "what is written then is all there is");
}
