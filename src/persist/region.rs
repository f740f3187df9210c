//! The region. Its invariants are stated in `persist/mod.rs`.

use core::{marker::PhantomData, ops::Range};

use super::{Memory, copy};
use crate::cache::{self, Cache};

/// The parts of the machine whose content survives a power cut. Firmware finds it in the NFIT's
/// platform capabilities (bit 0: the caches survive; bit 1: the memory controller survives).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Domain {
    /// ADR: stores that have reached the memory controller. Lines are flushed.
    MemoryController,
    /// eADR: the caches too. No line is flushed, and `drain` only waits until the stores have left
    /// the CPU. On a platform without eADR this choice loses data.
    Caches,
}

/// Copies of at least this many bytes use non-temporal stores. A tuning value: measured on an AMD
/// EPYC of family 1Ah (Zen 5), and used for every CPU.
pub(crate) const NON_TEMPORAL_FROM: usize = 1024;

/// The range is not inside the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OutOfBounds;

/// The region does not begin at the start of a cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Misaligned;

impl core::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the range is not inside the region")
    }
}

impl core::fmt::Display for Misaligned {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the region does not begin at the start of a cache line")
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
/// struct Memory([u8; 4096]); // really: memory that the NFIT lists, or a mapped file
/// let mut memory = Memory([0; 4096]);
/// let cache = Cache::get().expect("a CPU that can flush its cache");
/// let mut region = Region::new(&mut memory.0, cache, Domain::MemoryController)?;
///
/// region.copy_persist(100, b"one call: copied, written back, waited for")?;
///
/// region.bytes_mut()[1000] = 7;
/// region.flush(1000..1001)?; // continues without the caller
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
    /// Whether a flush was started and not drained.
    started: bool,
    /// Neither `Send` nor `Sync`, so that it stays on its CPU.
    here: PhantomData<*const ()>,
}

impl<'m> Region<'m> {
    /// `bytes` as a persistent region. The caller knows that they are persistent. If they are not,
    /// a crash loses the data; nothing else goes wrong.
    ///
    /// # Errors
    /// [`Misaligned`]: `bytes` does not begin at the start of a cache line.
    #[inline]
    pub fn new(bytes: &'m mut [u8], cache: Cache, domain: Domain) -> Result<Self, Misaligned> {
        if bytes.as_ptr().addr() & (cache.line() - 1) != 0 {
            return Err(Misaligned);
        }
        let non_temporal_from = NON_TEMPORAL_FROM;
        Ok(Self { bytes, cache, domain, non_temporal_from, started: false, here: PhantomData })
    }

    /// Sets the threshold for non-temporal stores.
    #[cfg(feature = "c")]
    pub(crate) fn non_temporal_from(mut self, bytes: usize) -> Self {
        self.non_temporal_from = bytes;
        self
    }

    /// The persistence domain that was passed to [`new`](Self::new).
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

    /// The memory, for storing to it. [`flush`](Self::flush) the bytes that were changed.
    #[must_use]
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// Starts the write-back of every line that contains a byte of `range`. Returns when all lines
    /// are issued. For a range of more than a few KiB use a [`Batch`](cache::Batch) on
    /// [`bytes`](Self::bytes), which issues the lines in steps.
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
            // `drain` waits for it.
            core::mem::forget(batch);
        }
        Ok(())
    }

    /// Waits until all flushed lines are persistent (MFENCE). Synchronous and blocking.
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

    /// Copies `from` to offset `at` and starts its write-back. Copies of at least 1024 bytes
    /// (measured on one CPU, an AMD EPYC of family 1Ah) use non-temporal stores. **Their lines are
    /// flushed too**: a non-temporal store to a line that is in the cache may change the cache
    /// only. SFENCE follows, so that no later store becomes visible before them.
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

    /// As [`copy`](Self::copy), and waits until the copy is persistent.
    ///
    /// # Errors
    /// [`OutOfBounds`], and nothing is done.
    #[inline]
    pub fn copy_persist(&mut self, at: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        self.put(at, from)?;
        self.drain();
        Ok(())
    }

    /// Copies and starts the write-back. Returns `true` if non-temporal stores were used: the
    /// caller must then fence.
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

    /// Zeroes `range` (by CLZERO where the CPU has it) and waits until the zeros are persistent.
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
/// If a word or a range is outside the region. A log never asks for that.
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
        // SAFETY: these 8 bytes are borrowed here, and aligned, since the region begins at a line
        // (invariant 2). Volatile: it stays one store, and the compiler does not drop it.
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
