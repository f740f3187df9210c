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
//! A flush has no interrupt and no status to poll: the fence *is* the wait. So a batch has one
//! awaited form, and it says what it is: `(&mut batch).polled().await`
//! ([`Attempt::polled`]) issues a long range step by step, and its task is scheduled again
//! between two steps. The end is `wait` or `order` there, too.
//!
//! # Invariant
//! **A [`Batch`] stays on the CPU that issued its flushes** (a fence completes that CPU's flushes
//! only): it is neither `Send` nor `Sync`. On a system that migrates threads its kernel must fence
//! when it does; Linux does in practice. Dropping a batch waits. A batch that is forgotten skips
//! its fence: no undefined behaviour, but nobody knows when its flushes are done.
//!
//! Sources: Intel SDM vol. 2 (CLFLUSH, CLFLUSHOPT, CLWB, SFENCE, MFENCE) and vol. 3 (memory
//! ordering); AMD APM vol. 2, chapter 7, and vol. 3. Flushes and fences work in any ring, so this
//! is the same code in firmware and in a process; an unmapped address faults, so a batch borrows
//! what it flushes.

mod cpu;
mod fence;
mod hint;

use core::{convert::Infallible, marker::PhantomData};

use crate::attempt::{Attempt, Progress};

pub use cpu::{Cache, Extra, Instruction};
pub use fence::{lfence, mfence, sfence};
pub use hint::{wbinvd, wbnoinvd};

/// Lines that are issued in one step. Data, not architecture: so few that two steps, one of them
/// ahead of what is computed meanwhile, are in flight without issuing having to wait.
///
/// Measured: an AMD EPYC of family 19h (Zen 4) takes 80 lines before issuing waits, and then writes
/// one back every 2.5 ns. To flush 128 lines and to compute as long takes 0.57 of the time of
/// flush, wait, compute; by 64 a step 0.66. One of family 1Ah (Zen 5) takes 128 lines; 32 to 64 a
/// step overlap best.
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

    /// Writes back and invalidates all of `range`, and waits until that is done.
    pub fn flush_range<T: ?Sized>(&self, range: &T) {
        let mut batch = self.batch();
        batch.begin(address(range), size_of_val(range), self.flush, usize::MAX);
        batch.wait();
    }

    /// Writes back all of `range`, and waits until that is done.
    pub fn write_back_range<T: ?Sized>(&self, range: &T) {
        let mut batch = self.batch();
        batch.write_back_all(range);
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
    /// Lines of all ranges, those in `rest` too: so a step changes as little as it can. Its stores
    /// queue behind the flushes.
    begun: usize,
    /// It borrows its ranges, and stays on its CPU.
    ranges: PhantomData<(&'r (), *const ())>,
}

impl<'r> Batch<'r> {
    /// Begins to write back and invalidate all of `range`: issues up to [`LINES_PER_STEP`] lines;
    /// [`step`](Self::step) issues the next. What is left of an earlier range is issued first.
    #[inline(always)]
    pub fn flush<T: ?Sized>(&mut self, range: &'r T) {
        let instruction = self.cache.flush;
        self.begin(address(range), size_of_val(range), instruction, LINES_PER_STEP);
    }

    /// As [`flush`](Self::flush), but the CPU may keep the lines. Without CLWB the lines are
    /// invalidated, too.
    #[inline(always)]
    pub fn write_back<T: ?Sized>(&mut self, range: &'r T) {
        let instruction = self.cache.write_back;
        self.begin(address(range), size_of_val(range), instruction, LINES_PER_STEP);
    }

    /// As [`flush`](Self::flush), of memory to which there must be no reference: what a device
    /// writes meanwhile.
    ///
    /// # Safety
    /// Every line that `range` touches is mapped until this batch has ended.
    #[inline(always)]
    pub unsafe fn flush_raw(&mut self, range: *const [u8]) {
        self.begin(exposed(range), range.len(), self.cache.flush, LINES_PER_STEP);
    }

    /// As [`write_back`](Self::write_back), of memory to which there must be no reference.
    ///
    /// # Safety
    /// As [`flush_raw`](Self::flush_raw).
    #[inline(always)]
    pub unsafe fn write_back_raw(&mut self, range: *const [u8]) {
        self.begin(exposed(range), range.len(), self.cache.write_back, LINES_PER_STEP);
    }

    /// Issues up to [`LINES_PER_STEP`] lines, and says whether any are left. Never waits for a
    /// flush.
    #[inline(always)]
    pub fn step(&mut self) -> bool {
        self.issue_rest(LINES_PER_STEP);
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

    /// As [`write_back`](Self::write_back), and all of it is issued at once.
    #[inline(always)]
    pub(crate) fn write_back_all<T: ?Sized>(&mut self, range: &'r T) {
        self.begin(address(range), size_of_val(range), self.cache.write_back, usize::MAX);
    }

    /// Issues what is left of earlier ranges, and the first `most` lines of this one.
    // Always inlined, and what calls it: the batch then stays in registers (64 objects in 335 ns
    // instead of 390).
    #[inline(always)]
    fn begin(&mut self, start: usize, length: usize, instruction: Instruction, most: usize) {
        self.issue_all();
        let (next, left) = lines_of(start, length, self.cache.line());
        if matches!(instruction, Instruction::Clflush) && self.cache.clflush_is_weak {
            mfence(); // Before the first line: older stores come first.
        }
        // A short range does not touch `rest`: what is stored there, the next range would wait for.
        self.begun += left;
        let mut lines = Lines { next, left, instruction };
        self.issue(&mut lines, most);
        if lines.left > 0 {
            self.rest = lines;
        }
    }

    /// Issues the first `most` of these lines, or all.
    #[inline(always)]
    fn issue(&self, lines: &mut Lines, most: usize) {
        let now = lines.left.min(most);
        // SAFETY: `begin` made the lines from a range that is borrowed for as long as this batch
        // lives, or that its caller keeps mapped for as long; the CPU has the instruction, by
        // `Cache`. A flush changes no value that any code can see.
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

fn address<T: ?Sized>(range: &T) -> usize {
    exposed(range)
}

/// Exposed: to the compiler, what flushes may touch what is there.
fn exposed<T: ?Sized>(range: *const T) -> usize {
    range.expose_provenance()
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
