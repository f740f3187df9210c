//! Records, and the part of the memory that holds them: what reading needs.

use core::ops::Range;

use super::{Memory, PREFIX, Stale, checksum, header};
use header::Header;

/// A record of a log, and a cursor in it: the log checks it before it reads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number: consecutive, from 1.
    pub sequence: u64,
    /// Bytes of its payload.
    pub length: usize,
    /// The first word of its payload.
    pub(crate) at: usize,
    pub(crate) epoch: u32,
    /// The identity of its log, in one word.
    pub(crate) log: u64,
}

impl Record {
    /// The word after it; `None` if there can be no such word.
    fn end(&self) -> Option<usize> {
        self.at.checked_add(self.length.div_ceil(8))
    }
}

/// The records that are there. It never looks beyond the memory that the header states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub header: Header,
    /// The next record's number and place.
    pub sequence: u64,
    pub end: usize,
}

impl Extent {
    /// Of a log without a record.
    pub fn empty(header: Header) -> Self {
        Self { header, sequence: header.first, end: header::WORDS }
    }

    /// Of the records that are whole: up to the first that is not.
    pub fn of(memory: &(impl Memory + ?Sized), header: Header) -> Self {
        let mut extent = Self::empty(header);
        let mut oldest = 0;
        while let Some((record, end)) = extent.whole_record(memory, oldest) {
            oldest = record.epoch;
            extent.sequence += 1;
            extent.end = end;
        }
        extent
    }

    pub fn words(&self) -> usize {
        self.header.words as usize
    }

    pub fn sequences(&self) -> Range<u64> {
        self.header.first..self.sequence
    }

    pub fn records(&self, memory: &(impl Memory + ?Sized)) -> impl Iterator<Item = Record> {
        let first = self.record(memory, header::WORDS, self.header.first);
        core::iter::successors(first, |record| self.next(memory, record))
    }

    pub fn after(
        &self,
        memory: &(impl Memory + ?Sized),
        record: Option<&Record>,
    ) -> Result<Option<Record>, Stale> {
        match record {
            None => Ok(self.record(memory, header::WORDS, self.header.first)),
            Some(record) => {
                self.check(memory, record)?;
                Ok(self.next(memory, record))
            }
        }
    }

    pub fn read<'b>(
        &self,
        memory: &(impl Memory + ?Sized),
        record: &Record,
        into: &'b mut [u8],
    ) -> Result<&'b [u8], Stale> {
        self.check(memory, record)?;
        let length = record.length.min(into.len());
        let bytes = &mut into[..length];
        for (n, chunk) in bytes.chunks_mut(8).enumerate() {
            let word = memory.load(record.at + n).to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(bytes)
    }

    /// The checksum of a record that begins at this word: of what it holds, which log it is in, and
    /// where.
    pub fn sum(&self, at: usize, words: impl Iterator<Item = u64>) -> u64 {
        let header::Identity { generation, salt } = self.header.identity;
        checksum::of([generation, salt, at as u64].into_iter().chain(words))
    }

    /// Checks that it is a record of this log, as the memory has it.
    fn check(&self, memory: &(impl Memory + ?Sized), record: &Record) -> Result<(), Stale> {
        let begin = record.at.checked_sub(PREFIX).filter(|&begin| begin >= header::WORDS);
        let there = begin.and_then(|begin| self.record(memory, begin, record.sequence));
        if there == Some(*record) { Ok(()) } else { Err(Stale) }
    }

    fn next(&self, memory: &(impl Memory + ?Sized), record: &Record) -> Option<Record> {
        self.record(memory, record.end()?, record.sequence.checked_add(1)?)
    }

    /// The record with this number that begins at this word; `None` if there is no such one.
    fn record(
        &self,
        memory: &(impl Memory + ?Sized),
        begin: usize,
        sequence: u64,
    ) -> Option<Record> {
        if !self.sequences().contains(&sequence) {
            return None;
        }
        let (record, end) = self.look(memory, begin, self.end)?;
        (record.sequence == sequence && end <= self.end).then_some(record)
    }

    /// What stands at this word, if it is a record that ends before that one; and where it ends.
    fn look(
        &self,
        memory: &(impl Memory + ?Sized),
        begin: usize,
        limit: usize,
    ) -> Option<(Record, usize)> {
        let at = begin.checked_add(PREFIX).filter(|&at| at <= limit)?;
        let word = memory.load(begin + 1);
        let (epoch, length) = ((word >> 32) as u32, word as u32 as usize);
        let (sequence, log) = (memory.load(begin), self.header.identity.word());
        let record = Record { sequence, length, at, epoch, log };
        let end = record.end().filter(|&end| end <= limit)?;
        Some((record, end))
    }

    /// The next record at the end, if it is whole, no older than that epoch, and no newer than the
    /// header's.
    fn whole_record(
        &self,
        memory: &(impl Memory + ?Sized),
        oldest: u32,
    ) -> Option<(Record, usize)> {
        let (record, end) = self.look(memory, self.end, self.words())?;
        let epochs = oldest..=self.header.epoch;
        if record.sequence != self.sequence || !epochs.contains(&record.epoch) {
            return None;
        }
        let covered = (self.end..self.end + 2).chain(record.at..end);
        let sum = self.sum(self.end, covered.map(|word| memory.load(word)));
        (memory.load(self.end + 2) == sum).then_some((record, end))
    }
}
