//! What the gate costs without a disk. Not a test of speed: it prints a figure and checks nothing but the
//! outcome. Run with `cargo test --release -p messagecenter-actors --test journal -- --ignored --nocapture`.

use std::time::Instant;

use crate::world::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_hundred_thousand_answers_pass_the_gate() {
    const ANSWERS: u64 = 100_000;
    let world = World::new().await;
    let started = Instant::now();
    for seq in 1..=ANSWERS {
        let position = world.send("a", seq);
        let answer = world.answer(1, position);
        if seq % 256 == 0 {
            answer.await.unwrap().unwrap();
        }
    }
    world.committed(ANSWERS).await;
    let micros = started.elapsed().as_micros() as f64 / ANSWERS as f64;
    println!("{micros:.2} µs per append, commit in memory, delivery and release");
}
