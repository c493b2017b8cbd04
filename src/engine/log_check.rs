//! RocksDB's log, read as far as it was synced.
//!
//! RocksDB's own recovery (point in time, as SurrealDB opens it) stops at the first record that is not whole and
//! silently drops everything behind it. At the end of the log that is right: what was never synced was never
//! acknowledged. Before that end it would lose acknowledged writes, so [`check`] looks first.
//!
//! The log is a row of blocks of 32 KiB; a record is a header (masked CRC-32C of what follows the length, length,
//! type) with its bytes, never across two blocks; fewer than seven bytes at a block's end are padding.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crc::{CRC_32_ISCSI, Crc, Table};

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;

/// The kinds of records that only recycled logs have (`kRecyclable…`, `kRecycle…` in RocksDB's `db/log_format.h`).
const RECYCLED: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// What RocksDB adds to a rotated CRC, so that a CRC over bytes that hold CRCs stays meaningful.
const MASK: u32 = 0xa282_ead8;

/// A record that is not whole.
struct Damage {
    /// The byte of the log where it begins.
    at: u64,
    /// It claims to be of a log that was used before: RocksDB never gets past it.
    recycled: bool,
}

/// Reads the first `synced` bytes of the log at `path` and says where they are not as they were written.
///
/// # Errors
/// The file cannot be read.
pub(super) fn check(path: &Path, synced: u64) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length < synced {
        return Ok(Some(format!("it ends at byte {length}")));
    }
    let damage = damages(&file, 0, synced).next().transpose()?;
    Ok(damage.map(|damage| format!("the record at byte {} is damaged", damage.at)))
}

/// Cuts the log at `path` off at the first record behind its first `synced` bytes that is not whole, if RocksDB would
/// read what follows for ever; says where.
///
/// RocksDB drops everything behind that record as well, but looks at each block for more, and its reader does not get past
/// a record of a kind that only recycled logs have. Other logs are left to it: a log that another process is
/// writing may end within a record, but never has one of that kind, as no log is recycled here.
///
/// # Errors
/// The file cannot be read, cut or synced.
pub(super) fn cut(path: &Path, synced: u64) -> io::Result<Option<u64>> {
    let file = File::open(path)?;
    let mut end = None;
    for damage in damages(&file, synced, file.metadata()?.len()) {
        let damage = damage?;
        let end = *end.get_or_insert(damage.at);
        if damage.recycled && end >= synced {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(end)?;
            file.sync_all()?;
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// The first record of each block that is not whole, from the block that `from` lies in to the record before `until`.
fn damages(file: &File, from: u64, until: u64) -> impl Iterator<Item = io::Result<Damage>> {
    let blocks = (from - from % BLOCK as u64..until).step_by(BLOCK);
    blocks.filter_map(move |begin| first_damage_from(file, begin, until).transpose())
}

fn first_damage_from(mut file: &File, begin: u64, until: u64) -> io::Result<Option<Damage>> {
    let mut block = Vec::with_capacity(BLOCK);
    file.seek(SeekFrom::Start(begin))?;
    file.take(BLOCK as u64).read_to_end(&mut block)?;
    let judged = usize::try_from(until - begin).unwrap_or(BLOCK);
    Ok(first_damage(&block, judged).map(|offset| Damage {
        at: begin + offset as u64,
        recycled: block.get(offset + HEADER - 1).is_some_and(|kind| RECYCLED.contains(kind)),
    }))
}

/// Where a record of this block that begins before `judged` is not whole. One that begins there was synced to its
/// end: see [`super::mark`].
fn first_damage(block: &[u8], judged: usize) -> Option<usize> {
    let mut at = 0;
    while at < judged && BLOCK - at >= HEADER {
        let Some(header) = block[at..].first_chunk::<HEADER>() else { return Some(at) };
        let [c0, c1, c2, c3, l0, l1, kind] = *header;
        let end = at + HEADER + usize::from(u16::from_le_bytes([l0, l1]));
        let sum = u32::from_le_bytes([c0, c1, c2, c3]);
        match block.get(at + HEADER - 1..end) {
            Some(record) if kind != 0 && mask(crc32c(record)) == sum => at = end,
            _ => return Some(at),
        }
    }
    None
}

const fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(MASK)
}

/// Sixteen tables, so that sixteen bytes are taken at once: a start must not wait for this.
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The CRC-32C of some bytes.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    CRC32C.checksum(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn record(bytes: &[u8]) -> Vec<u8> {
        let mut covered = vec![1];
        covered.extend(bytes);
        let mut record = mask(crc32c(&covered)).to_le_bytes().to_vec();
        record.extend(u16::try_from(bytes.len()).unwrap().to_le_bytes());
        record.extend(covered);
        record
    }

    #[test]
    fn the_sum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn every_flipped_bit_before_the_synced_end_is_found_and_none_behind_it() {
        let folder = std::env::temp_dir().join(format!("messagecenter-log-check-{}", std::process::id()));
        let whole: Vec<u8> = (1..=4_u8).flat_map(|n| record(&vec![n; usize::from(n) * 10])).collect();
        let synced = whole.len() - record(&[4; 40]).len();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&folder, &damaged).unwrap();
            let found = check(&folder, synced as u64).unwrap();
            assert_eq!(found.is_some(), bit / 8 < synced, "bit {bit}: {found:?}");
        }
        std::fs::write(&folder, &whole[..synced - 1]).unwrap();
        assert!(check(&folder, synced as u64).unwrap().unwrap().contains("ends at"));
        std::fs::remove_file(&folder).unwrap();
    }

    #[test]
    fn a_log_is_cut_only_behind_its_synced_end_and_only_if_rocksdb_would_read_on_for_ever() {
        let path = std::env::temp_dir().join(format!("messagecenter-log-cut-{}", std::process::id()));
        let cut = |log: &[u8], synced: usize| {
            std::fs::write(&path, log).unwrap();
            let said = cut(&path, synced as u64).unwrap();
            let left = std::fs::read(&path).unwrap();
            assert_eq!(left, log[..said.map_or(log.len(), |end| end as usize)]);
            said.map(|end| end as usize)
        };
        let first = record(&[1; BLOCK - 2 * HEADER - 40]);
        let whole = [first.as_slice(), &record(&[2; 40]), &record(&[3; 9])].concat();
        assert_eq!(cut(&whole, first.len()), None);
        assert_eq!(
            cut(&whole[..whole.len() - 4], first.len()),
            None,
            "a record that another process is writing"
        );
        let garbage = |kind: u8| [whole.as_slice(), &[0xff; HEADER - 1], &[kind], &[0xff; 300]].concat();
        for kind in 0..=u8::MAX {
            let end = RECYCLED.contains(&kind).then_some(whole.len());
            assert_eq!(cut(&garbage(kind), first.len()), end, "kind {kind}");
        }
        let mut longer = garbage(1);
        longer.resize(2 * BLOCK, 0);
        longer.extend([0, 0, 0, 0, 9, 0, 5]);
        assert_eq!(cut(&longer, first.len()), Some(whole.len()), "at the first that is not whole");
        let mut damaged = garbage(5);
        damaged[20] ^= 1;
        assert_eq!(cut(&damaged, first.len()), None, "what was synced is not cut");
        std::fs::remove_file(&path).unwrap();
    }
}
