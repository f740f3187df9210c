//! What the log asks of its memory, so that it runs on a region, on a model of power cuts, and on
//! a copy of either.

use core::ops::Range;

/// Memory of aligned 8-byte words, of which each store is whole or not at all: what the
/// [log](super::log::Log) needs, and a model of power cuts can pretend.
pub trait Memory {
    /// How many words.
    fn words(&self) -> usize;
    /// The word at that index, below [`words`](Self::words).
    fn load(&self, word: usize) -> u64;
    /// Stores a word in one piece. Stores to one line persist in their order.
    fn store(&mut self, word: usize, value: u64);
    /// Starts the write-back of these words.
    fn flush(&mut self, words: Range<usize>);
    /// Waits until everything flushed is persistent.
    fn drain(&mut self);

    /// A number that is another at each call, and another in each memory, as far as it can be had:
    /// the log mixes it into the identity of what it creates or clears. Here the address of `self`,
    /// and on x86_64 the time stamp counter (RDTSC: any ring, unless the system forbids it). On
    /// other targets, or with a better source of randomness, return that.
    fn salt(&self) -> u64 {
        let address = core::ptr::from_ref(self).addr() as u64;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: RDTSC is in every x86_64 CPU, and touches no memory.
        let address = address.rotate_left(32) ^ unsafe { core::arch::x86_64::_rdtsc() };
        address
    }
}

/// Lent memory: it is still there when a log on it was refused or is dropped.
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

/// An image: words in ordinary memory, such as the bytes of a file that was persistent memory. A
/// log in it can be recovered and read; nothing that is stored to it outlives a power cut.
///
/// # Panics
/// If a word is not in the image.
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
