//! The fences, as functions. All of them are also barriers for the compiler.
//!
//! | | orders | waits |
//! |---|---|---|
//! | [`sfence`] | older stores and flushes, before later *stores and flushes* | no |
//! | [`lfence`] | older loads, before *every* later instruction | for loads only |
//! | [`mfence`] | older loads, stores and flushes, before later loads, stores and flushes | until they are done |
//!
//! Sources: Intel SDM vol. 2 (SFENCE, LFENCE, MFENCE, CLFLUSHOPT, CLWB) and vol. 3, memory
//! ordering; AMD APM vol. 2, chapter 7.

use core::arch::asm;

/// **Ordered**: older stores (also non-temporal ones), CLFLUSHOPT and CLWB take effect before
/// younger stores and flushes. Completes nothing: a younger load, RDTSC or port I/O may come first.
#[inline(always)]
pub fn sfence() {
    // SAFETY: orders stores, changes nothing.
    unsafe { asm!("sfence", options(nostack, preserves_flags)) };
}

/// Older loads are done before any younger instruction begins. It neither completes nor orders
/// stores and flushes. Where RDTSC follows a flush, call it after [`mfence`]. (On AMD it holds back
/// younger instructions only if CPUID 8000_0021h:EAX\[2\] is set, or the kernel has set
/// DE_CFG\[1\]; Linux does.)
#[inline(always)]
pub fn lfence() {
    // SAFETY: orders loads, changes nothing.
    unsafe { asm!("lfence", options(nostack, preserves_flags)) };
}

/// **Complete**: older loads, stores and flushes, also weak CLFLUSH, are done before any younger
/// load, store or flush. It does not hold back a younger RDTSC: add [`lfence`].
#[inline(always)]
pub fn mfence() {
    // SAFETY: waits for this CPU's loads, stores and flushes, changes nothing.
    unsafe { asm!("mfence", options(nostack, preserves_flags)) };
}
