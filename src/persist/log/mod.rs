//! An append-only log in persistent memory: the worked example. Each record has a sequence number
//! and a checksum. An append waits once, whatever its length; a batch of appends also waits once.
//!
//! ```
//! use wouldblock::{nb, persist::log::{self, Error, Log, Reader, Stale}};
//!
//! // A real program uses a `Region` of persistent memory. A log also works in ordinary words.
//! let mut memory = [0_u64; 64];
//!
//! // First use: create a log only where there was never one. A damaged log is another error.
//! assert_eq!(log::check(&memory[..]), Err(Error::NotALog));
//! let mut log = Log::create(&mut memory[..])?;
//! assert_eq!(log.try_append(b"persistent when the call returns"), Ok(1));
//! let mut batch = log.batch();       // several records, one wait
//! batch.try_append(b"one").expect("there is room");
//! batch.try_append(b"two").expect("there is room");
//! batch.wait();
//!
//! // After a power cut:
//! let mut log = Log::recover(&mut memory[..])?;
//! let mut buffer = [0; 40];
//! let last = log.records().last().expect("a record");
//! assert_eq!((last.sequence, log.read(&last, &mut buffer)), (3, Ok(&b"two"[..])));
//! while log.try_append(&[7; 40]).is_ok() {}
//! assert_eq!(log.try_append(&[7; 40]), Err(nb::Error::WouldBlock));
//! assert!(log.room() < Some(40));
//! log.clear();                       // once the records are stored elsewhere
//! assert!(log.room() > Some(40));
//! assert_eq!(log.read(&last, &mut buffer), Err(Stale));
//!
//! // For reading only:
//! assert_eq!(Reader::open(&memory[..])?.records().count(), 0);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Cost
//! A record takes 24 bytes plus its payload, rounded up to a multiple of 8. An append stores these
//! bytes and computes their checksum (one table look-up a byte), flushes their lines and drains
//! once. Recovery reads every record and its checksum once, flushes their lines and drains twice.
//! [`Log::clear`] drains twice. [`check`] reads 16 words. Nothing allocates memory, and nothing
//! panics.
//!
//! # Damage
//! The header has two copies, one line each. If one of the lines is damaged in any way, the log
//! still opens, and recovery repairs the line. If both are damaged, the error is
//! [`Error::Damaged`], provided that one copy still has the magic with at most 8 of its 64 bits
//! flipped, or everything but the magic. If less is left (both lines were overwritten), the memory
//! looks as if it never had a log. A damaged record is not accepted, and the log ends before it,
//! because it cannot be told from a record that a crash has left incomplete. The records after it
//! stay in the memory until a record is appended; a [`Reader`] changes nothing.
//!
//! # Identity
//! Every [`create`](Log::create) and every [`clear`](Log::clear) gives the log a new identity. The
//! checksum of each record covers the identity and the record's place. So neither earlier records,
//! nor the bytes of another log that were appended as a payload, are taken for records of this log.
//! No identity occurs twice in one memory, as long as only this module writes to its first 16
//! words. Logs in different memories differ by what [`Memory::salt`] returns, and so do logs before
//! and after the memory was overwritten by something else.
//!
//! # Layout, in words of 8 bytes
//! Two copies of the header, 8 words each: magic and version; length of the memory in words;
//! generation and salt, which are the identity; first sequence number; epoch; zero; checksum of
//! these seven words. Then the records, without gaps: sequence number; epoch and length in bytes
//! (high and low half); checksum of the identity, the index of the record's first word, these two
//! words and the payload; payload, padded with zeros.
//!
//! # Guarantees
//! 1. An acknowledged record is persistent: `try_append`, `append` and [`Appends::wait`] return
//!    after the drain. So recovery finds every acknowledged record. The records that recovery has
//!    found are acknowledged too: after a restart without a power cut they may be in the cache
//!    only, so they are flushed before `recover` returns.
//! 2. The log ends at the first record that is not whole: its checksum is wrong, or its sequence
//!    number is not the next. So the order of stores within a record does not matter, and one drain
//!    is enough.
//! 3. Recovery begins a new epoch, and makes it persistent before a record is appended. Epochs do
//!    not decrease along the log, and none is above the header's. So a record that an earlier crash
//!    left after the end, whole but never acknowledged, cannot become the successor of a later
//!    record.

use core::ops::Range;

use super::Memory;

mod checksum;
mod error;
mod header;
mod reader;
mod record;

pub use error::{Error, Stale, TooLong};
pub use reader::Reader;
pub use record::Record;

use header::Header;
use record::Extent;

/// The number of words before a payload.
const PREFIX: usize = 3;

/// The log. See the [module](self).
#[derive(Debug)]
pub struct Log<M: Memory> {
    memory: M,
    extent: Extent,
}

impl<M: Memory> Log<M> {
    /// Makes an empty log, and destroys what was in the memory. Writes all of the memory. A power
    /// cut leaves the log that was there before, or no log, or the empty log.
    ///
    /// # Errors
    /// [`Error::TooSmall`], and nothing is done.
    pub fn create(mut memory: M) -> Result<Self, Error> {
        let words = memory.words();
        if words < header::WORDS + PREFIX {
            return Err(Error::TooSmall);
        }
        let header = Header::new(&memory);
        header::remove(&mut memory); // there is no log until the new one is complete
        for word in header::WORDS..words {
            memory.store(word, 0);
        }
        memory.flush(header::WORDS..words);
        memory.drain();
        header.write(&mut memory);
        Ok(Self { memory, extent: Extent::empty(header) })
    }

    /// Opens the log in the memory. It then has every acknowledged record, and of the records that
    /// were never acknowledged the first few or none. A crash during the recovery does no harm:
    /// recover again.
    ///
    /// # Errors
    /// [`Error`], and nothing is done.
    pub fn recover(memory: M) -> Result<Self, Error> {
        let header = Header::recovered(&memory)?;
        let mut log = Self::unrecovered(memory)?;
        log.memory.flush(header::WORDS..log.extent.end); // guarantee 1
        header.write(&mut log.memory); // guarantee 3; it also drains what was flushed
        log.extent.header = header;
        Ok(log)
    }

    /// Opens the log for reading only, without changing the memory.
    pub(crate) fn unrecovered(memory: M) -> Result<Self, Error> {
        let header = Header::find(&memory)?;
        Ok(Self { extent: Extent::of(&memory, header), memory })
    }

    /// Appends a record and waits until it is persistent: one try. Returns its sequence number.
    ///
    /// # Errors
    /// `WouldBlock`: the log is full, and nothing is done; [`clear`](Self::clear) makes room.
    /// [`TooLong`]: the record does not fit even into the empty log.
    pub fn try_append(&mut self, payload: &[u8]) -> nb::Result<u64, TooLong> {
        let sequence = self.start(payload)?;
        self.memory.drain();
        Ok(sequence)
    }

    /// The blocking form of [`try_append`](Self::try_append): returns when the record is
    /// persistent. While the log is full, it calls `make_room`, which stores the records elsewhere
    /// and [clears](Self::clear) the log.
    ///
    /// # Errors
    /// [`TooLong`], and nothing is done.
    pub fn append(
        &mut self,
        payload: &[u8],
        mut make_room: impl FnMut(&mut Self),
    ) -> Result<u64, TooLong> {
        loop {
            match self.try_append(payload) {
                Err(nb::Error::WouldBlock) => make_room(self),
                Err(nb::Error::Other(error)) => return Err(error),
                Ok(sequence) => return Ok(sequence),
            }
        }
    }

    /// Several appends with one end. The write-back of each record continues while the next is
    /// made.
    pub fn batch(&mut self) -> Appends<'_, M> {
        Appends { log: self }
    }

    /// Removes all records; sequence numbers continue. A crash leaves all of the records or none.
    /// Every earlier [`Record`] becomes [`Stale`].
    pub fn clear(&mut self) {
        let Header { words, identity, .. } = self.extent.header;
        let identity = identity.next(self.memory.salt());
        let header = Header { words, identity, first: self.extent.sequence, epoch: 1 };
        header.write(&mut self.memory);
        self.extent = Extent::empty(header);
    }

    /// The numbers of its records. The range ends at the number of the next record. Constant time.
    pub fn sequences(&self) -> Range<u64> {
        self.extent.sequences()
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.extent.records(&self.memory)
    }

    /// The record after `record`; the oldest record for `None`. `Ok(None)` if there is no further
    /// record. Constant time.
    ///
    /// # Errors
    /// [`Stale`]: `record` is not, or no longer, a record of this log.
    #[doc(hidden)] // For `c`, whose programs cannot keep an iterator.
    pub fn after(&self, record: Option<&Record>) -> Result<Option<Record>, Stale> {
        self.extent.after(&self.memory, record)
    }

    /// The length of the longest payload that [`try_append`](Self::try_append) takes now, in bytes.
    /// `None` if not even an empty payload fits.
    pub fn room(&self) -> Option<usize> {
        let words = (self.extent.words() - self.extent.end).checked_sub(PREFIX)?;
        Some(words.saturating_mul(8).min(u32::MAX as usize))
    }

    /// Copies the payload of a record to `into`, as much of it as fits, and returns the copied
    /// part.
    ///
    /// # Errors
    /// [`Stale`]: `record` is not, or no longer, a record of this log.
    pub fn read<'b>(&self, record: &Record, into: &'b mut [u8]) -> Result<&'b [u8], Stale> {
        self.extent.read(&self.memory, record, into)
    }

    /// The memory.
    #[doc(hidden)] // For tests, and for `c`.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Returns the memory.
    #[doc(hidden)]
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// Stores a record and starts its write-back. The next drain acknowledges it.
    fn start(&mut self, payload: &[u8]) -> nb::Result<u64, TooLong> {
        let words = PREFIX + payload.len().div_ceil(8);
        let length = u32::try_from(payload.len()).map_err(|_| nb::Error::Other(TooLong))?;
        let Extent { header, sequence, end } = self.extent;
        if words > self.extent.words() - header::WORDS {
            return Err(nb::Error::Other(TooLong));
        }
        if words > self.extent.words() - end {
            return Err(nb::Error::WouldBlock);
        }
        let epoch_and_length = u64::from(header.epoch) << 32 | u64::from(length);
        let (whole, rest) = payload.as_chunks();
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let last = (!rest.is_empty()).then_some(last);
        let padded = whole.iter().copied().chain(last).map(u64::from_le_bytes);
        let prefix = [sequence, epoch_and_length];
        for (n, word) in padded.clone().enumerate() {
            self.memory.store(end + PREFIX + n, word);
        }
        self.memory.store(end, prefix[0]);
        self.memory.store(end + 1, prefix[1]);
        self.memory.store(end + 2, self.extent.sum(end, prefix.into_iter().chain(padded)));
        self.memory.flush(end..end + words);
        self.extent.end += words;
        self.extent.sequence += 1;
        Ok(sequence)
    }
}

/// Checks whether [`Log::recover`] accepts this memory as a log. Reads only the header.
///
/// # Errors
/// Those of `recover`. Only after [`Error::NotALog`] does [`create`](Log::create) destroy no log.
pub fn check(memory: &(impl Memory + ?Sized)) -> Result<(), Error> {
    Header::recovered(memory).map(drop)
}

/// Appended records that are not yet acknowledged; their write-back continues. See [`Log::batch`].
#[derive(Debug)]
#[must_use = "dropping it waits for its records; end it by `wait`"]
pub struct Appends<'l, M: Memory> {
    log: &'l mut Log<M>,
}

impl<M: Memory> Appends<'_, M> {
    /// Appends one more record: starts its write-back, and does not wait. Returns its sequence
    /// number.
    ///
    /// # Errors
    /// Those of [`Log::try_append`]. They do not affect the records appended before.
    pub fn try_append(&mut self, payload: &[u8]) -> nb::Result<u64, TooLong> {
        self.log.start(payload)
    }

    /// Returns when all its records are persistent, and thereby acknowledges them. Synchronous and
    /// blocking.
    pub fn wait(self) {
        drop(self);
    }
}

impl<M: Memory> Drop for Appends<'_, M> {
    fn drop(&mut self) {
        self.log.memory.drain();
    }
}
