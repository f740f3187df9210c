//! Records, and the part of the memory that holds them: all that reading needs.

use core::ops::Range;

use super::{Memory, PREFIX, Stale, checksum, header};
use header::Header;

/// A record of a log, and a cursor in the log. The log checks it before it reads at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number. Records are numbered consecutively from 1.
    pub sequence: u64,
    /// The length of its payload in bytes.
    pub length: usize,
    /// The index of the first word of its payload.
    pub(crate) at: usize,
    pub(crate) epoch: u32,
    /// The identity of its log, in one word.
    pub(crate) log: u64,
}

impl Record {
    /// The index of the word after it; `None` if the index would overflow.
    fn end(&self) -> Option<usize> {
        self.at.checked_add(self.length.div_ceil(8))
    }
}

/// The records in the memory. It never reads beyond the length that the header states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub header: Header,
    /// The number and the place of the next record.
    pub sequence: u64,
    pub end: usize,
}

impl Extent {
    /// The extent of a log without records.
    pub fn empty(header: Header) -> Self {
        Self { header, sequence: header.first, end: header::WORDS }
    }

    /// The extent of the whole records. It ends before the first record that is not whole.
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

    /// The checksum of a record that begins at word `at`. It covers the words, the log's identity,
    /// and the place.
    pub fn sum(&self, at: usize, words: impl Iterator<Item = u64>) -> u64 {
        let header::Identity { generation, salt } = self.header.identity;
        checksum::of([generation, salt, at as u64].into_iter().chain(words))
    }

    /// Checks that the memory has exactly this record.
    fn check(&self, memory: &(impl Memory + ?Sized), record: &Record) -> Result<(), Stale> {
        let begin = record.at.checked_sub(PREFIX).filter(|&begin| begin >= header::WORDS);
        let there = begin.and_then(|begin| self.record(memory, begin, record.sequence));
        if there == Some(*record) { Ok(()) } else { Err(Stale) }
    }

    fn next(&self, memory: &(impl Memory + ?Sized), record: &Record) -> Option<Record> {
        self.record(memory, record.end()?, record.sequence.checked_add(1)?)
    }

    /// The record with this number that begins at word `begin`, or `None`.
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

    /// The words at `begin` as a record, and its end, if it would end at or before `limit`. Does
    /// not check its checksum.
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

    /// The record at the end of the extent, if it is whole, its epoch is not before `oldest`, and
    /// not after the header's.
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
