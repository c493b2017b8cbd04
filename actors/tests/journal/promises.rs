//! Random outages against the promises of the gate: an acknowledged fact is on disk, a fact whose caller was
//! told that nothing happened is not, and an actor never builds on what was lost.

use std::collections::HashMap;
use std::time::Duration;

use messagecenter_actors::domain::event::{ConversationEvent, Fact, Position};
use messagecenter_actors::journal::{AppendError, facts_from};
use messagecenter_actors::ports::StoreError;
use messagecenter_actors::runtime::failure::Failure;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::oneshot;

use crate::world::*;

/// A decider as small as one can be: it counts, and its state is the numbers it holds.
struct Counter {
    name: &'static str,
    generation: u64,
    decided: Position,
    held: Vec<u64>,
}

fn number_of(fact: &Fact) -> u64 {
    match fact {
        Fact::Conversation(fact) => match fact.event {
            ConversationEvent::Withdrawn { seq } => seq,
            _ => panic!("only withdrawals are appended here"),
        },
        Fact::Shunt(_) => panic!("only withdrawals are appended here"),
    }
}

impl Counter {
    async fn recover(name: &'static str, world: &World, restart: bool) -> Option<Self> {
        let loaded = world.journal.load(&conversation(name), restart).await.ok()?;
        let held = loaded.events.iter().map(|event| number_of(&event.fact)).collect();
        let decided = loaded.events.last().map_or(0, |event| event.position);
        Some(Self { name, generation: loaded.generation, decided, held })
    }

    fn decide(&mut self, number: u64, world: &World) -> Result<Position, AppendError> {
        let generation = world.journal.generation();
        let facts = vec![fact(self.name, ConversationEvent::Withdrawn { seq: number })];
        let events = world.journal.append(self.generation, self.decided, NOW, facts)?;
        self.generation = generation;
        self.decided = events[0].position;
        self.held.push(number);
        Ok(self.decided)
    }
}

fn break_something(random: &mut StdRng, world: &World) {
    let faults = world.store.faults();
    let unknown = || StoreError::Unknown("on purpose".to_owned());
    match random.random_range(0..8) {
        0 => faults.fail_append(StoreError::Conflict("on purpose".to_owned())),
        1 => faults.fail_append(unknown()),
        2 => faults.lose_answer(),
        3 => {
            faults.lose_answer();
            faults.set_away(true);
        }
        4 => {
            faults.fail_append(unknown());
            faults.set_away(true);
        }
        5 => faults.set_away(true),
        6 => faults.hold_appends(true),
        _ => (0..random.random_range(1..30)).for_each(|_| faults.fail_append(unknown())),
    }
}

fn mend(world: &World) {
    world.store.faults().set_away(false);
    world.store.faults().hold_appends(false);
}

type Answer = (&'static str, u64, oneshot::Receiver<Result<(), Failure>>);

#[tokio::test(start_paused = true)]
async fn every_answer_is_true_whatever_storage_does() {
    let mut outcomes: HashMap<&'static str, usize> = HashMap::new();
    for seed in 0..60_u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::new().await;
        let mut counters = Vec::new();
        for name in ["a", "b", "c"] {
            counters.push(Counter::recover(name, &world, false).await.unwrap());
        }
        let mut answers: Vec<Answer> = Vec::new();
        let mut next_number = 0;
        for _ in 0..300 {
            match random.random_range(0..40) {
                0 => break_something(&mut random, &world),
                1..4 => mend(&world),
                4..10 => tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await,
                10..14 => World::breathe().await,
                _ => {
                    let counter = &mut counters[random.random_range(0..3)];
                    // Mostly it hears of a loss, sometimes it finds out by itself.
                    let told = random.random_bool(0.5);
                    if told && world.journal.lost(counter.generation, counter.decided) {
                        if let Some(recovered) = Counter::recover(counter.name, &world, true).await {
                            *counter = recovered;
                        }
                        continue;
                    }
                    next_number += 1;
                    match counter.decide(next_number, &world) {
                        Ok(position) => {
                            let answer = world.answer(counter.generation, position);
                            answers.push((counter.name, next_number, answer));
                        }
                        Err(AppendError::Stale) => {
                            if let Some(recovered) = Counter::recover(counter.name, &world, true).await {
                                *counter = recovered;
                            }
                        }
                        Err(AppendError::StorageDown) => {}
                        Err(AppendError::Closed) => panic!("it is not closed"),
                    }
                }
            }
        }
        mend(&world);
        world.store.faults().clear();
        world.journal.settled().await;
        World::breathe().await;
        assert_eq!(world.journal.healthy(), Ok(()), "seed {seed}: it heals");

        let facts = facts_from(&world.store, 1, usize::MAX).await.unwrap();
        assert_eq!(positions(&facts), (1..=world.journal.committed()).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(world.audience.observed(), positions(&facts), "seed {seed}: each is told once, in order");
        let on_disk: Vec<u64> = facts.iter().map(|event| number_of(&event.fact)).collect();
        for (name, number, answer) in answers {
            let is_there = on_disk.contains(&number);
            let outcome = answer.await.unwrap();
            match outcome {
                Ok(()) => assert!(is_there, "seed {seed}: {number} of {name} was acknowledged"),
                Err(Failure::StorageDown(_) | Failure::Restarting(_)) => {
                    assert!(!is_there, "seed {seed}: {number} of {name} was said not to have happened");
                }
                Err(Failure::OutcomeUnknown) => {}
                Err(other) => panic!("seed {seed}: {other:?}"),
            }
            *outcomes.entry(outcome.map_or_else(|failure| failure.as_str(), |()| "ok")).or_default() += 1;
        }
        for counter in &mut counters {
            if world.journal.lost(counter.generation, counter.decided) {
                *counter = Counter::recover(counter.name, &world, true).await.unwrap();
            }
            let own = facts.iter().filter(|event| event.fact.decider() == conversation(counter.name));
            let own: Vec<u64> = own.map(|event| number_of(&event.fact)).collect();
            assert_eq!(counter.held, own, "seed {seed}: {} holds what is on disk", counter.name);
        }
        world.journal.close().await;
    }
    for expected in ["ok", "storage_down", "outcome_unknown"] {
        assert!(outcomes.get(expected).is_some_and(|count| *count > 50), "too few {expected}: {outcomes:?}");
    }
}
