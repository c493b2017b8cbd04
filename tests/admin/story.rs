//! A service with a story, for whoever looks at the console: load, a queue, a dead letter, a quarantined conversation.
//! Not a test of its own: `cargo test --workspace --features fail-points --test main admin::story -- --ignored` serves it on
//! 127.0.0.1:8899 for `STORY_SECONDS` (300).
#![cfg(feature = "fail-points")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use messagecenter_actors::fail_point::poison::{Poison, arm, cure};
use messagecenter_actors::memory::MemoryStore;

use super::desk::{OPERATOR, app, because, conversation};
use crate::harness::user;

const BAD: &str = "the bad apple of the story";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "serves the console until its time is over"]
async fn a_service_to_look_at() {
    let seconds = std::env::var("STORY_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let service = Arc::new(
        app(&MemoryStore::new(), |settings| settings.admin.address = "127.0.0.1:8899".parse().unwrap()).await,
    );
    eprintln!("http://127.0.0.1:8899/console with the token {OPERATOR}");
    service.staff(7, 501, 2).await;
    service.staff(7, 502, 1).await;
    for customer in 9_001..9_009 {
        service.ask_for_service(customer, 7).await;
        service.clock.advance(21_000);
        service.staff(7, 501, 2).await; // a heartbeat
        service.staff(7, 502, 1).await;
    }
    arm(BAD, Poison::Panic);
    let crashed = service.say(&user(41), "42", BAD).await;
    assert_eq!(crashed.code, 50302);
    cure(BAD);
    let path = conversation(&service, 51, 52).await;
    service.admin("POST", &format!("{path}/quarantine"), because("its rows are being repaired")).await.ok();
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        number += 1;
        let (from, to) = (100 + number % 40, 200 + number % 7);
        service.say(&user(from), &to.to_string(), "hello").await.ok();
        service.unread(&user(to), 2).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
