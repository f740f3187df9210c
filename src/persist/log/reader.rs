//! A log that is only read.

use core::ops::Range;

use super::{Error, Memory, Record, Stale, header::Header, record::Extent};

/// A log that is opened to be read: of an image, of memory that is write-protected, or to look what
/// there is before anything is changed. It has the memory by a shared reference, so nothing is
/// stored, flushed or waited for.
///
/// It finds what [`Log::recover`](super::Log::recover) would find. What was found is not made
/// persistent: after a restart without a power cut, a record that was never acknowledged may be in
/// the cache only, and be gone after the next power cut.
#[derive(Debug)]
pub struct Reader<'m, M: Memory + ?Sized> {
    memory: &'m M,
    extent: Extent,
}

impl<'m, M: Memory + ?Sized> Reader<'m, M> {
    /// The log that is in the memory. Reads and sums every record once.
    ///
    /// # Errors
    /// [`Error`]. [`Error::Exhausted`] only for more than 2⁶³ records.
    pub fn open(memory: &'m M) -> Result<Self, Error> {
        let header = Header::find(memory)?;
        Ok(Self { memory, extent: Extent::of(memory, header) })
    }

    /// As [`Log::sequences`](super::Log::sequences).
    pub fn sequences(&self) -> Range<u64> {
        self.extent.sequences()
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        self.extent.records(self.memory)
    }

    /// As [`Log::after`](super::Log::after).
    ///
    /// # Errors
    /// [`Stale`].
    pub fn after(&self, record: Option<&Record>) -> Result<Option<Record>, Stale> {
        self.extent.after(self.memory, record)
    }

    /// As [`Log::read`](super::Log::read).
    ///
    /// # Errors
    /// [`Stale`].
    pub fn read<'b>(&self, record: &Record, into: &'b mut [u8]) -> Result<&'b [u8], Stale> {
        self.extent.read(self.memory, record, into)
    }
}
