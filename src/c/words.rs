//! The memory of a log in C.

use core::ops::Range;

use super::Region;
use crate::persist::Memory;

/// A region as words.
// Invariant: the region comes from `Region::known`, so it begins at a line, which is aligned for a
// word. The caller that began the log vouches that its memory is mapped. A word outside the region
// is neither loaded nor stored, so damaged memory or a record of another log cannot lead out of it.
#[derive(Debug)]
pub(super) struct Words(pub(super) Region);

impl Words {
    fn word(&self, word: usize) -> Option<*mut u64> {
        // SAFETY: in the region, by the invariant.
        (word < self.words()).then(|| unsafe { self.0.start.cast::<u64>().add(word) })
    }
}

impl Memory for Words {
    fn words(&self) -> usize {
        self.0.length / 8
    }

    fn load(&self, word: usize) -> u64 {
        // SAFETY: by the invariant.
        self.word(word).map_or(0, |word| unsafe { word.read() })
    }

    fn store(&mut self, word: usize, value: u64) {
        if let Some(word) = self.word(word) {
            // SAFETY: by the invariant. Volatile: it stays one store, and the compiler does not
            // drop it.
            unsafe { word.write_volatile(value) };
        }
    }

    fn flush(&mut self, words: Range<usize>) {
        let byte = |word: usize| word.checked_mul(8);
        if let Some((start, end)) = byte(words.start).zip(byte(words.end)) {
            // SAFETY: by the invariant. The log flushes only words of its own; a range outside the
            // region is refused.
            _ = unsafe { self.0.with(|region| region.flush(start..end)) };
        }
    }

    fn drain(&mut self) {
        crate::cache::mfence();
    }
}
