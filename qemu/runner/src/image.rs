//! The log in persistent memory after a boot: the host reads the memory's file by the library's own
//! code, which recovers the log on the guest, too.

use crate::error::{Error, Result};
use std::{fs, path::Path};
use wouldblock::persist::log::Reader;

/// The words of a log that belong to no record, and the words of a record that are not its payload
/// (module `persist::log`).
const HEADER: u64 = 16;
const PREFIX: u64 = 3;

/// The log in an image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Image {
    /// The number of its first record, or of the first one to come.
    pub first: u64,
    /// The payloads, oldest first. Their numbers are consecutive.
    pub records: Vec<Vec<u8>>,
}

impl Image {
    /// The log in a file; `None` if the file contains no log.
    pub fn read(file: &Path) -> Result<Option<Self>> {
        let bytes = fs::read(file).map_err(|error| {
            let what = format!("the NVDIMM's file {} cannot be read", file.display());
            Error::run(what, error, "check the temporary folder")
        })?;
        Ok(Self::of(&bytes))
    }

    /// The log in these bytes; `None` if they contain no log.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (words, _) = bytes.as_chunks();
        let words: Vec<u64> = words.iter().map(|&word| u64::from_le_bytes(word)).collect();
        let log = Reader::open(&words[..]).ok()?;
        let records = log.records().map(|record| {
            let mut payload = vec![0; record.length];
            log.read(&record, &mut payload).expect("a record of this log");
            payload
        });
        Some(Self { first: log.sequences().start, records: records.collect() })
    }

    /// The number of the next record.
    pub fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// The 64-bit FNV-1a digest of number, length and payload of all records, as the guest computes
    /// it.
    pub fn digest(&self) -> u64 {
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                sum = (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        };
        for (sequence, payload) in (self.first..).zip(&self.records) {
            add(&sequence.to_le_bytes());
            add(&(payload.len() as u64).to_le_bytes());
            add(payload);
        }
        sum
    }
}

/// The size in bytes of a memory whose log has this many words for records.
pub fn bytes(capacity: u64) -> u64 {
    (capacity + HEADER) * 8
}

/// The words that a record occupies.
pub fn words(payload: usize) -> u64 {
    PREFIX + payload.div_ceil(8) as u64
}

/// The words for records of a log in a memory of this many bytes.
pub fn capacity(bytes: u64) -> u64 {
    bytes / 8 - HEADER
}

#[cfg(test)]
mod tests {
    use super::*;
    use wouldblock::persist::log::Log;

    /// The sizes computed here agree with the library.
    #[test]
    fn a_log_holds_what_its_capacity_says() {
        for bytes in [4096_usize, 4104] {
            for length in [0, 1, 8, 96] {
                let mut memory = vec![0_u64; bytes / 8];
                let mut log = Log::create(&mut memory[..]).expect("a log");
                while log.try_append(&vec![7; length]).is_ok() {}
                let count = log.sequences().count() as u64;
                assert_eq!(count, capacity(bytes as u64) / words(length), "{length} of {bytes}");
                let bytes: Vec<u8> = memory.into_iter().flat_map(u64::to_le_bytes).collect();
                let image = Image::of(&bytes).expect("a log");
                assert_eq!((image.first, image.next()), (1, count + 1));
                assert!(image.records.iter().all(|record| *record == vec![7; length]));
            }
        }
    }

    #[test]
    fn bytes_without_a_log_are_none() {
        for bytes in [&[][..], &[1, 2, 3], &[0; 4096], &[0xff; 4096]] {
            assert_eq!(Image::of(bytes), None);
        }
    }

    /// FNV-1a's offset basis for an empty log, and its definition for a record: number, length,
    /// payload.
    #[test]
    fn the_digest_is_fnvs() {
        assert_eq!(Image::default().digest(), 0xcbf2_9ce4_8422_2325);
        let mut expected = 0xcbf2_9ce4_8422_2325_u64;
        for byte in [5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'a'].map(u64::from) {
            expected = (expected ^ byte).wrapping_mul(0x100_0000_01b3);
        }
        assert_eq!(Image { first: 5, records: vec![b"a".to_vec()] }.digest(), expected);
    }
}
