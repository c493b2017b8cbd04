//! The file of a backup: a line that names it, then frames, the last of which sums up all before it.
//!
//! A frame is its length (4 bytes, little endian), the CRC-32C of what follows, a byte that says what it is, the
//! length of its head (4 bytes), the head (MessagePack with names), and a body that is taken as it is. The last
//! frame holds the number of frames and the CRC-32C of their checksums, so that nothing can be missing in between.

use std::io::{self, Read, Write};

use bytes::Bytes;
use crc::{CRC_32_ISCSI, Crc, Digest, Table};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::BackupError;
use crate::domain::event::Position;
use crate::domain::ids::{ActorKey, Millis};
use crate::ports::{Batch, Collection, Entry, Page, Snapshot};

/// How every backup begins. The number is the version of the format.
pub const MAGIC: &[u8] = b"messagecenter backup 1\n";

/// No frame is longer: 64 messages of the largest body allowed, with room to spare.
const LONGEST: u32 = 1 << 30;

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The first.
    Begin(Begin),
    /// A row of the directory.
    Row(Entry, String, serde_json::Value),
    /// A snapshot.
    Snapshot(Snapshot),
    /// A page of an actor.
    Page(ActorKey, Page),
    /// A batch of the journal.
    Batch(Batch),
    /// The last.
    End(End),
}

/// What the first frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// When it was made, epoch milliseconds.
    pub made_at: Millis,
    /// The program's version.
    pub program: String,
}

/// What the last frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The newest position it holds.
    pub position: Position,
    /// First position of the oldest batch in it; one more than `position` when it holds none.
    pub oldest: Position,
    /// Every event below this is in snapshots.
    pub replay_from: Position,
    /// The newest time journaled.
    pub at: Millis,
    /// Frames before this one.
    pub frames: u64,
    /// CRC-32C of their checksums, in order.
    pub sum: u32,
}

#[derive(Serialize, Deserialize)]
struct RowHead {
    table: String,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct SnapshotHead {
    kind: String,
    id: String,
    decided: Position,
    told: Position,
    version: u16,
}

#[derive(Serialize, Deserialize)]
struct PageHead {
    kind: String,
    id: String,
    collection: String,
    number: u64,
    position: Position,
}

#[derive(Serialize, Deserialize)]
struct BatchHead {
    first: Position,
    count: u32,
    batch: Uuid,
    epoch: u64,
    at: Millis,
}

/// Writes frames.
pub struct Writer<W> {
    output: W,
    frames: u64,
    sum: Digest<'static, u32, Table<16>>,
}

fn head<T: Serialize>(head: &T) -> Result<Vec<u8>, BackupError> {
    rmp_serde::to_vec_named(head).map_err(|error| BackupError::Encode(error.to_string()))
}

fn json(value: &serde_json::Value) -> Result<Bytes, BackupError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| BackupError::Encode(error.to_string()))
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// The file's.
    pub fn begin(mut output: W, begin: &Begin) -> Result<Self, BackupError> {
        output.write_all(MAGIC)?;
        let mut writer = Self { output, frames: 0, sum: CRC.digest() };
        writer.put(b'B', &head(begin)?, &[])?;
        Ok(writer)
    }

    /// Adds a row of the directory.
    ///
    /// # Errors
    /// The file's.
    pub fn row(&mut self, entry: Entry, id: &str, row: &serde_json::Value) -> Result<(), BackupError> {
        let named = RowHead { table: entry.table().to_owned(), id: id.to_owned() };
        self.put(b'R', &head(&named)?, &json(row)?)
    }

    /// Adds a snapshot.
    ///
    /// # Errors
    /// The file's.
    pub fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), BackupError> {
        let named = SnapshotHead {
            kind: snapshot.key.kind().to_owned(),
            id: snapshot.key.id(),
            decided: snapshot.decided,
            told: snapshot.told,
            version: snapshot.version,
        };
        self.put(b'S', &head(&named)?, &snapshot.state)
    }

    /// Adds a page.
    ///
    /// # Errors
    /// The file's.
    pub fn page(&mut self, key: &ActorKey, page: &Page) -> Result<(), BackupError> {
        let named = PageHead {
            kind: key.kind().to_owned(),
            id: key.id(),
            collection: page.collection.table().to_owned(),
            number: page.number,
            position: page.position,
        };
        self.put(b'P', &head(&named)?, &json(&page.content)?)
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// The file's.
    pub fn batch(&mut self, batch: &Batch) -> Result<(), BackupError> {
        let Batch { first, count, id, epoch, at, ref events } = *batch;
        self.put(b'J', &head(&BatchHead { first, count, batch: id, epoch, at })?, events)
    }

    /// Ends the file; `end` without its sums. Gives the output back, flushed.
    ///
    /// # Errors
    /// The file's.
    pub fn end(mut self, end: End) -> Result<W, BackupError> {
        let sum = self.sum.clone().finalize();
        let end = End { frames: self.frames, sum, ..end };
        self.put(b'E', &head(&end)?, &[])?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn put(&mut self, kind: u8, head: &[u8], body: &[u8]) -> Result<(), BackupError> {
        let too_long = || BackupError::Encode("a frame: it is too long".to_owned());
        let length = u32::try_from(5 + head.len() + body.len()).map_err(|_| too_long())?;
        if length > LONGEST {
            return Err(too_long());
        }
        let head_length = (head.len() as u32).to_le_bytes(); // fits: it is part of `length`
        let mut sum = CRC.digest();
        for part in [&[kind][..], &head_length, head, body] {
            sum.update(part);
        }
        let sum = sum.finalize().to_le_bytes();
        self.output.write_all(&length.to_le_bytes())?;
        for part in [&sum[..], &[kind], &head_length, head, body] {
            self.output.write_all(part)?;
        }
        self.sum.update(&sum);
        self.frames += 1;
        Ok(())
    }
}

/// Reads frames.
pub struct Reader<R> {
    input: R,
    /// Bytes read so far.
    at: u64,
    frames: u64,
    sum: Digest<'static, u32, Table<16>>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// `Damaged` if it is no backup of this format.
    pub fn begin(mut input: R) -> Result<Self, BackupError> {
        let mut magic = vec![0; MAGIC.len()];
        let foreign = || BackupError::Damaged {
            at: 0,
            what: "it does not begin as a backup of this format does".to_owned(),
        };
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Ok(()) => return Err(foreign()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(foreign()),
            Err(error) => return Err(error.into()),
        }
        Ok(Self { input, at: MAGIC.len() as u64, frames: 0, sum: CRC.digest(), ended: false })
    }

    fn damaged(&self, what: impl Into<String>) -> BackupError {
        BackupError::Damaged { at: self.at, what: what.into() }
    }

    fn exactly(&mut self, length: u64) -> Result<Vec<u8>, BackupError> {
        // Not allocated before it is there: a damaged length must not ask for memory.
        let mut bytes = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(self.damaged("it ends in the middle of a frame"));
        }
        Ok(bytes)
    }

    /// The next frame; `None` behind the last one, which must be the end of the file.
    ///
    /// # Errors
    /// `Damaged` if the file is not as it was written.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, BackupError> {
        if self.ended {
            let mut more = [0];
            return match self.input.read(&mut more)? {
                0 => Ok(None),
                _ => Err(self.damaged("something follows its end")),
            };
        }
        let prefix = self.exactly(8)?;
        let (length, sum) = prefix.split_at(4);
        let length = number(length);
        if !(5..=LONGEST).contains(&length) {
            return Err(self.damaged("a frame of impossible length"));
        }
        let bytes = self.exactly(u64::from(length))?;
        if CRC.checksum(&bytes) != number(sum) {
            return Err(self.damaged("a frame's checksum differs"));
        }
        let frame = self.read(bytes.into())?;
        if let Frame::End(end) = &frame {
            if end.frames != self.frames || end.sum != self.sum.clone().finalize() {
                return Err(self.damaged("frames are missing"));
            }
            self.ended = true;
        }
        self.sum.update(sum);
        self.frames += 1;
        self.at += 8 + u64::from(length);
        Ok(Some(frame))
    }

    fn read(&self, bytes: Bytes) -> Result<Frame, BackupError> {
        let unreadable = || self.damaged("a frame that cannot be read");
        let kind = *bytes.first().ok_or_else(unreadable)?;
        let length = number(bytes.get(1..5).ok_or_else(unreadable)?) as usize;
        let head = bytes.get(5..5 + length).ok_or_else(unreadable)?;
        let body = bytes.slice(5 + length..);
        let key = |kind: &str, id: &str| ActorKey::parse(kind, id).ok_or_else(unreadable);
        Ok(match kind {
            b'B' => Frame::Begin(self.head(head)?),
            b'E' => Frame::End(self.head(head)?),
            b'R' => {
                let RowHead { table, id } = self.head(head)?;
                let entry = Entry::ALL.into_iter().find(|entry| entry.table() == table);
                Frame::Row(entry.ok_or_else(unreadable)?, id, self.content(&body)?)
            }
            b'S' => {
                let SnapshotHead { kind, id, decided, told, version } = self.head(head)?;
                Frame::Snapshot(Snapshot::new(key(&kind, &id)?, decided, told, version, body))
            }
            b'P' => {
                let PageHead { kind, id, collection, number, position } = self.head(head)?;
                let named = Collection::ALL.into_iter().find(|known| known.table() == collection);
                let collection = named.ok_or_else(unreadable)?;
                let page = Page::new(collection, number, position, self.content(&body)?);
                Frame::Page(key(&kind, &id)?, page)
            }
            b'J' => {
                let BatchHead { first, count, batch, epoch, at } = self.head(head)?;
                Frame::Batch(Batch { first, count, id: batch, epoch, at, events: body })
            }
            _ => return Err(self.damaged("a frame of an unknown kind")),
        })
    }

    fn head<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, BackupError> {
        rmp_serde::from_slice(bytes).map_err(|error| self.damaged(error.to_string()))
    }

    fn content(&self, bytes: &[u8]) -> Result<serde_json::Value, BackupError> {
        serde_json::from_slice(bytes).map_err(|error| self.damaged(error.to_string()))
    }
}

/// Four bytes, little endian; whatever is shorter counts as zeros.
fn number(bytes: &[u8]) -> u32 {
    let mut four = [0; 4];
    four.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u32::from_le_bytes(four)
}
