//! The journal in SurrealDB: `journal:[log, first position]`, one record per group commit.
//!
//! Positions are dense, so the end of one batch is the key of the next. Everything here rests on that: reading
//! goes from batch to batch in windows of exact bounds (SurrealDB reads a whole range whatever `LIMIT` says),
//! and the first absent key is the journal's end. `meta:['journal', log]` keeps a place to start from.

use async_trait::async_trait;
use messagecenter_actors::domain::event::Position;
use messagecenter_actors::domain::ids::Millis;
use messagecenter_actors::ports::{
    ArchiveStore, Batch, JournalBounds, JournalStore, RestoredEnds, StoreError,
};
use surrealdb_types::{Object, Value};

use super::SurrealStore;
use super::failure::{Operation, corrupt};
use super::lease::{Guarded, guarded};
use super::value::{Row, bytes, integer, object, range, record, signed};

#[cfg(test)]
mod tests;

/// A store has one log today; a log is what a node would own by lease.
const LOG: u64 = 0;

/// The most records that one statement reads: a window of this many positions holds at most as many batches.
const WINDOW: u64 = 512;

const APPEND: Guarded = Guarded {
    // One statement is a transaction already; `BEGIN` and `COMMIT` would cost two more to parse.
    plain: "CREATE $id CONTENT $batch RETURN NONE;",
    ..guarded!("CREATE $id CONTENT $batch RETURN NONE;")
};
const READ: &str = "SELECT * FROM $id;";
const LENGTHS: &str = "SELECT id, count, at FROM $id;";
const ENDS: &str = "SELECT oldest, replay_from, next, at FROM meta:['journal', 0];";
const SET_CHECKPOINT: Guarded = guarded!("UPSERT meta:['journal', 0] MERGE $ends RETURN NONE;");
const TRIM: Guarded = guarded!("DELETE $id RETURN NONE; UPSERT meta:['journal', 0] MERGE $ends RETURN NONE;");

/// Where the journal begins, as far as is known here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// Every batch below was trimmed; the key of the oldest one kept.
    oldest: Position,
    /// Every event below is in snapshots.
    replay_from: Position,
}

impl Default for Head {
    fn default() -> Self {
        Self { oldest: 1, replay_from: 1 }
    }
}

/// Where it ends, as far as is known here: every batch below `next` was written or read by this process, so that no
/// checkpoint reads it to find the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    /// The key that the next batch will have.
    next: Position,
    /// Time of the newest batch.
    at: Millis,
}

impl Default for Tail {
    fn default() -> Self {
        Self { next: 1, at: 0 }
    }
}

impl Tail {
    /// A batch was written. One that does not begin here says nothing of what lies between.
    fn grow(&mut self, batch: &Batch) {
        if batch.first == self.next {
            self.next += Position::from(batch.count);
            self.at = self.at.max(batch.at);
        }
    }

    /// Another end is known; the further one holds.
    fn reach(&mut self, other: Self) {
        if other.next > self.next {
            *self = Self { next: other.next, at: self.at.max(other.at) };
        }
    }
}

fn bounds_of(head: &Head, tail: Tail) -> JournalBounds {
    JournalBounds {
        oldest: if head.oldest < tail.next { head.oldest } else { 0 },
        newest: tail.next - 1, // `next` starts at 1 and only grows
        // Only what snapshots hold is trimmed; a checkpoint written late may still lie below.
        replay_from: head.replay_from.max(head.oldest),
        at: tail.at,
    }
}

/// A batch without its events.
struct Length {
    first: Position,
    end: Position,
    at: Millis,
}

fn key(first: Position) -> [Value; 2] {
    [integer(LOG), integer(first)]
}

fn window(from: Position, below: Position) -> Object {
    object([("id", range("journal", key(from), key(below)))])
}

fn batch_of(row: Value) -> Result<Batch, StoreError> {
    let mut row = Row::new("journal", row)?;
    Ok(Batch {
        first: row.number_of_key()?,
        count: row.integer("count")?,
        id: row.uuid("batch")?,
        epoch: row.integer("epoch")?,
        at: row.signed("at")?,
        events: row.bytes("events")?,
    })
}

fn length_of(row: Value) -> Result<Length, StoreError> {
    let mut row = Row::new("journal", row)?;
    let first = row.number_of_key()?;
    let count: u32 = row.integer("count")?;
    if count == 0 {
        return Err(corrupt(&format!("the batch at {first} holds nothing")));
    }
    Ok(Length { first, end: first + Position::from(count), at: row.signed("at")? })
}

#[async_trait]
impl JournalStore for SurrealStore {
    async fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        let content = object([
            ("batch", Value::Uuid(batch.id.into())),
            ("epoch", integer(batch.epoch)),
            ("at", signed(batch.at)),
            ("count", integer(u64::from(batch.count))),
            ("events", bytes(&batch.events)),
        ]);
        let binds = object([("id", record("journal", key(batch.first))), ("batch", Value::Object(content))]);
        self.lease.write(&self.engine, &APPEND, binds, Some(batch.epoch)).await?;
        self.tail.lock().grow(batch);
        self.engine.committed(batch.first);
        Ok(())
    }

    async fn read(&self, first: Position) -> Result<Option<Batch>, StoreError> {
        let binds = object([("id", record("journal", key(first)))]);
        let mut answers = self.engine.query(Operation::Read, READ, binds).await?;
        answers.rows(0).pop().map(batch_of).transpose()
    }

    async fn scan(&self, from: Position, below: Position, limit: usize) -> Result<Vec<Batch>, StoreError> {
        let limit = limit.min(WINDOW as usize);
        let mut batches: Vec<Batch> = Vec::new();
        let mut cursor = from.max(1);
        while batches.len() < limit && cursor < below {
            let wanted = (limit - batches.len()) as Position;
            let window_end = cursor.saturating_add(wanted).min(below);
            let mut answers = self.engine.query(Operation::Read, READ, window(cursor, window_end)).await?;
            let rows = answers.rows(0);
            if rows.is_empty() {
                // After a batch the next one starts at once: nothing there is the end. Before the first one,
                // `from` may lie inside a batch or below what was trimmed.
                if !batches.is_empty() {
                    break;
                }
                let (head, tail) = self.refresh().await?;
                cursor = window_end.max(head.oldest);
                if cursor >= tail.next {
                    break;
                }
                continue;
            }
            for row in rows {
                let batch = batch_of(row)?;
                cursor = batch.first + Position::from(batch.count.max(1));
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    async fn bounds(&self) -> Result<JournalBounds, StoreError> {
        let (head, tail) = self.refresh().await?;
        Ok(bounds_of(&head, tail))
    }

    async fn set_checkpoint(&self, replay_from: Position) -> Result<(), StoreError> {
        let mut head = self.head.lock().await;
        // What is written here must not lie below what the store already knows.
        let tail = self.refresh_held(&mut head).await?;
        let ends = object([
            ("replay_from", integer(replay_from)),
            ("next", integer(tail.next)),
            ("at", signed(tail.at)),
        ]);
        let binds = object([("ends", Value::Object(ends))]);
        self.lease.write(&self.engine, &SET_CHECKPOINT, binds, None).await?;
        head.replay_from = replay_from;
        self.engine.sync_mark().await;
        Ok(())
    }

    async fn trim(&self, below: Position) -> Result<u64, StoreError> {
        let mut head = self.head.lock().await;
        let tail = self.refresh_held(&mut head).await?;
        let mut trimmed = 0;
        loop {
            let whole = self.whole_batches(head.oldest, below.min(tail.next)).await?;
            let Some(cut) = whole.last().map(|batch| batch.end) else { return Ok(trimmed) };
            let ends = object([
                ("oldest", integer(cut)),
                ("replay_from", integer(head.replay_from)),
                ("next", integer(tail.next)),
                ("at", signed(tail.at)),
            ]);
            let binds =
                object([("id", range("journal", key(head.oldest), key(cut))), ("ends", Value::Object(ends))]);
            self.lease.write(&self.engine, &TRIM, binds, None).await?;
            head.oldest = cut;
            trimmed += whole.len() as u64;
        }
    }

    async fn acquire(&self) -> Result<u64, StoreError> {
        self.whole().await?;
        self.lease.take(&self.engine).await
    }
}

impl SurrealStore {
    /// The journal of an empty store begins here, by `text`.
    pub(super) async fn begin_at(&self, ends: RestoredEnds, text: &Guarded) -> Result<(), StoreError> {
        let mut head = self.head.lock().await;
        let fields = object([
            ("oldest", integer(ends.oldest)),
            ("replay_from", integer(ends.replay_from)),
            ("next", integer(ends.oldest)),
            ("at", signed(ends.at)),
        ]);
        let binds = object([("ends", Value::Object(fields))]);
        self.lease.write(&self.engine, text, binds, None).await?;
        let RestoredEnds { oldest, replay_from, at } = ends;
        *head = Head { oldest, replay_from };
        *self.tail.lock() = Tail { next: oldest, at };
        Ok(())
    }

    /// Finds the journal's ends as they are now.
    async fn refresh(&self) -> Result<(Head, Tail), StoreError> {
        let mut head = self.head.lock().await;
        let tail = self.refresh_held(&mut head).await?;
        Ok((*head, tail))
    }

    /// Starts at the furthest end known (here or in the store) and goes from batch to batch.
    async fn refresh_held(&self, head: &mut Head) -> Result<Tail, StoreError> {
        let mut tail = *self.tail.lock();
        let mut answers = self.engine.query(Operation::Read, ENDS, Object::new()).await?;
        if let Some(row) = answers.rows(0).pop() {
            let (stored, end) = stored_ends(row)?;
            head.oldest = head.oldest.max(stored.oldest);
            head.replay_from = stored.replay_from;
            tail.reach(end);
        }
        loop {
            let below = tail.next.saturating_add(WINDOW);
            let mut answers = self.engine.query(Operation::Read, LENGTHS, window(tail.next, below)).await?;
            let rows = answers.rows(0);
            if rows.is_empty() {
                let mut known = self.tail.lock();
                known.reach(tail);
                return Ok(*known);
            }
            for row in rows {
                let batch = length_of(row)?;
                if batch.first != tail.next {
                    return Err(corrupt(&format!(
                        "the journal has a hole: after {} comes {}",
                        tail.next, batch.first
                    )));
                }
                tail = Tail { next: batch.end, at: tail.at.max(batch.at) };
            }
        }
    }

    /// The batches of one window from `from` whose events all lie below `below`.
    async fn whole_batches(&self, from: Position, below: Position) -> Result<Vec<Length>, StoreError> {
        if from >= below {
            return Ok(Vec::new());
        }
        let end = from.saturating_add(WINDOW).min(below);
        let mut answers = self.engine.query(Operation::Read, LENGTHS, window(from, end)).await?;
        let lengths: Result<Vec<Length>, StoreError> = answers.rows(0).into_iter().map(length_of).collect();
        let mut lengths = lengths?;
        lengths.retain(|batch| batch.end <= below);
        Ok(lengths)
    }
}

fn stored_ends(row: Value) -> Result<(Head, Tail), StoreError> {
    let mut row = Row::new("meta", row)?;
    // A checkpoint may be recorded before anything was ever trimmed.
    let oldest = match row.take("oldest") {
        Err(_) | Ok(Value::None) => 1,
        Ok(Value::Number(number)) => number.to_int().and_then(|n| Position::try_from(n).ok()).unwrap_or(1),
        Ok(_) => return Err(corrupt("meta:['journal', 0].oldest is not a number")),
    };
    let head = Head { oldest, replay_from: row.integer("replay_from")? };
    Ok((head, Tail { next: row.integer("next")?, at: row.signed("at")? }))
}
