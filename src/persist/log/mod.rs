//! An append-only log in persistent memory: the worked example. Records have a sequence number and
//! a checksum; an append waits once, whatever its length, and a batch of them waits once, too.
//!
//! ```
//! use wouldblock::{nb, persist::log::{self, Error, Log, Reader, Stale}};
//!
//! // In earnest a `Region` of persistent memory; here ordinary words, which a log takes as well.
//! let mut memory = [0_u64; 64];
//!
//! // First use: a log is made only where there was never one. A damaged log is another error.
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
//! log.clear();                       // when the records are somewhere else
//! assert!(log.room() > Some(40));
//! assert_eq!(log.read(&last, &mut buffer), Err(Stale));
//!
//! // To be looked at only:
//! assert_eq!(Reader::open(&memory[..])?.records().count(), 0);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Cost
//! A record takes 24 bytes and its payload, rounded up to 8. An append stores and sums these once
//! (a table look-up for each byte), flushes their lines and drains once. Recovery reads and sums
//! every record once, flushes their lines and drains twice; [`Log::clear`] drains twice; [`check`]
//! reads 16 words. No memory is allocated, nothing panics.
//!
//! # Damage
//! The header is kept twice: with one of its two lines damaged in any way, the log opens, and
//! recovery writes the line anew. With both damaged it is [`Error::Damaged`], as long as one of them
//! has the magic with at most 8 of its 64 bits flipped, or all but the magic. With less left of them
//! (both lines overwritten) the memory looks as if there was never a log. A record that is damaged is not accepted, and the log ends there: it cannot be told from
//! one that a crash has torn. What follows it stays in the memory until something is appended; a
//! [`Reader`] changes nothing.
//!
//! # Which log
//! Every [`create`](Log::create) and every [`clear`](Log::clear) gives the log a new identity, which
//! the checksum of each record covers together with its place. So records from before, and the bytes
//! of another log that were appended as a payload, are never taken for records. Guaranteed: no
//! identity comes twice in one memory, as long as only this module writes to its first 16 words.
//! Logs in different memories, and after the memory was overwritten by something else, differ by
//! what [`Memory::salt`] returns.
//!
//! # Layout, in words of 8 bytes
//! Two copies of the header, 8 words each: magic and version; length of the memory in words;
//! generation and salt, which are the identity; first sequence number; epoch; zero; checksum of the
//! seven. Then the records without gaps: sequence number; epoch and length in bytes (high and low
//! half); checksum of the identity, of the record's first word's index, of these two and of the
//! payload; payload, padded with zeros.
//!
//! # Invariants
//! 1. An acknowledged record is persistent: `try_append`, `append` and [`Appends::wait`] return
//!    after the drain. So recovery finds all of them. What recovery has found is acknowledged, too:
//!    it is flushed before `recover` returns, since after a restart without a power cut it may be
//!    in the cache only.
//! 2. The log ends at the first record that is not whole: its checksum is wrong, or its sequence
//!    number is not the next. So no order within a record is needed, and one drain is enough.
//! 3. Recovery begins a new epoch, and makes it persistent before anything is appended; epochs do
//!    not decrease along the log, and none is above the header's. So what an earlier crash left
//!    behind the end, whole but never acknowledged, cannot come back as the successor of a later
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

/// Words of what precedes a payload.
const PREFIX: usize = 3;

/// The log. See the [module](self).
#[derive(Debug)]
pub struct Log<M: Memory> {
    memory: M,
    extent: Extent,
}

impl<M: Memory> Log<M> {
    /// An empty log; whatever was in the memory is gone. Writes all of it. A cut leaves the log that
    /// was there, as it was, or no log, or the empty one.
    ///
    /// # Errors
    /// [`Error::TooSmall`], and nothing is done.
    pub fn create(mut memory: M) -> Result<Self, Error> {
        let words = memory.words();
        if words < header::WORDS + PREFIX {
            return Err(Error::TooSmall);
        }
        let header = Header::new(&memory);
        header::remove(&mut memory); // no log until all is done
        for word in header::WORDS..words {
            memory.store(word, 0);
        }
        memory.flush(header::WORDS..words);
        memory.drain();
        header.write(&mut memory);
        Ok(Self { memory, extent: Extent::empty(header) })
    }

    /// The log that is in the memory: every acknowledged record, and of those never acknowledged
    /// the first few or none. It may be cut short at any time and done again.
    ///
    /// # Errors
    /// [`Error`], and nothing is done.
    pub fn recover(memory: M) -> Result<Self, Error> {
        let header = Header::recovered(&memory)?;
        let mut log = Self::unrecovered(memory)?;
        log.memory.flush(header::WORDS..log.extent.end); // invariant 1
        header.write(&mut log.memory); // invariant 3, and the drain for what was flushed
        log.extent.header = header;
        Ok(log)
    }

    /// As it stands in the memory, to be read only.
    pub(crate) fn unrecovered(memory: M) -> Result<Self, Error> {
        let header = Header::find(&memory)?;
        Ok(Self { extent: Extent::of(&memory, header), memory })
    }

    /// Appends a record and waits until it is persistent: one try. Returns its sequence number.
    ///
    /// # Errors
    /// `WouldBlock`: the log is full, and nothing is done; there is room again after
    /// [`clear`](Self::clear). [`TooLong`]: there never will be.
    pub fn try_append(&mut self, payload: &[u8]) -> nb::Result<u64, TooLong> {
        let sequence = self.start(payload)?;
        self.memory.drain();
        Ok(sequence)
    }

    /// As [`try_append`](Self::try_append), and while the log is full `make_room` is called: it
    /// ships the records elsewhere, and [clears](Self::clear). The blocking form: it returns with
    /// the record persistent.
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

    /// Several records with one end. The write-back of each continues while the next is made.
    pub fn batch(&mut self) -> Appends<'_, M> {
        Appends { log: self }
    }

    /// Forgets all records: the log is empty, and sequence numbers continue. A crash leaves all of
    /// the records or none. Every [`Record`] from before is [`Stale`].
    pub fn clear(&mut self) {
        let Header { words, identity, .. } = self.extent.header;
        let identity = identity.next(self.memory.salt());
        let header = Header { words, identity, first: self.extent.sequence, epoch: 1 };
        header.write(&mut self.memory);
        self.extent = Extent::empty(header);
    }

    /// The numbers of its records: of the oldest, up to what the next one gets. Constant time.
    pub fn sequences(&self) -> Range<u64> {
        self.extent.sequences()
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.extent.records(&self.memory)
    }

    /// The record after that one of this log, the oldest if there is none before it; `Ok(None)` if
    /// it was the last. Constant time.
    ///
    /// # Errors
    /// [`Stale`]: the record is none of this log, or no longer.
    pub fn after(&self, record: Option<&Record>) -> Result<Option<Record>, Stale> {
        self.extent.after(&self.memory, record)
    }

    /// The longest payload that [`try_append`](Self::try_append) takes now, in bytes; `None` if not
    /// even an empty one fits.
    pub fn room(&self) -> Option<usize> {
        let words = (self.extent.words() - self.extent.end).checked_sub(PREFIX)?;
        Some(words.saturating_mul(8).min(u32::MAX as usize))
    }

    /// The payload of a record of this log, as much of it as `into` holds.
    ///
    /// # Errors
    /// [`Stale`]: the record is none of this log, or no longer.
    pub fn read<'b>(&self, record: &Record, into: &'b mut [u8]) -> Result<&'b [u8], Stale> {
        self.extent.read(&self.memory, record, into)
    }

    /// The memory, to be looked at.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// Stores a record and starts its write-back. Not acknowledged before the next drain.
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

/// Whether [`Log::recover`] will take this memory for a log. Reads its header only.
///
/// # Errors
/// Those of `recover`: on [`Error::NotALog`], and on no other, [`create`](Log::create) destroys no
/// log.
pub fn check(memory: &(impl Memory + ?Sized)) -> Result<(), Error> {
    Header::recovered(memory).map(drop)
}

/// Records that were appended and not yet acknowledged: their write-back continues. See
/// [`Log::batch`].
#[derive(Debug)]
#[must_use = "dropping it waits for its records; end it by `wait`"]
pub struct Appends<'l, M: Memory> {
    log: &'l mut Log<M>,
}

impl<M: Memory> Appends<'_, M> {
    /// Appends one more: starts its write-back, and does not wait. Returns its sequence number.
    ///
    /// # Errors
    /// As [`Log::try_append`]; what was appended before stays so.
    pub fn try_append(&mut self, payload: &[u8]) -> nb::Result<u64, TooLong> {
        self.log.start(payload)
    }

    /// Returns when all its records are persistent: acknowledges them. A synchronous, blocking end.
    pub fn wait(self) {
        drop(self);
    }
}

impl<M: Memory> Drop for Appends<'_, M> {
    fn drop(&mut self) {
        self.log.memory.drain();
    }
}
