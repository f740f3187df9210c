//! The barrier between a slot's state and a device that interrupts another core.

#[cfg(not(any(
    target_arch = "aarch64",
    target_arch = "riscv32",
    target_arch = "riscv64",
    loom
)))]
use core::sync::atomic::Ordering::SeqCst;

/// Orders accesses to memory and to devices: what comes before it is performed before what comes
/// after it.
///
/// The problem: `start` writes the slot's state to memory and then, in `begin`, to the device, whose
/// interrupt may be taken by another core. A machine that may perform the two writes out of order
/// shows that core the old state, "idle", and the step is lost: its interrupt was the only one. The
/// section around `begin` does not help, since the handler does not enter it: it sees an idle slot.
///
/// The same in the handler, with a write and a read. It quiets the device and then looks at the
/// state. If the look were performed first, an operation that another core starts in between could
/// have its interrupt quieted by a handler that then finds the slot idle. So a look that finds
/// nothing to step is confirmed by a second one, after this barrier. A claim that succeeds needs
/// none: an atomic exchange works on the newest value.
///
/// With a barrier on both sides one of two things holds: the handler sees the state, or the device
/// is written after it was quieted, and interrupts again.
///
/// What each machine needs:
/// - x86: nothing. A store becomes visible before later stores, and before later writes to
///   uncacheable memory and ports (Intel SDM vol. 3A, "Memory Ordering"); the handler's exchange is
///   a locked instruction, which no access passes. The compiler must keep the order, too. A `begin`
///   that interrupts by a non-serializing WRMSR (x2APIC) has to fence by itself, as the SDM says
///   there.
/// - AArch64: `DSB SY`. `DMB` would order the store and a write to a memory-mapped device (as in
///   Linux' `gic_ipi_send_mask`, GICv2), but not an operation that is started by a system register,
///   such as a generic timer's or the GICv3's; no instruction after a `DSB` is executed before
///   it completes (Arm ARM, DDI 0487, B2.3 "Data Synchronization Barrier").
/// - Arm, 32 bits: `DMB`, which is what a fence is there (one without it has one core). A `begin`
///   that uses CP15 or CP14 in place of memory has to add its own `DSB`.
/// - RISC-V: `FENCE IORW, IORW`. A fence of Rust's is `RW, RW`, which leaves out devices: RVWMO orders
///   memory and I/O only where both are named. Writes to CSRs count as device output (Unprivileged
///   ISA, "FENCE", and "Zicsr", "CSR Access Ordering").
/// - elsewhere: a sequentially consistent fence, the strongest that Rust has.
#[inline(always)]
pub(super) fn device_barrier() {
    #[cfg(loom)]
    {} // Loom has no devices, and its exchanges read the newest value in any case.
    #[cfg(all(not(loom), any(target_arch = "x86", target_arch = "x86_64")))]
    core::sync::atomic::compiler_fence(SeqCst);
    #[cfg(all(not(loom), target_arch = "aarch64"))]
    // SAFETY: a barrier changes nothing. It is not `nomem`: the compiler moves no access over it.
    unsafe {
        core::arch::asm!("dsb sy", options(nostack, preserves_flags));
    }
    #[cfg(all(not(loom), any(target_arch = "riscv32", target_arch = "riscv64")))]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("fence iorw, iorw", options(nostack, preserves_flags));
    }
    #[cfg(not(any(
        loom,
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    core::sync::atomic::fence(SeqCst);
}
