//! x86 cache flush: the asynchronous operation with no callback. Issued, a flush goes on by itself;
//! a fence waits for it.
//!
//! # Two ends, not one
//! - **ordered** ([`Batch::order`], SFENCE): the flushes come before my *later stores*, such as a
//!   doorbell. It does not wait: a load after it may still be served by the cache.
//! - **complete** ([`Batch::wait`], MFENCE): the flushes are done. Needed before a later load of
//!   what a device wrote, before a time stamp ([`Batch::wait_and_serialize`]), before saying "it is
//!   persistent".
//!
//! ```
//! use wouldblock::cache::Cache;
//!
//! let cache = Cache::get().expect("a CPU that can flush its cache");
//! let record = [7_u8; 200];
//! let mut batch = cache.batch();
//! batch.write_back(&record);         // issued: goes on in the cache hardware
//! let sum: u32 = (1..=100).sum();    // meanwhile, other work
//! batch.wait();                      // a synchronous, blocking end; one end serves every range in the batch
//! # assert_eq!(sum, 5050);
//! cache.write_back_range(&record);   // the blocking form, in one call
//! ```
//!
//! # Invariant
//! **A [`Batch`] stays on the CPU that issued its flushes** (a fence completes that CPU's flushes
//! only): it is neither `Send` nor `Sync`. On a system that migrates threads its kernel must fence
//! when it does; Linux does in practice. Dropping a batch waits. A batch that is forgotten skips
//! its fence: no undefined behaviour, but nobody knows when its flushes are done.
//!
//! Sources: Intel SDM vol. 2 (CLFLUSH, CLFLUSHOPT, CLWB, SFENCE, MFENCE) and vol. 3 (memory
//! ordering); AMD APM vol. 2, chapter 7, and vol. 3. Flushes work in any ring; an unmapped address
//! faults, so a batch borrows what it flushes.

mod cpu;
mod fence;
mod hint;

use core::{convert::Infallible, marker::PhantomData};

use crate::attempt::{Attempt, Progress};

pub use cpu::{Cache, Extra, Instruction};
pub use fence::{lfence, mfence, sfence};
pub use hint::{wbinvd, wbnoinvd};

/// Lines that are issued in one step. About 128 are in flight before issuing itself begins to wait
/// (measured on an AMD EPYC, family 1Ah); 32 to 64 a step overlap best.
pub const LINES_PER_STEP: usize = 64;

impl Cache {
    /// An empty batch.
    pub const fn batch<'r>(&self) -> Batch<'r> {
        Batch {
            cache: *self,
            rest: Lines { next: 0, left: 0, instruction: self.flush },
            issued: 0,
            ranges: PhantomData,
        }
    }

    /// Writes back and invalidates all of `range`, and waits until that is done.
    pub fn flush_range<T: ?Sized>(&self, range: &T) {
        let mut batch = self.batch();
        batch.flush(range);
        batch.wait();
    }

    /// Writes back all of `range`, and waits until that is done.
    pub fn write_back_range<T: ?Sized>(&self, range: &T) {
        let mut batch = self.batch();
        batch.write_back(range);
        batch.wait();
    }
}

/// Whole lines to be issued.
#[derive(Clone, Copy, Debug)]
struct Lines {
    next: usize,
    left: usize,
    instruction: Instruction,
}

/// Flushes that were issued, and lines still to be issued: the asynchronous operation without
/// callback. See the [module](self).
///
/// It ends by [`wait`](Self::wait) or [`order`](Self::order), once for all its ranges; a fence in
/// between only makes younger stores queue. As an [`Attempt`] it issues the next lines, and would
/// block while some are left.
#[derive(Debug)]
#[must_use = "dropping a batch waits for its flushes; end it by `wait` or `order`"]
pub struct Batch<'r> {
    cache: Cache,
    rest: Lines,
    issued: usize,
    /// It borrows its ranges, and stays on its CPU.
    ranges: PhantomData<(&'r (), *const ())>,
}

impl<'r> Batch<'r> {
    /// Begins to write back and invalidate all of `range`: issues up to [`LINES_PER_STEP`] lines;
    /// [`step`](Self::step) issues the next. What is left of an earlier range is issued first.
    #[inline(always)]
    pub fn flush<T: ?Sized>(&mut self, range: &'r T) {
        self.begin(range, self.cache.flush);
    }

    /// As [`flush`](Self::flush), but the CPU may keep the lines. Without CLWB the lines are
    /// invalidated, too.
    #[inline(always)]
    pub fn write_back<T: ?Sized>(&mut self, range: &'r T) {
        self.begin(range, self.cache.write_back);
    }

    /// Issues up to [`LINES_PER_STEP`] lines, and says whether any are left. Never waits for a
    /// flush.
    #[inline]
    pub fn step(&mut self) -> bool {
        let now = self.issue_some(self.rest);
        self.rest.next = self.rest.next.wrapping_add(now * self.cache.line());
        self.rest.left -= now;
        self.rest.left > 0
    }

    /// The end "ordered": all flushes come before my later stores. Does not wait for them (20 ns
    /// measured, whatever was flushed); what follows may still load from the cache.
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

    /// The end "complete": returns when all flushes are done. A synchronous, blocking end (180 ns
    /// for one dirty line, 270 ns for 128 measured). Where a time stamp or port I/O follows, that
    /// is [`wait_and_serialize`](Self::wait_and_serialize).
    #[inline]
    pub fn wait(self) {
        drop(self);
    }

    /// As [`wait`](Self::wait), and no later instruction begins before (LFENCE after the MFENCE):
    /// so that a time stamp (RDTSC) is of after the flushes.
    #[inline]
    pub fn wait_and_serialize(self) {
        drop(self);
        lfence();
    }

    // Always inlined, and what calls it: the batch then stays in registers (64 objects in 335 ns
    // instead of 390).
    #[inline(always)]
    fn begin<T: ?Sized>(&mut self, range: &'r T, instruction: Instruction) {
        self.issue_all();
        let start = core::ptr::from_ref(range).addr();
        let (next, left) = lines_of(start, size_of_val(range), self.cache.line());
        if self.cache.clflush_is_weak && matches!(instruction, Instruction::Clflush) {
            mfence(); // Before the first line: older stores come first.
        }
        // A short range does not touch `rest`: what is stored there, the next range would wait for.
        let lines = Lines { next, left, instruction };
        let now = self.issue_some(lines);
        if now < left {
            let next = next.wrapping_add(now * self.cache.line());
            self.rest = Lines { next, left: left - now, instruction };
        }
    }

    /// Issues the first [`LINES_PER_STEP`] of these lines, or all; says how many.
    #[inline(always)]
    fn issue_some(&mut self, lines: Lines) -> usize {
        let now = lines.left.min(LINES_PER_STEP);
        // SAFETY: `begin` made the lines from a range that is borrowed for as long as this batch
        // lives, so they are mapped; the CPU has the instruction, by `Cache`. A flush changes no
        // value that any code can see.
        unsafe { lines.instruction.issue(lines.next, now, self.cache.line()) };
        self.issued += now;
        now
    }

    #[inline]
    fn issue_all(&mut self) {
        while self.rest.left > 0 {
            self.step();
        }
    }
}

/// Every line that `length` bytes from `start` touch: the first, and how many. The start is rounded
/// down, the end is counted from the unrounded start, and no address is computed past the last
/// line, so the end of the address space is a range like any other.
#[inline]
fn lines_of(start: usize, length: usize, line: usize) -> (usize, usize) {
    let offset = start & (line - 1);
    let left = if length == 0 { 0 } else { ((offset + (length - 1)) >> line.trailing_zeros()) + 1 };
    (start - offset, left)
}

impl Attempt for Batch<'_> {
    type Output = ();
    type Error = Infallible;

    /// [`step`](Batch::step). The output means "all issued", not "done": the end is still
    /// [`Batch::wait`] or [`Batch::order`].
    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.step() { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}

/// Lines issued.
impl Progress for Batch<'_> {
    fn progress(&self) -> usize {
        self.issued
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
