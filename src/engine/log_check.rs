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

/// What RocksDB adds to a rotated CRC, so that a CRC over bytes that hold CRCs stays meaningful.
const MASK: u32 = 0xa282_ead8;

/// Reads the first `synced` bytes of the log at `path` and says where they are not as they were written.
///
/// # Errors
/// The file cannot be read.
pub(super) fn check(path: &Path, synced: u64) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length < synced {
        return Ok(Some(format!("it ends at byte {length}")));
    }
    let mut block = Vec::with_capacity(BLOCK);
    let mut begin = 0;
    while begin < synced {
        block.clear();
        (&mut file).take(BLOCK as u64).read_to_end(&mut block)?;
        let judged = usize::try_from(synced - begin).unwrap_or(BLOCK);
        if let Some(offset) = first_damage(&block, judged) {
            return Ok(Some(format!("the record at byte {} is damaged", begin + offset as u64)));
        }
        begin += BLOCK as u64;
    }
    Ok(None)
}

/// Cuts the log at `path` off at the first record that is not whole, if it lies behind the first `synced` bytes, which
/// [`check`] has read; says where. RocksDB drops what is behind it as well, but reads on before, and for ever at a block
/// whose first bytes claim to be a record of a recycled log.
///
/// # Errors
/// The file cannot be read, cut or synced.
pub(super) fn cut(path: &Path, synced: u64) -> io::Result<Option<u64>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut begin = synced - synced % BLOCK as u64;
    file.seek(SeekFrom::Start(begin))?;
    let mut block = Vec::with_capacity(BLOCK);
    while begin < length {
        block.clear();
        (&mut file).take(BLOCK as u64).read_to_end(&mut block)?;
        if let Some(offset) = first_damage(&block, block.len()) {
            let end = begin + offset as u64;
            if end < synced {
                return Ok(None);
            }
            file.set_len(end)?;
            file.sync_all()?;
            return Ok(Some(end));
        }
        begin += BLOCK as u64;
    }
    Ok(None)
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
    fn a_log_is_cut_at_the_first_record_that_is_not_whole_behind_its_synced_end_and_nowhere_else() {
        let path = std::env::temp_dir().join(format!("messagecenter-log-cut-{}", std::process::id()));
        let synced = record(&[1; BLOCK - 2 * HEADER - 40]).len();
        let mut log = [record(&[1; BLOCK - 2 * HEADER - 40]), record(&[2; 40]), record(&[3; 9])].concat();
        std::fs::write(&path, &log).unwrap();
        assert_eq!(cut(&path, synced as u64).unwrap(), None);
        assert_eq!(std::fs::read(&path).unwrap(), log);
        let whole = log.len();
        log.extend([0xff; 300]);
        std::fs::write(&path, &log).unwrap();
        assert_eq!(cut(&path, synced as u64).unwrap(), Some(whole as u64));
        assert_eq!(std::fs::read(&path).unwrap(), log[..whole]);
        log[20] ^= 1;
        std::fs::write(&path, &log).unwrap();
        assert_eq!(cut(&path, synced as u64).unwrap(), None, "what was synced is not cut");
        std::fs::remove_file(&path).unwrap();
    }
}
