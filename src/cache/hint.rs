//! Hints, zeroing by lines, and operations on the whole cache.

use core::arch::asm;

use super::{
    Cache, Extra,
    batch::{address, lines_of},
    sfence,
};

impl Cache {
    /// Hint: `range` will be written soon (PREFETCHW for each line). Does nothing without
    /// [`Extra::Prefetchw`]. Never waits, changes no value, and needs no fence.
    #[doc(hidden)] // For `c`.
    #[inline]
    pub fn prefetch_for_writing<T: ?Sized>(&self, range: &T) {
        if self.has(Extra::Prefetchw) {
            self.each_line(range, |line| {
                // SAFETY: a hint, which faults on no address.
                unsafe { asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags)) }
            });
        }
    }

    /// Hint: another core will use `range` next (CLDEMOTE for each line: moves it towards a cache
    /// that the cores share). Does nothing without [`Extra::Cldemote`]. Never waits, changes no
    /// value. It does not replace a write-back: the CPU may ignore it.
    #[doc(hidden)] // For `c`.
    #[inline]
    pub fn demote<T: ?Sized>(&self, range: &T) {
        if self.has(Extra::Cldemote) {
            self.each_line(range, |line| {
                // SAFETY: a hint, which faults on no address.
                unsafe { asm!("cldemote [{}]", in(reg) line, options(nostack, preserves_flags)) }
            });
        }
    }

    /// Zeroes `bytes`: whole lines by CLZERO where the CPU has it, which does not fetch them first
    /// (4 KiB in 155 ns, measured on an AMD EPYC, family 1Ah), and the rest by stores. CLZERO is
    /// weakly ordered, so this ends with SFENCE: the zeros take effect before later stores. To make
    /// them persistent, write them back too.
    #[inline]
    #[doc(hidden)]
    pub fn zero(&self, bytes: &mut [u8]) {
        if !self.has(Extra::Clzero) {
            bytes.fill(0);
            return;
        }
        let line = self.line();
        let to_line = bytes.as_ptr().addr().wrapping_neg() & (line - 1);
        let (head, rest) = bytes.split_at_mut(to_line.min(bytes.len()));
        let (whole, tail) = rest.split_at_mut(rest.len() & !(line - 1));
        head.fill(0);
        // No division and no `chunks`: both panic for a line of 0 bytes, so a C firmware would link
        // a panic.
        let first = whole.as_mut_ptr();
        for n in 0..whole.len() >> line.trailing_zeros() {
            let line = first.wrapping_add(n * line);
            // SAFETY: it zeroes the line at this address, which is a part of `whole`. By the splits
            // above and by `Cache::with`, `whole` begins and ends at a boundary between lines.
            unsafe { asm!("clzero", in("rax") line, options(nostack, preserves_flags)) }
        }
        tail.fill(0);
        sfence();
    }

    #[inline(always)]
    fn each_line<T: ?Sized>(&self, range: &T, hint: impl Fn(usize)) {
        let (first, count) = lines_of(address(range), size_of_val(range), self.line());
        for n in 0..count {
            hint(first.wrapping_add(n * self.line()));
        }
    }
}

/// WBINVD: writes back and invalidates all of this CPU's caches. Waits for this CPU's own caches,
/// and only notifies external caches. Takes milliseconds, during which the CPU takes no interrupt.
///
/// # Safety
/// The CPU is in ring 0 (elsewhere it faults). No cache is used as memory, as it is before the
/// memory controller is set up.
#[inline]
#[doc(hidden)]
pub unsafe fn wbinvd() {
    // SAFETY: by the caller.
    unsafe { asm!("wbinvd", options(nostack, preserves_flags)) };
}

/// WBNOINVD: as [`wbinvd`], but the lines may stay in the cache. A CPU without it
/// ([`Extra::Wbnoinvd`]) executes WBINVD, because the two differ only by a prefix that such a CPU
/// ignores.
///
/// # Safety
/// As [`wbinvd`].
#[inline]
#[doc(hidden)]
pub unsafe fn wbnoinvd() {
    // SAFETY: by the caller.
    unsafe { asm!("wbnoinvd", options(nostack, preserves_flags)) };
}
