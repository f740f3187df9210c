//! The region. Its invariants are those of [`persist`](super).

use core::{marker::PhantomData, ops::Range};

use super::{Memory, copy};
use crate::cache::{self, Cache};

/// What survives a power cut. Firmware knows: the NFIT's platform capabilities say it (bit 0: the
/// caches do; bit 1: the memory controller does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Domain {
    /// ADR: what has reached the memory controller. Lines are flushed.
    MemoryController,
    /// eADR: the caches too. No line is flushed, and `drain` only waits until the stores have left
    /// the CPU. A wrong choice of this loses data.
    Caches,
}

/// Copies from this many bytes on are stored non-temporally. Data, not architecture: measured on an
/// AMD EPYC of family 1Ah (Zen 5), and the choice for every CPU that was not measured.
pub(crate) const NON_TEMPORAL_FROM: usize = 1024;

/// The range is not within the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OutOfBounds;

/// The region does not begin at a line of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Misaligned;

impl core::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the range is not within the region")
    }
}

impl core::fmt::Display for Misaligned {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the region does not begin at a line of the cache")
    }
}

impl core::error::Error for OutOfBounds {}
impl core::error::Error for Misaligned {}

/// Persistent memory. See the [module](super).
///
/// ```
/// use wouldblock::{cache::Cache, persist::{Domain, Region}};
///
/// #[repr(align(64))]
/// struct Memory([u8; 4096]); // in earnest: what the NFIT or a mapped file says is persistent
/// let mut memory = Memory([0; 4096]);
/// let cache = Cache::get().expect("a CPU that can flush its cache");
/// let mut region = Region::new(&mut memory.0, cache, Domain::MemoryController)?;
///
/// region.copy_persist(100, b"one call: copied, written back, waited for")?;
///
/// region.bytes_mut()[1000] = 7;
/// region.flush(1000..1001)?; // continues by itself
/// region.bytes_mut()[2000] = 8;
/// region.flush(2000..2001)?;
/// region.drain();            // one end for both
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Region<'m> {
    bytes: &'m mut [u8],
    cache: Cache,
    domain: Domain,
    non_temporal_from: usize,
    /// Whether anything was flushed that is not drained.
    started: bool,
    /// It stays on its CPU.
    here: PhantomData<*const ()>,
}

impl<'m> Region<'m> {
    /// `bytes` as a persistent region. That they are persistent is the caller's knowledge; if they
    /// are not, nothing but the data of a crash is lost.
    ///
    /// # Errors
    /// [`Misaligned`]: `bytes` do not begin at a line.
    #[inline]
    pub fn new(bytes: &'m mut [u8], cache: Cache, domain: Domain) -> Result<Self, Misaligned> {
        if bytes.as_ptr().addr() & (cache.line() - 1) != 0 {
            return Err(Misaligned);
        }
        let non_temporal_from = NON_TEMPORAL_FROM;
        Ok(Self { bytes, cache, domain, non_temporal_from, started: false, here: PhantomData })
    }

    /// The same with another threshold.
    #[cfg(feature = "c")]
    pub(crate) fn non_temporal_from(mut self, bytes: usize) -> Self {
        self.non_temporal_from = bytes;
        self
    }

    /// The persistence domain that was stated.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The memory.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// The memory, to be stored to; [`flush`](Self::flush) what was changed.
    #[must_use]
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Starts the write-back of every line that `range` touches. Returns when all are issued; a
    /// range beyond a few KiB is better flushed in steps, by a [`Batch`](cache::Batch) on
    /// [`bytes`](Self::bytes).
    ///
    /// # Errors
    /// [`OutOfBounds`], and nothing is done.
    #[inline]
    pub fn flush(&mut self, range: Range<usize>) -> Result<(), OutOfBounds> {
        let bytes = self.bytes.get(range).ok_or(OutOfBounds)?;
        self.started = true;
        if self.domain == Domain::MemoryController {
            let mut batch = self.cache.batch();
            batch.write_back_all(bytes);
            // Its fence is `drain`.
            core::mem::forget(batch);
        }
        Ok(())
    }

    /// Waits until everything flushed is persistent (MFENCE). A synchronous, blocking end.
    #[inline]
    pub fn drain(&mut self) {
        cache::mfence();
        self.started = false;
    }

    /// [`flush`](Self::flush), then [`drain`](Self::drain).
    ///
    /// # Errors
    /// [`OutOfBounds`], and nothing is done.
    #[inline]
    pub fn persist(&mut self, range: Range<usize>) -> Result<(), OutOfBounds> {
        self.flush(range)?;
        self.drain();
        Ok(())
    }

    /// Copies `from` to offset `at` and starts its write-back. From 1024 bytes on (measured on one
    /// CPU, an AMD EPYC of family 1Ah) with non-temporal stores, **and then flushed all the same**: such a store to a line that is in the cache may be done there,
    /// and stay there. SFENCE follows them: no later store is seen before them.
    ///
    /// # Errors
    /// [`OutOfBounds`], and nothing is done.
    #[inline]
    pub fn copy(&mut self, at: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        if self.put(at, from)? {
            cache::sfence();
        }
        Ok(())
    }

    /// As [`copy`](Self::copy), and waits until it is persistent.
    ///
    /// # Errors
    /// [`OutOfBounds`], and nothing is done.
    #[inline]
    pub fn copy_persist(&mut self, at: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        self.put(at, from)?;
        self.drain();
        Ok(())
    }

    /// Copies and starts the write-back. `true`: non-temporal stores were used, so the caller must
    /// fence.
    #[inline]
    fn put(&mut self, at: usize, from: &[u8]) -> Result<bool, OutOfBounds> {
        let range = at..at.checked_add(from.len()).ok_or(OutOfBounds)?;
        let to = self.bytes.get_mut(range.clone()).ok_or(OutOfBounds)?;
        let non_temporal = from.len() >= self.non_temporal_from;
        if non_temporal {
            copy::non_temporal(to, from);
        } else {
            to.copy_from_slice(from);
        }
        self.flush(range)?;
        Ok(non_temporal)
    }

    /// Zeroes `range` (by CLZERO where the CPU has it) and waits until that is persistent.
    ///
    /// # Errors
    /// [`OutOfBounds`], and nothing is done.
    #[inline]
    pub fn zero_persist(&mut self, range: Range<usize>) -> Result<(), OutOfBounds> {
        let bytes = self.bytes.get_mut(range.clone()).ok_or(OutOfBounds)?;
        self.cache.zero(bytes);
        self.persist(range)
    }
}

impl Drop for Region<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.started {
            self.drain();
        }
    }
}

/// # Panics
/// If a word or a range is not in the region, which a log never asks for.
impl Memory for Region<'_> {
    fn words(&self) -> usize {
        self.bytes.len() / 8
    }

    #[inline]
    fn load(&self, word: usize) -> u64 {
        u64::from_ne_bytes(self.bytes.as_chunks().0[word])
    }

    #[inline]
    fn store(&mut self, word: usize, value: u64) {
        let to: &mut [u8; 8] = &mut self.bytes.as_chunks_mut().0[word];
        // SAFETY: these 8 bytes are borrowed here, and aligned: the region begins at a line
        // (invariant 2). Volatile, so that it is one store, which no other replaces.
        unsafe { to.as_mut_ptr().cast::<u64>().write_volatile(value) };
    }

    fn flush(&mut self, words: Range<usize>) {
        let byte = |word: usize| word.checked_mul(8);
        let range = byte(words.start).zip(byte(words.end));
        let flushed = range.map(|(start, end)| Region::flush(self, start..end));
        assert_eq!(flushed, Some(Ok(())), "words of the region");
    }

    fn drain(&mut self) {
        Region::drain(self);
    }
}
