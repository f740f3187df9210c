//! The barrier between a slot's state and a device that interrupts another core.

/// Orders accesses to memory and to devices: accesses before it are performed before accesses after
/// it.
///
/// The problem: `start` writes the slot's state to memory and then, in `begin`, writes to the
/// device, whose interrupt another core may take. If the machine performs the two writes out of
/// order, that core reads the old state, "idle", and takes no step. But there is no other
/// interrupt. The critical section around `begin` does not help, since the handler does not enter
/// it when it sees an idle slot.
///
/// The handler has the same problem with a write and a read. It quiets the device and then reads
/// the state. If the read were performed first, another core could start an operation in between;
/// the handler would quiet the interrupt of that operation, and then see an idle slot. So a handler
/// that finds nothing to step reads the state a second time, after this barrier. A claim that
/// succeeds needs none for that: an atomic exchange works on the newest value. Where the state changes
/// in critical sections, each claim has the barrier first, and reads the state once.
///
/// Then the device is passed on with the slot: a handler that masks it and leaves a note, and the
/// holder that takes the note and unmasks it, must not be seen by the device the other way round. On
/// x86 and Arm the release of an atomic access orders device writes, too; on RISC-V it orders memory
/// only ("A" extension: no ordering of the other domain), hence [`pass_on`].
///
/// (Loom has no devices, and its exchanges always read the newest value.)
///
/// With a barrier on both sides one of two things holds: the handler sees the new state, or the
/// device is written after it was quieted, and interrupts again.
///
/// What each machine needs:
/// - x86: no instruction. A store becomes visible before later stores, and before later writes to
///   uncacheable memory and ports (Intel SDM vol. 3A, "Memory Ordering"); the handler's exchange is
///   a locked instruction, which no access passes. The compiler must keep the order, too. A `begin`
///   that interrupts by a non-serializing WRMSR (x2APIC) must fence by itself, as the SDM says
///   there.
/// - AArch64: `DSB SY`. `DMB` would order the store and a write to a memory-mapped device (as in
///   Linux' `gic_ipi_send_mask`, GICv2). It would not order an operation that a system register
///   starts, such as that of a generic timer or a GICv3. No instruction after a `DSB` is executed
///   before it completes (Arm ARM, DDI 0487, B2.3 "Data Synchronization Barrier").
/// - Arm, 32 bits: `DMB`, which a fence compiles to. (A processor without `DMB` has one core.) A
///   `begin` that uses CP15 or CP14 instead of memory must add its own `DSB`.
/// - RISC-V: `FENCE IORW, IORW`. A fence in Rust is `RW, RW`, which leaves out devices: RVWMO
///   orders memory and I/O only if both are named. Writes to CSRs count as device output
///   (Unprivileged ISA, "FENCE", and "Zicsr", "CSR Access Ordering").
/// - others: a sequentially consistent fence, the strongest that Rust has.
///
/// In a binary of one core the handler runs on the core that wrote the state, and sees it.
#[inline(always)]
pub(super) fn device_barrier() {
    #[cfg(all(not(loom), wouldblock_single_core))]
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    #[cfg(not(any(loom, wouldblock_single_core)))]
    between_cores();
}

#[cfg(not(any(loom, wouldblock_single_core)))]
#[inline(always)]
fn between_cores() {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a barrier changes no state. It is not `nomem`, so the compiler moves no access across
    // it.
    unsafe {
        core::arch::asm!("dsb sy", options(nostack, preserves_flags));
    }
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("fence iorw, iorw", options(nostack, preserves_flags));
    }
    #[cfg(not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

/// Before an atomic access by which the slot, and with it the device, passes to another context:
/// writes to the device come before it. A RISC-V instruction (`FENCE O, W`, as Linux' `mmiowb`);
/// nothing elsewhere, where the release of the access does it.
#[inline(always)]
pub(super) fn pass_on() {
    #[cfg(all(
        any(target_arch = "riscv32", target_arch = "riscv64"),
        not(any(loom, wouldblock_single_core))
    ))]
    // SAFETY: a barrier changes nothing. It is not `nomem`: the compiler moves no access over it.
    unsafe {
        core::arch::asm!("fence o, w", options(nostack, preserves_flags));
    }
}
