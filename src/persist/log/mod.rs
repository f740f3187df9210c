//! An append-only log in persistent memory: the worked example. Records have a sequence number and
//! a checksum; an append waits once, whatever its length, and a batch of them waits once, too.
//!
//! ```
//! use wouldblock::{nb, persist::log::{self, Error, Log}};
//!
//! // In earnest a `Region` of persistent memory; here ordinary words, which a log takes as well.
//! let mut memory = [0_u64; 64];
//!
//! // First use: nothing is made where a log may be.
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
//! assert_eq!((last.sequence, log.read(&last, &mut buffer)), (3, &b"two"[..]));
//! while log.try_append(&[7; 40]).is_ok() {}
//! assert_eq!(log.try_append(&[7; 40]), Err(nb::Error::WouldBlock));
//! assert!(log.room() < Some(40));
//! log.clear();                       // when the records are somewhere else
//! assert!(log.room() > Some(40));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Cost
//! A record takes 24 bytes and its payload, rounded up to 8. An append stores and sums these once
//! (a table look-up for each byte), flushes their lines and drains once. Recovery reads and sums
//! every record once, and flushes their lines; [`check`] reads three words. No memory is
//! allocated, nothing panics.
//!
//! # Limits
//! The checksum is for records that a crash has torn, and finds those that memory has damaged: the
//! log ends there. The three words of the header have none, since each of them changes by itself;
//! whether the memory keeps them is left to the memory.
//!
//! # Layout, in words of 8 bytes
//! The first line: magic, epoch, first sequence number. Then the records without gaps: sequence
//! number; epoch and length in bytes (high and low half); checksum of these two and of the payload;
//! payload, padded with zeros.
//!
//! # Invariants
//! 1. An acknowledged record is persistent: `try_append`, `append` and [`Appends::wait`] return
//!    after the drain. So recovery finds all of them. What recovery has found is acknowledged, too:
//!    it is flushed before `recover` returns, since after a restart without a power cut it may be
//!    in the cache only.
//! 2. The log ends at the first record that is not whole: its checksum is wrong, or its sequence
//!    number is not the next. So no order within a record is needed, and one drain is enough.
//! 3. Whoever recovers begins a new epoch, and makes it persistent before it appends; epochs do not
//!    decrease along the log. So what an earlier crash left behind the end, whole but never
//!    acknowledged, cannot come back as the successor of a later record.

use core::ops::Range;

use super::Memory;

mod checksum;

const MAGIC: u64 = u64::from_le_bytes(*b"wblog\0\0\x01");
/// Where the words of the header are.
const MAGIC_AT: usize = 0;
const EPOCH_AT: usize = 1;
const FIRST_AT: usize = 2;
/// Words of the header, and of what precedes a payload.
const HEADER: usize = 8;
const PREFIX: usize = 3;
/// Beyond this number no log is begun anew: what follows it is countable.
const LAST_FIRST: u64 = u64::MAX / 2;

/// Why memory is not taken for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// It is too small for one empty record.
    TooSmall,
    /// It was never [created](Log::create), or not to the end.
    NotALog,
    /// It was recovered 2³² times, or has had 2⁶³ records, or its header is damaged.
    Exhausted,
}

/// The record can never fit, even into the empty log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooLong;

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooSmall => "too small for a log",
            Self::NotALog => "no log",
            Self::Exhausted => "recovered too often, or the header is damaged",
        })
    }
}

impl core::fmt::Display for TooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the record is longer than the log")
    }
}

impl core::error::Error for Error {}
impl core::error::Error for TooLong {}

/// A record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number: consecutive, from 1.
    pub sequence: u64,
    /// Bytes of its payload.
    pub length: usize,
    /// The first word of its payload.
    pub(crate) at: usize,
    pub(crate) epoch: u32,
}

impl Record {
    fn end(&self) -> usize {
        self.at + self.length.div_ceil(8)
    }
}

/// The log. See the [module](self).
#[derive(Debug)]
pub struct Log<M: Memory> {
    memory: M,
    epoch: u32,
    /// The sequence number of the first record.
    first: u64,
    /// The next record's number and place.
    sequence: u64,
    end: usize,
}

impl<M: Memory> Log<M> {
    /// An empty log; whatever was in the memory is gone. Writes all of it.
    ///
    /// # Errors
    /// [`Error::TooSmall`], and nothing is done.
    pub fn create(mut memory: M) -> Result<Self, Error> {
        if memory.words() < HEADER + PREFIX {
            return Err(Error::TooSmall);
        }
        persist(&mut memory, MAGIC_AT, 0); // no log until all is done
        for word in MAGIC_AT + 1..memory.words() {
            memory.store(word, 0);
        }
        memory.store(EPOCH_AT, 1);
        memory.store(FIRST_AT, 1);
        memory.flush(0..memory.words());
        memory.drain();
        persist(&mut memory, MAGIC_AT, MAGIC);
        Ok(Self { memory, epoch: 1, first: 1, sequence: 1, end: HEADER })
    }

    /// The log that is in the memory: every acknowledged record, and of those never acknowledged
    /// the first few or none. It may be cut short at any time and done again.
    ///
    /// # Errors
    /// [`Error`], and nothing is done.
    pub fn recover(memory: M) -> Result<Self, Error> {
        let (epoch, first) = header(&memory)?;
        let mut log = Self { memory, epoch, first, sequence: first, end: HEADER };
        let mut oldest = 0;
        while let Some(record) = log.whole_record(oldest) {
            oldest = record.epoch;
            log.sequence += 1;
            log.end = record.end();
        }
        log.memory.flush(HEADER..log.end); // invariant 1; the drain is the next line's
        persist(&mut log.memory, EPOCH_AT, u64::from(epoch)); // invariant 3
        Ok(log)
    }

    /// Appends a record and waits until it is persistent: one try. Answers its sequence number.
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

    /// Several records with one end. The write-back of each goes on while the next is made.
    pub fn batch(&mut self) -> Appends<'_, M> {
        Appends { log: self }
    }

    /// Forgets all records: the log is empty, and sequence numbers go on. One word decides, so a
    /// crash leaves all of them or none.
    pub fn clear(&mut self) {
        persist(&mut self.memory, FIRST_AT, self.sequence);
        (self.first, self.end) = (self.sequence, HEADER);
    }

    /// The numbers of its records: of the oldest, up to what the next one gets. Constant time.
    pub fn sequences(&self) -> Range<u64> {
        self.first..self.sequence
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        core::iter::successors(self.after(None), |record| self.after(Some(record)))
    }

    /// The record after that one of this log, the oldest if there is none before it.
    pub fn after(&self, record: Option<&Record>) -> Option<Record> {
        let (at, sequence) =
            record.map_or((HEADER, self.first), |last| (last.end(), last.sequence.wrapping_add(1)));
        let mine = self.sequences().contains(&sequence) && at < self.end;
        mine.then(|| self.record(at, sequence))
    }

    /// The longest payload that [`try_append`](Self::try_append) takes now, in bytes; `None` if not
    /// even an empty one fits.
    pub fn room(&self) -> Option<usize> {
        let words = (self.memory.words() - self.end).checked_sub(PREFIX)?;
        Some(words.saturating_mul(8).min(u32::MAX as usize))
    }

    /// The payload of a record of this log, as much of it as `into` holds. Of a record that has gone
    /// since, or is another log's, whatever is there now.
    pub fn read<'b>(&self, record: &Record, into: &'b mut [u8]) -> &'b [u8] {
        let there = self.memory.words().saturating_sub(record.at).saturating_mul(8);
        let length = record.length.min(into.len()).min(there);
        let bytes = &mut into[..length];
        for (n, chunk) in bytes.chunks_mut(8).enumerate() {
            let word = self.memory.load(record.at + n).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        bytes
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
        if words > self.memory.words() - HEADER {
            return Err(nb::Error::Other(TooLong));
        }
        if words > self.memory.words() - self.end {
            return Err(nb::Error::WouldBlock);
        }
        let epoch_and_length = u64::from(self.epoch) << 32 | u64::from(length);
        let (whole, rest) = payload.as_chunks();
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let last = (!rest.is_empty()).then_some(last);
        let padded = whole.iter().copied().chain(last).map(u64::from_le_bytes);
        let prefix = [self.sequence, epoch_and_length];
        for (n, word) in padded.clone().enumerate() {
            self.memory.store(self.end + PREFIX + n, word);
        }
        self.memory.store(self.end, prefix[0]);
        self.memory.store(self.end + 1, prefix[1]);
        self.memory.store(self.end + 2, checksum::of(prefix.into_iter().chain(padded)));
        self.memory.flush(self.end..self.end + words);
        self.end += words;
        self.sequence += 1;
        Ok(self.sequence - 1)
    }

    /// The record with this number, which begins at this word.
    fn record(&self, at: usize, sequence: u64) -> Record {
        let word = self.memory.load(at + 1);
        Record {
            sequence,
            length: word as u32 as usize,
            at: at + PREFIX,
            epoch: (word >> 32) as u32,
        }
    }

    /// The next record at the end, if it is whole (invariant 2) and no older than that epoch.
    fn whole_record(&self, oldest: u32) -> Option<Record> {
        let space = self.memory.words() - self.end;
        if space < PREFIX || self.memory.load(self.end) != self.sequence {
            return None;
        }
        let record = self.record(self.end, self.sequence);
        if record.length.div_ceil(8) > space - PREFIX || record.epoch < oldest {
            return None;
        }
        let covered = (self.end..self.end + 2).chain(record.at..record.end());
        let sum = checksum::of(covered.map(|word| self.memory.load(word)));
        (self.memory.load(self.end + 2) == sum).then_some(record)
    }
}

/// Whether [`Log::recover`] will take this memory for a log. Reads its header only.
///
/// # Errors
/// Those of `recover`: on [`Error::NotALog`] one may [`create`](Log::create) a log there.
pub fn check(memory: &(impl Memory + ?Sized)) -> Result<(), Error> {
    header(memory).map(drop)
}

/// The epoch that a recovery of this log begins, and the number of its first record.
fn header(memory: &(impl Memory + ?Sized)) -> Result<(u32, u64), Error> {
    if memory.words() < HEADER + PREFIX {
        return Err(Error::TooSmall);
    }
    if memory.load(MAGIC_AT) != MAGIC {
        return Err(Error::NotALog);
    }
    let first = memory.load(FIRST_AT);
    let last = u32::try_from(memory.load(EPOCH_AT)).ok().filter(|_| first <= LAST_FIRST);
    let epoch = last.and_then(|last| last.checked_add(1)).ok_or(Error::Exhausted)?;
    Ok((epoch, first))
}

fn persist(memory: &mut impl Memory, word: usize, value: u64) {
    memory.store(word, value);
    memory.flush(word..word + 1);
    memory.drain();
}

/// Records that were appended and not yet acknowledged: their write-back goes on. See
/// [`Log::batch`].
#[derive(Debug)]
#[must_use = "dropping it waits for its records; end it by `wait`"]
pub struct Appends<'l, M: Memory> {
    log: &'l mut Log<M>,
}

impl<M: Memory> Appends<'_, M> {
    /// Appends one more: starts its write-back, and does not wait. Answers its sequence number.
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
