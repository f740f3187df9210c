//! Ranges of lines, and the batch that flushes them.

use core::{convert::Infallible, marker::PhantomData};

use super::{Cache, Instruction, lfence, mfence, sfence};
use crate::attempt::{Attempt, Progress};

// Invariant: a batch stays on the CPU that issued its flushes, since a fence completes the flushes
// of its own CPU only. So `Batch` is neither `Send` nor `Sync`.

/// Lines issued per step. A tuning value: two steps in flight, one of them ahead of the computation
/// that overlaps with it, must not make issuing wait.
///
/// Measured: an AMD EPYC of family 19h (Zen 4) takes 80 lines before issuing waits, and then writes
/// one back every 2.5 ns. Flushing 128 lines while computing for the same time takes 0.57 of the
/// time of flush, wait, compute; with 64 lines per step 0.66. An EPYC of family 1Ah (Zen 5) takes
/// 128 lines, and 32 to 64 lines per step overlap best.
#[doc(hidden)]
pub const LINES_PER_STEP: usize = 32;

impl Cache {
    /// An empty batch.
    pub const fn batch<'r>(&self) -> Batch<'r> {
        Batch {
            cache: *self,
            rest: Lines { next: 0, left: 0, instruction: self.flush },
            begun: 0,
            ranges: PhantomData,
        }
    }

    /// Writes back and invalidates all of `range`, and waits until that is done: the blocking form.
    pub fn flush_range<T: ?Sized>(&self, range: &T) {
        let mut batch = self.batch();
        batch.begin(address(range), size_of_val(range), self.flush, usize::MAX);
        batch.wait();
    }

    /// Writes back all of `range`, and waits until that is done: the blocking form.
    pub fn write_back_range<T: ?Sized>(&self, range: &T) {
        let mut batch = self.batch();
        batch.write_back_all(range);
        batch.wait();
    }
}

/// Whole lines that are to be issued.
#[derive(Clone, Copy, Debug)]
struct Lines {
    next: usize,
    left: usize,
    instruction: Instruction,
}

/// Flushes that were issued, and lines that are still to be issued: an asynchronous operation
/// without a callback. See the [module](super).
///
/// End it with [`wait`](Self::wait) or [`order`](Self::order), once for all its ranges: a fence
/// after each range only makes younger stores queue. As an [`Attempt`], each try issues the next
/// lines; it would block while lines are left.
#[derive(Debug)]
#[must_use = "dropping a batch waits for its flushes; end it by `wait` or `order`"]
pub struct Batch<'r> {
    cache: Cache,
    rest: Lines,
    /// The number of lines in all ranges, including those in `rest`. A step does not change it: a
    /// store would queue behind the flushes.
    begun: usize,
    /// Borrows the ranges; and neither `Send` nor `Sync`, so that it stays on its CPU.
    ranges: PhantomData<(&'r (), *const ())>,
}

impl<'r> Batch<'r> {
    /// Begins to write back and invalidate all of `range`. First issues the lines that are left of
    /// earlier ranges, then up to [`LINES_PER_STEP`] lines of this one; [`step`](Self::step) issues
    /// the next.
    #[inline(always)]
    pub fn flush<T: ?Sized>(&mut self, range: &'r T) {
        let instruction = self.cache.flush;
        self.begin(address(range), size_of_val(range), instruction, LINES_PER_STEP);
    }

    /// As [`flush`](Self::flush), but the CPU may keep the lines. On a CPU without CLWB they are
    /// invalidated too.
    #[inline(always)]
    pub fn write_back<T: ?Sized>(&mut self, range: &'r T) {
        let instruction = self.cache.write_back;
        self.begin(address(range), size_of_val(range), instruction, LINES_PER_STEP);
    }

    /// As [`flush`](Self::flush), for memory to which no reference may exist, such as memory that a
    /// device is writing.
    ///
    /// # Safety
    /// Every line that contains a byte of `range` stays mapped until this batch has ended.
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn flush_raw(&mut self, range: *const [u8]) {
        self.begin(exposed(range), range.len(), self.cache.flush, LINES_PER_STEP);
    }

    /// As [`write_back`](Self::write_back), for memory to which no reference may exist.
    ///
    /// # Safety
    /// As [`flush_raw`](Self::flush_raw).
    #[inline(always)]
    #[doc(hidden)]
    pub unsafe fn write_back_raw(&mut self, range: *const [u8]) {
        self.begin(exposed(range), range.len(), self.cache.write_back, LINES_PER_STEP);
    }

    /// Issues up to [`LINES_PER_STEP`] lines. Returns whether lines are left. Never waits for a
    /// flush.
    #[inline(always)]
    pub fn step(&mut self) -> bool {
        self.issue_rest(LINES_PER_STEP);
        self.rest.left > 0
    }

    /// The end "ordered": all flushes take effect before later stores of this CPU. Does not wait
    /// for the flushes (measured: 20 ns, whatever was flushed). A later load may still be served by
    /// the cache.
    #[inline]
    pub fn order(mut self) {
        self.issue_all();
        if self.cache.has_weak_clflush() {
            mfence();
        } else {
            sfence();
        }
        core::mem::forget(self);
    }

    /// The end "complete": returns when all flushes are done. Synchronous and blocking (measured:
    /// 180 ns for one dirty line, 270 ns for 128). Where a time stamp or port I/O follows, use
    /// [`wait_and_serialize`](Self::wait_and_serialize).
    #[inline]
    pub fn wait(self) {
        drop(self);
    }

    /// As [`wait`](Self::wait), and no later instruction begins before the flushes are done
    /// (MFENCE, then LFENCE). So a time stamp (RDTSC) after it is later than the flushes.
    #[inline]
    pub fn wait_and_serialize(self) {
        drop(self);
        lfence();
    }

    /// As [`write_back`](Self::write_back), but issues all lines at once.
    #[inline(always)]
    pub(crate) fn write_back_all<T: ?Sized>(&mut self, range: &'r T) {
        self.begin(address(range), size_of_val(range), self.cache.write_back, usize::MAX);
    }

    /// Issues the lines that are left of earlier ranges, and the first `most` lines of this one.
    // Always inlined, as its callers are: the batch then stays in registers (64 objects in 335 ns
    // instead of 390).
    #[inline(always)]
    fn begin(&mut self, start: usize, length: usize, instruction: Instruction, most: usize) {
        self.issue_all();
        let (next, left) = lines_of(start, length, self.cache.line());
        if matches!(instruction, Instruction::Clflush) && self.cache.clflush_is_weak {
            mfence(); // Older stores take effect before the first flush.
        }
        // A short range does not store to `rest`: the next range would wait for that store.
        self.begun += left;
        let mut lines = Lines { next, left, instruction };
        self.issue(&mut lines, most);
        if lines.left > 0 {
            self.rest = lines;
        }
    }

    /// Issues the first `most` of these lines, or all of them if there are fewer.
    #[inline(always)]
    fn issue(&self, lines: &mut Lines, most: usize) {
        let now = lines.left.min(most);
        // SAFETY: `begin` made the lines from a range that is borrowed for the lifetime of this
        // batch, or that its caller keeps mapped for that time. The CPU has the instruction:
        // `Cache` says so. A flush changes no value that any code can see.
        lines.next = unsafe { lines.instruction.issue(lines.next, now, self.cache.line()) };
        lines.left -= now;
    }

    #[inline(always)]
    fn issue_all(&mut self) {
        if self.rest.left > 0 {
            self.issue_rest(usize::MAX);
        }
    }

    #[inline(always)]
    fn issue_rest(&mut self, most: usize) {
        let mut rest = self.rest;
        self.issue(&mut rest, most);
        self.rest = rest;
    }
}

pub(super) fn address<T: ?Sized>(range: &T) -> usize {
    exposed(range)
}

/// The address, with its provenance exposed: the compiler must assume that a flush accesses the
/// memory.
fn exposed<T: ?Sized>(range: *const T) -> usize {
    range.expose_provenance()
}

/// The lines that contain the `length` bytes from `start`: the address of the first, and their
/// number. No address is computed past the last line, so a range may end at the end of the address
/// space.
#[inline]
pub(super) fn lines_of(start: usize, length: usize, line: usize) -> (usize, usize) {
    let offset = start & (line - 1);
    let left = if length == 0 { 0 } else { ((offset + (length - 1)) >> line.trailing_zeros()) + 1 };
    (start - offset, left)
}

impl Attempt for Batch<'_> {
    type Output = ();
    type Error = Infallible;

    /// One [`step`](Batch::step). The output means "all lines issued", not "done": the batch still
    /// has to be ended by [`Batch::wait`] or [`Batch::order`].
    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.step() { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}

/// The number of lines issued.
impl Progress for Batch<'_> {
    fn progress(&self) -> usize {
        self.begun - self.rest.left
    }
}

impl Drop for Batch<'_> {
    #[inline]
    fn drop(&mut self) {
        self.issue_all();
        mfence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(start: usize, length: usize) -> (usize, usize) {
        lines_of(start, length, 64)
    }

    #[test]
    fn a_range_covers_every_line_it_touches_and_no_other() {
        assert_eq!(lines(0x1000, 0), (0x1000, 0));
        assert_eq!(lines(0x1000, 64), (0x1000, 1));
        assert_eq!(lines(0x103f, 1), (0x1000, 1));
        assert_eq!(lines(0x103f, 2), (0x1000, 2)); // an unaligned head and tail
        assert_eq!(lines(0x1020, 64), (0x1000, 2));
        assert_eq!(lines(usize::MAX - 63, 64), (usize::MAX - 63, 1)); // the end of the address space
        assert_eq!(lines(usize::MAX, 1), (usize::MAX - 63, 1));
    }
}
