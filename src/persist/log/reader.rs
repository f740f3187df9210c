//! A log that is opened for reading only.

use core::ops::Range;

use super::{Error, Memory, Record, Stale, header::Header, record::Extent};

/// A log that is opened for reading only: in an image, in write-protected memory, or to examine it
/// before anything is changed. It borrows the memory as shared, and neither stores, flushes nor
/// waits.
///
/// It finds the records that [`Log::recover`](super::Log::recover) would find, but does not make
/// them persistent. After a restart without a power cut, a record that was never acknowledged may
/// be in the cache only, and the next power cut may remove it.
#[derive(Debug)]
pub struct Reader<'m, M: Memory + ?Sized> {
    memory: &'m M,
    extent: Extent,
}

impl<'m, M: Memory + ?Sized> Reader<'m, M> {
    /// Opens the log in the memory. Reads every record and its checksum once.
    ///
    /// # Errors
    /// [`Error`]. [`Error::Exhausted`] only if the log has had more than 2⁶³ records.
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
    #[doc(hidden)] // For tests.
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
