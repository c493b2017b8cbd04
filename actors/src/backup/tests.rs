//! A backup made beside the work is the store at one position; what is not whole is refused.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::format::{Frame, Reader};
use super::{BackupError, Contents, make, restore};
use crate::check::tests::{direct, faults, live, say, start, start_by};
use crate::clock::ManualClock;
use crate::domain::ids::{Address, ConversationKey};
use crate::journal::JournalSettings;
use crate::memory::MemoryStore;
use crate::ports::{DirectoryStore, Entry, JournalStore, StoreError};

async fn made(store: &MemoryStore) -> (Contents, Vec<u8>) {
    make(store, 1, Vec::new()).await.unwrap()
}

async fn restored(file: &[u8]) -> Result<MemoryStore, BackupError> {
    let store = MemoryStore::new();
    restore(&store, Cursor::new(file)).await?;
    Ok(store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_clients_send_holds_everything_acknowledged_before_it_began() {
    let store = MemoryStore::new();
    // Snapshots are written all the time, in pieces of one page.
    let saving = JournalSettings {
        checkpoint_lag_events: 20,
        checkpoint_interval: Duration::from_millis(5),
        save_pages: 1,
        ..JournalSettings::default()
    };
    let running = start_by(&store, saving, Arc::new(ManualClock::at(1_767_225_600_000))).await;
    live(&running.router).await;
    for entry in [Entry::LiveSetting, Entry::Audit] {
        store.put(entry, "1", &serde_json::json!({ "of": entry.table() })).await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (10..14)
        .map(|from| {
            let (router, stop) = (Arc::clone(&running.router), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    last = say(&router, from, direct(from + 100)).await;
                    say(&router, from, crate::api::SendTo::Group("9".to_owned())).await;
                }
                last
            })
        })
        .collect();
    let mut saved = 0;
    for _ in 0..5 {
        let acknowledged = say(&running.router, 1, direct(2)).await;
        let hold = running.router.world().journal.hold().await;
        let (contents, file) = made(&store).await;
        drop(hold);
        saved += contents.snapshots.min(contents.pages);
        let copy = restored(&file).await.unwrap();
        let (checked, found) = faults(&copy).await;
        assert_eq!(found, Vec::new());
        assert_eq!(checked.position, contents.position);
        for entry in [Entry::LiveSetting, Entry::Audit] {
            assert_eq!(copy.get(entry, &["1".to_owned()]).await.unwrap()[0].1["of"], entry.table());
        }
        // The service goes on from it.
        let again = start(&copy).await;
        assert_eq!(say(&again.router, 1, direct(2)).await, acknowledged + 1);
        assert_eq!(again.router.get_user("1").await.unwrap().name, "Ann");
        again.stop().await;
        assert_eq!(faults(&copy).await.1, Vec::new());
    }
    assert!(saved > 0, "snapshots with pages were copied while they changed");
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        assert!(sender.await.unwrap() > 0);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_trimmed_while_a_backup_holds_the_journal() {
    let nothing_kept = JournalSettings { retention: Duration::ZERO, ..JournalSettings::default() };
    for held in [true, false] {
        let store = MemoryStore::new();
        let wall = Arc::new(ManualClock::at(1_767_225_600_000));
        let running = start_by(&store, nothing_kept.clone(), Arc::clone(&wall)).await;
        let journal = Arc::clone(&running.router.world().journal);
        for _ in 0..2 {
            say(&running.router, 1, direct(2)).await;
            wall.advance(120_000); // longer than the stretches that are trimmed as one
        }
        let hold = if held { Some(journal.hold().await) } else { None };
        running.stop().await;
        let oldest = store.bounds().await.unwrap().oldest;
        assert_eq!(oldest == 1, held, "a drain trims what nothing holds: {oldest} is the oldest");
        drop(hold);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cut_short_or_changed_anywhere_is_refused_and_nothing_is_written() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    live(&running.router).await;
    running.stop().await;
    let (_, file) = made(&store).await;
    let step = file.len() / 97;
    for at in (0..file.len()).step_by(step) {
        assert!(matches!(restored(&file[..at]).await, Err(BackupError::Damaged { .. })), "cut at {at}");
        let mut changed = file.clone();
        changed[at] ^= 0x40;
        assert!(matches!(restored(&changed).await, Err(BackupError::Damaged { .. })), "changed at {at}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(matches!(restored(&longer).await, Err(BackupError::Damaged { .. })));
}

/// Where each frame begins, and the end.
fn places(file: &[u8]) -> Vec<usize> {
    let mut places = vec![super::format::MAGIC.len()];
    while let Some(length) = file.get(places[places.len() - 1]..).filter(|rest| rest.len() >= 8) {
        let length = u32::from_le_bytes(length[..4].try_into().unwrap()) as usize;
        places.push(places[places.len() - 1] + 8 + length);
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_one_of_its_frames_is_refused() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    live(&running.router).await;
    running.stop().await;
    let (_, file) = made(&store).await;
    let places = places(&file);
    assert_eq!(*places.last().unwrap(), file.len());
    for pair in places.windows(2).step_by(3) {
        let without = [&file[..pair[0]], &file[pair[1]..]].concat();
        assert!(matches!(restored(&without).await, Err(BackupError::Damaged { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_holds_anything_is_not_restored_into() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    say(&running.router, 1, direct(2)).await;
    running.stop().await;
    let (_, file) = made(&store).await;
    let refused = restore(&store, Cursor::new(&file)).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_restore_left_unfinished_cannot_be_opened() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    live(&running.router).await;
    running.stop().await;
    let (_, file) = made(&store).await;
    let broken = MemoryStore::new();
    broken.faults().fail_append(StoreError::Unavailable("full".to_owned()));
    assert!(restore(&broken, Cursor::new(&file)).await.is_err());
    assert!(matches!(broken.acquire().await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn an_empty_store_has_a_backup_too() {
    let store = MemoryStore::new();
    let (contents, file) = made(&store).await;
    assert_eq!(contents.position, 0);
    assert_eq!(faults(&restored(&file).await.unwrap()).await.1, Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_restored_store_says_the_same() {
    let store = MemoryStore::new();
    let running = start(&store).await;
    live(&running.router).await;
    running.stop().await;
    let frames = |file: &[u8]| {
        let mut reader = Reader::begin(file).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            frames.push(match frame {
                // Whoever fills a store is who wrote its journal.
                Frame::Batch(batch) => Frame::Batch(crate::ports::Batch { epoch: 0, ..batch }),
                Frame::End(end) => Frame::End(super::format::End { sum: 0, ..end }),
                other => other,
            });
        }
        frames
    };
    let (_, file) = made(&store).await;
    let (_, again) = made(&restored(&file).await.unwrap()).await;
    assert_eq!(frames(&again), frames(&file));
    let pair = ConversationKey::one_to_one(Address::user(1), Address::user(2)).id();
    let has_pages = frames(&file).iter().any(
        |frame| matches!(frame, Frame::Page(key, page) if key.id() == pair.to_string() && page.number == 1),
    );
    assert!(has_pages);
}
