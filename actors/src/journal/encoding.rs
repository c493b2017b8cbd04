//! How the facts of one commit are written: one version byte, then a MessagePack array of `[at, fact]`.
//!
//! Guarantees: what any released version wrote can be read for ever (`schema/golden/` holds the first
//! format). Positions are not written: they are the batch's first one and counting.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::event::{Fact, Recorded};
use crate::domain::ids::Millis;
use crate::ports::{Batch, StoreError};

/// The format written now.
pub const VERSION: u8 = 1;

/// Encodes one fact, without the frame that [`frame`] puts around a batch's facts.
///
/// # Errors
/// Never for facts that the domain makes; kept as a value because serialisation is fallible by type.
pub fn fact(at: Millis, fact: &Fact, into: &mut Vec<u8>) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write(into, &(at, fact))
}

/// Joins `count` encoded facts to what a batch stores.
pub fn frame<'a>(count: u32, parts: impl Iterator<Item = &'a [u8]>, bytes: usize) -> Bytes {
    let mut framed = Vec::with_capacity(bytes + 6);
    framed.push(VERSION);
    match count {
        0..16 => framed.push(0x90 | (count as u8)),
        16..0x1_0000 => {
            framed.push(0xdc);
            framed.extend_from_slice(&(count as u16).to_be_bytes());
        }
        _ => {
            framed.push(0xdd);
            framed.extend_from_slice(&count.to_be_bytes());
        }
    }
    for part in parts {
        framed.extend_from_slice(part);
    }
    framed.into()
}

/// The facts of a batch, with their positions.
///
/// # Errors
/// `Corrupt` if the bytes are not what an encoder of a known version wrote, or not as many as the record says.
pub fn decode(batch: &Batch) -> Result<Vec<Arc<Recorded>>, StoreError> {
    let corrupt = |problem: String| StoreError::Corrupt(format!("journal batch {}: {problem}", batch.first));
    let Some((version, packed)) = batch.events.split_first() else {
        return Err(corrupt("it is empty".to_owned()));
    };
    if *version != VERSION {
        return Err(corrupt(format!("its encoding has version {version}; this program reads {VERSION}")));
    }
    let facts: Vec<(Millis, Fact)> =
        rmp_serde::from_slice(packed).map_err(|error| corrupt(error.to_string()))?;
    if facts.len() != batch.count as usize {
        return Err(corrupt(format!("it holds {} facts, its record says {}", facts.len(), batch.count)));
    }
    let positions = batch.first..;
    Ok(positions.zip(facts).map(|(position, (at, fact))| Arc::new(Recorded { position, at, fact })).collect())
}
