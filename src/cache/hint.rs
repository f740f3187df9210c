//! Hints, zeroing by lines, and the whole cache at once.

use core::arch::asm;

use super::{Cache, Extra, address, lines_of, sfence};

impl Cache {
    /// Hint: `range` will be written soon (PREFETCHW for each line). Nothing without
    /// [`Extra::Prefetchw`]. Never waits, changes no value, and needs no fence.
    #[inline]
    pub fn prefetch_for_writing<T: ?Sized>(&self, range: &T) {
        if self.has(Extra::Prefetchw) {
            self.each_line(range, |line| {
                // SAFETY: a hint; it faults on no address.
                unsafe { asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags)) }
            });
        }
    }

    /// Hint: `range` will next be used by another core (CLDEMOTE for each line: towards a cache
    /// that it shares). Nothing without [`Extra::Cldemote`]. Never waits, changes no value; it is
    /// no write-back: nothing may rely on it.
    #[inline]
    pub fn demote<T: ?Sized>(&self, range: &T) {
        if self.has(Extra::Cldemote) {
            self.each_line(range, |line| {
                // SAFETY: a hint; it faults on no address.
                unsafe { asm!("cldemote [{}]", in(reg) line, options(nostack, preserves_flags)) }
            });
        }
    }

    /// Zeroes `bytes`: whole lines by CLZERO where the CPU has it, which does not fetch them first
    /// (4 KiB in 155 ns, measured on an AMD EPYC, family 1Ah), the rest by stores. Ends with
    /// SFENCE, since CLZERO is weakly ordered: the zeros come before later stores. Persistence
    /// needs a write-back besides.
    #[inline]
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
        // Neither a division nor chunks: those panic with a line of 0 bytes, so a C firmware would
        // link a panic.
        let first = whole.as_mut_ptr();
        for n in 0..whole.len() >> line.trailing_zeros() {
            let line = first.wrapping_add(n * line);
            // SAFETY: it zeroes the line of this address, which is a part of `whole`: that begins
            // and ends at the border of a line, by the splits above and by `Cache::with`.
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

/// WBINVD: writes back and invalidates all of this CPU's caches. Waits for its own caches; those of
/// others, outside, are only told. Takes milliseconds, with no interrupt in between.
///
/// # Safety
/// Ring 0; elsewhere it faults. No cache is in use as memory (as before the memory controller is
/// set up).
#[inline]
pub unsafe fn wbinvd() {
    // SAFETY: by the caller.
    unsafe { asm!("wbinvd", options(nostack, preserves_flags)) };
}

/// WBNOINVD: as [`wbinvd`], but the lines may stay. A CPU without it ([`Extra::Wbnoinvd`]) runs
/// WBINVD, since the two differ by a prefix that it ignores.
///
/// # Safety
/// As [`wbinvd`].
#[inline]
pub unsafe fn wbnoinvd() {
    // SAFETY: by the caller.
    unsafe { asm!("wbnoinvd", options(nostack, preserves_flags)) };
}
