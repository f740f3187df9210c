//! x86 cache flush: the asynchronous operation with no callback. Issued, a flush goes on by itself;
//! a fence waits for it.
//!
//! # Two ends, not one
//! - **ordered** ([`Batch::order`], SFENCE): the flushes come before my *later stores*, such as a
//!   doorbell. It does not wait: a load after it may still be served by the cache.
//! - **complete** ([`Batch::wait`], MFENCE): the flushes are done. Needed before a later load of
//!   what a device wrote, before a time stamp (add LFENCE there), before saying "it is persistent".
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

use core::{
    arch::{
        asm,
        x86_64::{__cpuid, __cpuid_count},
    },
    convert::Infallible,
    marker::PhantomData,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::attempt::{Attempt, Progress};

/// Lines that are issued in one step. About 128 are in flight before issuing itself begins to wait
/// (measured on an AMD EPYC, family 1Ah); 32 to 64 a step overlap best.
pub const LINES_PER_STEP: usize = 64;

/// An instruction that flushes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Instruction {
    /// Write back and invalidate, ordered like a store on Intel.
    Clflush = 1,
    /// Write back and invalidate, weakly ordered.
    Clflushopt = 2,
    /// Write back, and keep the line if the CPU likes.
    Clwb = 3,
}

/// What this CPU has to flush its cache with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cache {
    line: u16,
    flush: Instruction,
    write_back: Instruction,
    /// On CPUs other than Intel's CLFLUSH is as weak as CLFLUSHOPT, and needs an MFENCE before and
    /// after it.
    clflush_is_weak: bool,
}

impl Cache {
    /// What CPUID says. Asked once and kept: CPUID may trap, for microseconds, under a hypervisor.
    /// `None` on a CPU without CLFLUSH.
    pub fn get() -> Option<Self> {
        /// 0: not asked yet. Otherwise bit 0 is set, and the rest is `Cache::pack`.
        static KNOWN: AtomicU32 = AtomicU32::new(0);
        let known = match KNOWN.load(Ordering::Relaxed) {
            0 => {
                let asked = Self::detect().map_or(0, Self::pack) | 1;
                KNOWN.store(asked, Ordering::Relaxed);
                asked
            }
            known => known,
        };
        Self::unpack(known)
    }

    /// As [`get`](Self::get), asked anew.
    pub fn detect() -> Option<Self> {
        const CLFLUSH: u32 = 1 << 19; // leaf 1, EDX
        const CLFLUSHOPT: u32 = 1 << 23; // leaf 7, EBX
        const CLWB: u32 = 1 << 24; // leaf 7, EBX
        let leaf0 = __cpuid(0);
        let leaf1 = __cpuid(1);
        let line = u16::try_from((leaf1.ebx >> 8 & 0xff) * 8).unwrap_or(0);
        if leaf1.edx & CLFLUSH == 0 || !line.is_power_of_two() {
            return None;
        }
        let leaf7 = if leaf0.eax >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
        let flush =
            if leaf7 & CLFLUSHOPT != 0 { Instruction::Clflushopt } else { Instruction::Clflush };
        let write_back = if leaf7 & CLWB != 0 { Instruction::Clwb } else { flush };
        let intel = [leaf0.ebx, leaf0.edx, leaf0.ecx] == INTEL;
        Some(Self { line, flush, write_back, clflush_is_weak: !intel })
    }

    /// By hand, for firmware that knows its CPU: bytes in a line, the instruction for
    /// [`Batch::flush`], the one for [`Batch::write_back`], and whether CLFLUSH needs MFENCE before
    /// and after it (it does on every CPU but Intel's).
    ///
    /// # Safety
    /// The CPU has both instructions, and its lines are at least `line` bytes long. `line` is a
    /// power of two.
    pub const unsafe fn new(
        line: u16,
        flush: Instruction,
        write_back: Instruction,
        clflush_is_weak: bool,
    ) -> Self {
        Self { line, flush, write_back, clflush_is_weak }
    }

    /// Bytes in a line.
    pub const fn line(&self) -> usize {
        self.line as usize
    }

    /// The instruction behind [`Batch::flush`].
    pub const fn flush_instruction(&self) -> Instruction {
        self.flush
    }

    /// The instruction behind [`Batch::write_back`].
    pub const fn write_back_instruction(&self) -> Instruction {
        self.write_back
    }

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

    const fn pack(self) -> u32 {
        (self.line as u32) << 16
            | (self.flush as u32) << 8
            | (self.write_back as u32) << 4
            | (self.clflush_is_weak as u32) << 1
    }

    const fn unpack(known: u32) -> Option<Self> {
        const fn instruction(code: u32) -> Option<Instruction> {
            match code & 0xf {
                1 => Some(Instruction::Clflush),
                2 => Some(Instruction::Clflushopt),
                3 => Some(Instruction::Clwb),
                _ => None,
            }
        }
        match (instruction(known >> 8), instruction(known >> 4)) {
            (Some(flush), Some(write_back)) => Some(Self {
                line: (known >> 16) as u16,
                flush,
                write_back,
                clflush_is_weak: known & 2 != 0,
            }),
            _ => None,
        }
    }
}

/// "GenuineIntel", as CPUID leaf 0 gives it in EBX, EDX, ECX.
const INTEL: [u32; 3] =
    [u32::from_le_bytes(*b"Genu"), u32::from_le_bytes(*b"ineI"), u32::from_le_bytes(*b"ntel")];

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
    #[inline]
    pub fn flush<T: ?Sized>(&mut self, range: &'r T) {
        self.begin(range, self.cache.flush);
    }

    /// As [`flush`](Self::flush), but the CPU may keep the lines. Without CLWB the lines are
    /// invalidated, too.
    #[inline]
    pub fn write_back<T: ?Sized>(&mut self, range: &'r T) {
        self.begin(range, self.cache.write_back);
    }

    /// Issues up to [`LINES_PER_STEP`] lines, and says whether any are left. Never waits for a
    /// flush.
    #[inline]
    pub fn step(&mut self) -> bool {
        let Lines { next, left, instruction } = &mut self.rest;
        let now = (*left).min(LINES_PER_STEP);
        for _ in 0..now {
            // SAFETY: `begin` made the lines from a range that is borrowed for as long as this
            // batch lives, so they are mapped; the CPU has the instruction, by `Cache`. A flush
            // changes no value that any code can see.
            unsafe { instruction.issue(*next) };
            *next = next.wrapping_add(self.cache.line());
        }
        *left -= now;
        self.issued += now;
        *left > 0
    }

    /// The end "ordered": all flushes come before my later stores. Does not wait for them (20 ns
    /// measured, whatever was flushed); what follows may still load from the cache.
    #[inline]
    pub fn order(mut self) {
        self.issue_all();
        if self.cache.clflush_is_weak
            && [self.cache.flush, self.cache.write_back].contains(&Instruction::Clflush)
        {
            mfence();
        } else {
            sfence();
        }
        core::mem::forget(self);
    }

    /// The end "complete": returns when all flushes are done. A synchronous, blocking end (180 ns
    /// for one dirty line, 270 ns for 128 measured). Where a time stamp or port I/O follows, put an
    /// LFENCE between.
    #[inline]
    pub fn wait(self) {
        drop(self);
    }

    fn begin<T: ?Sized>(&mut self, range: &'r T, instruction: Instruction) {
        self.issue_all();
        self.rest = Lines::covering(
            core::ptr::from_ref(range).addr(),
            size_of_val(range),
            self.cache.line(),
            instruction,
        );
        if self.cache.clflush_is_weak && matches!(instruction, Instruction::Clflush) {
            mfence(); // Before the first line: older stores come first.
        }
        self.step();
    }

    fn issue_all(&mut self) {
        while self.rest.left > 0 {
            self.step();
        }
    }
}

impl Lines {
    /// Every line that `length` bytes from `start` touch. The start is rounded down, the end is
    /// counted from the unrounded start, and no address is computed past the last line, so the end
    /// of the address space is a range like any other.
    fn covering(start: usize, length: usize, line: usize, instruction: Instruction) -> Self {
        let offset = start & (line - 1);
        let left = if length == 0 { 0 } else { (offset + (length - 1)) / line + 1 };
        Self { next: start - offset, left, instruction }
    }
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

impl Instruction {
    /// # Safety
    /// The CPU has the instruction, and `address` is mapped.
    #[inline(always)]
    unsafe fn issue(self, address: usize) {
        // Neither `nomem` nor `readonly`: the compiler must not move a store of what is flushed
        // past it. SAFETY: by the caller. It changes neither memory, as a program sees it, nor
        // flags.
        unsafe {
            match self {
                Self::Clflush => {
                    asm!("clflush [{}]", in(reg) address, options(nostack, preserves_flags))
                }
                Self::Clflushopt => {
                    asm!("clflushopt [{}]", in(reg) address, options(nostack, preserves_flags))
                }
                Self::Clwb => asm!("clwb [{}]", in(reg) address, options(nostack, preserves_flags)),
            }
        }
    }
}

#[inline(always)]
fn sfence() {
    // SAFETY: orders stores, changes nothing.
    unsafe { asm!("sfence", options(nostack, preserves_flags)) };
}

#[inline(always)]
fn mfence() {
    // SAFETY: waits for this CPU's loads, stores and flushes, changes nothing.
    unsafe { asm!("mfence", options(nostack, preserves_flags)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(start: usize, length: usize) -> (usize, usize) {
        let Lines { next, left, .. } = Lines::covering(start, length, 64, Instruction::Clwb);
        (next, left)
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

    #[test]
    fn what_is_known_of_the_cpu_is_kept_whole() {
        use Instruction::{Clflush, Clflushopt, Clwb};
        for (flush, write_back) in
            [(Clflush, Clflush), (Clflushopt, Clwb), (Clflushopt, Clflushopt)]
        {
            for weak in [false, true] {
                let cache = Cache { line: 64, flush, write_back, clflush_is_weak: weak };
                assert_eq!(Cache::unpack(cache.pack() | 1), Some(cache));
            }
        }
        assert_eq!(Cache::unpack(1), None);
    }
}
