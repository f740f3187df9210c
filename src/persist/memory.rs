//! The memory of a log, as a trait: a log runs on a region, on a model of power cuts, and on a copy
//! of either.

use core::ops::Range;

/// Memory of aligned 8-byte words. A power cut leaves each store either whole or not done. The
/// [log](super::log::Log) needs this, and a model of power cuts can simulate it.
pub trait Memory {
    /// The number of words.
    fn words(&self) -> usize;
    /// The word at index `word`, which is below [`words`](Self::words).
    fn load(&self, word: usize) -> u64;
    /// Stores a word in one piece. Stores to one cache line become persistent in their order.
    fn store(&mut self, word: usize, value: u64);
    /// Starts the write-back of these words.
    fn flush(&mut self, words: Range<usize>);
    /// Waits until all flushed words are persistent.
    fn drain(&mut self);

    /// A number that differs, as far as possible, between calls and between memories. The log mixes
    /// it into its identity when it is created or cleared. This implementation uses the address of
    /// `self`, and on x86_64 the time stamp counter (RDTSC works in any ring, unless the system
    /// forbids it). On other targets, or where there is a better source of randomness, return a
    /// number from that.
    fn salt(&self) -> u64 {
        let address = core::ptr::from_ref(self).addr() as u64;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: RDTSC is in every x86_64 CPU, and touches no memory.
        let address = address.rotate_left(32) ^ unsafe { core::arch::x86_64::_rdtsc() };
        address
    }
}

/// Borrowed memory: the caller still has it after a log on it was refused or dropped.
impl<M: Memory + ?Sized> Memory for &mut M {
    fn words(&self) -> usize {
        (**self).words()
    }

    #[inline]
    fn load(&self, word: usize) -> u64 {
        (**self).load(word)
    }

    #[inline]
    fn store(&mut self, word: usize, value: u64) {
        (**self).store(word, value);
    }

    fn flush(&mut self, words: Range<usize>) {
        (**self).flush(words);
    }

    #[inline]
    fn drain(&mut self) {
        (**self).drain();
    }

    fn salt(&self) -> u64 {
        (**self).salt()
    }
}

/// An image: words in ordinary memory, such as a file that holds a copy of persistent memory. A log
/// in it can be recovered and read. Stores to it do not survive a power cut.
///
/// # Panics
/// If a word is outside the image.
impl Memory for [u64] {
    fn words(&self) -> usize {
        self.len()
    }

    #[inline]
    fn load(&self, word: usize) -> u64 {
        self[word]
    }

    #[inline]
    fn store(&mut self, word: usize, value: u64) {
        self[word] = value;
    }

    fn flush(&mut self, _: Range<usize>) {}

    fn drain(&mut self) {}
}
