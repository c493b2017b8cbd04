//! The decoder of the journal's batches: any bytes are refused or understood, and what is understood is written
//! again to mean the same.

use bytes::Bytes;
use messagecenter_actors::journal::encoding;
use messagecenter_actors::ports::Batch;
use uuid::Uuid;

fn batch(count: usize, events: Bytes) -> Batch {
    Batch { first: 41, count: count as u32, id: Uuid::nil(), epoch: 1, at: 0, events }
}

/// A byte of how many facts the record says there are, then its `events`.
pub fn run(data: &[u8]) {
    let [count, events @ ..] = data else { return };
    let Ok(facts) = encoding::decode(&batch(usize::from(*count), Bytes::copy_from_slice(events))) else {
        return;
    };
    assert_eq!(facts.len(), usize::from(*count), "as many facts as the record says");
    let mut parts = Vec::new();
    for fact in &facts {
        let mut part = Vec::new();
        encoding::fact(fact.at, &fact.fact, &mut part).expect("what was read can be written");
        parts.push(part);
        // Whom a fact concerns is asked of every fact that is read.
        let _ = (fact.fact.decider(), fact.fact.audience());
    }
    let again = encoding::frame(facts.len() as u32, parts.iter().map(Vec::as_slice), 0);
    let read = encoding::decode(&batch(facts.len(), again)).expect("what was written can be read");
    assert_eq!(read, facts, "and means the same");
}
