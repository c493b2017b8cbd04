//! A hundred thousand random steps against a small reference model that stores plain messages and counts by
//! scanning them. After every step the service must agree: unread, lists, order, gapless seq, capacity, queue.
//!
//! `SEED=… STEPS=… cargo test --test model` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

#[path = "model/reference.rs"]
mod reference;
#[path = "model/service.rs"]
mod service;

use messagecenter_actors::domain::ids::ConversationKey;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use reference::{Reference, USERS};
use service::Service;

/// Steps of a normal run.
const STEPS: u64 = 100_000;

/// One in so many steps stops the whole service and starts it again on the same store.
const RESTART_EVERY: u64 = 5_000;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_hundred_thousand_random_steps_agree_with_the_reference() {
    let seed = from_environment("SEED").unwrap_or_else(rand::random);
    let steps = from_environment("STEPS").unwrap_or(STEPS);
    println!("SEED={seed} STEPS={steps}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(seed, steps));
}

async fn run(seed: u64, steps: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut service = Service::start().await;
    let mut model = Reference::default();
    service.staff().await;
    for step in 0..steps {
        if step % RESTART_EVERY == RESTART_EVERY - 1 {
            service = service.restart().await;
        }
        let touched = one_step(&mut random, &service, &mut model).await;
        let context = format!("SEED={seed} step {step}: {touched:?}");
        service.check_conversation(&mut random, &model, &touched, &context).await;
        let reader = random.random_range(1..=USERS);
        service.check_reader(&model, reader, &context).await;
        service.check_desk(&model, &context).await;
    }
    let removed: u64 = model.conversations.values().map(|(_, conversation)| conversation.forgotten).sum();
    println!("{removed} messages were removed");
    service.stop().await;
}

/// Does one random thing in both; returns the conversation it touched.
async fn one_step(random: &mut StdRng, service: &Service, model: &mut Reference) -> ConversationKey {
    let key = model.some_conversation(random);
    match random.random_range(0..100) {
        0..=42 => service.send(random, model, &key).await,
        43..=44 => service.retain(model, &key).await,
        45..=64 => service.read(random, model, &key).await,
        65..=74 => service.withdraw(random, model, &key).await,
        75..=82 => service.vote(random, model, &key).await,
        83..=85 => service.join(random, model, &key).await,
        86..=88 => service.leave(random, model, &key).await,
        89..=92 => service.open(random, model).await,
        93..=96 => service.close(random, model).await,
        97..=98 => service.restart_some_actor(random, &key),
        _ => service.advance(random),
    }
    key
}
